"""What Gradescope and nbgrader say about the folders of a cohort, in which students' own names cannot be."""

from __future__ import annotations

from pathlib import Path

from grader.model import Flag
from grader.model.origin import Origin
from grader.submissions.gradescope_metadata import METADATA, UNREAD, is_submission, origin_of, read_metadata
from grader.submissions.layout import Children, children, handed_in
from grader.submissions.nbgrader_course import SUBMITTED, TIMES, in_exchange, in_submitted


def said_about(folder: Path, kids: Children) -> tuple[dict[Path, Origin], tuple[Flag, ...]]:
    """The origin of each student's folder that a platform knows, and a flag for all if its list cannot be read."""
    if metadata := next((path for path in kids.files if path.name == METADATA), None):
        listed, fault = read_metadata(metadata)
        named = [path for path in kids.folders if path.name in listed or is_submission(path.name)]
        known = {path: listed.get(path.name, origin_of(path.name)) for path in named}
        return known, (Flag(UNREAD, fault),) if fault else ()
    if folder.name == SUBMITTED and not kids.files and _is_of_course(folder, kids):
        return {path: in_submitted(path) for path in kids.folders}, ()
    if kids.folders and not kids.archives and not kids.files:
        by_name = in_exchange([path.name for path in kids.folders])
        return {path: by_name[path.name] for path in kids.folders if path.name in by_name}, ()
    return {}, ()


def _is_of_course(submitted: Path, kids: Children) -> bool:
    """Whether nbgrader's other folders are beside ``submitted``, or its time is with a student's work."""
    is_beside = handed_in(children(submitted.parent)) == submitted
    return is_beside or any(time.is_file() for student in kids.folders for time in student.glob(f"*/{TIMES}"))
