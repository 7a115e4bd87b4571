"""The queue of a run: every open item and answer that waits for a tutor, question by question."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from grader.model import Report, Result, Status
from grader.storage.json_files import encodable


@dataclass(frozen=True)
class Open:
    """One item or answer of one student that waits for a tutor."""

    report: Report
    result: Result


@dataclass(frozen=True)
class Question:
    """All entries of one item, in an order that is always the same and reveals nothing about the students."""

    id: str
    title: str
    entries: tuple[Open, ...]


@dataclass(frozen=True)
class Queue:
    """All that needs a tutor: what is open, and what students have asked to look at again.

    ``unanswered`` are submissions in which no answer to Part 1 could be read: one question about the submission instead
    of one for each part. ``faults`` are submissions on which the grader itself failed. ``flagged`` are those with
    nothing open, and with a flag that nobody has looked at.
    """

    questions: tuple[Question, ...]
    unanswered: tuple[Report, ...]
    faults: tuple[Report, ...]
    flagged: tuple[Report, ...]

    @property
    def count(self) -> int:
        """Items and answers that wait, and submissions to look at."""
        listed = sum(len(question.entries) for question in self.questions)
        return listed + len(self.unanswered) + len(self.faults) + len(self.flagged)


def is_open(result: Result) -> bool:
    """Whether a tutor has to settle this result."""
    return result.status is Status.NEEDS_REVIEW


def is_waiting(result: Result) -> bool:
    """Whether it is open, or its student has asked to look at it again."""
    return is_open(result) or result.asked is not None


def is_fault(report: Report) -> bool:
    """Whether the grader itself failed on the submission."""
    return any(item.status is Status.ERROR for item in report.code_results)


def is_flagged(report: Report) -> bool:
    """Whether nothing is open except a flag that nobody has looked at; for unread answers see ``unanswered``."""
    results = report.code_results if has_no_answers(report) else report.results
    return bool(report.new_flags) and not is_fault(report) and not any(map(is_open, results))


def queue_of(
    reports: Iterable[Report],
    *,
    is_wanted: Callable[[Result], bool] = is_waiting,
    names: Mapping[str, str] | None = None,
) -> Queue:
    """The queue of a run, questions in the order of the rubric. ``is_wanted`` may include settled results.

    With pseudonyms, ``names``, the order within a question does not depend on the students' own names.
    """
    open_entries: dict[str, list[Open]] = {}
    titles: dict[str, str] = {}
    unanswered, faults, flagged = [], [], []
    for report in reports:
        if is_fault(report):
            faults.append(report)
            continue
        is_unanswered = has_no_answers(report)
        results = report.code_results if is_unanswered else report.results
        waiting = [result for result in results if is_wanted(result)]
        for result in results:
            titles.setdefault(result.id, result.title)
        for result in waiting:
            open_entries.setdefault(result.id, []).append(Open(report, result))
        if is_unanswered:
            unanswered.append(report)
        if is_flagged(report):
            flagged.append(report)
    questions = tuple(
        Question(id, title, tuple(sorted(open_entries[id], key=lambda entry: _shuffled(entry, names))))
        for id, title in titles.items()
        if id in open_entries
    )
    return Queue(questions, tuple(unanswered), tuple(faults), tuple(flagged))


def has_no_answers(report: Report) -> bool:
    """Whether the rubric has Part 1, no answer to it was found, and no tutor has decided on one."""
    return bool(report.answer_results) and all(
        is_open(result)
        and not result.is_disputed
        and result.proposed is None
        and not (result.answer and result.answer.text)
        for result in report.answer_results
    )


def _shuffled(entry: Open, names: Mapping[str, str] | None) -> str:
    name = entry.report.student if names is None else names[entry.report.student]
    return hashlib.sha256(encodable(f"{entry.result.id}\n{name}").encode()).hexdigest()
