"""Assemble one submission from what a student handed in, with all its files in one folder."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path, PurePosixPath

from grader.model import Flag, Submission
from grader.model.origin import UNSTATED, Origin
from grader.submissions.archives import STUDENT, empty, unpack
from grader.submissions.composition import compose
from grader.submissions.files import Found, digest, gather, is_written_by_self_check, within_limits
from grader.submissions.ignored import is_archive, is_clutter_file
from grader.submissions.lms_names import students_named_in
from grader.submissions.member import Limits, Refused
from grader.submissions.naming import folded, printable, stem
from grader.submissions.script_choice import Choice

NESTING = 2
"""Archives around a file that are unpacked: a cohort's zip with students' zips, or a zip in a student's zip."""


class Standing(IntEnum):
    """Who gave a delivery its name; of two that claim one student, only those with the lowest may be right."""

    PLATFORM = 0
    """The learning platform, like most others at that level."""
    NAMED = 1
    """The tutor, or the student by the name of a file or folder."""
    CLAIMED = 2
    """The student, whose file is named as a version of another one."""


@dataclass(frozen=True)
class Part:
    """A folder, zip or file that a student handed in.

    ``name`` is its name within the submission: for a folder, a prefix; empty for the top folder, or for a file's own
    name. ``level`` is the number of archives around it.
    """

    path: Path
    name: str = ""
    level: int = 0


@dataclass(frozen=True)
class Delivery:
    """Everything that one student handed in. Deliveries with the same ``key`` belong to the same student.

    ``refusals`` are sentences about what could not be unpacked. ``main`` is the script, if only one file may be it.
    ``origin`` is what a learning platform says about the student. ``standing`` says what the name is worth beside an
    equal one. ``claim`` is why everything waits for a tutor, ``answers_claim`` why the answers
    do: sentences, empty if it is clear whose the work is. ``flags`` are for the tutor.
    """

    key: str
    id: str
    parts: tuple[Part, ...]
    refusals: tuple[str, ...] = ()
    main: str = ""
    is_named_by_student: bool = False
    origin: Origin = UNSTATED
    standing: Standing = Standing.NAMED
    claim: str = ""
    answers_claim: str = ""
    flags: tuple[Flag, ...] = ()


@dataclass
class _Pile:
    """The files found so far, and what was not taken."""

    scratch: Path
    files: list[Found]
    refusals: list[str]
    links: list[str]
    left_out: int = 0
    clutter: int = 0
    special: int = 0
    void: str = ""
    limits: Limits = STUDENT
    """What is left for the next archive: one budget for all archives of a submission, at all levels."""

    def add(self, part: Part, prefix: str) -> None:
        if part.path.is_dir():
            self._add_folder(part, prefix)
        elif is_archive(part.path.name):
            self._add_archive(part, prefix)
        elif is_clutter_file(PurePosixPath(part.name).name or part.path.name):
            self.clutter += 1
        else:
            self.files.append(Found(prefix + (part.name or part.path.name), part.path, part.path.stat().st_size))

    def _add_folder(self, part: Part, prefix: str) -> None:
        gathered = gather(part.path)
        self.links += gathered.links
        self.left_out += gathered.left_out
        self.clutter += gathered.clutter
        self.special += gathered.special
        archives = [f for f in gathered.files if is_archive(f.name)]
        for found in gathered.files:
            if not is_archive(found.name):
                modified = found.path.stat().st_mtime if part.level else 0.0
                self.files.append(replace(found, name=prefix + found.name, modified=modified))
        for found in archives:
            inner = found.name.rpartition("/")[0]
            self.add(Part(found.path, level=part.level), f"{prefix}{inner}/" if inner else prefix)

    def _add_archive(self, part: Part, prefix: str) -> None:
        name = printable(PurePosixPath(part.name).name or part.path.name)
        if part.level >= NESTING:
            self.refusals.append(f"{name} is in an archive within an archive, which is not unpacked.")
            return
        place = Path(tempfile.mkdtemp(prefix="zip-", dir=self.scratch))
        try:
            unpacked = unpack(part.path, place, self.limits)
        except Refused as reason:
            self.limits = self.limits.after(0, reason.unpacked)
            self.refusals.append(f"{name} {reason}.")
            return
        self.limits = self.limits.after(unpacked.members, unpacked.size)
        if unpacked.refused:
            empty(place)
            self.refusals.append(f"{name} {unpacked.refused[0].reason}.")
            return
        before = len(self.files) + len(self.refusals)
        is_alone = not self.files and not prefix
        self.add(Part(place, level=part.level + 1), prefix if is_alone else f"{prefix}{stem(name)}/")
        if len(self.files) + len(self.refusals) == before:
            self.void = self.void or f"{name} contains no file that can be graded."


