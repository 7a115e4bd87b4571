"""Start, use and stop one fork server from the parent, including all processes that the server started."""

from __future__ import annotations

import contextlib
import os
import secrets
import site
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grader.model import GraderFault, UsageFault
from grader.sandbox.processes import TOKEN_VARIABLE, sweep
from grader.worker.environment import SETTINGS
from grader.worker.isolate.processes import descendants, inner_pids
from grader.worker.wire.messages import receive, send

_START_SECONDS = 180.0
"""Importing torch from a slow network drive took more than a minute once."""
_STOP_SECONDS = 2.0
_SUBMIT_SECONDS = 20.0
_KEPT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "CUDA_HOME",
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
)
"""Environment variables that a submission gets from the tutor's environment. It gets no tokens and no folder names."""
_OF_THE_MACHINE = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Variables that are not passed to a container, because it has its own."""


class ServerLost(Exception):
    """The server died or stopped answering."""


class ForkServer:
    """One warm server process, which imports ``warm`` and then waits for :meth:`configure`.

    Methods may be called from any thread.
    """

    def __init__(
        self, *, warm: Sequence[str], paths: Sequence[str], is_isolating: bool = True, prefix: Sequence[str] = ()
    ) -> None:
        self._token = secrets.token_hex(16)
        self._lock = threading.Lock()
        self._greeting: dict[str, Any] | None = None
        self._is_over = False
        self._stack = contextlib.ExitStack()
        self._invisible = [path for path in (*paths, _package_root()) if path not in site.getsitepackages()]
        visible = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | SETTINGS
        environment |= {TOKEN_VARIABLE: self._token, "PYTHONPATH": os.pathsep.join((*self._invisible, *visible))}
        options = ["--isolated"] if is_isolating else []
        self._is_prefixed = bool(prefix)
        if prefix:
            try:
                self._start_through(prefix, environment, options)
            except BaseException:
                self._stack.close()
                raise
        else:
            self._connection, theirs = socket.socketpair()
            with theirs:
                # A new session, so that Ctrl-C reaches only the parent, which then decides.
                self._process = subprocess.Popen(
                    [*_worker_command(sys.executable), str(theirs.fileno()), *options],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env=environment,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
        self._tell({"warm": list(warm)})

    def configure(self, *, entry: str, measure: str, settings: Mapping[str, Any], hidden: Sequence[str]) -> None:
        """Say what its children do and what they must not see, once and before anything else is asked of it."""
        self._tell(
            {
                "entry": entry,
                "measure": measure,
                "settings": dict(settings),
                "hidden_paths": self._invisible,
                "hidden": [*self._invisible, *hidden],
            }
        )

    def _tell(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # reading the greeting will show that the server has died
            send(self._connection, message)

    def _start_through(self, prefix: Sequence[str], environment: Mapping[str, str], options: Sequence[str]) -> None:
        """Start the server through another command, which may not pass on file descriptors or the environment."""
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lab4-worker-"))
        words = [word.replace("{socket}", folder).replace("{package}", _package_root()) for word in prefix]
        # The prefix may end with the container's own Python; otherwise this Python is used.
        python = words.pop() if Path(words[-1]).name.startswith("python") else sys.executable
        door_path = Path(folder, "worker.sock")
        settings = [f"{name}={value}" for name, value in environment.items() if name not in _OF_THE_MACHINE]
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(str(door_path))
            door_path.chmod(0o666)  # a container may run as another user; the folder is this one's alone
            door_path.parent.chmod(0o711)
            door.listen(1)
            try:
                self._process = subprocess.Popen(
                    [*words, "env", *settings, *_worker_command(python), str(door_path), *options],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as problem:
                raise UsageFault(f"--worker-prefix: {words[0]} cannot be started: {problem.strerror}") from None
            try:
                self._connection = self._accept(door)
            except BaseException:
                self._process.kill()
                self._process.communicate()
                raise

    def _accept(self, door: socket.socket) -> socket.socket:
        """Accept the server's connection; raises UsageFault if the command ends without connecting."""
        door.settimeout(0.2)
        give_up = time.monotonic() + _START_SECONDS
        while time.monotonic() < give_up:
            try:
                return door.accept()[0]
            except TimeoutError:
                if self._process.poll() is not None:
                    break
        raise UsageFault(
            f"--worker-prefix did not start a worker: {self._last_error_line() or 'it ended without a message'}"
        )

    @property
    def pid(self) -> int:
        """Process id of the server, or of the process that started it."""
        return self._process.pid

    def locate(self, pid: int) -> int | None:
        """The process id, in this namespace, of a child with this id in the server's; None if it is not visible."""
        if not self.greeting()["is_nested"]:
            return pid if not self._is_prefixed or pid in descendants(self.pid) else None
        found = [process for process in descendants(self.pid) if inner_pids(process)[:1] == [pid]]
        return found[0] if len(found) == 1 else None

    @property
    def is_alive(self) -> bool:
        """Whether the server can accept requests."""
        return not self._is_over and self._process.poll() is None

    def greeting(self) -> dict[str, Any]:
        """Wait until the server is ready; return its greeting: versions, devices and isolation steps.

        Raises UsageFault if a package is missing on this machine, GraderFault if the server does not start.
        """
        with self._lock:
            if self._greeting is None:
                self._connection.settimeout(_START_SECONDS)
                try:
                    self._greeting, _ = receive(self._connection)
                except (EOFError, OSError) as problem:
                    if self._is_over:
                        raise ServerLost from None
                    raise GraderFault(
                        f"the worker process did not start: {self._last_error_line() or problem}"
                    ) from None
                self._connection.settimeout(_SUBMIT_SECONDS)
            missing = self._greeting.get("missing")
            if missing:
                names = ", ".join(missing)
                raise UsageFault(f"This Python cannot import {names}; install the grader's requirements and run again.")
            return self._greeting

    def submit(self, message: dict[str, Any], descriptors: tuple[int, ...]) -> None:
        """Request a new child; raise ServerLost if the server is gone."""
        with self._lock:
            try:
                send(self._connection, message, descriptors)
            except OSError as problem:
                raise ServerLost(str(problem)) from None

    def stop(self, *, grace: float = _STOP_SECONDS) -> None:
        """Stop the server and all processes that it started; it has ``grace`` seconds to clean up by itself."""
        if self._is_over:
            return
        self._is_over = True
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)  # also wakes a thread that waits for the greeting
        if grace > 0 and self._greeting is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        self._process.kill()
        self._process.wait()
        sweep(self._token)
        with self._lock:
            self._connection.close()
            if self._process.stderr is not None:
                self._process.stderr.close()
            self._stack.close()

    def _last_error_line(self) -> str:
        """Return the last line that a server wrote to stderr before it failed to start."""
        self._process.kill()
        self._process.wait()
        if self._process.stderr is None:
            return ""
        os.set_blocking(self._process.stderr.fileno(), False)
        lines = (self._process.stderr.read() or b"").decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


def _worker_command(python: str) -> list[str]:
    return [python, "-s", "-P", "-X", "utf8", "-m", "grader.worker"]


def _package_root() -> str:
    return str(Path(__file__).resolve().parents[2])
