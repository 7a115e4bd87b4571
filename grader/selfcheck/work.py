"""The student's work in a folder, taken as the grader takes a submission: the same script, documents and tables.

The kit's own files are left out, and so is what cannot be read: each with a sentence, for a locked file beside the
script must not end a self-check. Archives are not unpacked: on a student's computer they are copies.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from grader.lab4.files import KIT, SCRIPT
from grader.model import Finding, Status, Submission
from grader.submissions.composition import compose
from grader.submissions.files import Found, gather, is_written_by_self_check
from grader.submissions.ignored import SCRIPT_SUFFIXES, is_archive
from grader.submissions.naming import printable

_OF_THE_KIT = frozenset({*KIT, "report.xml", "self-check.txt"})
"""Files at the top of the folder that are the kit's, or that its workflow writes."""
_CHECKS = "selfcheck/"
_MOST_NAMED = 3
"""Files that are named in the notes of one kind."""


@dataclass(frozen=True)
class Work:
    """What a self-check looks at. ``notes`` are sentences for the student: which file is checked, what was left out.

    ``locked`` are the files that could not be read, each with the reason. ``problem`` is the finding for ``loads`` if
    there is no script to run; otherwise the submission has one.
    """

    submission: Submission
    notes: tuple[str, ...] = ()
    locked: Mapping[str, str] = field(default_factory=dict)
    problem: Finding | None = None

    @property
    def script(self) -> str:
        """The script to check, relative to the folder of the submission."""
        return self.submission.script or ""

    @property
    def checked(self) -> str:
        """The file with the network as the student sees it: the script, or the document whose code is run."""
        return self.submission.code_document or self.script or SCRIPT


def take_up(folder: Path, scratch: Path) -> Work:
    """The work in ``folder``. Nothing is run or changed; what has to be written goes below ``scratch``."""
    try:
        gathered = gather(folder)
    except OSError as error:
        return _nothing(folder, f"The folder could not be read ({_reason(error)}).")
    own = [found for found in gathered.files if not _is_left_out(found)]
    locked = _locked(own)
    try:
        made = compose(folder.name, [found for found in own if found.name not in locked], scratch)
    except OSError as error:  # a file was locked or removed a moment ago
        return _nothing(folder, f"A file could not be read ({_reason(error)}).")
    submission = made.submission
    if not submission.has_network:
        from grader.answers.code_of_documents import with_code_of_documents  # it takes time, and is seldom needed

        found = with_code_of_documents(replace(submission, documents=readable_documents(submission)), scratch)
        submission = replace(found, documents=submission.documents)
    left_out = _left_out({**locked, **dict(gathered.closed)}, gathered.links, gathered.left_out - len(gathered.closed))
    notes = (*_checked(submission, made.choice.reason), *left_out)
    return Work(submission, notes, locked, _problem(submission, locked))


def copy_work(work: Work, target: Path) -> Work:
    """The work with its files copied to ``target``, so that the script cannot damage the student's files."""
    lost: dict[str, str] = {}
    for name in work.submission.files:
        place = target / name
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(work.submission.root / name, place)
        except OSError as error:
            lost[name] = _reason(error)
    locked = {**work.locked, **lost}
    problem = work.problem or (_failed(unread(work.script, lost[work.script])) if work.script in lost else None)
    return Work(replace(work.submission, root=target), (*work.notes, *_left_out(lost)), locked, problem)


def _nothing(folder: Path, message: str) -> Work:
    return Work(Submission(folder.name, folder, None, (), "", has_network=False), problem=_failed(message))


def _is_left_out(found: Found) -> bool:
    is_kit = found.name in _OF_THE_KIT or found.name.startswith(_CHECKS) or is_written_by_self_check(found)
    return is_kit or is_archive(found.name)


def _locked(files: Iterable[Found]) -> dict[str, str]:
    """The files that cannot be opened and read, each with the reason: no right, another program, not downloaded."""
    locked: dict[str, str] = {}
    for found in files:
        try:
            with found.path.open("rb") as stream:
                stream.read(1)
        except OSError as error:
            locked[found.name] = _reason(error)
    return locked


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def readable_documents(submission: Submission) -> tuple[str, ...]:
    """The documents that can be read with what is installed; a PDF needs a library that only tutors have."""
    from grader.answers.documents import missing_library  # it takes time

    return tuple(name for name in submission.documents if not missing_library(submission.root / name))


def unread(name: str, reason: str) -> str:
    """The sentence about a file that could not be read."""
    return f"{printable(name)} could not be read ({reason})."


def _left_out(locked: Mapping[str, str], links: Iterable[str] = (), too_many: int = 0) -> list[str]:
    """A sentence about each thing that was left out; of many, about the first."""
    read = [f"{unread(name, reason)[:-1]} and was left out." for name, reason in locked.items()]
    led = [f"{printable(name)} is a link to another place and was left out." for name in links]
    notes = []
    for sentences in (read, led):
        notes += sentences[:_MOST_NAMED]
        if (more := len(sentences) - _MOST_NAMED) > 0:
            notes.append(f"So were {more} more." if more > 1 else "So was one more.")
    return [*notes, *(["Not all files were looked at: there are too many, or they are too large."] if too_many else [])]


def _checked(submission: Submission, reason: str) -> list[str]:
    """Which file is checked, and why, unless it is the one that the lab asks for."""
    if submission.code_document:
        return [f"Checked: the code in {printable(submission.code_document)}; copy it to {SCRIPT} and hand that in."]
    if submission.script and reason:
        return [f"Checked: {printable(submission.script)}, because {reason}."]
    return []


def _problem(submission: Submission, locked: Mapping[str, str]) -> Finding | None:
    """Why there is nothing to run. Another file does not stand in for a script that could not be read."""
    if SCRIPT in locked:
        return _failed(unread(SCRIPT, locked[SCRIPT]))
    if submission.script:
        return None
    scripts = [name for name in locked if PurePosixPath(name).suffix.casefold() in SCRIPT_SUFFIXES]
    if scripts:
        return _failed(unread(scripts[0], locked[scripts[0]]))
    if any(name.casefold().endswith((".py", ".pyw")) for name in submission.files):
        return _failed(submission.problem, f"Write Net in {SCRIPT}.")
    hint = f"Keep the file name {SCRIPT}, and run pytest in the folder that contains the file."
    return _failed(f"{SCRIPT} is not in this folder.", hint)


def _failed(
    message: str, hint: str = "Close other programs that use it, or copy the folder to this computer."
) -> Finding:
    return Finding(Status.FAILED, message, hint)
