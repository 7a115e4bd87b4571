"""Runs a function on many items in parallel: in threads if it waits for other processes, else in forked processes.

Forked processes inherit the function and its data (rubric, key, templates), so these are never sent. No student code
runs here; that is the task of :mod:`grader.sandbox`.
"""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing import get_context
from typing import Any, TypeVar

from grader.model import GraderFault

T = TypeVar("T")
R = TypeVar("R")

Runner = Callable[[Iterable[T]], Iterator[R]]
"""Runs the work on each item, and yields the results in the order in which they are finished."""

_QUEUED = 4
"""Items in work or in the queue for each process, so that none is idle while this process handles results."""

_inherited: list[Callable[[Any], Any]] = []
"""In a forked process, the function to run."""


@contextmanager
def in_threads(work: Callable[[T], R], threads: int, *, stop: Callable[[], None]) -> Iterator[Runner[T, R]]:
    """A runner that calls ``work`` in threads, for work that waits for other processes.

    ``stop`` ends what the threads wait for; it is called when the block is left by an exception.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="submission") as pool:
        try:
            yield partial(_run_all, pool, work, threads)
        except BaseException:
            stop()
            raise


@contextmanager
def in_copies(work: Callable[[T], R], processes: int) -> Iterator[Runner[T, R]]:
    """A runner that calls ``work`` in forked copies of this process, for CPU-bound work, which threads cannot share.

    Enter it before any thread is started. With one process, and on systems other than Linux, the work is done in this
    process. Items and results are pickled. Raises GraderFault when a copy is killed from outside.
    """
    if processes < 2 or sys.platform != "linux":
        yield partial(map, work)
        return
    gc.freeze()  # else garbage collection in the copies would write to, and so copy, all shared memory
    pool = ProcessPoolExecutor(processes, get_context("fork"), _begin, (work,))
    try:
        for started in [pool.submit(int) for _ in range(processes)]:
            started.result()
        yield partial(_run_all, pool, _do, _QUEUED * processes)
    finally:
        pool.shutdown(cancel_futures=True)
        gc.unfreeze()


def _run_all(pool: Executor, work: Callable[[T], R], at_once: int, items: Iterable[T]) -> Iterator[R]:
    """Submit at most ``at_once`` items at a time, so that after an interrupt little is queued and memory stays flat."""
    waiting = iter(items)
    try:
        running = {pool.submit(work, item) for item in islice(waiting, at_once)}
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(work, item) for item in islice(waiting, len(finished))}
            for future in finished:
                yield future.result()
    except BrokenProcessPool as broken:
        raise GraderFault("a process was killed from outside; --jobs 1 uses only one process") from broken


def _begin(work: Callable[[Any], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process ends the copies
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _inherited.append(work)


def _do(item: Any) -> Any:
    return _inherited[-1](item)
