"""What waits for a tutor in a run: every open item and answer, question by question. Nothing is decided here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from grader.model import Report, Result, Status
from grader.storage.json_files import encodable


@dataclass(frozen=True)
class Open:
    """One item or answer of one student that a tutor has to settle."""

    report: Report
    result: Result


@dataclass(frozen=True)
class Question:
    """All that is open of one item, in an order that is the same each time and tells nothing about the students."""

    id: str
    title: str
    entries: tuple[Open, ...]


@dataclass(frozen=True)
class Queue:
    """What is open. ``unanswered`` are submissions in which no answer to Part 1 was found at all, which are one
    question about the submission rather than thirteen. ``faults`` are those that the grader itself failed on, and
    ``flagged`` those with a flag whose items are all settled.
    """

    questions: tuple[Question, ...]
    unanswered: tuple[Report, ...]
    faults: tuple[Report, ...]
    flagged: tuple[Report, ...]

    @property
    def count(self) -> int:
        """Open items and answers, and submissions to look at."""
        listed = sum(len(question.entries) for question in self.questions)
        return listed + len(self.unanswered) + len(self.faults) + len(self.flagged)


def is_open(result: Result) -> bool:
    """Whether a tutor has to settle this one."""
    return result.status is Status.NEEDS_REVIEW


def queue_of(
    reports: Iterable[Report],
    *,
    is_wanted: Callable[[Result], bool] = is_open,
    names: Mapping[str, str] | None = None,
) -> Queue:
    """The queue of a run, questions in the order of the rubric. ``is_wanted`` may ask for more than what is open.

    Where students go by other ``names`` than their own, the order within a question tells nothing about their own.
    """
    open_entries: dict[str, list[Open]] = {}
    titles: dict[str, str] = {}
    unanswered, faults, flagged = [], [], []
    for report in reports:
        if any(item.status is Status.ERROR for item in report.items):
            faults.append(report)
            continue
        is_unanswered = has_no_answers(report)
        results = report.items if is_unanswered else report.results
        waiting = [result for result in results if is_wanted(result)]
        for result in results:
            titles.setdefault(result.id, result.title)
        for result in waiting:
            open_entries.setdefault(result.id, []).append(Open(report, result))
        if is_unanswered:
            unanswered.append(report)
        if report.flags and not waiting:
            flagged.append(report)
    questions = tuple(
        Question(id, title, tuple(sorted(open_entries[id], key=lambda entry: _shuffled(entry, names))))
        for id, title in titles.items()
        if id in open_entries
    )
    return Queue(questions, tuple(unanswered), tuple(faults), tuple(flagged))


def has_no_answers(report: Report) -> bool:
    """Whether Part 1 was asked for, no answer was found anywhere, and no tutor has decided on one."""
    answers = report.answers
    return bool(answers) and all(
        one.status is Status.NEEDS_REVIEW and one.proposed is None and not (one.answer and one.answer.text)
        for one in answers
    )


def _shuffled(entry: Open, names: Mapping[str, str] | None) -> str:
    name = entry.report.student if names is None else names[entry.report.student]
    return hashlib.sha256(encodable(f"{entry.result.id}\n{name}").encode()).hexdigest()
