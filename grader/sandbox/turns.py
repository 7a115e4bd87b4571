"""Whose turn it is: how many processes work at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Turns:
    """Limits what runs at the same time: up to ``places`` shared and as many at rest, or one alone."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._running = self._resting = 0
        self._waiting_alone = 0
        self._change = threading.Condition()

    @contextmanager
    def shared(self) -> Iterator[Callable[[], None]]:
        """Take one place, and yield a function that gives it up early. Threads that wait in :meth:`alone` go first."""
        is_resting = False

        def rest() -> None:
            nonlocal is_resting
            with self._change:
                if not is_resting and self._resting < self._places:
                    is_resting = True
                    self._resting += 1
                    self._running -= 1
                    self._change.notify_all()

        with self._change:
            self._change.wait_for(lambda: self._running < self._places and not self._waiting_alone)
            self._running += 1
        try:
            yield rest
        finally:
            if is_resting:
                self._leave(resting=1)
            else:
                self._leave(running=1)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Take all places."""
        with self._change:
            self._waiting_alone += 1
            try:
                self._change.wait_for(lambda: not self._running + self._resting)
            finally:
                self._waiting_alone -= 1
            self._running = self._places
        try:
            yield
        finally:
            self._leave(running=self._places)

    def wait_until_free(self, seconds: float) -> None:
        """Wait until all places are free, at most ``seconds``."""
        with self._change:
            self._change.wait_for(lambda: not self._running + self._resting, seconds)

    def _leave(self, *, running: int = 0, resting: int = 0) -> None:
        with self._change:
            self._running -= running
            self._resting -= resting
            self._change.notify_all()
