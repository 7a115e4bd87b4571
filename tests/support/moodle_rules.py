"""How Moodle reads what we export, in our own words: the test oracle of the worksheet and of the zip of pages.

``moodle_import.php`` says the same about the worksheet with PHP's own reader.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.places import TESTS

_SCRIPT = TESTS / "export" / "moodle_import.php"
_TIMES = ("%A, %d %B %Y, %I:%M %p", "%A, %d %B %Y, %H:%M")


@dataclass(frozen=True)
class Participant:
    """What Moodle knows about a participant. ``time`` is when the mark was last changed, in seconds since the epoch."""

    mark: float | None = None
    comment: str = ""
    time: int = 0
    is_locked: bool = False


@dataclass(frozen=True)
class Moodle:
    """An assignment in Moodle, by the participants' numbers."""

    participants: Mapping[str, Participant]
    maximum: float
    ignores_zero: bool = True
    """As in the newest source."""
    ignores_times: bool = False
    """Whether the tutor ticked the box."""


@dataclass(frozen=True)
class Imported:
    """What is in Moodle after the import, and the counts of its sentence; or why the file was refused."""

    marks: Mapping[str, float | None] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    grades: int = 0
    texts: int = 0
    refused: str = ""


def php_import(path: Path, moodle: Moodle) -> Imported | None:
    """The import with PHP; None where PHP is not installed."""
    php = shutil.which("php")
    if php is None:
        return None
    state = json.dumps(asdict(moodle))
    command = [php, "-n", str(_SCRIPT), str(path)]
    done = subprocess.run(command, input=state, capture_output=True, encoding="utf-8", check=True, timeout=30)
    content: dict[str, Any] = json.loads(done.stdout)
    if "refused" in content:
        return Imported(refused=content["refused"])
    return Imported(content["marks"], content["comments"], content["grades"], content["texts"])


def python_import(path: Path, moodle: Moodle) -> Imported:
    """The same import in Python."""
    header, *rows = cells_of(path.read_text(encoding="utf-8-sig"))
    header = [title.strip() for title in header]
    if any(len(row) != len(header) for row in rows):
        return Imported(refused="rows have different numbers of cells")
    for needed in ("Identifier", "Grade", "Last modified (grade)"):
        if needed not in header:
            return Imported(refused=f"no column {needed}")
    marks = {id: known.mark for id, known in moodle.participants.items()}
    comments = {id: known.comment for id, known in moodle.participants.items()}
    grades = texts = 0
    for row in rows:
        cells = dict(zip(header, map(_stored, row), strict=True))
        id = cells["Identifier"].replace("Participant ", "")
        known = moodle.participants.get(id)
        if known is None or known.is_locked:
            continue
        if not moodle.ignores_times and known.time > _seconds(cells["Last modified (grade)"]) + 60:
            continue
        mark = _number(cells["Grade"])
        is_given = mark is not None and 0 <= mark <= moodle.maximum and (mark or not moodle.ignores_zero)
        if is_given and mark != known.mark:
            marks[id] = mark
            grades += 1
        column = header.index("Feedback comments") if "Feedback comments" in header else 0
        if column and cells["Feedback comments"] != known.comment:
            comments[id] = cells["Feedback comments"]
            texts += 1
    return Imported(marks, comments, grades, texts)


def cells_of(text: str) -> list[list[str]]:
    """The rows as PHP's fgetcsv reads them, for which a backslash keeps the next quote from ending a cell."""
    rows: list[list[str]] = [[]]
    cell, at, is_quoted = "", 0, False
    while at < len(text):
        char, following = text[at], text[at + 1 : at + 2]
        if is_quoted and char == "\\" and following == '"':
            cell, at = cell + '\\"', at + 1
        elif is_quoted and char == '"' and following == '"':
            cell, at = cell + '"', at + 1
        elif char == '"' and (is_quoted or not cell):
            is_quoted = not is_quoted
        elif not is_quoted and char in ",\n":
            rows[-1].append(cell)
            cell = ""
            if char == "\n":
                rows.append([])
        else:
            cell += char
        at += 1
    if cell or rows[-1]:
        rows[-1].append(cell)
    return [row for row in rows if row not in ([], [""])]


def _stored(cell: str) -> str:
    return f"'{cell}" if cell != "-" and cell[:1] in {"=", "+", "-", "@"} else cell


def _number(text: str) -> float | None:
    """PHP's floatval: the number at the start, or 0."""
    text = text.strip()
    found = re.match(r"[+-]?(\d+\.?\d*|\.\d+)", text, re.ASCII)
    return None if not text else float(found[0]) if found else 0.0


def _seconds(text: str) -> float:
    for form in _TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    return 0.0


def returned_pages(path: Path, participants: Mapping[str, Participant]) -> Iterator[tuple[str, str, bytes]]:
    """Each file that Moodle takes from a zip of feedback: the participant's number, the file's name, the content."""
    with zipfile.ZipFile(path) as file:
        for name in file.namelist():
            parts = name.split("/")
            for part in parts[:-1]:
                split = part.split("_", 4)
                is_taken = len(split) > 3 and split[2:4] == ["assignfeedback", "file"] and split[1] in participants
                if is_taken and not part.startswith((".", "~")):
                    yield split[1], parts[-1], file.read(name)
