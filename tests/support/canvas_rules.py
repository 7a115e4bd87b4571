"""What Canvas would do with a CSV file or a zip: the rules of its importers in other words, as an oracle for tests.

``tests/export/canvas_import.rb`` has the same rules for CSV on Ruby's own reader, which Canvas uses.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.support.places import TESTS

_IMPORTER = TESTS / "export" / "canvas_import.rb"
Course = dict[str, dict[str, str]]
"""``students``: names by id; ``assignments``: titles by id."""
_COMPUTED = re.compile(r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")


def ruby_import(path: Path, course: Course, *kind: str) -> dict[str, Any] | None:
    """What the same rules in Ruby find in the file at ``path``; None where Ruby is not installed."""
    ruby = shutil.which("ruby")
    if ruby is None:
        return None
    line = [ruby, "-E", "UTF-8:UTF-8", str(_IMPORTER), str(path), *kind]
    done = subprocess.run(line, input=json.dumps(course), capture_output=True, encoding="utf-8", timeout=30, check=True)
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def gradebook(text: str, course: Course) -> dict[str, Any]:
    """The marks that an uploaded gradebook sets, and what it would add or change besides."""
    header, *rows = _rows(text) or [[]]
    columns = _student_columns(header)
    if columns is None:
        return {"error": "Invalid header row"}
    titles = [title for title in header[columns:] if not _COMPUTED.search(title)]
    ids = {title: _assignment(title, course) for title in titles}
    seen: dict[str, Any] = {
        "marks": {},
        "new_students": [],
        "new_assignments": [title for title in titles if not ids[title]],
        "maxima": {},
    }
    is_double = header[0] == "LastName"
    for row in rows:
        marks = {title: row[header.index(title)] if header.index(title) < len(row) else "" for title in titles}
        if "Points Possible" in row[0]:
            seen["maxima"] |= {title: mark for title, mark in marks.items() if mark}
        elif not all(re.fullmatch(r"(?i)\s*(Muted|Manual Posting.*)?\s*", cell) for cell in row):
            id, name = (row[2], f"{row[0]}, {row[1]}") if is_double else (row[1], row[0])
            known = id if id in course["students"] else _named(name, course)
            if known is None:
                seen["new_students"].append(name)
            else:
                seen["marks"] |= [(known, mark.strip()) for title, mark in marks.items() if ids[title]]
    return seen


def assessments(text: str) -> dict[str, Any]:
    """The points and comments that uploaded rubric assessments set, by student and criterion."""
    found: dict[str, Any] = {}
    for row in csv.DictReader(io.StringIO(text, newline="")):
        names = dict.fromkeys(title.rpartition(" - ")[0] for title in row if " - " in title)
        found[row["Student Id"]] = {
            name: [row.get(f"{name} - Points") or None, row.get(f"{name} - Comments") or None] for name in names
        }
    return {"assessed": found}


def commented(name: str) -> tuple[str, str] | None:
    """The user (or anonymous id) and the file beside which Canvas puts a page of an uploaded zip; None: ignored."""
    parts = [part for part in name.split("/")[-1].split("_") if part != "LATE"]
    if name.startswith("._") or parts[-1].startswith("link"):
        return None
    numbers = [part for part in parts if re.fullmatch(r"\d+", part)]
    found = parts[1:3] if parts[0] == "anon" else numbers[:2]
    return (found[0], found[1]) if len(found) == 2 else None


def _rows(text: str) -> list[list[str]]:
    lines = text.splitlines(keepends=True)[:3]
    delimiter = ";" if _cells(lines, ";") > _cells(lines, ",") else ","
    kept = [line for line in text.splitlines(keepends=True) if not re.fullmatch(r"[;, ]+", line.rstrip("\r\n"))]
    reader = csv.reader(io.StringIO("".join(kept), newline=""), delimiter=delimiter, strict=True)
    return [[_period(cell) for cell in row] for row in reader]


def _cells(lines: list[str], delimiter: str) -> int:
    try:
        counts = {len(next(csv.reader([line], delimiter=delimiter, strict=True), [])) for line in lines}
    except csv.Error:
        return 0
    return counts.pop() if len(counts) == 1 else 0


def _period(cell: str) -> str:
    if not re.fullmatch(r"-?[0-9.,]+%?", cell):
        return cell
    *whole, last = re.split(r"[,.]", cell)
    return f"{''.join(whole)}.{last}" if whole else last


def _student_columns(header: list[str]) -> int | None:
    cells = [*header, *[""] * 9]
    single = len(header) > 3 and "Student" in cells[0] and "ID" in cells[1]
    double = len(header) > 4 and "LastName" in cells[0] and "FirstName" in cells[1] and "ID" in cells[2]
    columns = 4 if cells[:2] == ["LastName", "FirstName"] else 3
    after = columns - 1
    if "SIS Login ID" in cells[after]:
        columns += 1
    elif "SIS User ID" in cells[after] and "SIS Login ID" in cells[after + 1]:
        columns += 2
        columns += "Integration ID" in cells[after + 2]
        columns += "Root Account" in cells[columns - 1]
    return columns if (single or double) and "Section" in cells[columns - 1] else None


def _assignment(title: str, course: Course) -> str | None:
    return next((id for id, name in course["assignments"].items() if title in (f"{name} ({id})", name)), None)


def _named(name: str, course: Course) -> str | None:
    return next((id for id, known in course["students"].items() if known == name), None)
