"""Whose turn it is: how many processes work at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Limits what runs at the same time: up to ``places`` shared, or one alone."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._running = 0
        self._waiting_alone = 0
        self._change = threading.Condition()

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Take one place. Threads that wait in :meth:`alone` go first."""
        with self._change:
            self._change.wait_for(lambda: self._running < self._places and not self._waiting_alone)
            self._running += 1
        try:
            yield
        finally:
            self._leave(1)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Take all places."""
        with self._change:
            self._waiting_alone += 1
            try:
                self._change.wait_for(lambda: self._running == 0)
            finally:
                self._waiting_alone -= 1
            self._running = self._places
        try:
            yield
        finally:
            self._leave(self._places)

    def wait_until_free(self, seconds: float) -> None:
        """Wait until all places are free, at most ``seconds``."""
        with self._change:
            self._change.wait_for(lambda: self._running == 0, seconds)

    def _leave(self, places: int) -> None:
        with self._change:
            self._running -= places
            self._change.notify_all()
