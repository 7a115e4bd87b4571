"""Names pages so that Canvas returns each with its student's submission, when a zip of them is uploaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from grader.model import Origin
from grader.storage.run_folder import FEEDBACK_FILE


@dataclass(frozen=True)
class Place:
    """Where a page goes: its ``name`` in the zip, and the name under which Canvas then shows it to the student."""

    name: str
    shown: str


def place_of(origin: Origin) -> Place | None:
    """The place beside one of the files that were handed in; None if none of them has an id.

    The name is the start of the downloaded file's name and ours: ``doejane_12345_678901_lab4-report.html``. By the two
    numbers Canvas finds the submission and the file, whose name it shows. So a page is preferred, and code comes last.
    """
    account = origin.account.removeprefix("anon_")
    found = []
    for attachment in origin.attachments:
        start, _, shown = attachment.name.partition(f"_{attachment.id}_")
        if not re.fullmatch(r"\w+", f"{account}{attachment.id}") or not (attachment.id and shown):
            continue
        name = f"{start}_{attachment.id}_{FEEDBACK_FILE}"
        if not re.fullmatch(r"\w+", start) or ids_in(name) != (account, attachment.id):
            kind = "student" if account.isdecimal() else "anon"  # a name with numbers, which Canvas would read as ids
            name = f"{kind}_{account}_{attachment.id}_{FEEDBACK_FILE}"
        found.append(Place(name, shown))
    return min(found, key=lambda place: _rank(place.shown), default=None)


def ids_in(name: str) -> tuple[str, ...]:
    """The ids of the user, or of the anonymous submission, and of the file, as Canvas reads them from a name."""
    parts = name.split("_")
    if "anon" in parts:
        return tuple(parts[parts.index("anon") + 1 :][:2])
    return tuple(part for part in parts if part.isascii() and part.isdecimal())[:2]


def _rank(name: str) -> int:
    suffix = PurePosixPath(name).suffix.lower()
    return 0 if suffix in (".html", ".htm") else 2 if suffix in (".py", ".ipynb") else 1
