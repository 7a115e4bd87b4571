"""The outcome of marking: results of items, tutors' decisions on them, and reports on students."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from grader.model.answers import MarkedAnswer
from grader.model.finding import Status, require_cause
from grader.model.lateness import Lateness
from grader.model.origin import UNSTATED, Origin
from grader.model.submission import Flag


@dataclass(frozen=True)
class Decision:
    """A tutor's decision on one item. It overrides the automatic mark, but never replaces it on disk.

    ``item`` is an id of Part 2, or ``part1.`` with a part. ``old`` and ``new`` are points out of ``available``: what
    the grader gave or proposed (None: it proposed nothing), and what the tutor gives. An entry without ``new`` is a
    comment and changes no mark. ``digest`` identifies what the tutor looked at (the submission, or the answer's text);
    the decision applies only to that. ``time`` is ISO 8601 in UTC. ``audit``: the grader had settled the item, and the
    tutor marked it without seeing the grader's mark.

    A ``request`` has no ``new`` either: its ``reason`` are the student's words, its ``author`` is the tutor who brought
    it, and its ``old`` is the mark that it is about; None if the item was open.

    An entry whose ``item`` is ``flag.`` with a flag's id has no ``new``: its author has looked at the flag.
    """

    student: str
    item: str
    author: str
    time: str
    reason: str
    digest: str
    available: Decimal
    old: Decimal | None = None
    new: Decimal | None = None
    audit: bool = False
    like: str = ""
    """The student whose equal entry the tutor looked at, if not this one's. It is never shown to students."""
    request: bool = False
    second: bool = False
    """Whether another tutor had decided, and this one did not see it."""

    @property
    def flag(self) -> str:
        """The id of the flag that the author has looked at; empty for an entry on an item."""
        return flag_in(self.item)


PART1 = "part1."
"""Prefix of the ids of results of Part 1."""
FLAG = "flag."
"""Prefix of what stands for a flag where others name an item."""


def flag_in(item: str) -> str:
    """The id of the flag that ``item`` stands for; empty if it is the id of a result."""
    return item.removeprefix(FLAG) if item.startswith(FLAG) else ""


@dataclass(frozen=True, slots=True)
class Result:
    """The status and points of one item: of the code, of the experiment, or of a written answer.

    ``id`` is that of a criterion (``structure.conv``), or ``part1.`` with the part of a written answer (``part1.7c``).
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
    """The points that a tutor is asked to confirm, if the status is needs_review."""
    decision: Decision | None = None
    """The tutor's decision from which ``awarded`` comes; None for an automatic mark."""
    comments: tuple[Decision, ...] = ()
    readings: tuple[Decision, ...] = ()
    """The decisions of tutors who did not see each other's, if there are several. If they differ, the result waits for
    a further decision."""
    answer: MarkedAnswer | None = None
    """The written answer; None for code and experiment."""
    cause: str = ""
    """The id of the item that left this one unassessed, if the status is skipped; otherwise empty."""
    told: str = ""
    """What the student is told beside a tutor's decision that confirms the grader's mark. It differs from ``message``
    if the item waited, because then ``message`` is to the tutor."""
    asked: Decision | None = None
    """The student's last request to look at this again, while no tutor has decided since. It changes no mark."""
    answered: Decision | None = None
    """The student's last request before ``decision``, which answers it."""

    def __post_init__(self) -> None:
        require_cause(self.status, self.cause)

    @property
    def is_disputed(self) -> bool:
        """Whether tutors decided differently, and nobody has settled it."""
        return bool(self.readings) and self.decision is None

    @property
    def part(self) -> str:
        """The part of Part 1 that a written answer belongs to (``7c``); empty for code and experiment."""
        return self.id.removeprefix(PART1) if self.answer is not None else ""


@dataclass(frozen=True)
class Report:
    """The results of one submission together; this is what is stored and rendered."""

    student: str
    status: Status
    awarded: Decimal
    available: Decimal
    results: tuple[Result, ...]
    """All marked items in the order of the rubric: Part 2 with its experiment, then the answers to Part 1."""
    flags: tuple[Flag, ...]
    message: str = ""
    """One sentence for the cohort page: the first cause of lost marks, or empty."""
    digest: str = ""
    """Digest of the submission's files."""
    accuracies: tuple[float, ...] = ()
    """Held-out accuracies (0..1) of the training runs of the network, in their order."""
    network: str = ""
    """Digest of the network that was trained, the same for all submissions that share the training run."""
    unmarked: tuple[Result, ...] = ()
    """Results that carry no points: only on the student's page, in no sum and no table."""
    origin: Origin = UNSTATED
    lateness: Lateness | None = None
    """What the run's late policy says; None without a policy. ``awarded`` never includes it. It is not stored."""
    looks: tuple[Decision, ...] = ()
    """Who has looked at which flag: the first entry on each that applies. They are not stored with the report."""

    def look(self, flag: str) -> Decision | None:
        """Who has looked at the flags with this id; None if nobody has."""
        return next((look for look in self.looks if look.flag == flag), None)

    @property
    def new_flags(self) -> tuple[Flag, ...]:
        """The flags that no tutor has looked at."""
        return tuple(flag for flag in self.flags if self.look(flag.id) is None)

    @property
    def deduction(self) -> Decimal | None:
        """The points that the late policy takes away: at most those awarded; None while a tutor has to decide."""
        if self.lateness is None:
            return Decimal(0)
        late = self.lateness.deduction
        return None if late is None else min(late, self.awarded)

    @property
    def name(self) -> str:
        """The name to show: the platform's for the student, or else the name of the folder or file."""
        return self.origin.name or self.student

    @property
    def accuracy(self) -> float | None:
        """The best of the accuracies; None when no network was tested."""
        return max(self.accuracies, default=None)

    @property
    def code_results(self) -> tuple[Result, ...]:
        """The results of Part 2: of the code and of the experiment."""
        return tuple(result for result in self.results if result.answer is None)

    @property
    def answer_results(self) -> tuple[Result, ...]:
        """The results of the written answers to Part 1."""
        return tuple(result for result in self.results if result.answer is not None)
