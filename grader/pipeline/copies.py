"""Marks submissions from storage in copies of this process, because Python's threads share one core.

A copy reads no submission and runs no student code. What needs that, or fails, is left to this process.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from grader.moderation.decisions import Decisions
from grader.pipeline.parallel import in_turn
from grader.reading import Reader, Readers
from grader.submissions import Delivery

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 4
"""Submissions that are given to each copy at once, so that it need not wait for the next."""
_WATCH_SECONDS = 1.0


class NotStored(Exception):
    """A submission cannot be marked from storage alone."""


@dataclass(frozen=True)
class Sent:
    """What a copy needs for one submission: the tutors' decisions on it, and when the run started."""

    delivery: Delivery
    decisions: Decisions
    started: str


class NoProgress:
    """Stands for the progress of a run: a submission that is left out, or fails, is left to the original process."""

    def stage(self, student: str, stage: str) -> None:
        """Show nothing."""

    def leave_out(self, student: str) -> None:
        """Raise NotStored."""
        raise NotStored

    def error(self, message: str) -> None:
        """Raise NotStored."""
        raise NotStored


class NoReaders(Readers):
    """Stands for the reading processes where nothing may be read: each request raises NotStored."""

    def __init__(self) -> None:
        """Start nothing."""

    @contextmanager
    def open(self) -> Iterator[Reader]:
        """A reader that refuses to read."""
        yield Reader(_refuse, _refuse, Path(), prepare=_refuse)


class Copies(Generic[T, R]):
    """A context manager for ``count`` copies of this process that call ``work``. Enter it before any thread starts."""

    def __init__(self, work: Callable[[T], R], count: int) -> None:
        fork = multiprocessing.get_context("fork")
        self._count = count
        self._pool = ProcessPoolExecutor(count, fork, initializer=_become_copy, initargs=(work, os.getpid()))

    def __enter__(self) -> Callable[[Iterable[T]], Iterator[R]]:
        """A function that yields the results for items, in the order in which they are finished.

        It leaves out items for which ``work`` raises NotStored, and the rest if a copy is ended from outside.
        """
        self._pool.submit(os.getpid).result()  # which forks all copies
        return self._results

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _results(self, items: Iterable[T]) -> Iterator[R]:
        with suppress(BrokenExecutor):
            for future in in_turn(self._pool, _call, self._count * _AT_ONCE, items):
                with suppress(NotStored):
                    yield future.result()


_work: Callable[[Any], Any]
"""What a copy does; set when it begins, because the work itself is copied and not sent."""


def _become_copy(work: Callable[[Any], Any], original: int) -> None:
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the original decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(original,), daemon=True).start()


def _end_with(original: int) -> None:
    """End this copy when the original is gone, however it ended."""
    while os.getppid() == original:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def _call(item: Any) -> Any:
    return _work(item)


def _refuse(*asked: object) -> NoReturn:
    raise NotStored
