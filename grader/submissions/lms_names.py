"""Read the names that Moodle and Canvas give to files: the student, and the original name of the file."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
    """Whose a folder or file is: ``key`` is the same for all files of a student, ``id`` is the student's name.

    ``plugin`` is Moodle's name for the way it was handed in (``file``, ``onlinetext``), ``file`` the student's own name
    for the file (empty for a folder).
    """

    key: str
    id: str
    plugin: str = "file"
    file: str = ""


def moodle_folder(name: str) -> Origin | None:
    """``Jane Doe_5012345_assignsubmission_file`` (or with a trailing underscore), or a group's without a number."""
    if match := _MOODLE_FOLDER.match(name):
        return Origin(f"moodle {match['pid']}", f"{match['name']}_{match['pid']}", match["plugin"])
    if match := _TEAM_FOLDER.match(name):
        return Origin(f"moodle team {match['name']}", match["name"], match["plugin"])
    return None


def moodle_file(name: str) -> Origin | None:
    """``Jane Doe_5012345_assignsubmission_file_task1_cnn.py``, or a group's without a number."""
    if match := _MOODLE_FILE.match(name):
        return Origin(f"moodle {match['pid']}", f"{match['name']}_{match['pid']}", match["plugin"], match["file"])
    if match := _TEAM_FILE.match(name):
        return Origin(f"moodle team {match['name']}", match["name"], match["plugin"], match["file"])
    return None


def canvas_file(name: str) -> Origin | None:
    """``doejane_LATE_12345_678901_task1_cnn.py``, ``doejane_12345_text.html``, ``anon_aB3x9_678903_task1_cnn.py``."""
    match = _CANVAS_FILE.match(name)
    if match is None:
        return None
    id = match["anonymous"] or f"{match['name']}_{match['uid']}"
    return Origin(f"canvas {match['anonymous'] or match['uid']}", id, "file", match["file"] or f"{match['kind']}.html")


def is_exported(key: str) -> bool:
    """True for the key of an ``Origin``."""
    return key.startswith(("moodle ", "canvas "))
