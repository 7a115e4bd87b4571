"""The steps of one submission: observe, mark, store."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from grader.answers.finding.sheet import read_sheet
from grader.answers.marker.cache import CachedMarker, marker_digest
from grader.experiment.reference_surface import reference_surface
from grader.experiment.table_files import gather
from grader.model import AnswerSheet, GraderFault, Report
from grader.model.evidence import Evidence
from grader.model.experiment import Experiment
from grader.pipeline import marking
from grader.pipeline.plan import Task
from grader.pipeline.run import NOTHING, RunContext, Totals
from grader.sandbox import OnStage
from grader.storage import records
from grader.storage.records import StoredEvidence


@dataclass(frozen=True)
class Observed:
    """The evidence on a submission, whether this run has stored it already, and the totals of observing it."""

    evidence: StoredEvidence
    is_stored: bool
    totals: Totals


def observe(task: Task, context: RunContext, on_stage: OnStage) -> Observed:
    """The evidence on a submission: reused parts from storage, the others by running its code and reading its files.

    Raises GraderFault for a fault of the grader.
    """
    stored = records.read_evidence(task.stored_in, task.submission.id) if task.stored_in is not None else None
    evidence, took_evidence = _evidence(task, stored, context, on_stage)
    sheet, took_sheet = _sheet(task, stored)
    experiment, took_experiment = _experiment(task, stored, context, on_stage)
    is_same = stored is not None and sheet is stored.sheet and not task.has_new_experiment
    is_stored = is_same and task.stored_in == context.settings.out
    observed = StoredEvidence(
        format=records.EVIDENCE_FORMAT,
        key=task.keys.evidence,
        student=task.submission.id,
        submission=task.submission,
        evidence=evidence,
        sheet_key=task.keys.sheet,
        sheet=sheet,
        experiment_key=task.keys.experiment,
        experiment=experiment,
    )
    return Observed(observed, is_stored, took_evidence + took_sheet + took_experiment)


def _evidence(
    task: Task, stored: StoredEvidence | None, context: RunContext, on_stage: OnStage
) -> tuple[Evidence | None, Totals]:
    if task.submission.script is None:
        return None, Totals.one("nothing to run")
    if stored is not None and stored.evidence is not None:
        return stored.evidence, Totals.one("reused")
    if context.workers is None:
        raise GraderFault("its stored evidence is gone")
    evidence = context.workers.observe(task.submission, on_stage)
    if evidence.ending.kind == "fault":
        raise GraderFault(evidence.ending.detail)
    took = Totals({"graded": 1}, evidence.seconds)
    if task.is_outdated:
        took += Totals.one("observed again: their evidence is from an earlier version")
    return evidence, took


def _sheet(task: Task, stored: StoredEvidence | None) -> tuple[AnswerSheet, Totals]:
    """The stored answers if they can be reused, else those read now; an empty sheet if they are not needed."""
    if stored is not None and stored.sheet is not None and stored.sheet_key == task.keys.sheet:
        return stored.sheet, NOTHING
    if not task.keys.sheet:
        return marking.NO_SHEET, NOTHING
    start = time.perf_counter()
    sheet = read_sheet(task.submission)
    return sheet, Totals(seconds={"answers": time.perf_counter() - start})


def _experiment(
    task: Task, stored: StoredEvidence | None, context: RunContext, on_stage: OnStage
) -> tuple[Experiment | None, Totals]:
    """The stored experiment if it can be reused; else the table is read and one of its lines is trained."""
    if not task.has_new_experiment:
        return stored.experiment if stored is not None and task.keys.experiment else None, NOTHING
    found = gather(task.submission)
    if found is None or not found.trials:
        return found, NOTHING
    assert context.workers is not None, "such a task needs a worker"
    on_stage("experiment")
    rerun, seconds = context.workers.reruns.of(found.trials, reference_surface().trials)
    return replace(found, rerun=rerun), Totals(seconds={"experiment": seconds} if seconds else {})


def marker_of(task: Task, context: RunContext) -> CachedMarker | None:
    """The marker for this student's answers, with stored findings that can be reused; None without a key."""
    key = context.settings.answer_key
    if key is None:
        return None
    known = records.read_findings(task.stored_in or context.settings.out, task.submission.id)
    digest = marker_digest(key)
    return CachedMarker(key, known.findings if known.marker == digest else {}, digest)


def mark(task: Task, observed: StoredEvidence, marker: CachedMarker | None, context: RunContext) -> Report:
    """The automatic report on a submission."""
    submission, rubric, sheet = task.submission, context.settings.rubric, observed.sheet or marking.NO_SHEET
    if observed.evidence is None:
        return marking.mark_unusable(submission, rubric, sheet=sheet, marker=marker, experiment=observed.experiment)
    return marking.mark(
        submission,
        observed.evidence,
        rubric,
        data=context.settings.data.name,
        sheet=sheet,
        marker=marker,
        experiment=observed.experiment,
    )


def store(observed: Observed, report: Report, marker: CachedMarker | None, out: Path) -> None:
    """Store the evidence, if it is new, and the automatic report."""
    if not observed.is_stored:
        records.write_evidence(out, observed.evidence)
    records.write_report(out, report, marker.findings if marker is not None else None)
