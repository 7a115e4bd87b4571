"""The worker pool of the pipeline: it records and measures with a fork server, and restarts the server if it dies."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from grader.model import Job, UsageFault
from grader.model.command_lines import command_line
from grader.model.evidence import Evidence
from grader.sandbox.forkserver import ForkServer, ServerLost
from grader.sandbox.level import Level, Wish, level_of
from grader.sandbox.limits import Limits
from grader.sandbox.measuring import MeasurementFailed, Outcome, ServiceProcess
from grader.sandbox.observation import Observation, OnStage
from grader.sandbox.turns import Turns

T = TypeVar("T", Evidence, Outcome)
_Attempt = Callable[[ForkServer, Callable[[], None]], tuple[T, bool]]
"""Returns its result, and whether something other than the child may have ended it. While the child sleeps, it may call
its second argument, so that another one starts."""

WARM = ("torch", "torch.optim", "torchvision", "torchvision.datasets", "torchvision.transforms", "numpy")
"""What a server imports before the first submission."""
_LEAVE_SECONDS = 15.0


class Stopped(Exception):
    """The pool was closed during a recording or measurement. There is no result, and nothing should be stored."""


def start_server(
    isolation: Wish, *, warm: Sequence[str] = WARM, paths: Sequence[str] = (), prefix: Sequence[str] = ()
) -> ForkServer:
    """A server that imports what submissions need, while the caller prepares all that a :class:`WorkerPool` is told.

    Raises UsageFault on a system that cannot fork, and for a ``prefix`` that starts no server.
    """
    if not (hasattr(os, "fork") and hasattr(socket, "send_fds")):
        raise UsageFault("The grader needs Linux or macOS to run submissions; on Windows, use it inside WSL.")
    return ForkServer(warm=warm, paths=paths, is_isolating=isolation is not Wish.OFF, prefix=prefix)


class WorkerPool:
    """A context manager for one fork server. Several threads may call ``record`` and ``measure``.

    At most ``workers`` recordings and measurements run at a time, and as many recordings may sleep beside them.

    ``entry`` is the function that observes a submission. ``measure`` is the function that opens the service of a
    measuring process; it gets ``settings``, which must be JSON data. Both are given as "module:function". If such a
    module has a function ``preload()``, the server calls it. ``warm`` names the modules that the server imports;
    ``paths`` are extra import folders, for tests. ``isolation`` is what the tutor asks for. No child can see the paths
    in ``hidden``. ``prefix`` is a command that starts the server, for example in a container. ``server`` was started
    before, with the same ``isolation``, ``warm``, ``paths`` and ``prefix``; the pool stops it.

    Entering it raises UsageFault as :func:`start_server` does.
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
        server: ForkServer | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._settings, self._entry, self._measure = dict(settings or {}), entry, measure
        self._warm, self._paths = tuple(warm), tuple(paths)
        self._wish, self._hidden, self._prefix = isolation, tuple(hidden), tuple(prefix)
        self._turns = Turns(workers)
        self._lock = threading.Lock()
        self._started = server
        self._server: ForkServer | None = None
        self._idle: list[ServiceProcess] = []
        """Idle measuring processes, at most as many as ``workers``."""
        self._is_closed = False

    def __enter__(self) -> Self:
        self._current_server()  # it starts while the caller continues
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
        """Versions of Python and of the ``warm`` modules in the server. Waits until the server is ready."""
        return dict(self._current_server().greeting()["versions"])

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices on which torch can train, best first; always with ``cpu``. Waits until the server is ready."""
        return tuple(self._current_server().greeting()["devices"])

    @property
    def isolation(self) -> Level:
        """The isolation level. Waits for the server; raises UsageFault if the level is lower than required."""
        greeting = self._current_server().greeting()
        prefix = " ".join(self._prefix)
        level = level_of(greeting["steps"], greeting["refusals"], wish=self._wish, prefix=prefix)
        if self._wish is Wish.REQUIRE and level.name != "full":
            reasons = "; ".join(f"{step}: {reason}" for step, reason in level.refusals.items()) or "unknown"
            raise UsageFault(
                f"--isolation require: this machine allows only the level {level.name} ({reasons}). "
                f"Run {command_line('doctor')} to see what to do."
            )
        return level

    def record(self, job: Job, *, on_stage: OnStage = lambda stage: None) -> Evidence:
        """Run the stages for one submission and return its evidence, whatever the submission does.

        ``on_stage`` is called in this thread with the name of each stage when it begins. If the server dies during a
        submission, or it misses a deadline and may not have done so by itself, it is run again from the first stage,
        with no other submission at the same time. Only the second result counts. So a submission that kills the server
        costs the others some time and nothing else.
        Raises GraderFault or UsageFault if no server can be started, and Stopped if the pool is closed.
        """

        def attempt(server: ForkServer, rest: Callable[[], None]) -> tuple[Evidence, bool]:
            observation = Observation(job, server=server, limits=self._limits, on_stage=on_stage, on_idle=rest)
            return observation.run(), observation.was_robbed

        return self._run(attempt)

    def measure(self, request: bytes, *, seconds: float) -> bytes:
        """Return the reply of a measuring process to ``request`` within ``seconds``.

        No student code runs in such a process, and it is reused for the next request. Raises MeasurementFailed if there
        is no reply; then the process is closed. The request is repeated as in ``record``, and the same errors are
        raised.
        """
        outcome = self._run(lambda server, rest: self._ask(server, request, seconds))
        if outcome.ending.kind != "finished":
            raise MeasurementFailed(outcome.ending, outcome.output)
        return outcome.reply

    def _ask(self, server: ForkServer, request: bytes, seconds: float) -> tuple[Outcome, bool]:
        measurer = self._measurer(server)
        is_reusable = False
        try:
            outcome = measurer.ask(request, seconds=seconds)
            is_reusable = outcome.ending.kind == "finished"
        finally:
            if is_reusable and not self._is_closed:
                self._idle.append(measurer)
            else:
                measurer.close()
        return outcome, measurer.was_robbed

    def _measurer(self, server: ForkServer) -> ServiceProcess:
        """An idle measuring process, or a new one."""
        with suppress(IndexError):
            while True:
                waiting = self._idle.pop()
                if waiting.server is server and waiting.is_alive:
                    return waiting
                waiting.close()
        device = self._settings.get("device")
        if device == "auto":
            device = server.greeting()["devices"][0]
        allowance = self._limits.allowance() | {"cpu_seconds": None}
        if device != "cpu":
            allowance |= {"data_bytes": None, "descriptors": None}
        return ServiceProcess(server, "measure", limits=self._limits, allowance=allowance)

    def _run(self, attempt: _Attempt[T]) -> T:
        """The result of an attempt. If something else may have ended it, repeat it with nothing else running."""
        with self._turns.shared() as rest:
            result, was_robbed = self._try(attempt, rest)
        if was_robbed:
            with self._turns.alone():
                result, _ = self._try(attempt, lambda: None)
        return result

    def _try(self, attempt: _Attempt[T], rest: Callable[[], None]) -> tuple[T, bool]:
        server = self._current_server()
        with suppress(ServerLost):  # the attempt reports the same error
            server.greeting()
        result, was_robbed = attempt(server, rest)
        if result.ending.kind == "lost":
            if self._is_closed:
                raise Stopped
            server.stop(grace=0)  # a new server starts clean
        return result, was_robbed

    def _current_server(self) -> ForkServer:
        """Return the server; start a new one if the last one has died."""
        with self._lock:
            if self._is_closed:
                raise Stopped
            if self._server is None or not self._server.is_alive:
                if self._server is not None:
                    self._server.stop(grace=0)
                started, self._started = self._started, None
                self._server = started or start_server(
                    self._wish, warm=self._warm, paths=self._paths, prefix=self._prefix
                )
                self._server.configure(
                    entry=self._entry, measure=self._measure, settings=self._settings, hidden=self._hidden
                )
            return self._server
