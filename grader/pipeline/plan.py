"""Decides for a submission whether it takes part in a run, and whether stored evidence can be reused for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from grader.model import Run, Submission, UsageFault
from grader.model.evidence import Evidence
from grader.model.training import CANARY, devices_of, remark_on
from grader.pipeline.marking import report_of
from grader.pipeline.reuse_keys import ReuseKeys, reuse_keys
from grader.pipeline.settings import AUTO, RunSettings, Selection
from grader.sandbox import Wish
from grader.sandbox.level import weakest
from grader.storage import records
from grader.storage.records import StoredEvidence

Found = tuple[Path, StoredEvidence] | tuple[None, None]
"""Stored evidence, valid or not, and the folder of its run."""


@dataclass(frozen=True)
class Task:
    """One submission, and the folder of the run whose evidence is reused; None if it has to be observed."""

    submission: Submission
    keys: ReuseKeys
    stored_in: Path | None
    stored: StoredEvidence | None = None
    """The evidence that is reused."""
    has_new_experiment: bool = False
    """Whether the experiment is new or changed, so that one of its lines may have to be trained."""
    is_outdated: bool = False
    """Whether only evidence from an earlier version is stored, which can no longer be marked."""


def plan(submission: Submission, settings: RunSettings, found: Found) -> Task:
    """Decide whether the evidence that was ``found`` can be reused for a submission."""
    is_selected = settings.selection.includes(submission.id)
    folder, stored = found
    keys = reuse_keys(submission, settings) if is_selected else _stored_keys(submission, settings, stored)
    if stored is None or folder is None or not _is_valid(stored, submission, keys, settings, is_selected=is_selected):
        folders = settings.run_folders
        return Task(
            submission,
            keys,
            stored_in=None,
            has_new_experiment=is_selected and bool(keys.experiment),
            is_outdated=stored is None and any(records.is_outdated(folder, submission.id) for folder in folders),
        )
    is_new = bool(keys.experiment) and stored.experiment_key != keys.experiment
    return Task(submission, keys, stored_in=folder, stored=stored, has_new_experiment=is_new)


def known_submission(found: Found) -> Submission | None:
    """The submission that the stored evidence is about; None without evidence."""
    _, stored = found
    return stored.submission if stored is not None else None


def fully_known(student: str, settings: RunSettings, found: Found) -> Submission | None:
    """The submission as stored, if this run marks it from storage alone, so that no file has to be read; else None."""
    _, stored = found
    if settings.selection.includes(student) or stored is None or stored.submission is None:
        return None
    has_code = stored.evidence is not None and stored.submission.script is not None
    has_sheet = bool(stored.sheet_key) and stored.sheet is not None
    return stored.submission if has_code and has_sheet else None


def is_new(student: str, settings: RunSettings) -> bool:
    """Whether this student's code has to be run if there is any, as far as can be said before the files are read."""
    if not settings.selection.includes(student):
        return False
    found = find_stored(student, settings)
    submission = known_submission(found)
    return submission is None or (submission.script is not None and plan(submission, settings, found).stored_in is None)


def with_one_device(settings: RunSettings, students: Iterable[str], before: Run | None) -> RunSettings:
    """The settings with the device of stored evidence that this run keeps, unless the tutor named or mixes devices.

    So all accuracies of a run come from one kind of device, unless ``before``, the run that it continues, was allowed
    to have several. Raises UsageFault if the tutor named another device than that of evidence on students who are not
    selected.
    """
    selection = settings.selection
    is_free = before is not None and len(before.devices) > 1
    if settings.is_mixed or selection.remark or is_free or (settings.device != AUTO and not selection.students):
        return settings
    for student in students:
        _, stored = find_stored(student, settings)
        if stored is None or stored.evidence is None or stored.submission is None:
            continue
        is_selected, devices = selection.includes(student), devices_of(stored.evidence.trainings)
        if not devices or (is_selected and stored.key != reuse_keys(stored.submission, settings).evidence):
            continue
        if settings.device == AUTO:
            return replace(settings, device=min(devices))
        if not is_selected and devices != {settings.device}:
            raise UsageFault(
                f"--student with --device {settings.device}: the other networks of this run were trained on "
                f"{min(devices)}; leave out one of the two options."
            )
    return settings


def needs_a_device(settings: RunSettings) -> bool:
    """Whether networks may be trained on a device that not every machine has.

    Which files have changed is known only when they are read, so a run without that device must not begin.
    """
    return settings.device not in (AUTO, "cpu") and not settings.selection.remark


def takes_part(task: Task, selection: Selection) -> bool:
    """Whether a submission takes part in this run: all that are stored already, and others if they are selected."""
    is_stored = task.stored_in is not None or task.submission.script is None
    return is_stored or selection.includes(task.submission.id)


def find_stored(student: str, settings: RunSettings) -> Found:
    """The first evidence on this student in the folders of the run, valid or not."""
    for folder in settings.run_folders:
        if (stored := records.read_evidence(folder, student)) is not None:
            return folder, stored
    return None, None


def _stored_keys(submission: Submission, settings: RunSettings, stored: StoredEvidence | None) -> ReuseKeys:
    """Keys by which stored evidence is reused whatever has changed since."""
    if stored is None:
        return replace(reuse_keys(submission, settings), experiment="")
    sheet = stored.sheet_key or reuse_keys(submission, settings).sheet
    return ReuseKeys(stored.key, sheet, stored.experiment_key)


def _is_valid(
    stored: StoredEvidence, submission: Submission, keys: ReuseKeys, settings: RunSettings, *, is_selected: bool
) -> bool:
    """Whether a submission can be marked from its stored evidence."""
    if submission.script is None:
        return stored.experiment is not None
    if stored.evidence is None:
        return False
    if not is_selected:
        return True
    isolation = weakest(stored.evidence.isolation, stored.evidence.measuring_isolation)
    is_weak = settings.isolation is Wish.REQUIRE and not isolation.startswith("full")
    is_named = settings.selection.names(submission.id)
    trainings = stored.evidence.trainings
    is_elsewhere = settings.device != AUTO and not devices_of(trainings) <= {settings.device}
    is_doubtful = is_elsewhere or remark_on(trainings, CANARY) is not None
    is_unfinished = stored.evidence.ending.kind in ("lost", "starved")
    if is_weak or is_named or is_doubtful or is_unfinished or stored.key != keys.evidence:
        return False
    return not settings.selection.only_failed or _earned_everything(submission, stored.evidence, settings)


def _earned_everything(submission: Submission, evidence: Evidence, settings: RunSettings) -> bool:
    """Whether the code earned all its points."""
    report = report_of(submission, evidence, replace(settings.rubric, experiment=()))
    return all(result.awarded >= result.available for result in report.code_results)
