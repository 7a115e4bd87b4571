"""The queue as the cohort's page lists it: questions and submissions to look at, each with its entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from grader.model import PART1, Report
from grader.moderation.queue import Open, Question, queue_of
from grader.report.highlighting import FoldedAnswer, fold
from grader.report.html.anonymity import Identity
from grader.report.wording import anchor

_MOST_LISTED = 1500
"""Entries of all questions together; without a key a large cohort has thousands, which nobody reads on a page."""
_TEXT_BUDGET = 600_000
"""Characters of answers that a page may hold."""
_MOST_TEXT = 3000
"""Characters of one answer that the page shows, where the budget allows it."""
_FOLDED_FROM, _SHOWN = 420, 300
_FAULTS = "The grader failed on these, which is no fault of the students. Keep this folder, report it and grade again."
_UNANSWERED = "Look for the answers in what was handed in; they may be in a file that cannot be read."
_FLAGGED = "Nothing is open here, but look at what was noticed before the marks go out."


@dataclass(frozen=True)
class Entry:
    """One thing to settle. ``available`` is None where a whole submission is to be looked at."""

    name: str
    page: str
    reasons: tuple[str, ...]
    answer: FoldedAnswer | None = None
    proposed: Decimal | None = None
    available: Decimal | None = None


@dataclass(frozen=True)
class Proposal:
    """How many entries of a question have the same mark proposed; None where none is."""

    points: Decimal | None
    count: int


@dataclass(frozen=True)
class Group:
    """Entries that are settled in the same way. ``id`` is what ``review --only`` calls them, or empty.

    ``left_out`` entries are not listed, for there are too many on the page.
    """

    id: str
    title: str
    advice: str
    entries: tuple[Entry, ...]
    left_out: int = 0
    proposals: tuple[Proposal, ...] = ()

    @property
    def count(self) -> int:
        return len(self.entries) + self.left_out


@dataclass(frozen=True)
class ListedQueue:
    """All that needs a tutor. ``results`` are open items and answers, ``submissions`` those to look at as a whole."""

    groups: tuple[Group, ...]
    results: int
    submissions: int

    @property
    def is_reviewed(self) -> bool:
        """Whether ``review`` has anything to show; it leaves alone what is only to be looked at."""
        return any(group.id for group in self.groups)


def listed_queue(reports: Iterable[Report], identity: Identity) -> ListedQueue:
    """The queue of a run in the order of :mod:`grader.moderation.queue`, faults of the grader first."""
    queue = queue_of(reports, names=identity.names)
    results = sum(len(question.entries) for question in queue.questions)
    most_text = max(_shares(list(_lengths(queue.questions)), _TEXT_BUDGET), default=0)
    groups = [
        _submissions("", "Faults of the grader", _FAULTS, queue.faults, identity, lambda one: [identity.cause(one)]),
        *_questions(queue.questions, identity, most_text),
        _submissions(
            PART1.rstrip("."),
            "No answer to Part 1 was found",
            _UNANSWERED,
            queue.unanswered,
            identity,
            lambda one: [identity.reason(one.student, one.answers[0])],
        ),
        _submissions(
            "", "Something was noticed", _FLAGGED, queue.flagged, identity, lambda one: map(identity.flag, one.flags)
        ),
    ]
    submissions = len(queue.unanswered) + len(queue.faults) + len(queue.flagged)
    return ListedQueue(tuple(group for group in groups if group.count), results, submissions)


def _questions(questions: Sequence[Question], identity: Identity, most_text: int) -> Iterator[Group]:
    rooms = _shares([len(question.entries) for question in questions], _MOST_LISTED)
    for question, room in zip(questions, rooms, strict=True):
        counts = Counter(found.result.proposed for found in question.entries)
        ordered = sorted(counts.items(), key=lambda pair: (pair[0] is None, -(pair[0] or 0)))
        yield Group(
            id=question.id.removeprefix(PART1),
            title=question.title,
            advice="",
            entries=tuple(_entry(found, identity, most_text) for found in question.entries[:room]),
            left_out=max(len(question.entries) - room, 0),
            proposals=tuple(Proposal(*pair) for pair in ordered),
        )


def _lengths(questions: Iterable[Question]) -> Iterator[int]:
    """Characters that the answers would have on the page if there were room."""
    for question in questions:
        for found in question.entries:
            if found.result.answer is not None:
                yield min(len(found.result.answer.text), _MOST_TEXT)


def _shares(wanted: Sequence[int], room: int) -> list[int]:
    """As much of ``room`` for each as it wants, and where that is too much, equal shares of what small ones leave."""
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
        folded = fold(text, result.answer.spans, folded_from=_FOLDED_FROM, shown=_SHOWN, most=most_text)
    reason = identity.reason(report.student, result)
    return Entry(
        name=identity.name(report.student),
        page=f"{page}#{anchor(result)}" if page else "",
        reasons=(reason,) if reason else (),
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
    told: Callable[[Report], Iterable[str]],
) -> Group:
    ordered = sorted(reports, key=lambda report: identity.name(report.student))
    entries = tuple(
        Entry(
            name=identity.name(report.student),
            page=identity.page(report.student),
            reasons=tuple(reason for reason in told(report) if reason),
        )
        for report in ordered
    )
    return Group(id, title, advice, entries)
