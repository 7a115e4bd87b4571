"""Two stored runs side by side: whose marks differ, by how much, and what that comes from.

It reads what the runs have stored; nothing is run, marked or written.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from grader.model import Decision, Report, Result, Run
from grader.moderation.decisions import Decisions, subject_digest, with_decisions
from grader.moderation.finished_run import FinishedRun


class Cause(enum.StrEnum):
    """Why a mark differs."""

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
    """One item that is marked otherwise; ``old`` or ``new`` is None where only one of the rubrics has it."""

    item: str
    old: Result | None
    new: Result | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class StudentChange:
    """A student whose marks differ: both reports with the decisions laid over, and the items."""

    old: Report
    new: Report
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs. ``only_first`` and ``only_second`` are students that the other one lacks."""

    first: FinishedRun
    second: FinishedRun
    students: tuple[StudentChange, ...]
    only_first: tuple[Report, ...]
    only_second: tuple[Report, ...]
    compared: int

    @property
    def is_different(self) -> bool:
        """Whether any student's results changed, came or went."""
        return bool(self.students or self.only_first or self.only_second)

    @property
    def change_of_sum(self) -> Decimal:
        """By how many points the marks of all students in both runs differ together."""
        return sum((one.new.awarded - one.old.awarded for one in self.students), Decimal(0))


@dataclass(frozen=True)
class _Side:
    """One student in one of the runs: the automatic report, and with the decisions laid over."""

    run: Run
    automatic: Report
    decisions: Decisions

    @property
    def report(self) -> Report:
        return with_decisions(self.automatic, self.decisions)


def compare(first: FinishedRun, second: FinishedRun) -> Comparison:
    """What differs from the first run to the second, students in the order of the first."""
    olds = {report.student: _Side(first.run, report, first.decisions) for report in first.automatic}
    news = {report.student: _Side(second.run, report, second.decisions) for report in second.automatic}
    common = [student for student in olds if student in news]
    pairs = [(olds[student], news[student]) for student in common]
    changed = [StudentChange(old.report, new.report, tuple(_changes(old, new))) for old, new in pairs]
    return Comparison(
        first,
        second,
        students=tuple(one for one in changed if one.changes),
        only_first=tuple(side.report for student, side in olds.items() if student not in news),
        only_second=tuple(side.report for student, side in news.items() if student not in olds),
        compared=len(common),
    )


def _changes(old: _Side, new: _Side) -> Iterator[Change]:
    before, after = _by_item(old.report), _by_item(new.report)
    automatic_before, automatic_after = _by_item(old.automatic), _by_item(new.automatic)
    for id in dict.fromkeys((*before, *after)):
        one, other = before.get(id), after.get(id)
        if one is None or other is None:
            side = "second" if one is None else "first"
            yield Change(id, one, other, (Reason(Cause.RUBRIC, f"only the {side} run's rubric has it"),))
        elif _mark(one) != _mark(other):
            reasons = _automatic_reasons(old, new, automatic_before[id], automatic_after[id])
            yield Change(id, one, other, (*reasons, *_decision_reasons(old, new, one, other)))


def _by_item(report: Report) -> dict[str, Result]:
    return {result.id: result for result in report.results}


def _mark(result: Result) -> tuple[object, ...]:
    return result.status, result.awarded, result.available


def _automatic_reasons(old: _Side, new: _Side, one: Result, other: Result) -> Iterator[Reason]:
    """Why the grader's own mark differs; nothing when it does not."""
    if (*_mark(one), one.proposed) == (*_mark(other), other.proposed):
        return
    found = list(_differences(old, new, one, other))
    yield from found or [Reason(Cause.OBSERVATION, "the submission was looked at once more")]


def _differences(old: _Side, new: _Side, one: Result, other: Result) -> Iterator[Reason]:
    if subject_digest(old.automatic, one) != subject_digest(new.automatic, other):
        if one.answer is not None:
            yield Reason(Cause.ANSWER, "another answer was handed in")
        else:
            yield Reason(Cause.SUBMISSION, "other files were handed in")
    if one.available != other.available:
        yield Reason(
            Cause.POINTS,
            f"the rubric gives {other.available.normalize():f} instead of {one.available.normalize():f} points",
        )
    elif old.run.rubric_revision != new.run.rubric_revision:
        yield Reason(Cause.RUBRIC, "another rubric")
    if one.answer is not None and old.run.key_revision != new.run.key_revision:
        yield Reason(Cause.KEY, _key_text(old.run, new.run))
    if old.run.grader_version != new.run.grader_version:
        yield Reason(Cause.GRADER, f"grader {new.run.grader_version} instead of {old.run.grader_version}")
    if one.answer is None and old.run.data != new.run.data:
        yield Reason(Cause.DATA, f"measured on {new.run.data} instead of {old.run.data}")


def _key_text(old: Run, new: Run) -> str:
    if not old.key_revision:
        return "marked by an answer key"
    return "another answer key" if new.key_revision else "no answer key any more"


def _decision_reasons(old: _Side, new: _Side, one: Result, other: Result) -> Iterator[Reason]:
    before, after = one.decision, other.decision
    if before == after:
        return
    if before is None and after is not None:
        yield Reason(Cause.DECISION, f"{_who(after)}")
    elif before is not None and after is None:
        still_there = _last(new.decisions, before)
        what = "does not hold for what is there now" if still_there else "was taken back"
        yield Reason(Cause.DECISION, f"the decision of {before.author} {what}")
    elif before is not None and after is not None and before.new != after.new:
        yield Reason(Cause.DECISION, f"{_who(after)}, instead of {_who(before)}")


def _who(made: Decision) -> str:
    given = made.new.normalize() if made.new is not None else Decimal(0)
    return f"{made.author} gave {given:f} ({made.reason})"


def _last(decisions: Decisions, made: Decision) -> Decision | None:
    return next((one for one in decisions.of(made.student) if one.item == made.item and one.new is not None), None)
