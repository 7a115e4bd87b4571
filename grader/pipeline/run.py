"""What all submissions of one run share, and what they add up to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from grader import __version__
from grader.model import Run
from grader.moderation.decisions import Decisions
from grader.pipeline.settings import RunSettings
from grader.pipeline.workers import Workers

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Totals:
    """How many submissions ended up how, and wall seconds by stage. Totals of several submissions are their sum."""

    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def one(cls, what: str) -> Totals:
        """One submission that ended up so."""
        return cls({what: 1})

    def __add__(self, other: Totals) -> Totals:
        return Totals(_sum(self.counts, other.counts), _sum(self.seconds, other.seconds))


def _sum(first: Mapping[str, Number], second: Mapping[str, Number]) -> dict[str, Number]:
    return {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}


NOTHING = Totals()


@dataclass(frozen=True)
class RunContext:
    """The settings of a run, the tutors' decisions, a temporary folder, and the workers where there are any."""

    settings: RunSettings
    decisions: Decisions
    scratch: Path
    workers: Workers | None = None
    started: str = field(default_factory=lambda: _now())
    clock: float = field(default_factory=time.perf_counter)
    """When it was started, in seconds of this process."""

    def facts(self, totals: Totals = NOTHING, *, is_finished: bool = False) -> Run:
        """The facts about this run, so far."""
        settings, workers = self.settings, self.workers
        key = settings.answer_key if settings.rubric.part1 else None
        return Run(
            grader_version=__version__,
            started=self.started,
            finished=_now() if is_finished else "",
            seconds=round(time.perf_counter() - self.clock, 3),
            rubric_title=settings.rubric.title,
            rubric_revision=settings.rubric.revision,
            data=settings.data.name,
            data_note=settings.data.note,
            device=workers.device if workers is not None else "",
            isolation=workers.isolation if workers is not None else "no student code was run",
            seeds=settings.training.seeds,
            jobs=settings.jobs,
            versions=workers.versions if workers is not None else {},
            source=str(settings.path),
            counts=dict(totals.counts),
            timing={stage: round(spent, 3) for stage, spent in totals.seconds.items()},
            key_revision=key.revision if key is not None else "",
            bands=settings.training.bands,
            shows_full_answers=settings.shows_full_answers,
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
