"""Copies of this process: they do the work in order, inherit what it needs, and lose nothing."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable

import pytest

from grader.model import GraderFault, UsageFault
from grader.pipeline.parallel import AT_A_TIME, copies

COUNT = 5 * AT_A_TIME + 3
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are no copies")


def square(number: int) -> int:
    return number * number


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_results_come_in_order(processes: int) -> None:
    with copies(square, processes) as squares:
        assert list(squares(range(COUNT))) == [number * number for number in range(COUNT)]


@on_linux
def test_work_is_shared_and_what_it_needs_is_inherited() -> None:
    lock = threading.Lock()  # which nobody could send

    def where(number: int) -> int:
        with lock:
            return os.getpid()

    with copies(where, 2) as each:
        pids = set(each(range(COUNT)))
    assert os.getpid() not in pids
    assert len(pids) <= 2
    with copies(where, 1) as each:
        assert set(each(range(3))) == {os.getpid()}


def refuse(number: int) -> int:
    if number == AT_A_TIME + 1:
        raise UsageFault("no more")
    return number


@pytest.mark.parametrize("processes", [1, 2])
def test_a_fault_is_that_of_the_work(processes: int) -> None:
    done: list[int] = []
    with pytest.raises(UsageFault, match="no more"), copies(refuse, processes) as each:
        done += each(range(COUNT))


def end(signals: signal.Signals) -> Callable[[int], int]:
    def work(number: int) -> int:
        os.kill(os.getpid(), signals)
        return number

    return work


@on_linux
def test_a_copy_that_is_ended_is_told() -> None:
    with pytest.raises(GraderFault, match="--jobs 1"), copies(end(signal.SIGKILL), 2) as each:
        list(each(range(3)))


@on_linux
def test_an_interrupt_is_for_the_first_process_alone() -> None:
    with copies(end(signal.SIGINT), 2) as each:
        assert list(each(range(3))) == [0, 1, 2]
