"""A limit on the CPU time of reading one document, so that the other documents of a submission are read too."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_RESERVE = 1.0
"""Seconds."""
_AGAIN = 0.25
"""CPU seconds after which it is raised again: Python ignores what is raised while an object is finalised."""


class TooSlow(BaseException):
    """The time is over. Not an Exception, because libraries catch these where a file is damaged."""


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise TooSlow when the block has used this much CPU time, or half of what the process has left.

    So slow documents leave time for those after them. It is raised between two steps of Python code or of a regular
    expression; other code in C is not interrupted. There is no limit outside the main thread, inside another
    ``cpu_limit``, and on Windows.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not hasattr(signal, "setitimer") or signal.getitimer(signal.ITIMER_PROF)[0]:
        yield
        return
    is_over = False

    def stop(number: int, frame: FrameType | None) -> None:
        if not is_over:
            raise TooSlow

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, min(seconds, _seconds_left() / 2), _AGAIN)
    try:
        yield
    finally:
        is_over = True
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _seconds_left() -> float:
    """CPU time until the kernel ends the process, less a reserve for what follows the documents.

    Infinite without a limit, and never 0, which would start no timer.
    """
    import resource  # not on Windows

    allowed, _ = resource.getrlimit(resource.RLIMIT_CPU)
    return math.inf if allowed == resource.RLIM_INFINITY else max(0.01, allowed - _RESERVE - time.process_time())
