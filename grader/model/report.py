"""What comes of marking: each item's result, the tutor's decision on it, and a student's results together."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from grader.model.answers import MarkedAnswer
from grader.model.finding import Status
from grader.model.submission import Flag


@dataclass(frozen=True)
class Decision:
    """A tutor's decision on one item, which stands above the automatic mark and never replaces it on disk.

    ``item`` is an id of Part 2, or ``part1.`` with a part. ``old`` and ``new`` are points out of ``available``: what
    the grader gave or proposed, and what the tutor gives; without ``new`` the entry is a comment and changes no mark.
    ``digest`` names what the tutor looked at (the submission, or the answer's text); the decision holds for that alone.
    ``time`` is ISO 8601 in UTC.
    """

    student: str
    item: str
    author: str
    time: str
    reason: str
    digest: str
    available: Decimal
    old: Decimal
    new: Decimal | None = None


PART1 = "part1."
"""What the ids of the results of Part 1 begin with."""


@dataclass(frozen=True)
class Result:
    """The status and the points of one item: of the code, of its experiment, or of a written answer.

    ``id`` is that of a criterion (``structure.conv``), for a written answer ``part1.`` with its part (``part1.7c``).
    """

    id: str
    title: str
    status: Status
    awarded: Decimal
    available: Decimal
    message: str
    hint: str = ""
    expected: str = ""
    seen: str = ""
    proposed: Decimal | None = None
    """What a tutor is asked to confirm, while the status is needs_review."""
    decision: Decision | None = None
    """The tutor's decision that ``awarded`` comes from; None for an automatic mark."""
    comments: tuple[Decision, ...] = ()
    answer: MarkedAnswer | None = None
    """The written answer; None for code and its experiment."""

    @property
    def part(self) -> str:
        """The part of Part 1 that a written answer belongs to (``7c``); empty for code and its experiment."""
        return self.id.removeprefix(PART1) if self.answer is not None else ""


@dataclass(frozen=True)
class Report:
    """The results of one submission together; what is stored and rendered."""

    student: str
    status: Status
    awarded: Decimal
    available: Decimal
    results: tuple[Result, ...]
    """All that is marked, in the order of the rubric: Part 2 with its experiment, then the answers to Part 1."""
    flags: tuple[Flag, ...]
    message: str = ""
    """One sentence for the cohort table: the first cause of lost marks, or empty."""
    digest: str = ""
    """Digest of the submission's files."""
    accuracy: float | None = None
    """Held-out accuracy (0..1) of the best seed; None when no net was tested."""
    network: str = ""
    """Digest of the network that was trained, alike for all submissions that share the run."""
    unmarked: tuple[Result, ...] = ()
    """What was looked at without points: on the student's page alone, in no sum and no table."""

    @property
    def items(self) -> tuple[Result, ...]:
        """The results of Part 2 and its experiment."""
        return tuple(result for result in self.results if result.answer is None)

    @property
    def answers(self) -> tuple[Result, ...]:
        """The results of the written answers to Part 1."""
        return tuple(result for result in self.results if result.answer is not None)
