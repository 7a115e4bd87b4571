"""Work that needs only memory and files, done by copies of this process: threads would take turns at it.

What the work is made of (a rubric, a key, a template) is inherited by the copies and never sent. No student code runs
here; that is what :mod:`grader.sandbox` is for.
"""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import Any, TypeVar

from grader.model import GraderFault

T = TypeVar("T")
R = TypeVar("R")

AT_A_TIME = 8
"""Items that a copy is given at once; few, so that none has much left when the others are done."""

_inherited: list[Callable[[Any], Any]] = []
"""In a copy, the work that it was made for."""


@contextmanager
def copies(work: Callable[[T], R], processes: int) -> Iterator[Callable[[Iterable[T]], Iterator[R]]]:
    """What does ``work`` on each item, in order, with so many processes. To be entered before a thread is started.

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
        yield partial(_each, pool)
    finally:
        pool.shutdown(cancel_futures=True)
        gc.unfreeze()


def _each(pool: ProcessPoolExecutor, items: Iterable[Any]) -> Iterator[Any]:
    try:
        yield from pool.map(_do, items, chunksize=AT_A_TIME)
    except BrokenProcessPool as broken:
        raise GraderFault("a process was ended from outside; with --jobs 1 there is only one") from broken


def _begin(work: Callable[[Any], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _inherited.append(work)


def _do(item: Any) -> Any:
    return _inherited[-1](item)
