"""Reads Canvas's gradebook, as exported: its students, and the column of one assignment.

The rules are those of Canvas's own importer (``lib/gradebook_importer.rb``).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from grader.model import UsageFault
from grader.safe_text import visible
from grader.storage.csv_files import delimited, read_csv_text

_ASSIGNMENT = re.compile(r"(.*\S) \((\d+)\)", re.S)
_COMPUTED = re.compile(r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")
"""Titles that Canvas never reads as an assignment: it computes these columns."""
_NUMBER = re.compile(r"-?[0-9.,]+")
_EXCUSED, _NOT_ASSIGNED = ("ex", "excused"), "n/a"


@dataclass(frozen=True)
class Row:
    """A student. ``identity`` are the cells that say who it is, ``mark`` is the assignment's; all are unchanged."""

    identity: tuple[str, ...]
    id: str
    """Canvas's number of the user."""
    name: str
    mark: str
    problem: str
    """Why no mark can be written into this row; empty if one can."""


@dataclass(frozen=True)
class Gradebook:
    """A gradebook and the assignment's ``column``, both headers unchanged. ``maximum`` is None if it is not stated."""

    identity: tuple[str, ...]
    column: str
    maximum: Decimal | None
    rows: tuple[Row, ...]


def read_gradebook(path: Path, *, title: str, column: str = "") -> Gradebook:
    """The gradebook in the file, with the column called ``column``, or else the only one whose title has ``title``.

    Raises UsageFault if it is not a gradebook, or if it is open which column is meant.
    """
    _, table = delimited(read_csv_text(path), (",", ";"))
    header = table[0] if table else ()
    names = 2 if header[:2] == ("LastName", "FirstName") else 1
    is_gradebook = len(header) > names + 1 and header[names] == "ID" and (names == 2 or "Student" in header[0])
    if not is_gradebook or "Section" not in header[names:]:
        raise UsageFault(
            f"{visible(path.name)} is not a gradebook of Canvas: its first row should begin with Student, ID and have "
            "Section before the assignments. Export it in Canvas with Grades, Export, and do not edit it."
        )
    identity = header.index("Section") + 1
    points = next((row for row in table if "Points Possible" in row[0]), ())
    at = _column(header, identity, points, title=title, column=column)
    # The rows with the maximum and with "Manual Posting" have neither a name nor an ID.
    rows = [row for row in table[1:] if row != points and any(cell.strip() for cell in row[: names + 1])]
    uses = Counter(_id(row, names) for row in rows)
    return Gradebook(
        header[:identity],
        header[at],
        number(points[at]) if at < len(points) else None,
        tuple(_row(row, names, identity, at, len(header), uses) for row in rows),
    )


def number(cell: str) -> Decimal | None:
    """A cell as Canvas reads it: the last comma or point is the decimal sign. None if it is not a number."""
    if not _NUMBER.fullmatch(cell.strip()):
        return None
    *whole, last = re.split(r"[.,]", cell.strip())
    try:
        return Decimal(f"{''.join(whole)}.{last}" if whole else last)
    except InvalidOperation:
        return None


def is_same_name(name: str, other: str) -> bool:
    """Whether two spellings have the same letters and digits, in any order of the words; empty names match all."""
    first, second = _letters(name), _letters(other)
    return not first or not second or first == second


def _letters(name: str) -> list[str]:
    return sorted(char for char in unicodedata.normalize("NFKC", name).casefold() if char.isalnum())


def _row(row: tuple[str, ...], names: int, identity: int, at: int, width: int, uses: Counter[str]) -> Row:
    id, name, mark = _id(row, names), ", ".join(row[:names]), row[at] if at < len(row) else ""
    problem = ""
    if name == "Student, Test":
        problem = "this is Canvas's test student"
    elif len(row) != width:
        problem = f"the row has {len(row)} cells and the header {width}; export the gradebook again"
    elif not id:
        problem = "the row has no ID; export the gradebook again"
    elif uses[id] > 1:
        problem = f"{uses[id]} rows have the ID {id}; export the gradebook again"
    elif mark.strip().casefold() in _EXCUSED:
        problem = f"excused in Canvas ({mark.strip()})"
    elif mark.strip().casefold() == _NOT_ASSIGNED:
        problem = f"the assignment is not assigned to this student in Canvas ({mark.strip()})"
    return Row(row[:identity], id, name, mark, problem)


def _id(row: Sequence[str], names: int) -> str:
    return row[names].strip() if len(row) > names else ""


def _column(header: Sequence[str], identity: int, points: Sequence[str], *, title: str, column: str) -> int:
    """The position of the assignment's column."""
    assignments = {
        at: found[1]
        for at, cell in enumerate(header)
        if at >= identity
        and (found := _ASSIGNMENT.fullmatch(cell.strip()))
        and not _COMPUTED.search(cell)
        and not (at < len(points) and re.search(r"read\s+only", points[at]))
    }
    if column:
        chosen = [at for at in assignments if header[at].strip() == column.strip()]
    else:
        chosen = [at for at, name in assignments.items() if f" {_words(title)} " in f" {_words(name)} "]
    if len(chosen) == 1:
        return chosen[0]
    listed = "".join(f"\n  {visible(header[at])}" for at in (chosen or assignments))
    wanted = f"is called {visible(column)}" if column else f"has the title {visible(title)}"
    how_many = f"{len(chosen)} columns match; none can be chosen" if chosen else f"no assignment {wanted}"
    raise UsageFault(
        f"In the gradebook, {how_many}. Name the column as it is in the first row, with its number: "
        f'--column "Lab 4 (4567)".{f" The gradebook has:{listed}" if listed else " It has no assignments."}'
    )


def _words(title: str) -> str:
    return " ".join(re.findall(r"\w+", title.casefold()))
