"""The folder of a run: the paths of its files, and run.json, which marks it as a run that can be continued."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import msgspec

from grader.model import Run, UsageFault
from grader.safe_text import visible
from grader.storage.disk import lost
from grader.storage.folder_names import safe_folder_name
from grader.storage.json_files import read_json, unpacked, write_record
from grader.storage.run_mark import CLUTTER, RUN_FILE, RUN_KIND

FORMAT = 1
"""Format of run.json, results.json and the JSON output of commands; raised when the meaning of a field changes."""

PAGE_FILE = "report.html"
FEEDBACK_FILE = "lab4-report.html"
"""The name that a learning platform shows to the student."""
COHORT_PAGE_FILE = "index.html"
SIMILARITY_PAGE_FILE = "similarity.html"


@dataclass(frozen=True)
class StoredRun:
    """The content of run.json. ``run`` is None until the run's facts were first written."""

    is_finished: bool
    run: Run | None


def student_folder(folder: Path, student: str) -> Path:
    """The folder with the files of ``student`` in the run at ``folder``; its name is valid on every file system."""
    return folder / "students" / safe_folder_name(student)


def remove_student(folder: Path, student: str) -> None:
    """Remove all files of ``student`` from the run at ``folder``."""
    for path in (student_folder(folder, student), (folder / feedback_path(student)).parent):
        shutil.rmtree(path, ignore_errors=True)


def page_path(student: str) -> str:
    """Path of a student's page, relative to the run's folder, with forward slashes."""
    return f"students/{safe_folder_name(student)}/{PAGE_FILE}"


def feedback_path(student: str) -> str:
    """Path of the page for the student's own eyes, relative to the run's folder, with forward slashes."""
    return f"feedback/{safe_folder_name(student)}/{FEEDBACK_FILE}"


def remove_feedback(folder: Path, student: str) -> None:
    """Remove the page for the student's own eyes, so that an outdated one is never given back."""
    _remove_page(folder / feedback_path(student))


def remove_feedback_of_others(folder: Path, students: Iterable[str]) -> None:
    """Remove these pages of all who are not among ``students``, such as students who have left the cohort."""
    kept = {folder / feedback_path(student) for student in students}
    for path in folder.glob(f"feedback/*/{FEEDBACK_FILE}"):
        if path not in kept:
            _remove_page(path)


def _remove_page(path: Path) -> None:
    path.unlink(missing_ok=True)
    with suppress(OSError):  # not there, or not empty
        path.parent.rmdir()


def claim_folder(folder: Path) -> None:
    """Make ``folder`` the folder of a run, or continue the run that is in it.

    Raises UsageFault when it contains anything else, so that a run is never mixed with other files.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageFault(f"{visible(str(folder))} is a file; name a folder for the reports with --out.")
        folder.mkdir(parents=True, exist_ok=True)
        if read_run(folder) is not None:
            return
        if any(entry.name not in CLUTTER and not entry.name.startswith(".run.json.") for entry in folder.iterdir()):
            raise UsageFault(
                f"{visible(str(folder))} is not empty and is not a run of this grader; "
                "name a new or empty folder with --out."
            )
        write_record(folder / RUN_FILE, {"format": FORMAT, "kind": RUN_KIND, "finished": False, "run": None})
    except OSError as error:
        raise UsageFault(f"Reports cannot be written to {visible(str(folder))}: {error.strerror or error}.") from error


def check_claimed(folder: Path) -> None:
    """Raise DiskFault if ``folder`` is no longer the folder of a run: it was removed, or its drive is gone."""
    if not (folder / RUN_FILE).exists():
        raise lost(folder)


def dated_folder(reports: Path, source: Path, day: date) -> tuple[Path, Path | None]:
    """The folder for a run over ``source`` on ``day``, below ``reports``, and the latest earlier run over it, if any.

    A second run on the same day continues in the same folder. A source with the same name elsewhere gets its own.
    """
    name = safe_folder_name(source.resolve().name or "submissions")
    earlier = [
        folder
        for folder in sorted(reports.glob(f"{glob.escape(name)}-????-??-??*"), reverse=True)
        if (found := read_run(folder)) is not None and found.run is not None and _is_same(found.run.source, source)
    ]
    today = f"{name}-{day.isoformat()}"
    current = next((folder for folder in earlier if folder.name.startswith(today)), None)
    if current is not None:
        return current, None
    number = 1
    while (folder := reports / (today if number == 1 else f"{today}-{number}")).exists():
        number += 1
    return folder, earlier[0] if earlier else None


def _is_same(stated: str, source: Path) -> bool:
    return Path(stated).resolve() == source.resolve()


def write_run(folder: Path, run: Run, *, is_finished: bool) -> None:
    """Write run.json into the run at ``folder``."""
    content = {"format": FORMAT, "kind": RUN_KIND, "finished": is_finished, "run": run}
    write_record(folder / RUN_FILE, content)


def keep_late_policy(folder: Path, run: Run) -> None:
    """Store the late policy of ``run`` in the run at ``folder``, and change nothing else."""
    stored = read_run(folder)
    if stored is not None and stored.run is not None:
        write_run(folder, replace(stored.run, late=run.late), is_finished=stored.is_finished)


def read_run(folder: Path) -> StoredRun | None:
    """The content of run.json at ``folder``; None when there is none that this version can read."""
    content = read_json(folder / RUN_FILE)
    if content is None or content.get("kind") != RUN_KIND or content.get("format") != FORMAT:
        return None
    try:
        return StoredRun(is_finished=content.get("finished") is True, run=unpacked(content.get("run"), Run))
    except msgspec.ValidationError:
        return None
