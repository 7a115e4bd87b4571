"""Runs a function on many items in threads, for work that waits for other processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

Runner = Callable[[Iterable[T]], Iterator[R]]
"""Runs the work on each item, and yields the results in the order in which they are finished."""


@contextmanager
def in_threads(work: Callable[[T], R], threads: int, *, stop: Callable[[], None]) -> Iterator[Runner[T, R]]:
    """A runner that calls ``work`` in threads.

    ``stop`` ends what the threads wait for; it is called when the block is left by an exception.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="submission") as pool:
        try:
            yield partial(_run_all, pool, work, threads)
        except BaseException:
            stop()
            raise


def _run_all(pool: Executor, work: Callable[[T], R], at_once: int, items: Iterable[T]) -> Iterator[R]:
    """Submit at most ``at_once`` items at a time, so that after an interrupt little is queued and memory stays flat."""
    waiting = iter(items)
    running = {pool.submit(work, item) for item in islice(waiting, at_once)}
    while running:
        finished, running = wait(running, return_when=FIRST_COMPLETED)
        running |= {pool.submit(work, item) for item in islice(waiting, len(finished))}
        for future in finished:
            yield future.result()
