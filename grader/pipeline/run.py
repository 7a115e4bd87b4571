"""The context that all submissions of a run share, and the totals of a run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

from grader import __version__
from grader.model import UNKNOWN, Canary, Report, Run, ShardOfRun, device_text
from grader.model.shared_values import SharedValues
from grader.moderation.decisions import Decisions, with_decisions
from grader.moderation.finished_run import Neighbours, neighbours
from grader.moderation.lateness import LateWork
from grader.pipeline.canary import CanaryRun
from grader.pipeline.settings import AUTO, RunSettings
from grader.pipeline.workers import WorkersOnDemand
from grader.reading import Readers
from grader.sandbox.level import shortfall, weakest

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Totals:
    """Counts of submissions by outcome, seconds by stage, the lowest isolation level under which code was run, and the
    canary that the evidence was measured with if it was outside the stored range.

    The totals of several submissions are their sum.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    isolation: str = ""
    canary: Canary = UNKNOWN

    @classmethod
    def one(cls, what: str) -> Totals:
        """Totals of one submission with this outcome."""
        return cls({what: 1})

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            _sum(self.counts, other.counts),
            _sum(self.seconds, other.seconds),
            weakest(self.isolation, other.isolation),
            self.canary + other.canary,
        )


def _sum(first: Mapping[str, Number], second: Mapping[str, Number]) -> dict[str, Number]:
    return {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}


NOTHING = Totals()


@dataclass(frozen=True)
class RunContext:
    """The settings of a run, its students in order, the tutors' decisions, what reads submissions, the workers, which
    run their code, the canary, and the late policy.

    ``shard`` is the part of the cohort that is graded; None for all of it.
    """

    settings: RunSettings
    students: tuple[str, ...]
    decisions: Decisions
    readers: Readers
    workers: WorkersOnDemand
    canary: CanaryRun
    late: LateWork = LateWork()  # noqa: RUF009  # frozen
    before: Run | None = None
    """The facts about the run that this one continues."""
    shard: ShardOfRun | None = None
    shared: SharedValues = field(default_factory=SharedValues, repr=False)
    """What the reports of all submissions have in common."""
    started: str = field(default_factory=lambda: _now())
    clock: float = field(default_factory=time.perf_counter)
    """The start time by ``time.perf_counter``."""

    @cached_property
    def neighbours(self) -> Mapping[str, Neighbours]:
        """Who is before and after each student, if all of them take part in the run."""
        return neighbours(self.students)

    def facts(self, totals: Totals = NOTHING, *, is_finished: bool = False) -> Run:
        """The facts about this run at this moment."""
        settings, workers = self.settings, self.workers.opened
        isolation = weakest(totals.isolation, workers.isolation if workers is not None else "")
        key = settings.answer_key if settings.rubric.part1 else None
        device, versions, canary = self._machine()
        return Run(
            grader_version=__version__,
            started=self.started,
            finished=_now() if is_finished else "",
            seconds=round(time.perf_counter() - self.clock, 3),
            rubric_title=settings.rubric.title,
            rubric_revision=settings.rubric.revision,
            data=settings.data.name,
            device=device,
            isolation=isolation if workers is not None or shortfall(isolation) else "no student code was run",
            jobs=settings.jobs,
            versions=versions,
            source=str(settings.path),
            submissions=len(self.students),
            counts=dict(totals.counts),
            timing={stage: round(spent, 3) for stage, spent in totals.seconds.items()},
            key_revision=key.revision if key is not None else "",
            bands=settings.training.bands,
            canary=totals.canary + canary,
            shows_full_answers=settings.shows_full_answers,
            late=settings.late,
            shard=self.shard,
            machines=workers.machines if workers is not None else {},
        )

    def _machine(self) -> tuple[str, dict[str, str], Canary]:
        """Device, versions and canary: of the workers, or if none was needed, of the run that made the evidence."""
        workers, before = self.workers.opened, self.before
        if workers is not None:
            is_for_all = self.settings.device != AUTO and not self.settings.selection.students
            kept = before.devices if before is not None and len(before.devices) > 1 and not is_for_all else frozenset()
            return device_text(workers.devices | kept), workers.versions, self.canary.so_far()
        if before is not None:  # evidence says itself if its canary was outside
            return before.device, before.versions, UNKNOWN if before.canary.is_outside else before.canary
        return "", {}, UNKNOWN

    def finished(self, report: Report) -> Report:
        """The automatic ``report`` with the tutors' decisions and its lateness, in little memory."""
        return self.late.on(with_decisions(self.shared.report(report), self.decisions))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
