"""One forked child, seen from the parent: start it, enforce its deadline and limits, collect its output, end it."""

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
from typing import Any, Protocol

from grader.model.evidence import Ending
from grader.sandbox.deadline import WATCH_SECONDS, Deadline, Miss
from grader.sandbox.forkserver import ServerLost
from grader.sandbox.limits import Limits
from grader.sandbox.processes import Work, share_one_place, usage, work_of

_KILL_SECONDS = 10.0
"""Time that the server has to end a child before the server counts as stuck."""
_CHUNK = 1 << 16
MOST_READS = 64
"""Chunks that are read at a time: more than fits into a pipe, so that all that had arrived before is read."""
_PIPE_BYTES = 1 << 20
"""Size of the output pipe, if the system allows more than its usual 64 KiB."""
_FREE_OUTPUT = 4 << 20
"""Bytes of output that are read without delay."""
_IDLE_LOOKS = 10
"""A child that was asleep so often in a row, for a second, has no need of a CPU for now."""


class Server(Protocol):
    """What forks the children: the fork server with torch, or a copy of this process."""

    def submit(self, message: dict[str, Any], descriptors: tuple[int, ...]) -> None:
        """Request a new child; raise ServerLost if the server is gone."""

    def locate(self, pid: int) -> int | None:
        """The process id of a child in this process's namespace; None if it is not visible."""

    def stop(self, *, grace: float) -> None:
        """Called when the server does not react."""


