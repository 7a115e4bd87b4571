"""Compares two stored runs: whose marks differ, by how much, and for which cause."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from grader.model import Decision, Report, Result, Run
from grader.moderation.decisions import Decisions, subject_digest, with_decisions
from grader.moderation.finished_run import FinishedRun


class Cause(enum.StrEnum):
    """A cause of a difference between two marks."""

    SUBMISSION = "submission"
    ANSWER = "answer"
    POINTS = "points"
    RUBRIC = "rubric"
    KEY = "key"
    GRADER = "grader"
    DATA = "data"
    OBSERVATION = "observation"
    DECISION = "decision"


@dataclass(frozen=True)
class Reason:
    """One cause of a difference, and a sentence on it."""

    cause: Cause
    text: str


@dataclass(frozen=True)
class Change:
    """One item whose mark differs; ``old`` or ``new`` is None when only one of the rubrics has the item."""

    item: str
    old: Result | None
    new: Result | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class StudentChange:
    """A student whose marks differ: both reports with decisions applied, and the changed items."""

    old: Report
    new: Report
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Outcome:
    """A student's request that a tutor answered: the report, and its result in the second run."""

    report: Report
    result: Result


@dataclass(frozen=True)
class Comparison:
    """The differences between two runs. ``only_first`` and ``only_second`` are reports of students in one run only.

    ``outcomes`` are of the requests that were answered in the second run and not in the first. Not every one changed a
    mark.
    """

    first: FinishedRun
    second: FinishedRun
    students: tuple[StudentChange, ...]
    only_first: tuple[Report, ...]
    only_second: tuple[Report, ...]
    compared: int
    outcomes: tuple[Outcome, ...]

    @property
    def is_different(self) -> bool:
        """Whether any student's results changed, or a student is in one run only."""
        return bool(self.students or self.only_first or self.only_second)

    @property
    def change_of_sum(self) -> Decimal:
        """Sum of the differences in points over all students in both runs."""
        return sum((student.new.awarded - student.old.awarded for student in self.students), Decimal(0))


@dataclass(frozen=True)
class _Side:
    """One student in one of the runs: the automatic report, and the report with decisions applied."""

    run: Run
    automatic: Report
    decisions: Decisions

    @property
    def report(self) -> Report:
        return with_decisions(self.automatic, self.decisions)


def compare(first: FinishedRun, second: FinishedRun) -> Comparison:
    """The differences from the first run to the second, students in the order of the first."""
    olds = {report.student: _Side(first.run, report, first.decisions) for report in first.automatic}
    news = {report.student: _Side(second.run, report, second.decisions) for report in second.automatic}
    common = [student for student in olds if student in news]
    pairs = [(olds[student], news[student]) for student in common]
    changed = [StudentChange(old.report, new.report, tuple(_changes(old, new))) for old, new in pairs]
    return Comparison(
        first,
        second,
        students=tuple(student for student in changed if student.changes),
        only_first=tuple(side.report for student, side in olds.items() if student not in news),
        only_second=tuple(side.report for student, side in news.items() if student not in olds),
        compared=len(common),
        outcomes=tuple(outcome for old, new in pairs for outcome in _outcomes(old.report, new.report)),
    )


def _outcomes(old: Report, new: Report) -> Iterator[Outcome]:
    before = {result.id: result.answered for result in old.results}
    for result in new.results:
        if result.answered is not None and result.answered != before.get(result.id):
            yield Outcome(new, result)


def _changes(old: _Side, new: _Side) -> Iterator[Change]:
    before, after = _by_item(old.report), _by_item(new.report)
    automatic_before, automatic_after = _by_item(old.automatic), _by_item(new.automatic)
    for id in dict.fromkeys((*before, *after)):
        was, now = before.get(id), after.get(id)
        if was is None or now is None:
            side = "second" if was is None else "first"
            yield Change(id, was, now, (Reason(Cause.RUBRIC, f"only the rubric of the {side} run has this item"),))
        elif _mark(was) != _mark(now):
            reasons = _automatic_reasons(old, new, automatic_before[id], automatic_after[id])
            yield Change(id, was, now, (*reasons, *_decision_reasons(new, was, now)))


def _by_item(report: Report) -> dict[str, Result]:
    return {result.id: result for result in report.results}


def _mark(result: Result) -> tuple[object, ...]:
    return result.status, result.awarded, result.available


def _automatic_reasons(old: _Side, new: _Side, was: Result, now: Result) -> Iterator[Reason]:
    """Why the automatic mark differs; empty when it does not."""
    if (*_mark(was), was.proposed) == (*_mark(now), now.proposed):
        return
    found = list(_differences(old, new, was, now))
    yield from found or [Reason(Cause.OBSERVATION, "the submission was observed again")]


def _differences(old: _Side, new: _Side, was: Result, now: Result) -> Iterator[Reason]:
    if subject_digest(old.automatic, was) != subject_digest(new.automatic, now):
        if was.answer is not None:
            yield Reason(Cause.ANSWER, "a different answer was handed in")
        else:
            yield Reason(Cause.SUBMISSION, "different files were handed in")
    if was.available != now.available:
        yield Reason(
            Cause.POINTS,
            f"the rubric gives {now.available.normalize():f} instead of {was.available.normalize():f} points",
        )
    elif old.run.rubric_revision != new.run.rubric_revision:
        yield Reason(Cause.RUBRIC, "a different rubric")
    if was.answer is not None and old.run.key_revision != new.run.key_revision:
        yield Reason(Cause.KEY, _key_text(old.run, new.run))
    if old.run.grader_version != new.run.grader_version:
        yield Reason(Cause.GRADER, f"grader {new.run.grader_version} instead of {old.run.grader_version}")
    if was.answer is None and old.run.data != new.run.data:
        yield Reason(Cause.DATA, f"measured on {new.run.data} instead of {old.run.data}")


def _key_text(old: Run, new: Run) -> str:
    if not old.key_revision:
        return "marked with an answer key"
    return "a different answer key" if new.key_revision else "marked without an answer key"


def _decision_reasons(new: _Side, was: Result, now: Result) -> Iterator[Reason]:
    before, after = was.decision, now.decision
    if before == after:
        return
    if now.is_disputed:
        yield Reason(Cause.DECISION, f"tutors differ: {', '.join(map(_who, now.readings))}")
    elif before is None and after is not None:
        yield Reason(Cause.DECISION, f"{_who(after)}")
    elif before is not None and after is None:
        still_there = _last(new.decisions, before)
        what = "does not apply to this submission" if still_there else "was removed"
        yield Reason(Cause.DECISION, f"the decision of {before.author} {what}")
    elif before is not None and after is not None and before.new != after.new:
        yield Reason(Cause.DECISION, f"{_who(after)}, instead of {_who(before)}")


def _who(made: Decision) -> str:
    assert made.new is not None, "a comment is never the decision on a result"
    return f"{made.author} gave {made.new.normalize():f} ({made.reason})"


def _last(decisions: Decisions, made: Decision) -> Decision | None:
    own = (entry for entry in decisions.of(made.student) if entry.item == made.item)
    return next((entry for entry in own if entry.new is not None), None)
