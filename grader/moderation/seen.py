"""The marks of a run as one of several tutors sees them.

An entry that was dealt to two tutors looks untouched to each of them until he has decided himself, whoever is first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from grader.model import Decision, Report
from grader.moderation.dealing import Deal, dealt
from grader.moderation.decisions import Decisions, subject_digest, with_decisions
from grader.storage.json_files import encodable

Place = tuple[str, str]
"""A student and an item."""
_READERS = 2


@dataclass(frozen=True)
class Share:
    """What was dealt to ``tutor``. ``twice`` has the digest and the points of what was dealt to another tutor too."""

    tutor: str
    own: frozenset[Place]
    twice: Mapping[Place, tuple[str, Decimal]]

    def hidden(self, decisions: Decisions) -> frozenset[Place]:
        """Where the tutor may not see what others decided: he has not decided there, and no two others have.

        A student's request ends this, because its words may say what was decided.
        """
        authors: defaultdict[Place, set[str]] = defaultdict(set)
        asked: set[Place] = set()
        for entry in decisions.entries:
            place = entry.student, entry.item
            if entry.request:
                asked.add(place)
            elif entry.new is not None and self.twice.get(place) == (entry.digest, entry.available):
                authors[place].add(entry.author)
        return frozenset(
            place
            for place in self.twice
            if place not in asked and self.tutor not in authors[place] and len(authors[place]) < _READERS
        )


def shares_of(deal: Deal, automatic: Sequence[Report]) -> dict[str, Share]:
    """The share of each tutor; ``automatic`` are the reports without decisions."""
    own: dict[str, set[Place]] = {tutor: set() for tutor in deal.tutors}
    twice: dict[str, dict[Place, tuple[str, Decimal]]] = {tutor: {} for tutor in deal.tutors}
    for report, result, readers in dealt(deal, automatic):
        place = encodable(report.student), encodable(result.id)
        for tutor in readers:
            own[tutor].add(place)
            if len(readers) > 1:
                twice[tutor][place] = subject_digest(report, result), result.available
    return {tutor: Share(tutor, frozenset(own[tutor]), twice[tutor]) for tutor in deal.tutors}


def left_to_read(shares: Iterable[Share], decisions: Decisions) -> dict[Place, list[str]]:
    """What a tutor has decided and others have still to read blind, with these others."""
    decided = {(entry.student, entry.item) for entry in decisions.entries if entry.new is not None}
    left: dict[Place, list[str]] = {}
    for share in shares:
        for place in decided & share.hidden(decisions):
            left.setdefault(place, []).append(share.tutor)
    return left


class Marks(Protocol):
    """The marks of a run, as somebody sees them."""

    @property
    def reports(self) -> tuple[Report, ...]:
        """All reports of the run, with the decisions applied."""

    @property
    def decisions(self) -> Decisions:
        """The decisions and comments that are applied."""

    def report(self, student: str) -> Report:
        """The report on a student. Raises KeyError for one that the run does not have."""


class Seen:
    """The ``marks`` without what is hidden from the tutor with this ``share``; ``automatic`` are reports by student."""

    def __init__(self, marks: Marks, automatic: Mapping[str, Report], share: Share) -> None:
        self._marks = marks
        self._automatic = automatic
        self._share = share
        self._made_from: Decisions | None = None
        self._decisions = Decisions()
        self._other: dict[str, Report] = {}
        """Reports that look different to this tutor."""

    @property
    def decisions(self) -> Decisions:
        """The decisions and comments that the tutor may see."""
        self._update()
        return self._decisions

    @property
    def reports(self) -> tuple[Report, ...]:
        """All reports of the run as the tutor sees them."""
        self._update()
        return tuple(self._other.get(report.student, report) for report in self._marks.reports)

    def report(self, student: str) -> Report:
        """The report on a student as the tutor sees it. Raises KeyError for one that the run does not have."""
        self._update()
        return self._other.get(student) or self._marks.report(student)

    def _update(self) -> None:
        made = self._marks.decisions
        if made is self._made_from:
            return
        hidden = self._share.hidden(made)

        def is_hidden(entry: Decision) -> bool:
            return (entry.student, entry.item) in hidden and entry.author != self._share.tutor

        students = {entry.student for entry in made.entries if is_hidden(entry)}
        self._made_from = made
        self._decisions = (
            Decisions(tuple(entry for entry in made.entries if not is_hidden(entry))) if students else made
        )
        self._other = {
            student: with_decisions(report, self._decisions)
            for student, report in self._automatic.items()
            if encodable(student) in students
        }
