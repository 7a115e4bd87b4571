"""Read the names that Moodle and Canvas give to files: the student, and the original name of the file.

What other files say about whose a submission is: :mod:`grader.submissions.roster` (Moodle's worksheet),
:mod:`grader.submissions.gradescope_metadata` and :mod:`grader.submissions.nbgrader_course`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from grader.model.origin import CANVAS, MOODLE, Attachment, Origin
from grader.submissions.naming import folded, printable

MOODLE_FOLDER = "moodle folder"
"""The style of Moodle's names for folders."""
_MOODLE_FOLDER = re.compile(r"^(?P<name>[^_/]+)_(?P<number>\d+)_assignsubmission_(?P<plugin>[a-z0-9]+)_?$")
_MOODLE_FILE = re.compile(
    r"^(?P<name>[^_/]+)_(?P<number>\d+)_assignsubmission_(?P<plugin>[a-z0-9]+)_(?P<file>.+)$", re.S
)
_TEAM_FOLDER = re.compile(r"^(?P<name>[^_/]+)_assignsubmission_(?P<plugin>[a-z0-9]+)_?$")
_TEAM_FILE = re.compile(r"^(?P<name>[^_/]+)_assignsubmission_(?P<plugin>[a-z0-9]+)_(?P<file>.+)$", re.S)
_CANVAS_FILE = re.compile(
    r"^(?:(?P<name>(?!LATE_|anon_).+?)_(?P<late>LATE_)?(?P<uid>\d{2,})"
    r"|(?P<first>LATE_)?(?P<anonymous>anon_[^_]+)(?P<then>_LATE)?)_"
    r"(?:(?P<number>\d{3,})_(?P<file>.+)|(?P<kind>text|link)\.html)$",
    re.S,
)
"""Real ids have many digits. Requiring some of them excludes names like ``lab_4_2_alice.py``."""
_BLIND = "Participant"
"""Moodle's name in English for every student whose name the marker must not see."""


@dataclass(frozen=True)
class PlatformName:
    """What the name of a folder or file says: ``style`` is the form of the name, ``id`` the student's unique name.

    ``number`` is the platform's for the student, empty for a group. ``plugin`` is Moodle's name for the way it was
    handed in (``file``, ``onlinetext``), ``file`` the student's own name for the file (empty for a folder).
    ``file_number`` is Canvas's number of the file.
    """

    platform: str
    style: str
    name: str
    number: str = ""
    plugin: str = "file"
    file: str = ""
    file_number: str = ""
    is_late: bool = False

    @property
    def id(self) -> str:
        """The student's or group's name with the number; two students never have the same."""
        return f"{self.name}_{self.number}" if self.number and self.number != self.name else self.name

    @property
    def key(self) -> str:
        """The same for all files of a student that one platform named in one way, and for no other student's."""
        return f"{self.style} {self.number} {folded(printable(self.id))}"

    def origin(self, whole: str) -> Origin:
        """What is known of a student from one folder or file alone; ``whole`` is its name as it was delivered."""
        is_moodle = self.platform == MOODLE
        return Origin(
            platform=self.platform,
            name=blind_name(self.number) if is_moodle and self.number and self.name == _BLIND else self.name,
            account=self.number,
            attachments=(Attachment(whole, self.file_number),),
            is_group=is_moodle and not self.number,
            is_late=None if is_moodle else self.is_late,
        )


def blind_name(number: str) -> str:
    """The name to show for a participant without one, as Moodle's worksheet writes it."""
    return f"{_BLIND} {number}"


def moodle_folder(name: str) -> PlatformName | None:
    """``Jane Doe_5012345_assignsubmission_file`` (or with a trailing underscore), or a group's without a number."""
    match = _MOODLE_FOLDER.match(name) or _TEAM_FOLDER.match(name)
    return _moodle(MOODLE_FOLDER, match) if match else None


def moodle_file(name: str) -> PlatformName | None:
    """``Jane Doe_5012345_assignsubmission_file_task1_cnn.py``, or a group's without a number."""
    match = _MOODLE_FILE.match(name) or _TEAM_FILE.match(name)
    return _moodle("moodle file", match) if match else None


def _moodle(style: str, match: re.Match[str]) -> PlatformName:
    said = match.groupdict()
    return PlatformName(MOODLE, style, said["name"], said.get("number", ""), said["plugin"], said.get("file", ""))


def canvas_file(name: str) -> PlatformName | None:
    """``doejane_LATE_12345_678901_task1_cnn.py``, ``doejane_12345_text.html``, ``anon_aB3x9_678903_task1_cnn.py``."""
    match = _CANVAS_FILE.match(name)
    if match is None:
        return None
    return PlatformName(
        CANVAS,
        "canvas",
        name=match["anonymous"] or match["name"],
        number=match["anonymous"] or match["uid"],
        file=match["file"] or f"{match['kind']}.html",
        file_number=match["number"] or "",
        is_late=bool(match["late"] or match["first"] or match["then"]),
    )


def are_canvas(names: Iterable[str]) -> bool:
    """True if at least half of the names in a folder are Canvas's."""
    names = list(names)
    named = sum(canvas_file(name) is not None for name in names)
    return named > 0 and 2 * named >= len(names)


def students_named_in(paths: Iterable[str]) -> tuple[str, ...]:
    """The students whom a platform's names name in the POSIX paths of one submission, whoever wrote the names."""
    found: dict[str, None] = {}
    folders: dict[str, list[str]] = {}
    for path in paths:
        for part in PurePosixPath(path).parts:
            if named := moodle_folder(part) or moodle_file(part):
                found[named.id] = None
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, []).append(name)
    for names in folders.values():
        ids = dict.fromkeys(named.id for name in names if (named := canvas_file(name)))
        found |= ids if len(ids) > 1 and are_canvas(names) else {}
    return tuple(found)
