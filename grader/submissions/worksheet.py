"""Read Moodle's offline grading worksheet: a table with a row for each participant of the assignment.

Moodle writes UTF-8 with commas; a spreadsheet that saves it may use semicolons or tabs. What the cells mean is decided
by those who ask: :mod:`grader.submissions.roster` for whose a submission is.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from grader.model import UsageFault
from grader.submissions.naming import printable

IDENTIFIER, FULL_NAME = "Identifier", "Full name"
_DELIMITERS = (",", ";", "\t")
_LARGEST = 64 << 20
"""Bytes. The column with online text has whole answers."""
_NUMBER = re.compile(r"[0-9]{1,20}\Z")


@dataclass(frozen=True)
class Worksheet:
    """A worksheet; all cells are as they are in the file. A row may have more or fewer cells than the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    delimiter: str

    def column(self, name: str) -> int | None:
        """The position of the first column with this name, whatever its case and the spaces around it."""
        names = [title.strip().casefold() for title in self.header]
        return names.index(name.casefold()) if name.casefold() in names else None

    def cell(self, row: tuple[str, ...], name: str) -> str:
        """What ``row`` has in the column ``name``, unchanged; empty without such a column or cell."""
        at = self.column(name)
        return row[at] if at is not None and at < len(row) else ""

    def participant(self, row: tuple[str, ...]) -> str:
        """Moodle's number of the participant, as it is in the names of downloaded folders; empty if there is none."""
        found = _NUMBER.search(self.cell(row, IDENTIFIER).rstrip())
        return found[0] if found else ""

    def full_name(self, row: tuple[str, ...]) -> str:
        """The name without the markup that Moodle puts around a suspended student's; empty in blind marking."""
        return plain(self.cell(row, FULL_NAME))


def read_worksheet(path: Path) -> Worksheet:
    """The worksheet in the file ``path``. Rows without any text are left out.

    Raises UsageFault if it cannot be read, or has no column with the participants.
    """
    text = _text(path)
    tables = [(delimiter, _table(text, delimiter)) for delimiter in _DELIMITERS]
    delimiter, rows = max(tables, key=lambda table: len(table[1][0]) if table[1] else 0)
    if not rows:
        raise UsageFault(f"{_name(path)} is empty; download the grading worksheet from Moodle again.")
    sheet = Worksheet(rows[0], tuple(rows[1:]), delimiter)
    if sheet.column(IDENTIFIER) is None:
        raise UsageFault(
            f"{_name(path)} has no column {IDENTIFIER}, so it is not a grading worksheet of Moodle in English. If your "
            "Moodle is in another language, switch it to English and download the worksheet again."
        )
    return sheet


def plain(cell: str) -> str:
    """The text of a cell that may contain HTML, in one line."""
    if "<" not in cell and "&" not in cell:
        return " ".join(cell.split())
    parser = _Text(convert_charrefs=True)
    parser.feed(cell)
    parser.close()
    return " ".join("".join(parser.pieces).split())


class _Text(HTMLParser):
    """Collects the text between tags."""

    def __init__(self, *, convert_charrefs: bool) -> None:
        super().__init__(convert_charrefs=convert_charrefs)
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageFault(f"{_name(path)} cannot be read ({error.strerror or type(error).__name__}).") from error
    if len(content) > _LARGEST:
        raise UsageFault(f"{_name(path)} is larger than {_LARGEST >> 20} MiB; a grading worksheet is not.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageFault(f"{_name(path)} is not UTF-8; save it as CSV UTF-8, or download it again.") from error


def _table(text: str, delimiter: str) -> list[tuple[str, ...]]:
    csv.field_size_limit(_LARGEST)  # of the process: more than an answer in a cell needs, and less than memory
    try:
        rows = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]
    except csv.Error:
        return []
    return [row for row in rows if any(cell.strip() for cell in row)]


def _name(path: Path) -> str:
    return printable(path.name)
