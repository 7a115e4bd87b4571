"""The pool that the grading pipeline talks to: evidence for a job, from a warm server that is replaced when it dies."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from grader.evidence import Ending, Evidence
from grader.model import DataFiles, Job, UsageFault
from grader.sandbox.forkserver import ForkServer, ServerLost
from grader.sandbox.level import Level, Wish, level_of
from grader.sandbox.limits import Limits
from grader.sandbox.observation import JudgeTraining, Observation, OnStage

WARM = ("torch", "torch.optim", "torchvision", "torchvision.datasets", "torchvision.transforms", "numpy", "nbformat")
"""What a server imports before the first submission."""
_LEAVE_SECONDS = 15.0


class Stopped(Exception):
    """The pool was closed while a submission was under way: there is no evidence, and none should be stored."""


class WorkerPool:
    """A context manager around one warm fork server; ``observe`` may be called from many threads at once.

    At most ``workers`` submissions run at a time. ``data`` is mapped by the server once, if the module of ``entry``
    ("module:function") has a ``preload``. ``warm`` names the modules that the server imports; ``paths`` are folders to
    import ``entry`` from, for tests. ``isolation`` is what the tutor asks for, ``hidden`` are places that no submission
    may see, and ``prefix`` is a command to start the server through (a container's, say). Raises UsageFault on a system
    that cannot fork.
    """

    def __init__(
        self,
        *,
        workers: int,
        limits: Limits | None = None,
        data: DataFiles | None = None,
        entry: str = "grader.worker.stages:observe",
        warm: Sequence[str] = WARM,
        paths: Sequence[str] = (),
        isolation: Wish = Wish.AUTO,
        hidden: Sequence[str] = (),
        prefix: Sequence[str] = (),
    ) -> None:
        if not (hasattr(os, "fork") and hasattr(socket, "send_fds")):
            raise UsageFault("the grader needs Linux or macOS to run submissions; on Windows, use it inside WSL")
        self._limits = limits or Limits()
        self._data, self._entry, self._warm, self._paths = data, entry, tuple(warm), tuple(paths)
        self._wish, self._hidden, self._prefix = isolation, tuple(hidden), tuple(prefix)
        self._turns = _Turns(workers)
        self._lock = threading.Lock()
        self._server: ForkServer | None = None
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

    def observe(self, job: Job, *, judge_training: JudgeTraining, on_stage: OnStage = lambda stage: None) -> Evidence:
        """Run the stages on one submission and return complete evidence, whatever the submission does.

        ``judge_training`` is called with each training record and its held-out log-probabilities, in this thread, and
        ``on_stage`` with the name of each stage as it begins. When the server is lost under a submission it is tried
        again, alone, from the first stage: only what happens then is believed, so that a submission that kills the
        server costs its neighbours some time and nothing else.
        Raises GraderFault or UsageFault when no server can be started, Stopped when the pool is closed meanwhile.
        """
        with self._turns.shared():
            evidence = self._attempt(job, judge_training, on_stage)
        if evidence.ending.kind == "lost":
            with self._turns.alone():
                evidence = self._attempt(job, judge_training, on_stage)
        return evidence

    def _attempt(self, job: Job, judge_training: JudgeTraining, on_stage: OnStage) -> Evidence:
        server = self._current_server()
        try:
            server.greeting()
            observation = Observation(
                job, server=server, limits=self._limits, judge_training=judge_training, on_stage=on_stage
            )
            evidence = observation.run()
        except ServerLost as problem:
            evidence = Evidence(Ending("lost", "load", str(problem)))
        if evidence.ending.kind == "lost":
            if self._is_closed:
                raise Stopped
            server.stop(grace=0)  # whatever it was, a new one starts clean
        return evidence

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
                    warm=self._warm,
                    data=self._data,
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
