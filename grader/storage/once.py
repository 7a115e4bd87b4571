"""Computes a value once for all threads that need it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Once(Generic[Key, Value]):
    """Values by key, each computed once. Methods may be called from many threads."""

    def __init__(self) -> None:
        self._known: dict[Key, Future[Value]] = {}
        self._lock = threading.Lock()

    def get(self, key: Key, compute: Callable[[], Value]) -> tuple[Value, bool]:
        """The value for ``key``, and whether this call computed it.

        If another thread is computing it, this call waits. All waiting calls get what ``compute`` raises; the next call
        tries again.
        """
        with self._lock:
            known = self._known.get(key)
            if known is None:
                mine = self._known[key] = Future()
        if known is not None:
            return known.result(), False
        try:
            mine.set_result(compute())
        except BaseException as fault:  # waiting threads must get every exception
            with self._lock:
                del self._known[key]
            mine.set_exception(fault)
        return mine.result(), True
