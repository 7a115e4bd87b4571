"""Read the names that Moodle and Canvas give to files: the student, and the original name of the file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from grader.submissions.naming import folded, printable

MOODLE_FOLDER = "moodle folder"
"""The style of Moodle's names for folders."""
_MOODLE_FOLDER = re.compile(r"^(?P<name>[^_/]+)_(?P<pid>\d+)_assignsubmission_(?P<plugin>[a-z0-9]+)_?$")
_MOODLE_FILE = re.compile(r"^(?P<name>[^_/]+)_(?P<pid>\d+)_assignsubmission_(?P<plugin>[a-z0-9]+)_(?P<file>.+)$", re.S)
_TEAM_FOLDER = re.compile(r"^(?P<name>[^_/]+)_assignsubmission_(?P<plugin>[a-z0-9]+)_?$")
_TEAM_FILE = re.compile(r"^(?P<name>[^_/]+)_assignsubmission_(?P<plugin>[a-z0-9]+)_(?P<file>.+)$", re.S)
_CANVAS_FILE = re.compile(
    r"^(?:(?P<name>(?!LATE_|anon_).+?)_(?:LATE_)?(?P<uid>\d{2,})|(?:LATE_)?(?P<anonymous>anon_[^_]+))_"
    r"(?:\d{3,}_(?P<file>.+)|(?P<kind>text|link)\.html)$",
    re.S,
)
"""Real ids have many digits. Requiring some of them excludes names like ``lab_4_2_alice.py``."""


@dataclass(frozen=True)
class Origin:
    """Whose a folder or file is: ``style`` is the form of the name, ``id`` the student's name.

    ``account`` is the platform's number for the student, empty for a group. ``plugin`` is Moodle's name for the way it
    was handed in (``file``, ``onlinetext``), ``file`` the student's own name for the file (empty for a folder).
    """

    style: str
    account: str
    id: str
    plugin: str = "file"
    file: str = ""

    @property
    def key(self) -> str:
        """The same for all files of a student that one platform named in one way, and for no other student's."""
        return f"{self.style} {self.account} {folded(printable(self.id))}"


def moodle_folder(name: str) -> Origin | None:
    """``Jane Doe_5012345_assignsubmission_file`` (or with a trailing underscore), or a group's without a number."""
    if match := _MOODLE_FOLDER.match(name):
        return Origin(MOODLE_FOLDER, f"moodle {match['pid']}", f"{match['name']}_{match['pid']}", match["plugin"])
    if match := _TEAM_FOLDER.match(name):
        return Origin(MOODLE_FOLDER, "", match["name"], match["plugin"])
    return None


def moodle_file(name: str) -> Origin | None:
    """``Jane Doe_5012345_assignsubmission_file_task1_cnn.py``, or a group's without a number."""
    if match := _MOODLE_FILE.match(name):
        id = f"{match['name']}_{match['pid']}"
        return Origin("moodle file", f"moodle {match['pid']}", id, match["plugin"], match["file"])
    if match := _TEAM_FILE.match(name):
        return Origin("moodle file", "", match["name"], match["plugin"], match["file"])
    return None


def canvas_file(name: str) -> Origin | None:
    """``doejane_LATE_12345_678901_task1_cnn.py``, ``doejane_12345_text.html``, ``anon_aB3x9_678903_task1_cnn.py``."""
    match = _CANVAS_FILE.match(name)
    if match is None:
        return None
    id = match["anonymous"] or f"{match['name']}_{match['uid']}"
    account = f"canvas {match['anonymous'] or match['uid']}"
    return Origin("canvas", account, id, "file", match["file"] or f"{match['kind']}.html")


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
            if origin := moodle_folder(part) or moodle_file(part):
                found[origin.id] = None
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, []).append(name)
    for names in folders.values():
        ids = dict.fromkeys(origin.id for name in names if (origin := canvas_file(name)))
        found |= ids if len(ids) > 1 and are_canvas(names) else {}
    return tuple(found)
