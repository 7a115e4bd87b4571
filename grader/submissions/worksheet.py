"""Read Moodle's offline grading worksheet: a table with a row for each participant of the assignment.

Moodle writes UTF-8 with commas; a spreadsheet that saves it may use semicolons or tabs. What the cells mean is decided
by those who ask: :mod:`grader.submissions.roster` for whose a submission is.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

from grader.model import UsageFault
from grader.storage.csv_files import delimited, read_csv_text
from grader.submissions.naming import printable

IDENTIFIER, FULL_NAME = "Identifier", "Full name"
_DELIMITERS = (",", ";", "\t")
_TIMES = ("%A, %d %B %Y, %I:%M %p", "%A, %B %d, %Y, %I:%M %p", "%A, %d %B %Y, %H:%M")
"""As Moodle's English writes them, the second one in the United States; PHP's strtotime reads all three."""
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
    delimiter, rows = delimited(read_csv_text(path), _DELIMITERS)
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


def time_in(cell: str) -> str:
    """A time as Moodle writes it in English, in ISO 8601 on the site's own clock; empty for anything else."""
    for form in _TIMES:
        with suppress(ValueError):
            return datetime.strptime(cell.strip(), form).isoformat()
    return ""


class _Text(HTMLParser):
    """Collects the text between tags."""

    def __init__(self, *, convert_charrefs: bool) -> None:
        super().__init__(convert_charrefs=convert_charrefs)
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def _name(path: Path) -> str:
    return printable(path.name)