class Child:
    """A child of ``server``, started with ``request``. After :meth:`close`, the server kills all its processes.

    ``channel`` is the child's end of its channel to the parent. It is closed here after the server has received it.
    """

    def __init__(self, server: Server, request: Mapping[str, Any], *, channel: int, limits: Limits) -> None:
        self.cause: Ending | None = None
        """Why the parent ended the child, or the loss of the server; None if the child ended by itself."""
        self.is_over = False
        self._server, self._limits = server, limits
        self._stage = ""
        self._deadline = Deadline(time.monotonic())
        self._is_doubtful = False
        """Whether the child missed its deadline, and it is not certain that it did so by itself."""
        self._sleeps = 0
        """How often in a row the child was seen asleep."""
        self._has_started = self._is_ending = False
        self._pid: int | None = None
        """Process id of the child in the parent's namespace, if the parent can see it."""
        self._status: int | None = None
        self._news = b""
        self._tail = bytearray()
        self._output_count = 0
        self._next_watch = time.monotonic() + WATCH_SECONDS
        self._control, control = socket.socketpair()
        self._output, output = os.pipe()
        self._control.setblocking(False)
        os.set_blocking(self._output, False)
        with contextlib.suppress(AttributeError, OSError):  # not on macOS, and not for a user with many pipes
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
        """Close the connection to the server, which then kills the child if it still runs."""
        self._control.close()
        os.close(self._output)

    def allow(self, stage: str, seconds: float) -> None:
        """Give the child ``seconds`` for ``stage`` from now on, unless it is being ended."""
        self._stage = stage
        if not self._is_ending:
            self._deadline.start(seconds, time.monotonic(), self._work() if self._has_started else Work())

    def listen(self, descriptor: int, *, writing: bool = False) -> None:
        """Let :meth:`wait` return when ``descriptor`` is readable (with ``writing``: or writable)."""
        self._poll.register(descriptor, select.POLLIN | (select.POLLOUT if writing else 0))

    def forget(self, descriptor: int) -> None:
        """Stop waiting for ``descriptor``."""
        with contextlib.suppress(KeyError):  # it has reached its end before
            self._poll.unregister(descriptor)

    def wait(self) -> set[int]:
        """Wait until there is something to do, read the output, and return the descriptors that are ready.

        The caller must read these descriptors before it calls :meth:`check`, because their data arrived before the
        deadline or the end of the child.
        """
        now = time.monotonic()
        self._deadline.pass_time(now)
        timeout = max(0.0, min(self._next_watch - now, self._deadline.left))
        self._ready = {descriptor for descriptor, _ in self._poll.poll(timeout * 1000 + 1)}
        if self._output in self._ready:
            self._read_output()
        return self._ready

    def check(self) -> None:
        """Read the server's messages about the child; end the child at its deadline or if it exceeds a limit."""
        if self._control.fileno() in self._ready:
            self._read_news()
        if not self.is_over and self._deadline.left <= 0:
            self._reach_deadline()
        if not self.is_over and time.monotonic() >= self._next_watch:
            self._watch()
            self._next_watch = time.monotonic() + WATCH_SECONDS

    def end(self, cause: Ending | None = None) -> None:
        """Ask the server to kill all processes of the child; it replies with the status. The first cause counts."""
        if self._is_ending:
            return
        self._is_ending, self.cause = True, cause
        self._deadline.start(_KILL_SECONDS, time.monotonic(), None)
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    def ending(self) -> Ending:
        """How the child ended. Call this after it is over."""
        if self.cause is not None:
            return self.cause
        status = self._status or 0
        if not os.WIFSIGNALED(status):
            return Ending("exit", self._stage, f"exit status {os.waitstatus_to_exitcode(status)}")
        number = os.WTERMSIG(status)
        if number == getattr(signal, "SIGXCPU", None):
            return Ending("deadline", self._stage, "used all of its CPU time")
        return Ending("signal", self._stage, _signal_name(number))

    @property
    def was_robbed(self) -> bool:
        """Whether something other than the child may have ended it: the server died, or it lacked a CPU or a disk."""
        return self._is_doubtful or (self.cause is not None and self.cause.kind == "lost")

    @property
    def is_idle(self) -> bool:
        """Whether the child has slept for a while."""
        return self._sleeps >= _IDLE_LOOKS

    @property
    def has_succeeded(self) -> bool:
        """Whether the child exited by itself with status 0."""
        return self.cause is None and self._status == 0

    def output(self) -> str:
        """The last part of the child's output. Call this after the child is over; it reads one more pipe full."""
        for _ in range(MOST_READS):
            if not self._read_output():
                break
        dropped = self._output_count - len(self._tail)
        head = f"[{dropped} bytes of output before this are not shown]\n" if dropped else ""
        return head + self._tail.decode("utf-8", "replace")

    def _read_output(self) -> bool:
        chunk = read(self._output)
        if chunk == b"" or self._output_count > _FREE_OUTPUT:
            # Either the end, or too much output: from now on it is read in _watch only, so that the writer has to wait.
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

    def _reach_deadline(self) -> None:
        if self._is_ending or not self._has_started:  # the server had its time, but nothing happened
            self._server.stop(grace=0)
            self._lose()
            return
        miss, deadline = self._deadline.judge(self._work()), self._deadline
        if miss is None:
            return
        self._is_doubtful = miss is not Miss.BY_ITSELF
        if miss is Miss.STARVED:
            self.end(Ending("starved", self._stage, f"had no CPU for most of {deadline.counted:.0f} seconds"))
        else:
            self.end(Ending("deadline", self._stage, f"did not finish within {deadline.seconds:g} seconds"))

    def _work(self) -> Work | None:
        return None if self._pid is None else work_of(self._pid)

    def _lose(self) -> None:
        self.is_over = True
        if not self._is_ending:
            self.cause = Ending("lost", self._stage, "the process that starts submissions died")

    def _watch(self) -> None:
        if self._output_count > _FREE_OUTPUT:
            for _ in range(MOST_READS):  # one pipe full, about 10 MB per second
                if not self._read_output():
                    break
        if self._pid is None or self._is_ending:
            return
        work = self._work()
        self._deadline.look(work)
        self._sleeps = self._sleeps + 1 if work is not None and work.is_asleep else 0
        if work is not None and work.running > 1:
            share_one_place(self._pid, work.running)
        memory, processes = usage(self._pid, self._limits.memory_bytes)
        if memory > self._limits.memory_bytes:
            cap = self._limits.memory_bytes / 2**30
            self.end(Ending("memory", self._stage, f"used more than {cap:.3g} GiB of memory"))
        elif processes > self._limits.processes:
            self.end(Ending("memory", self._stage, f"started more than {self._limits.processes} processes"))


def read(descriptor: int) -> bytes | None:
    """Return the bytes that are available, b"" at the end, None if there are none yet."""
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return None


def _signal_name(number: int) -> str:
    names: Mapping[int, str] = {member.value: member.name for member in signal.Signals}
    return names.get(number, f"signal {number}")
