"""The pool that the grading pipeline talks to: records and measurements, from a warm server that is replaced when it
dies.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from grader.model import Job, UsageFault
from grader.model.evidence import Evidence
from grader.sandbox.forkserver import ForkServer, ServerLost
from grader.sandbox.level import Level, Wish, level_of
from grader.sandbox.limits import Limits
from grader.sandbox.measuring import Answer, MeasurementFailed, Measurer
from grader.sandbox.observation import Observation, OnStage

Result = TypeVar("Result", Evidence, Answer)

WARM = ("torch", "torch.optim", "torchvision", "torchvision.datasets", "torchvision.transforms", "numpy")
"""What a server imports before the first submission."""
_LEAVE_SECONDS = 15.0


class Stopped(Exception):
    """The pool was closed while something was under way: there is no result, and none should be stored."""


class WorkerPool:
    """A context manager around one warm fork server; ``record`` and ``measure`` may be called from many threads.

    At most ``workers`` of both run at a time. ``entry`` observes a submission and ``measure`` opens the service of a
    measuring process, told the ``settings``, which must go into JSON; both are "module:function", and the server calls
    ``preload()`` where such a module has one. ``warm`` names the modules that the server imports; ``paths`` are folders
    to import the entries from, for tests. ``isolation`` is what the tutor asks for, ``hidden`` are places that no child
    may see, and ``prefix`` is a command to start the server through (a container's, say). Raises UsageFault on a system
    that cannot fork.
    """

    def __init__(
        self,
        *,
        workers: int,
        limits: Limits | None = None,
        settings: Mapping[str, Any] | None = None,
        entry: str = "grader.worker.stages:observe",
        measure: str = "grader.measure.service.process:open_service",
        warm: Sequence[str] = WARM,
        paths: Sequence[str] = (),
        isolation: Wish = Wish.AUTO,
        hidden: Sequence[str] = (),
        prefix: Sequence[str] = (),
    ) -> None:
        if not (hasattr(os, "fork") and hasattr(socket, "send_fds")):
            raise UsageFault("the grader needs Linux or macOS to run submissions; on Windows, use it inside WSL")
        self._limits = limits or Limits()
        self._settings, self._entry, self._measure = dict(settings or {}), entry, measure
        self._warm, self._paths = tuple(warm), tuple(paths)
        self._wish, self._hidden, self._prefix = isolation, tuple(hidden), tuple(prefix)
        self._turns = _Turns(workers)
        self._lock = threading.Lock()
        self._server: ForkServer | None = None
        self._idle: list[Measurer] = []
        """Measuring processes that wait for a request: never more than there are turns."""
        self._is_closed = False

    def __enter__(self) -> Self:
        self._current_server()  # it warms up while the caller goes on
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._is_closed = True
            if self._server is not None:
                self._server.stop()
        self._turns.wait_until_free(_LEAVE_SECONDS)
        while self._idle:
            self._idle.pop().close()

    @property
    def versions(self) -> dict[str, str]:
        """Versions of Python and of the warm modules, as the worker sees them. Waits until the server is warm."""
        return dict(self._current_server().greeting()["versions"])

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices that torch can train on here, best first; ``cpu`` is always among them. Waits likewise."""
        return tuple(self._current_server().greeting()["devices"])

    @property
    def isolation(self) -> Level:
        """How submissions are held in. Waits likewise; raises UsageFault when that is less than was required."""
        greeting = self._current_server().greeting()
        prefix = " ".join(self._prefix)
        level = level_of(greeting["steps"], greeting["refusals"], wish=self._wish, prefix=prefix)
        if self._wish is Wish.REQUIRE and level.name != "full":
            reasons = "; ".join(f"{step}: {reason}" for step, reason in level.refusals.items()) or "unknown"
            raise UsageFault(
                f"--isolation require: this machine allows only the level {level.name} ({reasons}). "
                "python -m grader doctor says what to do about it."
            )
        return level

    def record(self, job: Job, *, on_stage: OnStage = lambda stage: None) -> Evidence:
        """Run the stages on one submission and return complete evidence, whatever the submission does.

        ``on_stage`` is called in this thread with the name of each stage as it begins. When the server is lost under a
        submission it is tried again, alone, from the first stage: only what happens then is believed, so that a
        submission that kills the server costs its neighbours some time and nothing else.
        Raises GraderFault or UsageFault when no server can be started, Stopped when the pool is closed meanwhile.
        """
        return self._run(lambda server: Observation(job, server=server, limits=self._limits, on_stage=on_stage).run())

    def measure(self, request: bytes, *, seconds: float) -> bytes:
        """Return what a measuring process replies to ``request`` within so many seconds.

        No student code is in such a process, and it stays for the next request. Raises MeasurementFailed when there is
        no reply; then the process is gone. Raises otherwise what ``record`` does, and tries again when that does.
        """
        answer = self._run(lambda server: self._ask(server, request, seconds))
        if answer.ending.kind != "finished":
            raise MeasurementFailed(answer.ending, answer.output)
        return answer.reply

    def _ask(self, server: ForkServer, request: bytes, seconds: float) -> Answer:
        measurer = self._measurer(server)
        is_reusable = False
        try:
            answer = measurer.ask(request, seconds=seconds)
            is_reusable = answer.ending.kind == "finished"
        finally:
            if is_reusable and not self._is_closed:
                self._idle.append(measurer)
            else:
                measurer.close()
        return answer

    def _measurer(self, server: ForkServer) -> Measurer:
        """One that waits, or a new one."""
        with suppress(IndexError):
            while True:
                waiting = self._idle.pop()
                if waiting.server is server and waiting.is_alive:
                    return waiting
                waiting.close()
        device = self._settings.get("device")
        if device == "auto":
            device = server.greeting()["devices"][0]
        return Measurer(server, limits=self._limits, bounds_data=device == "cpu")

    def _run(self, attempt: Callable[[ForkServer], Result]) -> Result:
        """The result of an attempt: one among others, and one alone when the server was lost under the first."""
        with self._turns.shared():
            result = self._try(attempt)
        if result.ending.kind == "lost":
            with self._turns.alone():
                result = self._try(attempt)
        return result

    def _try(self, attempt: Callable[[ForkServer], Result]) -> Result:
        server = self._current_server()
        with suppress(ServerLost):  # found again by the attempt
            server.greeting()
        result = attempt(server)
        if result.ending.kind == "lost":
            if self._is_closed:
                raise Stopped
            server.stop(grace=0)  # whatever it was, a new one starts clean
        return result

    def _current_server(self) -> ForkServer:
        """Return the server, a new one if the last has died."""
        with self._lock:
            if self._is_closed:
                raise Stopped
            if self._server is None or not self._server.is_alive:
                if self._server is not None:
                    self._server.stop(grace=0)
                self._server = ForkServer(
                    entry=self._entry,
                    measure=self._measure,
                    settings=self._settings,
                    warm=self._warm,
                    paths=self._paths,
                    is_isolating=self._wish is not Wish.OFF,
                    hidden=self._hidden,
                    prefix=self._prefix,
                )
            return self._server


class _Turns:
    """Who may run: up to ``places`` at a time, or one alone."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._running = 0
        self._waiting_alone = 0
        self._change = threading.Condition()

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Take one place; those who wait to be alone go first."""
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
        """Wait until nobody holds a place, at most ``seconds``."""
        with self._change:
            self._change.wait_for(lambda: self._running == 0, seconds)

    def _leave(self, places: int) -> None:
        with self._change:
            self._running -= places
            self._change.notify_all()
