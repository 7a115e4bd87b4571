"""From evidence and answers to a report: a pure function of the submission, both of them, the rubric and a judge.

Nothing is run, read or written here, so a mark can be computed again whenever the rubric changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from grader.answers.own_net import notes
from grader.answers.results import Judge, mark_sheet, wait_for_marking
from grader.checks import find
from grader.checks.training import best_accuracy
from grader.conduct import ALL, Conduct, conduct
from grader.evidence import Evidence
from grader.model import (
    AnswerResult,
    AnswerSheet,
    Criterion,
    Finding,
    Flag,
    ItemResult,
    Report,
    Rubric,
    Status,
    Submission,
)
from grader.verdicts import first_cause, overall_status

NO_SHEET = AnswerSheet()


def mark(
    submission: Submission,
    evidence: Evidence,
    rubric: Rubric,
    *,
    data: str,
    sheet: AnswerSheet = NO_SHEET,
    judge: Judge | None = None,
) -> Report:
    """The verdict on a submission that a worker has looked at; ``data`` names the set that it was trained on.

    ``sheet`` are its answers to Part 1, which wait for a tutor where there is no ``judge``.
    """
    findings = find(
        evidence,
        rubric.training[data],
        max_parameters=rubric.max_parameters,
        max_forward_seconds=rubric.max_forward_seconds,
    )
    seen = conduct(evidence)
    findings = {id: _held(id, finding, seen) for id, finding in findings.items()}
    answers = mark_sheet(sheet, rubric.part1, judge, notes(evidence))
    report = _report(submission, rubric, findings, (*submission.flags, *seen.flags), answers)
    return replace(report, evidence=evidence, sheet=sheet, accuracy=best_accuracy(evidence.trainings))


def mark_unusable(
    submission: Submission, rubric: Rubric, *, sheet: AnswerSheet = NO_SHEET, judge: Judge | None = None
) -> Report:
    """The verdict on a submission in which there is nothing to run: ``loads`` fails, and says what was found
    instead. Its answers are marked all the same.
    """
    reason = submission.problem or "No script was found."
    hint = "Hand in task1_cnn.py, or a notebook with the class Net in it."
    findings = {
        criterion.id: Finding(Status.SKIPPED, "Not assessed, because loads does not hold.")
        for criterion in rubric.part2
    }
    findings["loads"] = Finding(Status.FAILED, reason, hint)
    answers = mark_sheet(sheet, rubric.part1, judge, {})
    return replace(_report(submission, rubric, findings, submission.flags, answers), sheet=sheet)


def mark_error(submission: Submission, rubric: Rubric, *, message: str) -> Report:
    """A report that says that the grader itself failed: no mark is given, and none is lost."""
    finding = Finding(
        Status.ERROR, f"The grader failed on this submission: {message}", "This is no fault of the submission."
    )
    findings = {criterion.id: finding for criterion in rubric.part2}
    return _report(submission, rubric, findings, submission.flags, wait_for_marking(rubric.part1))


def _report(
    submission: Submission,
    rubric: Rubric,
    findings: Mapping[str, Finding],
    flags: tuple[Flag, ...],
    answers: tuple[AnswerResult, ...],
) -> Report:
    items = tuple(_item(criterion, findings[criterion.id]) for criterion in rubric.part2)
    results: tuple[ItemResult | AnswerResult, ...] = (*items, *answers)
    return Report(
        student=submission.id,
        status=overall_status(items, answers),
        awarded=sum((one.awarded for one in results), Decimal(0)),
        available=sum((one.available for one in results), Decimal(0)),
        items=items,
        answers=answers,
        flags=flags,
        submission=submission,
        evidence=None,
        message=first_cause(items, answers),
        digest=submission.digest,
    )


def _item(criterion: Criterion, finding: Finding) -> ItemResult:
    earned = criterion.earned(finding.fraction)
    is_open = finding.status is Status.NEEDS_REVIEW
    return ItemResult(
        id=criterion.id,
        title=criterion.title,
        status=finding.status,
        awarded=Decimal("0.00") if is_open else earned,
        available=criterion.points,
        message=finding.message,
        hint=finding.hint,
        expected=finding.expected,
        seen=finding.seen,
        proposed=earned if is_open else None,
    )


def _held(id: str, finding: Finding, seen: Conduct) -> Finding:
    """The finding, or the same as a proposal when the marks that it earned have to wait for a tutor."""
    if finding.status not in {Status.PASSED, Status.PARTIAL}:
        return finding
    reason = next((hold.reason for hold in seen.holds if hold.check in (ALL, id)), None)
    if reason is None:
        return finding
    message = f"Held: {reason}"
    return replace(finding, status=Status.NEEDS_REVIEW, message=message, hint="")
