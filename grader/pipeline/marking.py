"""Computes a report from evidence, answers, rubric and marker, as a pure function.

It runs, reads and writes nothing, so marks can be computed again whenever the rubric changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from grader.answers.own_network import notes
from grader.answers.sheet_marking import Marker, mark_sheet, wait_for_marking
from grader.checks import find
from grader.checks.case import listed, not_reached
from grader.checks.holds import flags_of, waiting, with_holds
from grader.checks.training import best_accuracy
from grader.experiment.findings import experiment_findings
from grader.lab4.files import SCRIPT
from grader.lab4.items import EXPERIMENT_TITLES
from grader.model import AnswerSheet, Criterion, Finding, Flag, GraderFault, Report, Result, Rubric, Status, Submission
from grader.model.evidence import Evidence
from grader.model.experiment import Experiment
from grader.model.status import first_cause, lost_without_cause, overall_status

NO_SHEET = AnswerSheet()


def report_of(
    submission: Submission,
    evidence: Evidence,
    rubric: Rubric,
    *,
    sheet: AnswerSheet = NO_SHEET,
    marker: Marker | None = None,
    experiment: Experiment | None = None,
) -> Report:
    """The report on a submission that was observed.

    ``sheet`` has the answers to Part 1, which wait for a tutor if there is no ``marker``. ``experiment`` is the table
    of experiments; None if no file could be one.
    """
    findings = find(
        evidence,
        rubric.training,
        max_parameters=rubric.max_parameters,
        max_forward_seconds=rubric.max_forward_seconds,
        repairs=rubric.repairs,
    )
    if evidence.load is None and submission.has_network and findings["loads"].status is Status.FAILED:
        loads = findings["loads"]
        findings["loads"] = replace(loads, status=Status.NEEDS_REVIEW, told=loads.message)  # no settled zero on work
    findings = with_holds(findings, evidence.doubts)
    answers = mark_sheet(sheet, rubric.part1, marker, notes(evidence, rubric.part1))
    report = _report(submission, rubric, findings, (*submission.flags, *flags_of(evidence)), answers, sheet, experiment)
    network = evidence.trainings[0].network if evidence.trainings else ""
    return replace(report, accuracy=best_accuracy(evidence.trainings), network=network)


def report_without_script(
    submission: Submission,
    rubric: Rubric,
    *,
    sheet: AnswerSheet = NO_SHEET,
    marker: Marker | None = None,
    experiment: Experiment | None = None,
) -> Report:
    """The report on a submission without a script: ``loads`` fails with the reason, or waits for a tutor if something
    that may contain the script could not be read. Answers and experiment are marked as usual.
    """
    reason = submission.problem or "No script was found."
    hint = f"Hand in {SCRIPT}, or a notebook with the class Net in it."
    findings = {criterion.id: not_reached("loads") for criterion in rubric.part2}
    if submission.has_unread_work:
        findings["loads"] = Finding(Status.NEEDS_REVIEW, f"Waiting for a tutor: {reason}", hint, told=reason)
    else:
        findings["loads"] = Finding(Status.FAILED, reason, hint)
    answers = mark_sheet(sheet, rubric.part1, marker, {})
    return _report(submission, rubric, findings, submission.flags, answers, sheet, experiment)


def report_of_fault(submission: Submission, rubric: Rubric, *, message: str) -> Report:
    """A report for a fault of the grader: all items have status error, and no points are given or lost."""
    finding = Finding(
        Status.ERROR,
        f"The grader failed on this submission: {message}",
        "This is a fault of the grader, not of the submission.",
    )
    items = tuple(_item(criterion, finding) for criterion in (*rubric.part2, *rubric.experiment))
    return _summed(submission, (*items, *wait_for_marking(rubric.part1)), submission.flags)


def _report(
    submission: Submission,
    rubric: Rubric,
    findings: Mapping[str, Finding],
    flags: tuple[Flag, ...],
    answers: tuple[Result, ...],
    sheet: AnswerSheet,
    experiment: Experiment | None,
) -> Report:
    items = tuple(_item(criterion, findings[criterion.id]) for criterion in rubric.part2)
    tried = _experiment_items(rubric, experiment, sheet)
    copied = f"The code was taken from {submission.code_document}." if submission.code_document else ""
    items = _held(items, submission.claim or copied)
    tried, answers = (_held(part, submission.claim or submission.answers_claim) for part in (tried, answers))
    results = (*items, *(tried if rubric.experiment else ()), *answers)
    lost = lost_without_cause(results)
    if lost:
        raise GraderFault(f"no fault was found that explains the loss of points in {listed([one.id for one in lost])}")
    report = _summed(submission, results, flags)
    return replace(report, unmarked=() if rubric.experiment else tried)


def _held(results: tuple[Result, ...], reason: str) -> tuple[Result, ...]:
    """The results as proposals that wait for a tutor, if there is a reason; an error of the grader stays one."""
    return tuple(r if r.status is Status.ERROR else _proposed(r, reason) for r in results) if reason else results


def _proposed(result: Result, reason: str) -> Result:
    proposed = result.proposed if result.status is Status.NEEDS_REVIEW else result.awarded
    return replace(waiting(result, reason), awarded=Decimal("0.00"), proposed=proposed)


def _experiment_items(rubric: Rubric, experiment: Experiment | None, sheet: AnswerSheet) -> tuple[Result, ...]:
    """The items of the experiment. If the rubric gives no points for them, only when something was handed in."""
    is_written = sheet.observations is not None and bool(sheet.observations.text)
    if not (rubric.experiment or experiment is not None or is_written):
        return ()
    findings = experiment_findings(experiment, sheet)
    unmarked = tuple(Criterion(id, title, Decimal(0)) for id, title in EXPERIMENT_TITLES.items())
    return tuple(_item(item, findings[item.id]) for item in rubric.experiment or unmarked)


def _summed(submission: Submission, results: tuple[Result, ...], flags: tuple[Flag, ...]) -> Report:
    return Report(
        student=submission.id,
        status=overall_status(results),
        awarded=sum((result.awarded for result in results), Decimal(0)),
        available=sum((result.available for result in results), Decimal(0)),
        results=results,
        flags=flags,
        message=first_cause(results),
        digest=submission.digest,
        origin=submission.origin,
    )


def _item(criterion: Criterion, finding: Finding) -> Result:
    earned = criterion.earned(finding.fraction)
    is_open = finding.status is Status.NEEDS_REVIEW
    return Result(
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
        cause=finding.cause,
        told=finding.told,
    )
