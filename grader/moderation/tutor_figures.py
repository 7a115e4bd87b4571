"""What each tutor did on a run: how many decisions, in what time, and how far from what the grader proposed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from grader.model import Decision
from grader.moderation.decisions import Decisions

BREAK_MINUTES = 5.0
"""A longer time between two decisions of a tutor is a break and does not count."""


@dataclass(frozen=True)
class TutorFigures:
    """The decisions of a tutor; None where there is nothing to compute from.

    ``minutes`` are the times between one decision and the next without breaks, so those before the first are missing.
    ``accepted`` is the share (0..1) of proposals and settled marks that kept their points, ``change`` the mean
    difference to them in points. Both leave out audits, in which the grader's mark was not shown.
    """

    tutor: str
    count: int
    minutes: float
    accepted: float | None
    change: Decimal | None


def tutor_figures(decisions: Decisions) -> list[TutorFigures]:
    """The figures of each tutor who decided, in the order of the names."""
    by_tutor: defaultdict[str, list[Decision]] = defaultdict(list)
    for entry in decisions.entries:
        if entry.new is not None:
            by_tutor[entry.author].append(entry)
    return [_figures(tutor, made) for tutor, made in sorted(by_tutor.items())]


def _figures(tutor: str, made: Sequence[Decision]) -> TutorFigures:
    changes = [
        entry.new - entry.old for entry in made if entry.new is not None and entry.old is not None and not entry.audit
    ]
    return TutorFigures(
        tutor,
        count=len(made),
        minutes=_minutes(made),
        accepted=changes.count(Decimal(0)) / len(changes) if changes else None,
        change=sum(changes, Decimal(0)) / len(changes) if changes else None,
    )


def _minutes(made: Sequence[Decision]) -> float:
    times = sorted(time for entry in made if (time := _time(entry.time)) is not None)
    between = ((after - before).total_seconds() / 60 for before, after in pairwise(times))
    return sum(minutes for minutes in between if minutes <= BREAK_MINUTES)


def _time(text: str) -> datetime | None:
    """The time of a decision; None for one that was edited by hand and is not a time with its zone."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else None
