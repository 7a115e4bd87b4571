"""Processes that read students' files: copies of this process, one for each submission, with limits but no isolation.

They run no student code. Because they are copies, they start in milliseconds and have all modules and the answer key
in memory. They are forked by a copy of this process that has no threads, so that no lock is held for ever.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from grader.model import UsageFault
from grader.sandbox.forkserver import ServerLost
from grader.sandbox.limits import Limits
from grader.sandbox.measuring import Outcome, ServiceProcess
from grader.sandbox.pool import Stopped
from grader.sandbox.turns import Turns
from grader.worker.server import serve_copies
from grader.worker.wire.messages import send

Ask = Callable[[bytes, float], Outcome]
"""Sends a request to the process of a submission; waits for the reply, at most so many seconds."""
Answer = Callable[[bytes], bytes]
Prepare = Callable[[dict[str, Any]], object]
_LIMITS = {"MemoryError": "memory", "RecursionError": "depth"}
"""Exceptions by which Python says that a limit is exceeded, and the kinds of ending that they are."""
_ENDED = "The process that reads submissions was ended from outside. Give the command again; it continues the run."
_SUBMIT_SECONDS = 20.0
_LEAVE_SECONDS = 5.0


class CopyServer:
    """A copy of this process that forks a child for each request. Start it before any thread."""

    def __init__(self, answer: Answer, prepare: Prepare) -> None:
        self._lock = threading.Lock()
        self._connection, theirs = socket.socketpair()
        gc.collect()
        gc.freeze()  # else garbage collection in the copies would write to, and so copy, all shared memory
        self.pid = os.fork()
        if self.pid == 0:
            _become_server(theirs, answer, prepare)
        gc.unfreeze()
        theirs.close()
        self._connection.settimeout(_SUBMIT_SECONDS)

    def locate(self, pid: int) -> int:
        """The process id of a child: the same in both processes."""
        return pid

    def submit(self, message: dict[str, Any], descriptors: tuple[int, ...]) -> None:
        """Request a new child, or without descriptors a preparation; raise ServerLost if the server is gone."""
        with self._lock:
            try:
                send(self._connection, message, descriptors)
            except OSError as problem:
                raise ServerLost(str(problem)) from None

    @property
    def is_alive(self) -> bool:
        """Whether the server still runs."""
        with contextlib.suppress(ChildProcessError):
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        return False

    def stop(self, *, grace: float) -> None:
        """Do nothing: a late server is not replaced, because this process has threads by now and cannot be copied."""

    def end(self) -> None:
        """End the server and its children."""
        self._connection.close()
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


class ReadingProcesses:
    """Starts a process for each submission, whose requests ``answer`` answers. At most ``at_once`` work at a time.

    ``prepare`` runs in the server, for what all processes that are started later need.
    """

    def __init__(
        self, answer: Answer, *, prepare: Prepare = lambda message: None, at_once: int, limits: Limits
    ) -> None:
        self._answer, self._prepare, self._limits = answer, prepare, limits
        self._turns = Turns(at_once)
        self._server: CopyServer | None = None
        self._is_stopped = False

    def start(self) -> None:
        """Make the copy of this process; before any thread is started."""
        self._server = CopyServer(self._answer, self._prepare)

    def prepare(self, message: dict[str, Any]) -> None:
        """Let the server prepare for the processes that are started from now on. No student's text belongs here."""
        assert self._server is not None, "start() comes first"
        with contextlib.suppress(ServerLost):  # the next process reports it
            self._server.submit(message, ())

    def stop(self) -> None:
        """End all processes at once."""
        if self._server is not None and not self._is_stopped:
            self._is_stopped = True
            self._server.end()
            self._turns.wait_until_free(_LEAVE_SECONDS)

    @contextmanager
    def open(self, folder: Path, *, cpu_seconds: int) -> Iterator[Ask]:
        """A process for one submission, which works in ``folder`` and has ``cpu_seconds`` for all its requests."""
        assert self._server is not None, "start() comes first"
        # Python then raises MemoryError, mostly in time to lose only one file, before the parent ends the process.
        data_bytes = self._limits.memory_bytes * 3 // 4
        allowance = self._limits.allowance() | {"cpu_seconds": cpu_seconds, "data_bytes": data_bytes}
        server = self._server
        process: ServiceProcess | None = None
        with contextlib.ExitStack() as stack:

            def attempt(request: bytes, seconds: float) -> tuple[Outcome, bool]:
                nonlocal process
                if process is None or process.was_robbed:
                    process = ServiceProcess(server, "read", limits=self._limits, allowance=allowance, folder=folder)
                    stack.callback(process.close)
                outcome = process.ask(request, seconds=seconds)
                if outcome.ending.kind == "lost" and self._is_stopped:
                    raise Stopped
                if outcome.ending.kind == "lost" and not server.is_alive:
                    raise UsageFault(_ENDED)
                limit = _LIMITS.get(outcome.ending.detail.partition(":")[0]) if outcome.ending.kind == "fault" else None
                if limit is not None:
                    outcome = replace(outcome, ending=replace(outcome.ending, kind=limit))
                return outcome, process.was_robbed

            def ask(request: bytes, seconds: float) -> Outcome:
                with self._turns.shared():
                    outcome, was_robbed = attempt(request, seconds)
                if was_robbed:
                    with self._turns.alone():
                        outcome, _ = attempt(request, seconds)
                return outcome

            yield ask


def _become_server(connection: socket.socket, answer: Answer, prepare: Prepare) -> NoReturn:
    """Continue as the server: apart from the terminal, with no descriptor but the connection."""
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        kept = connection.fileno()
        os.closerange(3, kept)
        os.closerange(kept + 1, 4096)
        serve_copies(connection, answer, prepare)
    finally:
        os._exit(1)
