"""Threads and copies of this process: they do all of the work, and end when something goes wrong."""

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
def test_copies_do_all_of_the_work(processes: int) -> None:
    with in_copies(square, processes) as squares:
        assert sorted(squares(range(COUNT))) == [number * number for number in range(COUNT)]


@on_linux
def test_work_is_shared_and_what_it_needs_is_inherited() -> None:
    lock = threading.Lock()  # which nobody could send

    def where(number: int) -> int:
        with lock:
            return os.getpid()

    with in_copies(where, 2) as each:
        pids = set(each(range(COUNT)))
    assert os.getpid() not in pids
    assert len(pids) <= 2
    with in_copies(where, 1) as each:
        assert set(each(range(3))) == {os.getpid()}


def refuse(number: int) -> int:
    if number == 9:
        raise UsageFault("no more")
    return number


@pytest.mark.parametrize("processes", [1, 2])
def test_a_fault_is_that_of_the_work(processes: int) -> None:
    done: list[int] = []
    with pytest.raises(UsageFault, match="no more"), in_copies(refuse, processes) as each:
        done += each(range(COUNT))


def end(signals: signal.Signals) -> Callable[[int], int]:
    def work(number: int) -> int:
        os.kill(os.getpid(), signals)
        return number

    return work


@on_linux
def test_a_copy_that_is_ended_is_told() -> None:
    with pytest.raises(GraderFault, match="--jobs 1"), in_copies(end(signal.SIGKILL), 2) as each:
        list(each(range(3)))


@on_linux
def test_an_interrupt_is_for_the_first_process_alone() -> None:
    with in_copies(end(signal.SIGINT), 2) as each:
        assert sorted(each(range(3))) == [0, 1, 2]


def test_threads_do_all_of_the_work_and_no_more_at_once_than_there_are() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(COUNT):
            taken.append(number)
            yield number

    with in_threads(square, 2, stop=never) as squares:
        results = squares(items())
        first = next(results)
        assert len(taken) <= 4, "two under way, and one for each of those that are finished"
        assert sorted([first, *results]) == [number * number for number in range(COUNT)]


def test_what_threads_wait_for_is_ended_before_they_are_waited_for() -> None:
    """Without that, an interrupt would wait for submissions that are under way."""
    is_ended = threading.Event()

    def work(number: int) -> bool:
        if number == 0:
            raise KeyboardInterrupt
        return is_ended.wait(30)

    with pytest.raises(KeyboardInterrupt), in_threads(work, 2, stop=is_ended.set) as each:
        list(each(range(COUNT)))
    assert is_ended.is_set()


def never() -> None:
    raise AssertionError("nothing went wrong")
