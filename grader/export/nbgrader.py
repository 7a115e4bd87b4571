"""Writes the pages for students as the feedback of an nbgrader course, for ``nbgrader release_feedback``.

That command publishes each page under a digest of the submission's secret and of the notebook's name, which it reads
from the page's own folder and file name. It stops at the first page whose folder has no time or no secret.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from grader.export.outcome import Outcome, note
from grader.export.selection import Chosen, LeftOut
from grader.model import Report, UsageFault
from grader.model.origin import NBGRADER
from grader.model.quantities import quantity
from grader.safe_text import visible
from grader.submissions.nbgrader_course import SUBMITTED, TIMES

FEEDBACK = "feedback"
_BESIDE = (TIMES, "submission_secret.txt")
"""Files of a submission that must be beside its feedback."""


@dataclass(frozen=True)
class Feedback:
    """Files to copy, by their paths in the folder of the export, and what the tutor is told."""

    sources: Mapping[PurePosixPath, Path]
    outcome: Outcome

    def write(self, folder: Path) -> Outcome:
        """Copy the files into ``folder``."""
        for path, source in self.sources.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / path)
        return self.outcome


def feedback(chosen: Chosen, course: Path, *, assignment: str = "") -> Feedback:
    """The page of each settled student for each notebook that the student handed in to ``course``.

    ``assignment`` may be empty if the course has one. Names come from the course's folders, never from the run.
    Raises UsageFault if there are no submissions, or if it is open which assignment is meant.
    """
    students = {entry.name: entry for entry in _folders(course / SUBMITTED)}
    name = _assignment(course, students.values(), assignment)
    sources: dict[PurePosixPath, Path] = {}
    uses = Counter(report.origin.account for report in (*chosen.settled, *chosen.open))
    left_out, returned = [], 0
    for report in chosen.settled:
        student = students.get(report.origin.account) if report.origin.platform == NBGRADER else None
        submitted = {entry.name: entry for entry in _files(student / name)} if student else {}
        problem = _problem(report, is_known=student is not None, files=submitted)
        if not problem and uses[report.origin.account] > 1:
            problem = (
                f"{uses[report.origin.account]} submissions are this student's; return the page that counts by hand"
            )
        if problem:
            left_out.append(LeftOut(report.name, problem))
            continue
        assert student is not None  # else there is a problem
        place, returned = PurePosixPath(FEEDBACK, student.name, name), returned + 1
        sources |= {place / beside: submitted[beside] for beside in _BESIDE}
        sources |= {place / f"{book.stem}.html": chosen.feedback(report) for book in _notebooks(submitted)}
    idle = sorted(students.keys() - {report.origin.account for report in (*chosen.settled, *chosen.open)})
    notes = (
        *note("Left out because something is open", chosen.left_out),
        *note("Students whose page cannot be released", left_out),
        *note("Students without a submission in this run", idle),
    )
    steps = (
        f"Copy the folder {FEEDBACK} into the course's folder.",
        f"Run there: nbgrader release_feedback {name}",
        "The marks are not in nbgrader's own gradebook; take them from marks.csv.",
    )
    return Feedback(sources, Outcome((FEEDBACK,), f"Pages of {quantity(returned, 'student')}.", notes, steps))


def _problem(report: Report, *, is_known: bool, files: Mapping[str, Path]) -> str:
    """Why nothing can be returned, or empty."""
    if report.origin.platform != NBGRADER:
        return "it does not come from a course of nbgrader"
    if not is_known:
        return f"the course has no folder {SUBMITTED}/{report.origin.account}"
    if not _notebooks(files):
        return "no notebook was handed in, and nbgrader returns a page only for a notebook"
    missing = [name for name in _BESIDE if name not in files]
    return f"{' and '.join(missing)} not beside the submission, where release_feedback needs them" if missing else ""


def _assignment(course: Path, students: Iterable[Path], wanted: str) -> str:
    found = sorted({entry.name for student in students for entry in _folders(student)})
    if wanted in found or (not wanted and len(found) == 1):
        return wanted or found[0]
    if not found:
        raise UsageFault(
            f"{visible(str(course))} has no submissions of nbgrader; name the folder of the course, which has a folder "
            f"{SUBMITTED} with one for each student."
        )
    raise UsageFault(
        f"The course has the assignments {', '.join(map(visible, found))}; name one of them with --assignment."
    )


def _notebooks(files: Mapping[str, Path]) -> list[Path]:
    return [path for name, path in sorted(files.items()) if path.suffix == ".ipynb"]


def _folders(folder: Path) -> list[Path]:
    """The folders in ``folder``; links are not followed, so that nothing outside the course is read."""
    return [entry for entry in _entries(folder) if entry.is_dir()]


def _files(folder: Path) -> list[Path]:
    return [entry for entry in _entries(folder) if entry.is_file()]


def _entries(folder: Path) -> list[Path]:
    try:
        return [entry for entry in folder.iterdir() if not entry.is_symlink() and not entry.name.startswith(".")]
    except OSError:
        return []
