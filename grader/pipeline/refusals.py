"""Refuses a path or options that would grade something else than the tutor means, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from grader.model import UsageFault
from grader.moderation.pseudonyms import known_secret, secret_digest
from grader.pipeline.settings import RunSettings
from grader.safe_text import visible
from grader.storage import results_json, run_folder
from grader.storage.run_mark import has_runs, is_run
from grader.submissions.assembly import Delivery
from grader.submissions.student_patterns import matching


def check_path(settings: RunSettings) -> None:
    """Raise UsageFault if the path is or contains runs, if Part 1 would lose its marks for want of a key, or if the
    run's folder has another shard.
    """
    _check_shard(settings)
    path = settings.path.resolve()
    within = next((place for place in (path, *path.parents) if is_run(place)), None)
    if within is not None or (path.is_dir() and has_runs(path)):
        raise UsageFault(
            f"{visible(str(settings.path))} is the output of the grader, not submissions: give the folder or the zip "
            "with the submissions. To see marks again: review, render or diff."
        )
    stored = run_folder.read_run(settings.out)
    if stored and stored.run and stored.run.key_revision and settings.rubric.part1 and settings.answer_key is None:
        raise UsageFault(
            f"{visible(str(settings.out))} was marked with an answer key, and without one Part 1 would lose its marks: "
            "add --key FILE, or name another folder with --out."
        )


def check_cohort(settings: RunSettings, students: Sequence[str]) -> None:
    """Raise UsageFault if the path is a part of a cohort of which there is a run, and its only one student.

    ``students`` are the ids of all submissions at the path. A folder that the tutor named is right unless it has the
    run of several.
    """
    if len(students) != 1:
        return
    others = sorted(settings.reports.glob("*")) if settings.reports is not None else ()
    folders = (settings.out, *others)
    for folder in folders:
        stored = run_folder.read_run(folder)
        if stored is None or stored.run is None or len(known := results_json.students_of(folder)) < 2:
            continue
        is_part = Path(stored.run.source).resolve() in settings.path.resolve().parents
        if is_part or folder == settings.out:
            raise UsageFault(
                f"{visible(str(settings.path))} is only one submission, and {visible(str(folder))} has the marks of "
                f"{len(known)}: to grade one of them again, give the path of all ({visible(stored.run.source)}) and "
                "--student NAME. To grade this one alone, name another folder with --out."
            )


def with_students(settings: RunSettings, deliveries: Iterable[Delivery]) -> RunSettings:
    """The settings, with the ids of the selected students instead of the patterns that the tutor gave.

    A pattern may name a student by id, name or account. Raises UsageFault, with near misses, if it names nobody.
    """
    known = {delivery.id: (delivery.origin.name, delivery.origin.account) for delivery in deliveries}
    ids = matching(settings.selection.students, known)
    return replace(settings, selection=replace(settings.selection, students=ids))


def _check_shard(settings: RunSettings) -> None:
    """Raise UsageFault if the run's folder has another shard or secret, or if a shard has no secret."""
    shard, place = settings.shard, visible(str(settings.out))
    if shard is not None and not settings.secret:
        raise UsageFault(
            "--shard needs --secret FILE with the same secret for all shards, because the seeds of training come from "
            "it; `openssl rand -hex 16` prints one."
        )
    stored = run_folder.read_run(settings.out)
    part = stored.run.shard if stored is not None and stored.run is not None else None
    is_lost = part is not None and part.secret != secret_digest(settings.secret)  # its file may be gone
    if settings.secret and (is_lost or known_secret(settings.out) not in ("", settings.secret)):
        raise UsageFault(
            f"The run in {place} has another secret: use its own again, or name another folder with --out."
        )
    if stored is None or stored.run is None:
        return
    known = part.shard if part is not None else None
    if known != shard:
        had = f"shard {known}" if known is not None else "a whole cohort"
        raise UsageFault(
            f"{place} has the run of {had}: "
            f"{f'continue it with --shard {known}' if known is not None else 'continue it without --shard'}, or name "
            "another folder with --out."
        )
