"""Whose the folders of an nbgrader course are: of its ``submitted`` folder, and of the exchange's ``inbound``."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from grader.model.origin import NBGRADER, Attachment, Origin

SUBMITTED = "submitted"
TIMES = "timestamp.txt"
_LONGEST = 200
"""Characters of a time with its zone; the file may be the student's."""
_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)?(?: ([\w+/-]+))?")


def in_submitted(student: Path) -> Origin:
    """The origin of a student's folder, which has a folder for each assignment. Of several it has no time."""
    with contextlib.suppress(OSError):
        folders = sorted(path for path in student.iterdir() if path.is_dir() and not path.name.startswith("."))
        time = handed_in(_text(folders[0] / TIMES)) if len(folders) == 1 else ""
        return _origin(student.name, [folder.name for folder in folders], time)
    return _origin(student.name, [], "")


def in_exchange(names: Sequence[str]) -> dict[str, Origin]:
    """The origins of the exchange's folders ``STUDENT+ASSIGNMENT+TIME+RANDOM`` by their names.

    Empty if any name is of another form, because then people chose the names. Of a student's several folders only the
    latest has the student's ``name``.
    """
    split = {name: name.rsplit("+", 3) for name in names}
    if not all(len(parts) == 4 and all(parts) and handed_in(parts[2]) for parts in split.values()):
        return {}
    latest = {parts[0]: name for name, parts in sorted(split.items(), key=lambda item: item[1][2])}
    origins = {}
    for name, (student, _, time, _) in split.items():
        origin = _origin(student, [name], handed_in(time))
        origins[name] = origin if latest[student] == name else replace(origin, name="")
    return origins


def handed_in(text: str) -> str:
    """``2015-02-02 14:58:23.948203 America/Los_Angeles`` in ISO 8601; without an offset if the zone is not known.

    Empty for anything else.
    """
    found = _TIME.fullmatch(text.strip())
    with contextlib.suppress(ValueError):  # a 31 February
        if found:
            return datetime.fromisoformat(found[1]).replace(tzinfo=_zone(found[2] or "")).isoformat()
    return ""


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _text(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return ""
    with contextlib.suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_LONGEST)
    return ""


def _origin(student: str, folders: Sequence[str], time: str) -> Origin:
    return Origin(
        platform=NBGRADER,
        name=student,
        account=student,
        attachments=tuple(Attachment(folder) for folder in folders),
        handed_in=time,
        clock=TIMES if time else "",
    )
