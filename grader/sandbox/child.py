"""One forked child as the parent sees it: its start, deadline, memory and output, and the last of its processes."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import time
from collections.abc import Mapping
from typing import Any

from grader.model.evidence import Ending
from grader.sandbox.forkserver import ForkServer, ServerLost
from grader.sandbox.limits import Limits
from grader.sandbox.processes import usage

_WATCH_SECONDS = 0.1
_KILL_SECONDS = 10.0
"""How long the server may take to end a child before it counts as stuck."""
_CHUNK = 1 << 16
LAST_READS = 64
"""Chunks that are taken in once nothing writes any more: more than a pipe holds."""
_PIPE_BYTES = 1 << 20
"""Of output that may wait to be read, where the system allows more than its usual 64 KiB."""
_FREE_OUTPUT = 4 << 20
"""Bytes of output that are read as fast as they come."""
_FLOOD_READS = 64
"""Chunks that are read at each watch after that: what a pipe holds, some 10 MB a second."""


class Child:
    """A child of ``server``, asked for with ``request``. Closing it has the server kill what is left of it.

    ``channel`` is the child's end of whatever it speaks through, which is closed here once it was handed over.
    """

    def __init__(self, server: ForkServer, request: Mapping[str, Any], *, channel: int, limits: Limits) -> None:
        self.cause: Ending | None = None
        """Why it was ended, once it was for a reason that it did not tell itself."""
        self.is_over = False
        self._server, self._limits = server, limits
        self._stage, self._seconds, self._deadline = "", 0.0, 0.0
        self._has_started = self._is_ending = False
        self._pid: int | None = None
        """Its process, where it can be seen from here."""
        self._status: int | None = None
        self._news = b""
        self._tail = bytearray()
        self._output_count = 0
        self._next_watch = time.monotonic() + _WATCH_SECONDS
        self._control, control = socket.socketpair()
        self._output, output = os.pipe()
        self._control.setblocking(False)
        os.set_blocking(self._output, False)
        with contextlib.suppress(AttributeError, OSError):  # not on macOS, and not for those who have many of them
            fcntl.fcntl(self._output, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._ready: set[int] = set()
        self._poll = select.poll()
        for descriptor in (self._output, self._control.fileno()):
            self.listen(descriptor)
        try:
            server.submit(dict(request), (control.fileno(), output, channel))
        except ServerLost:
            self._lose()
        finally:
            control.close()
            os.close(output)
            os.close(channel)

    def close(self) -> None:
        """Let go of it; a process that is still there is killed."""
        self._control.close()
        os.close(self._output)

    def allow(self, stage: str, seconds: float) -> None:
        """Give it so many seconds from now for ``stage``, unless it is being ended."""
        self._stage = stage
        if not self._is_ending:
            self._seconds, self._deadline = seconds, time.monotonic() + seconds

    def listen(self, descriptor: int, *, writing: bool = False) -> None:
        """Have :meth:`wait` return when something can be read from ``descriptor``, or also written to it."""
        self._poll.register(descriptor, select.POLLIN | (select.POLLOUT if writing else 0))

    def forget(self, descriptor: int) -> None:
        """Listen no more to ``descriptor``."""
        with contextlib.suppress(KeyError):  # at its end before
            self._poll.unregister(descriptor)

    def wait(self) -> set[int]:
        """Wait until there is something to do; the descriptors that are ready, once its output is taken in.

        What came through them is to be read before :meth:`check`: it was just in time, and sent before any end.
        """
        timeout = max(0.0, min(self._next_watch, self._deadline) - time.monotonic())
        self._ready = {descriptor for descriptor, _ in self._poll.poll(timeout * 1000 + 1)}
        if self._output in self._ready:
            self._read_output()
        return self._ready

    def check(self) -> None:
        """Take in the server's news of it; end it when its time is up or it uses too much."""
        if self._control.fileno() in self._ready:
            self._read_news()
        if not self.is_over and time.monotonic() >= self._deadline:
            self._miss_deadline()
        if not self.is_over and time.monotonic() >= self._next_watch:
            self._watch()
            self._next_watch = time.monotonic() + _WATCH_SECONDS

    def end(self, cause: Ending | None = None) -> None:
        """Have the server kill whatever is left of it; its answer is the child's status. The first cause counts."""
        if self._is_ending:
            return
        self._is_ending, self.cause = True, cause
        self._deadline = time.monotonic() + _KILL_SECONDS
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    def ending(self) -> Ending:
        """How it ended, once it is over."""
        if self.cause is not None:
            return self.cause
        status = self._status or 0
        if not os.WIFSIGNALED(status):
            return Ending("exit", self._stage, f"exit status {os.waitstatus_to_exitcode(status)}")
        number = os.WTERMSIG(status)
        if number == getattr(signal, "SIGXCPU", None):
            return Ending("deadline", self._stage, "used up its CPU time")
        return Ending("signal", self._stage, _signal_name(number))

    @property
    def has_succeeded(self) -> bool:
        """Whether it ended by itself, with exit status 0."""
        return self.cause is None and self._status == 0

    def output(self) -> str:
        """The end of what it printed. What was written before its end can't be more than the pipe holds."""
        for _ in range(LAST_READS):
            if not self._read_output():
                break
        dropped = self._output_count - len(self._tail)
        head = f"[{dropped} bytes of output before this are left out]\n" if dropped else ""
        return head + self._tail.decode("utf-8", "replace")

    def _read_output(self) -> bool:
        chunk = read(self._output)
        if chunk == b"" or self._output_count > _FREE_OUTPUT:
            # At its end; or a flood, which is now read at the pace of the watch, so that the writer waits, not we.
            self.forget(self._output)
        if not chunk:
            return False
        self._output_count += len(chunk)
        self._tail += chunk
        del self._tail[: -self._limits.output_bytes]
        return True

    def _read_news(self) -> None:
        try:
            chunk = self._control.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk and self._status is None:
            self._lose()
        *lines, self._news = (self._news + chunk).split(b"\n")
        for line in lines:
            news = json.loads(line)
            if "pid" in news:
                self._has_started = True
                self._pid = self._server.locate(news["pid"])
            if "status" in news:
                self._status = news["status"]
                self.is_over = True

    def _miss_deadline(self) -> None:
        if self._is_ending or not self._has_started:  # the server was told long ago, and nothing happened
            self._server.stop(grace=0)
            self._lose()
        else:
            self.end(Ending("deadline", self._stage, f"not done after {self._seconds:g} seconds"))

    def _lose(self) -> None:
        self.is_over = True
        if not self._is_ending:
            self.cause = Ending("lost", self._stage, "the process that runs submissions died")

    def _watch(self) -> None:
        if self._output_count > _FREE_OUTPUT:
            for _ in range(_FLOOD_READS):
                if not self._read_output():
                    break
        if self._pid is None or self._is_ending:
            return
        memory, processes = usage(self._pid, self._limits.memory_bytes)
        if memory > self._limits.memory_bytes:
            cap = self._limits.memory_bytes / 2**30
            self.end(Ending("memory", self._stage, f"used more than {cap:.3g} GiB of memory"))
        elif processes > self._limits.processes:
            self.end(Ending("memory", self._stage, f"started more than {self._limits.processes} processes"))


def read(descriptor: int) -> bytes | None:
    """Return what is there, b"" at the end, None when there is nothing yet."""
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return None


def _signal_name(number: int) -> str:
    names: Mapping[int, str] = {member.value: member.name for member in signal.Signals}
    return names.get(number, f"signal {number}")
