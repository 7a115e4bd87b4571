"""Runs a function on many items in threads, for work that waits for other processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
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
            yield partial(_results, pool, work, threads)
        except BaseException:
            stop()
            raise


def _results(pool: Executor, work: Callable[[T], R], at_once: int, items: Iterable[T]) -> Iterator[R]:
    return (future.result() for future in in_turn(pool, work, at_once, items))


def in_turn(pool: Executor, work: Callable[[T], R], at_once: int, items: Iterable[T]) -> Iterator[Future[R]]:
    """Yield the futures of the work on each item, as they are finished.

    At most ``at_once`` are submitted at a time, so that after an interrupt little is queued and memory stays flat.
    """
    waiting = iter(items)
    running = {pool.submit(work, item) for item in islice(waiting, at_once)}
    while running:
        finished, running = wait(running, return_when=FIRST_COMPLETED)
        running |= {pool.submit(work, item) for item in islice(waiting, len(finished))}
        yield from finished
