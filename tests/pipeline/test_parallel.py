"""Work in threads and in forked copies of this process: all of it is done, and faults end it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from grader.model import GraderFault, UsageFault
from grader.pipeline.parallel import in_copies, in_threads

COUNT = 43
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are no copies")


def square(number: int) -> int:
    return number * number


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_copies_do_all_the_work(processes: int) -> None:
    with in_copies(square, processes) as squares:
        assert sorted(squares(range(COUNT))) == [number * number for number in range(COUNT)]


@on_linux
def test_copies_share_the_work_and_inherit_its_data() -> None:
    lock = threading.Lock()  # cannot be pickled

    def where(number: int) -> int:
        with lock:
            return os.getpid()

    with in_copies(where, 2) as run_all:
        pids = set(run_all(range(COUNT)))
    assert os.getpid() not in pids
    assert len(pids) <= 2
    with in_copies(where, 1) as run_all:
        assert set(run_all(range(3))) == {os.getpid()}


def refuse(number: int) -> int:
    if number == 9:
        raise UsageFault("no more")
    return number


@pytest.mark.parametrize("processes", [1, 2])
def test_an_exception_of_the_work_is_raised(processes: int) -> None:
    done: list[int] = []
    with pytest.raises(UsageFault, match="no more"), in_copies(refuse, processes) as run_all:
        done += run_all(range(COUNT))


def end(signals: signal.Signals) -> Callable[[int], int]:
    def work(number: int) -> int:
        os.kill(os.getpid(), signals)
        return number

    return work


@on_linux
def test_a_killed_copy_raises_a_grader_fault() -> None:
    with pytest.raises(GraderFault, match="--jobs 1"), in_copies(end(signal.SIGKILL), 2) as run_all:
        list(run_all(range(3)))


@on_linux
def test_copies_ignore_an_interrupt() -> None:
    with in_copies(end(signal.SIGINT), 2) as run_all:
        assert sorted(run_all(range(3))) == [0, 1, 2]


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
