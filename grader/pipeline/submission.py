"""The steps of one submission: observe, mark, store."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from grader.answers.marker.cache import KnownMarker, marker_digest
from grader.experiment.reference_surface import reference_surface
from grader.model import UNKNOWN, AnswerSheet, Canary, GraderFault, KnownFindings, Report
from grader.model.evidence import Evidence
from grader.model.experiment import Experiment
from grader.model.training import CANARY, remark_on
from grader.pipeline import marking
from grader.pipeline.plan import Task
from grader.pipeline.run import NOTHING, RunContext, Totals
from grader.reading import Reader
from grader.sandbox import OnStage
from grader.storage import records, run_folder
from grader.storage.records import StoredEvidence

_UNREAD = "unread"
"""The key of an experiment that has to be read again. It is not empty, because this means that there is none."""


@dataclass(frozen=True)
class Observed:
    """The evidence on a submission, whether this run has stored it already, and the totals of observing it.

    If ``has_claims``, a line of its experiment remains to be trained again.
    """

    evidence: StoredEvidence
    is_stored: bool
    totals: Totals
    has_claims: bool = False


def observe(task: Task, context: RunContext, reader: Reader, on_stage: OnStage) -> Observed:
    """The evidence on a submission: reused parts from storage, the others by running its code and reading its files.

    Its experiment is only read, because no mark of the others may wait for it: see :func:`with_claim_trained`.
    Raises GraderFault for a fault of the grader.
    """
    stored = task.stored
    evidence, took_evidence = _evidence(task, stored, context, on_stage)
    sheet, took_sheet = _sheet(task, stored, reader)
    experiment = _experiment(task, stored, reader)
    has_claims = task.has_new_experiment and experiment is not None and bool(experiment.trials)
    known = stored.submission if stored is not None else None
    is_same = stored is not None and sheet is stored.sheet and not task.has_new_experiment
    is_same = is_same and known is not None and known.origin == task.submission.origin
    is_stored = is_same and task.stored_in == context.settings.out
    evidence_to_store = StoredEvidence(
        format=records.EVIDENCE_FORMAT,
        key=task.keys.evidence,
        student=task.submission.id,
        submission=task.submission,
        evidence=evidence,
        sheet_key="" if "sheet" in reader.exceeded else task.keys.sheet,
        sheet=sheet,
        experiment_key=_UNREAD if has_claims or "experiment" in reader.exceeded else task.keys.experiment,
        experiment=experiment,
    )
    return Observed(evidence_to_store, is_stored, took_evidence + took_sheet, has_claims)


def with_canary(observed: Observed, context: RunContext) -> Observed:
    """The same if the canary is within the stored range, or nothing was trained; else with a remark on each run.

    Waits for the canary.
    """
    evidence = observed.evidence.evidence
    if "graded" not in observed.totals.counts or evidence is None:
        return observed
    checked = context.canary.checked(evidence)
    if checked is evidence:
        return observed
    return replace(observed, evidence=replace(observed.evidence, evidence=checked))


def _evidence(
    task: Task, stored: StoredEvidence | None, context: RunContext, on_stage: OnStage
) -> tuple[Evidence | None, Totals]:
    if task.submission.script is None:
        return None, Totals.one("nothing to run")
    if stored is not None and stored.evidence is not None:
        isolation, remark = stored.evidence.isolation, remark_on(stored.evidence.trainings, CANARY)
        canary = Canary(remark.message, is_outside=True) if remark is not None else UNKNOWN
        return stored.evidence, Totals({"reused": 1}, isolation=isolation, canary=canary)
    context.canary.start()
    evidence = context.workers.get().observe(task.submission, on_stage)
    if evidence.ending.kind == "fault":
        raise GraderFault(evidence.ending.detail)
    took = Totals({"graded": 1}, evidence.seconds, evidence.isolation)
    if task.is_outdated:
        took += Totals.one("observed again: their evidence is from an earlier version")
    return evidence, took


def _sheet(task: Task, stored: StoredEvidence | None, reader: Reader) -> tuple[AnswerSheet, Totals]:
    """The stored answers if they can be reused, else those read now; an empty sheet if they are not needed."""
    if stored is not None and stored.sheet is not None and stored.sheet_key == task.keys.sheet:
        return stored.sheet, NOTHING
    if not task.keys.sheet:
        return marking.NO_SHEET, NOTHING
    start = time.perf_counter()
    sheet = reader.sheet(task.submission)
    return sheet, Totals(seconds={"answers": time.perf_counter() - start})


def _experiment(task: Task, stored: StoredEvidence | None, reader: Reader) -> Experiment | None:
    """The stored experiment if it can be reused; else the table is read, without training one of its lines again."""
    if not task.has_new_experiment:
        return stored.experiment if stored is not None and task.keys.experiment else None
    return reader.experiment(task.submission)


def with_claim_trained(task: Task, context: RunContext) -> Observed:
    """The stored evidence of this run with one line of the experiment trained again. Raises GraderFault if it is gone.

    Until this is stored, the experiment counts as unread, so that an interrupted run trains the line later.
    """
    stored = records.read_evidence(context.settings.out, task.submission.id)
    if stored is None or stored.experiment is None:
        raise GraderFault("its stored experiment is gone")
    rerun, seconds = context.workers.get().reruns.of(stored.experiment.trials, reference_surface().trials)
    evidence = replace(stored, experiment_key=task.keys.experiment, experiment=replace(stored.experiment, rerun=rerun))
    return Observed(evidence, is_stored=False, totals=Totals(seconds={"experiment": seconds} if seconds else {}))


def marker_of(task: Task, stored: StoredEvidence, context: RunContext, reader: Reader) -> KnownMarker | None:
    """The findings on this student's answers: the stored ones if they can be reused, else new ones; None without a key.

    Only answers that are asked for are marked.
    """
    key, rubric = context.settings.answer_key, context.settings.rubric
    if key is None:
        return None
    digest = marker_digest(key)
    earlier = records.read_findings(task.stored_in or context.settings.out, task.submission.id)
    known = earlier.findings if earlier.marker == digest else {}
    asked = {criterion.id for criterion in rubric.part1}
    answers = stored.sheet.answers if stored.sheet is not None else ()
    texts = {answer.part: answer.text for answer in answers if answer.part in asked and not answer.is_blank}
    found = {part: known[part] for part, text in texts.items() if part in known and known[part].text == text}
    if new := {part: text for part, text in texts.items() if part not in found}:
        found |= reader.findings(new)
    return KnownMarker(key, KnownFindings("" if "mark" in reader.exceeded else digest, found))


def mark(task: Task, stored: StoredEvidence, marker: KnownMarker | None, context: RunContext) -> Report:
    """The automatic report on a submission."""
    submission, rubric, sheet = task.submission, context.settings.rubric, stored.sheet or marking.NO_SHEET
    if stored.evidence is None:
        return marking.report_without_script(
            submission, rubric, sheet=sheet, marker=marker, experiment=stored.experiment
        )
    return marking.report_of(
        submission,
        stored.evidence,
        rubric,
        sheet=sheet,
        marker=marker,
        experiment=stored.experiment,
    )


def store(observed: Observed, report: Report, marker: KnownMarker | None, out: Path) -> None:
    """Store the evidence, if it is new, and the automatic report. Raises DiskFault if the run's folder is gone."""
    run_folder.check_claimed(out)
    if not observed.is_stored:
        records.write_evidence(out, observed.evidence)
    records.write_report(out, report, marker.findings if marker is not None else None)
