"""The parent's handle on one fork server: starting it, giving it work, ending it with everything it started."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import site
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from grader.model import DataFiles, GraderFault, UsageFault
from grader.sandbox.processes import TOKEN_VARIABLE, sweep
from grader.worker.messages import receive, send

_START_SECONDS = 180.0
"""Importing torch from a cold network drive has been seen to take over a minute."""
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
"""Of the tutor's environment a submission sees only this; tokens and folder names stay behind."""
_SET = {
    # One thread until a job says otherwise: pools of threads started before a fork are dead after it.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # repeatable matrix products on a GPU
    # Compiled code hides its operations from the trace, and compiling takes longer than the brief training saves.
    "PYTORCH_JIT": "0",
    "TORCH_COMPILE_DISABLE": "1",
    "MPLBACKEND": "Agg",
    "PYTHONHASHSEED": "0",  # the same submission gives the same evidence
    "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",  # macOS: a fork without exec is meant
}


class ServerLost(Exception):
    """The server died or stopped answering."""


class ForkServer:
    """One warm server process. Methods may be called from any thread."""

    def __init__(self, *, entry: str, warm: Sequence[str], data: DataFiles | None, paths: Sequence[str]) -> None:
        self._token = secrets.token_hex(16)
        self._lock = threading.Lock()
        self._greeting: dict[str, Any] | None = None
        self._is_over = False
        self._connection, theirs = socket.socketpair()
        hidden = [path for path in (*paths, _package_root()) if path not in site.getsitepackages()]
        visible = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | _SET
        environment |= {TOKEN_VARIABLE: self._token, "PYTHONPATH": os.pathsep.join((*hidden, *visible))}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-X", "utf8", "-m", "grader.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C is for the parent, which then decides
            )
        config = {
            "entry": entry,
            "warm": list(warm),
            "hidden_paths": hidden,
            "data": None if data is None else asdict(data),
        }
        with contextlib.suppress(OSError):  # a server that died at once is noticed when its greeting is read
            send(self._connection, config)

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can take work."""
        return not self._is_over and self._process.poll() is None

    def greeting(self) -> dict[str, Any]:
        """Wait until the server is warm; return its versions and devices.

        Raises UsageFault when a package is missing on this machine, GraderFault when it does not start.
        """
        with self._lock:
            if self._greeting is None:
                self._connection.settimeout(_START_SECONDS)
                try:
                    self._greeting, _ = receive(self._connection)
                except (EOFError, OSError) as problem:
                    if self._is_over:
                        raise ServerLost from None
                    raise GraderFault(f"the worker process did not start: {self._last_words() or problem}") from None
                self._connection.settimeout(_SUBMIT_SECONDS)
            missing = self._greeting.get("missing")
            if missing:
                names = ", ".join(missing)
                raise UsageFault(f"this Python cannot import {names}; install the grader's requirements and run again")
            return self._greeting

    def submit(self, message: dict[str, Any], descriptors: tuple[int, ...]) -> None:
        """Ask for a child; raise ServerLost when there is nobody to ask."""
        with self._lock:
            try:
                send(self._connection, message, descriptors)
            except OSError as problem:
                raise ServerLost(str(problem)) from None

    def stop(self, *, grace: float = _STOP_SECONDS) -> None:
        """End the server and every process that came from it, after at most ``grace`` seconds of its own tidying."""
        if self._is_over:
            return
        self._is_over = True
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits for the greeting, too
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

    def _last_words(self) -> str:
        """Return the last line that a server which could not start wrote to its error stream."""
        self._process.kill()
        self._process.wait()
        if self._process.stderr is None:
            return ""
        os.set_blocking(self._process.stderr.fileno(), False)
        lines = (self._process.stderr.read() or b"").decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


def _package_root() -> str:
    return str(Path(__file__).resolve().parents[2])


def encode_answer(seed: int | None) -> bytes:
    """Return the line that tells a child to train with ``seed``, or to stop."""
    return json.dumps({"seed": seed}).encode() + b"\n"
