"""The queue as the cohort page lists it: questions, and submissions to look at, each with its entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from grader.model import PART1, Report
from grader.moderation.queue import Open, Question, queue_of
from grader.moderation.worklist import FLAGS
from grader.report.formats import anchor
from grader.report.highlighting import FoldedAnswer, fold
from grader.report.html.anonymity import Identity
from grader.submissions.naming import name_order

MOST_LISTED = 1500
"""Entries of all questions together, and of each other list. Without an answer key a large cohort has thousands, too
many to read on a page."""
_TEXT_BUDGET = 600_000
"""Characters of all answers on the page together."""
_MOST_TEXT = 3000
"""Characters of one answer on the page, if the budget allows it."""
_FOLDED_FROM, _SHOWN = 420, 300
_FAULTS = (
    "The grader failed on these, which is not the students' fault. Keep this folder, report the fault and grade again."
)
_UNANSWERED = "Look for the answers in the files; they may be in one that the grader cannot read."
_FLAGGED = "Nothing is open here, but a flag says that something is unusual."


@dataclass(frozen=True)
class Entry:
    """One thing to settle. ``available`` is None when the entry is about a whole submission."""

    name: tuple[str, str]
    page: str
    reasons: tuple[str, ...]
    answer: FoldedAnswer | None = None
    proposed: Decimal | None = None
    available: Decimal | None = None


@dataclass(frozen=True)
class Proposal:
    """How many entries of a question have the same points proposed. ``points`` is None for no proposal."""

    points: Decimal | None
    count: int
    is_full: bool


@dataclass(frozen=True)
class Group:
    """Entries that are settled in the same way. ``id`` is their name for ``review --only``, or empty.

    ``left_out`` counts entries that are not listed because there are too many.
    """

    id: str
    title: str
    advice: str
    entries: tuple[Entry, ...]
    left_out: int = 0
    proposals: tuple[Proposal, ...] = ()

    @property
    def count(self) -> int:
        """How many entries there are, including those that are not listed."""
        return len(self.entries) + self.left_out


@dataclass(frozen=True)
class ListedQueue:
    """All that needs a tutor. ``results`` counts open items and answers, ``submissions`` those to check as a whole."""

    groups: tuple[Group, ...]
    results: int
    submissions: int

    @property
    def is_reviewed(self) -> bool:
        """Whether ``review`` has anything to show; it never shows faults, and without names no flags."""
        return any(group.id for group in self.groups)


def listed_queue(reports: Iterable[Report], identity: Identity) -> ListedQueue:
    """The queue of a run in the order of :mod:`grader.moderation.queue`, faults of the grader first."""
    queue = queue_of(reports, names=identity.names)
    results = sum(len(question.entries) for question in queue.questions)
    most_text = max(shares(list(_lengths(queue.questions)), _TEXT_BUDGET), default=0)
    groups = [
        _submissions(
            "", "Faults of the grader", _FAULTS, queue.faults, identity, lambda report: [identity.cause(report)]
        ),
        *_questions(queue.questions, identity, most_text),
        _submissions(
            PART1.rstrip("."),
            "No answer to Part 1 could be read",
            _UNANSWERED,
            queue.unanswered,
            identity,
            lambda report: [identity.reason(report.student, report.answer_results[0])],
        ),
        _submissions(
            "" if identity.is_anonymous else FLAGS,
            "Check before release",
            _FLAGGED,
            queue.flagged,
            identity,
            lambda report: map(identity.flag, report.new_flags),
        ),
    ]
    submissions = len(queue.unanswered) + len(queue.faults) + len(queue.flagged)
    return ListedQueue(tuple(group for group in groups if group.count), results, submissions)


def _questions(questions: Sequence[Question], identity: Identity, most_text: int) -> Iterator[Group]:
    rooms = shares([len(question.entries) for question in questions], MOST_LISTED)
    for question, room in zip(questions, rooms, strict=True):
        available = question.entries[0].result.available
        counts = Counter(found.result.proposed for found in question.entries)
        ordered = sorted(counts.items(), key=lambda pair: (pair[0] is None, -(pair[0] or 0)))
        yield Group(
            id=question.id.removeprefix(PART1),
            title=question.title,
            advice="",
            entries=tuple(_entry(found, identity, most_text) for found in question.entries[:room]),
            left_out=max(len(question.entries) - room, 0),
            proposals=tuple(Proposal(points, count, points == available) for points, count in ordered),
        )


def _lengths(questions: Iterable[Question]) -> Iterator[int]:
    """Characters of each answer on the page if there were enough room for all."""
    for question in questions:
        for found in question.entries:
            if found.result.answer is not None:
                yield min(len(found.result.answer.text), _MOST_TEXT)


def shares(wanted: Sequence[int], room: int) -> list[int]:
    """Divide ``room``: each gets what it wants; if that is too much, the large ones share equally what is left."""
    shares = [0] * len(wanted)
    by_size = sorted(range(len(wanted)), key=lambda at: wanted[at])
    for done, at in enumerate(by_size):
        shares[at] = min(wanted[at], room // (len(wanted) - done))
        room -= shares[at]
    return shares


def _entry(found: Open, identity: Identity, most_text: int) -> Entry:
    report, result = found.report, found.result
    page, folded = identity.page(report.student), None
    if result.answer is not None and result.answer.text:
        text = identity.answer(report.student, result.answer.text)
        folded = fold(
            text, result.answer.spans, result.answer.against, folded_from=_FOLDED_FROM, shown=_SHOWN, most=most_text
        )
    reasons = [identity.reason(report.student, result)]
    if result.asked is not None:
        words = identity.remark(report.student, result.asked.reason)
        reasons.insert(0, f"The student asks to look at this again: {words}")
    return Entry(
        name=identity.name(report.student),
        page=f"{page}#{anchor(result)}" if page else "",
        reasons=tuple(filter(None, reasons)),
        answer=folded,
        proposed=result.proposed,
        available=result.available,
    )


def _submissions(
    id: str,
    title: str,
    advice: str,
    reports: Iterable[Report],
    identity: Identity,
    reasons_of: Callable[[Report], Iterable[str]],
) -> Group:
    ordered = sorted(reports, key=lambda report: name_order(identity.name(report.student)[0]))
    entries = tuple(
        Entry(
            name=identity.name(report.student),
            page=identity.page(report.student),
            reasons=tuple(reason for reason in reasons_of(report) if reason),
        )
        for report in ordered[:MOST_LISTED]
    )
    return Group(id, title, advice, entries, left_out=len(ordered) - len(entries))
