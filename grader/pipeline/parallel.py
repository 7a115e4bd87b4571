"""One piece of work for each of many items: in threads where it waits for other processes, else in copies of this one.

What the work is made of (a rubric, a key, a template) is inherited by the copies and never sent. No student code runs
in either; that is what :mod:`grader.sandbox` is for.
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

Each = Callable[[Iterable[T]], Iterator[R]]
"""Does the work on each item, and gives the results as they come."""

_QUEUED = 4
"""Items for each copy that are under way or wait for it, so that none is idle while this process looks at results."""

_inherited: list[Callable[[Any], Any]] = []
"""In a copy, the work that it was made for."""


@contextmanager
def in_threads(work: Callable[[T], R], threads: int, *, stop: Callable[[], None]) -> Iterator[Each[T, R]]:
    """What does ``work`` in so many threads, for work that waits for other processes.

    ``stop`` ends what the threads wait for; it is called when the block is left by an exception.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="submission") as pool:
        try:
            yield partial(_each, pool, work, threads)
        except BaseException:
            stop()
            raise


@contextmanager
def in_copies(work: Callable[[T], R], processes: int) -> Iterator[Each[T, R]]:
    """What does ``work`` in so many copies of this process, for work that needs memory and files alone: threads would
    take turns at it. To be entered before a thread is started.

    Outside of Linux, where a process does not begin as a copy of this one, and with one process, all is done here.
    Items and results are pickled. Raises GraderFault when a copy is ended from outside.
    """
    if processes < 2 or sys.platform != "linux":
        yield partial(map, work)
        return
    gc.freeze()  # or the copies' search for cycles would write to, and so copy, all memory that is shared
    pool = ProcessPoolExecutor(processes, get_context("fork"), _begin, (work,))
    try:
        for started in [pool.submit(int) for _ in range(processes)]:
            started.result()
        yield partial(_each, pool, _do, _QUEUED * processes)
    finally:
        pool.shutdown(cancel_futures=True)
        gc.unfreeze()


def _each(pool: Executor, work: Callable[[T], R], at_once: int, items: Iterable[T]) -> Iterator[R]:
    """Only so many are handed over at once, so that an interrupt leaves little queued and results don't pile up."""
    waiting = iter(items)
    try:
        running = {pool.submit(work, item) for item in islice(waiting, at_once)}
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(work, item) for item in islice(waiting, len(finished))}
            for future in finished:
                yield future.result()
    except BrokenProcessPool as broken:
        raise GraderFault("a process was ended from outside; with --jobs 1 there is only one") from broken


def _begin(work: Callable[[Any], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _inherited.append(work)


def _do(item: Any) -> Any:
    return _inherited[-1](item)
