"""From evidence to a report: a pure function of the submission, its evidence and the rubric.

Nothing is run, read or written here, so a mark can be computed again whenever the rubric changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from grader.checks import find
from grader.conduct import ALL, Conduct, conduct
from grader.evidence import Evidence
from grader.model import (
    AnswerResult,
    Criterion,
    Finding,
    Flag,
    ItemResult,
    Report,
    Rubric,
    Status,
    Submission,
)

CENT = Decimal("0.01")
ANSWERS_WAITING = "The answer has not been marked yet."
NO_ANSWERS = "No file that could hold the answers was found; a tutor should look for them."


def mark(submission: Submission, evidence: Evidence, rubric: Rubric, *, data: str) -> Report:
    """The verdict on a submission that a worker has looked at; ``data`` names the set that it was trained on."""
    findings = find(
        evidence,
        rubric.training[data],
        max_parameters=rubric.max_parameters,
        max_forward_seconds=rubric.max_forward_seconds,
    )
    seen = conduct(evidence)
    findings = {id: _held(id, finding, seen) for id, finding in findings.items()}
    return _report(submission, evidence, rubric, findings, (*submission.flags, *seen.flags))


def mark_unusable(submission: Submission, rubric: Rubric) -> Report:
    """The verdict on a submission in which there is nothing to run: ``loads`` fails, and says what was found
    instead.
    """
    reason = submission.problem or "No script was found."
    hint = "Hand in task1_cnn.py, or a notebook with the class Net in it."
    findings = {
        criterion.id: Finding(Status.SKIPPED, "Not assessed, because loads does not hold.")
        for criterion in rubric.part2
    }
    findings["loads"] = Finding(Status.FAILED, reason, hint)
    return _report(submission, None, rubric, findings, submission.flags)


def mark_error(submission: Submission, rubric: Rubric, *, message: str) -> Report:
    """A report that says that the grader itself failed: no mark is given, and none is lost."""
    finding = Finding(
        Status.ERROR, f"The grader failed on this submission: {message}", "This is no fault of the submission."
    )
    return _report(submission, None, rubric, {criterion.id: finding for criterion in rubric.part2}, submission.flags)


def _report(
    submission: Submission,
    evidence: Evidence | None,
    rubric: Rubric,
    findings: Mapping[str, Finding],
    flags: tuple[Flag, ...],
) -> Report:
    items = tuple(_item(criterion, findings[criterion.id]) for criterion in rubric.part2)
    reason = ANSWERS_WAITING if submission.documents or submission.script else NO_ANSWERS
    answers = tuple(_waiting(criterion, reason) for criterion in rubric.part1)
    results: tuple[ItemResult | AnswerResult, ...] = (*items, *answers)
    lost = [item for item in items if item.status in {Status.ERROR, Status.FAILED, Status.NEEDS_REVIEW, Status.PARTIAL}]
    return Report(
        student=submission.id,
        status=overall_status(items, answers),
        awarded=sum((one.awarded for one in results), Decimal(0)),
        available=sum((one.available for one in results), Decimal(0)),
        items=items,
        answers=answers,
        flags=flags,
        submission=submission,
        evidence=evidence,
        message=lost[0].message if lost else "",
    )


def _item(criterion: Criterion, finding: Finding) -> ItemResult:
    awarded = Decimal(0) if finding.status is Status.NEEDS_REVIEW else criterion.points * finding.fraction
    message = finding.message
    if finding.status is Status.NEEDS_REVIEW:
        message = f"{message} Proposed: {_points(criterion.points * finding.fraction)} of {_points(criterion.points)}."
    return ItemResult(
        id=criterion.id,
        title=criterion.title,
        status=finding.status,
        awarded=awarded.quantize(CENT, ROUND_HALF_UP),
        available=criterion.points,
        message=message,
        hint=finding.hint,
        expected=finding.expected,
        seen=finding.seen,
    )


def _points(value: Decimal) -> str:
    return f"{value.quantize(CENT).normalize():f}"


def _waiting(criterion: Criterion, reason: str) -> AnswerResult:
    return AnswerResult(criterion.id, criterion.title, Status.NEEDS_REVIEW, Decimal(0), criterion.points, 0.0, reason)


def overall_status(items: Iterable[ItemResult], answers: Iterable[AnswerResult]) -> Status:
    """One status for a submission: the most urgent of its items, or how many of them hold."""
    results: tuple[ItemResult | AnswerResult, ...] = (*items, *answers)
    statuses = {one.status for one in results if one.available or one.status is not Status.SKIPPED}
    for urgent in (Status.ERROR, Status.NEEDS_REVIEW):
        if urgent in statuses:
            return urgent
    if statuses <= {Status.PASSED}:
        return Status.PASSED
    return Status.PARTIAL if statuses & {Status.PASSED, Status.PARTIAL} else Status.FAILED


def _held(id: str, finding: Finding, seen: Conduct) -> Finding:
    """The finding, or the same as a proposal when the marks that it earned have to wait for a tutor."""
    if finding.status not in {Status.PASSED, Status.PARTIAL}:
        return finding
    reason = next((hold.reason for hold in seen.holds if hold.check in (ALL, id)), None)
    if reason is None:
        return finding
    message = f"Held: {reason}"
    return replace(finding, status=Status.NEEDS_REVIEW, message=message, hint="")