def assemble(delivery: Delivery, scratch: Path) -> Submission:
    """The submission of ``delivery``; its zips are unpacked below ``scratch``.

    If it cannot be read, this becomes its ``problem``, so that no student stops a cohort.
    """
    scratch = scratch.resolve()
    try:
        submission = _assembled(delivery, scratch)
    except OSError as error:
        problem = f"The submission could not be read ({error.strerror or type(error).__name__})."
        submission = _unusable(delivery, scratch, problem)
    return _as_claimed(delivery, submission)


def unread_submission(delivery: Delivery, scratch: Path, problem: str) -> Submission:
    """A submission whose files could not be read, for the reason in the sentence ``problem``; a tutor looks at it."""
    return _as_claimed(delivery, _unusable(delivery, scratch, problem))


def _as_claimed(delivery: Delivery, submission: Submission) -> Submission:
    """The submission with whose it is, and what is open about that."""
    several = _students_within(submission)
    return replace(
        submission,
        flags=(*submission.flags, *delivery.flags, *([Flag("names-others", several)] if several else [])),
        claim=delivery.claim or several,
        answers_claim=delivery.answers_claim,
        origin=delivery.origin,
    )


def _students_within(submission: Submission) -> str:
    """A sentence if files have names that a learning platform gives to other students' work; empty otherwise."""
    own = folded(submission.id)
    others = [id for id in map(printable, students_named_in(submission.files)) if folded(id) != own]
    if not others:
        return ""
    shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
    return (
        f"Names in it are those of other students' work ({shown}); it was graded as the work of one student. "
        "Grade a tutorial group's folder by itself."
    )


def _unusable(delivery: Delivery, scratch: Path, problem: str) -> Submission:
    root = Path(tempfile.mkdtemp(prefix="none-", dir=scratch))
    return Submission(delivery.id, root, None, (), digest(()), problem=problem, has_unread_work=True)


def _assembled(delivery: Delivery, scratch: Path) -> Submission:
    if delivery.refusals:
        flags = tuple(_refusal_flags(delivery.refusals))
        return replace(_unusable(delivery, scratch, delivery.refusals[0]), flags=flags)
    pile = _Pile(scratch, [], [], [])
    parts = delivery.parts
    for part in parts:
        is_folder = part.path.is_dir()
        prefix = part.name if is_folder and len(parts) > 1 else ""
        pile.add(Part(part.path, "" if is_folder else part.name, part.level), prefix)
    own = [found for found in pile.files if not is_written_by_self_check(found)]
    pile.clutter += len(pile.files) - len(own)
    pile.files = own
    kept, left_out = within_limits(own)
    pile.left_out += left_out
    made = compose(delivery.id, kept, scratch, is_named_by_student=delivery.is_named_by_student, main=delivery.main)
    script, choice = made.submission.script, made.choice
    return replace(
        made.submission,
        problem="" if script else _problem(pile, choice),
        flags=(*choice.flags, *_flags(pile)),
        has_unread_work=script is None and bool(pile.refusals or pile.left_out or choice.left_out),
    )


def _problem(pile: _Pile, choice: Choice) -> str:
    if pile.refusals:
        return pile.refusals[0]
    if not pile.files and pile.void:
        return pile.void
    if not pile.files and pile.links:
        return f"Only a link was found ({printable(pile.links[0])}); links are not followed."
    if not pile.files and pile.special:
        return "Only pipes, sockets or devices were found, which are not opened."
    if not pile.files and pile.left_out:
        return "Every file was left out: the submission is too large."
    if not pile.files and pile.clutter:
        return "Only files that are not part of the work were found (data, caches, checkpoints or system files)."
    return choice.problem


def _flags(pile: _Pile) -> list[Flag]:
    flags = []
    if pile.links:
        shown = ", ".join(printable(name) for name in pile.links[:3]) + (", ..." if len(pile.links) > 3 else "")
        flags.append(Flag("link-not-followed", f"Links to files outside the submission were not followed: {shown}."))
    if pile.left_out:
        count = "1 file was" if pile.left_out == 1 else f"{pile.left_out} files were"
        flags.append(Flag("files-left-out", f"{count} left out: the submission is too large."))
    return [*flags, *_refusal_flags(pile.refusals)]


def _refusal_flags(refusals: Sequence[str]) -> list[Flag]:
    return [Flag("archive-refused", " ".join(refusals[:3]))] if refusals else []
