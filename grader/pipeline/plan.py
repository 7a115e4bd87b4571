"""Which stored evidence still holds for a submission, and whether it takes part in a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from grader.model import Submission
from grader.pipeline.marking import mark
from grader.pipeline.reuse_keys import ReuseKeys, reuse_keys
from grader.pipeline.run import RunContext
from grader.pipeline.settings import RunSettings, Selection
from grader.sandbox import Wish
from grader.storage import records
from grader.storage.records import StoredEvidence
from grader.submissions import Delivery, assemble


@dataclass(frozen=True)
class Task:
    """One submission, and the run whose stored evidence still holds for it; without one, a worker has to look."""

    submission: Submission
    keys: ReuseKeys
    stored_in: Path | None
    has_new_experiment: bool = False
    """Whether the experiment was never looked at as it is now, so that a line of it may have to be trained again."""
    is_outdated: bool = False
    """Whether there is evidence of an earlier version, which cannot be marked any more."""

    @property
    def needs_worker(self) -> bool:
        """Whether code has to run for it."""
        return (self.stored_in is None and self.submission.script is not None) or self.has_new_experiment


def plan(delivery: Delivery, context: RunContext) -> Task:
    """Put a submission together, and find evidence that still holds for it, unless it is to be looked at again."""
    settings, selection = context.settings, context.settings.selection
    submission = assemble(delivery, context.scratch / "unpacked")
    is_looked_at = not selection.remark and (not selection.students or selection.names(submission.id))
    keys = reuse_keys(submission, settings)
    place, record = _stored(submission, settings)
    if not is_looked_at:  # whatever has changed since
        keys = _keys_of(record, keys) if record is not None else replace(keys, experiment="")
    if record is None or place is None or not _holds(record, submission, keys, settings, is_looked_at=is_looked_at):
        return Task(
            submission,
            keys,
            stored_in=None,
            has_new_experiment=is_looked_at and bool(keys.experiment),
            is_outdated=record is None and any(records.is_outdated(o, submission.id) for o in settings.run_folders),
        )
    is_new = bool(keys.experiment) and record.experiment_key != keys.experiment
    return Task(submission, keys, stored_in=place, has_new_experiment=is_new)


def is_included(task: Task, selection: Selection) -> bool:
    """Whether a submission takes part in this run: with ``students``, those named and those that are stored already."""
    if task.stored_in is not None or task.submission.script is None:
        return True
    return not selection.remark and (not selection.students or selection.names(task.submission.id))


def _stored(submission: Submission, settings: RunSettings) -> tuple[Path | None, StoredEvidence | None]:
    for folder in settings.run_folders:
        if (record := records.read_evidence(folder, submission.id)) is not None:
            return folder, record
    return None, None


def _keys_of(record: StoredEvidence, current: ReuseKeys) -> ReuseKeys:
    return ReuseKeys(record.key, record.sheet_key or current.sheet, record.experiment_key)


def _holds(
    record: StoredEvidence, submission: Submission, keys: ReuseKeys, settings: RunSettings, *, is_looked_at: bool
) -> bool:
    """Whether a submission can be marked from its stored record."""
    if submission.script is None:
        return record.experiment is not None
    if record.evidence is None:
        return False
    if not is_looked_at:
        return True
    is_weak = settings.isolation is Wish.REQUIRE and not record.evidence.isolation.startswith("full")
    is_asked_for = settings.selection.names(submission.id)
    if is_weak or is_asked_for or record.key != keys.evidence or record.evidence.ending.kind == "lost":
        return False
    if settings.selection.only_failed:
        report = mark(submission, record.evidence, replace(settings.rubric, experiment=()), data=settings.data.name)
        return all(item.awarded >= item.available for item in report.items)
    return True
