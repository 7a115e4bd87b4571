"""Work in threads: all of it is done, and faults end it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from grader.model import UsageFault
from grader.pipeline.parallel import in_threads

COUNT = 43


def square(number: int) -> int:
    return number * number


def test_an_exception_of_the_work_is_raised() -> None:
    def refuse(number: int) -> int:
        if number == 9:
            raise UsageFault("no more")
        return number

    with pytest.raises(UsageFault, match="no more"), in_threads(refuse, 2, stop=lambda: None) as run_all:
        list(run_all(range(COUNT)))


def test_threads_do_all_the_work_with_few_items_at_once() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(COUNT):
            taken.append(number)
            yield number

    with in_threads(square, 2, stop=never) as squares:
        results = squares(items())
        first = next(results)
        assert len(taken) <= 4, "two in work, and one for each that is finished"
        assert sorted([first, *results]) == [number * number for number in range(COUNT)]


def test_an_exception_first_stops_what_the_threads_wait_for() -> None:
    """Otherwise an interrupt would wait for the submissions in work."""
    is_ended = threading.Event()

    def work(number: int) -> bool:
        if number == 0:
            raise KeyboardInterrupt
        return is_ended.wait(30)

    with pytest.raises(KeyboardInterrupt), in_threads(work, 2, stop=is_ended.set) as run_all:
        list(run_all(range(COUNT)))
    assert is_ended.is_set()


def never() -> None:
    raise AssertionError("nothing went wrong")
