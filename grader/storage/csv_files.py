"""Reads and writes the CSV files of learning platforms: the cells as they are, without a meaning."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from grader.model import UsageFault
from grader.safe_text import visible

Row = tuple[str, ...]
Table = list[Row]
_LARGEST = 64 << 20
"""Bytes. A column with online text has whole answers."""


def read_csv_text(path: Path) -> str:
    """The text of the file, without a byte order mark. Raises UsageFault if unreadable, too large or not UTF-8."""
    name = visible(path.name)
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageFault(f"{name} cannot be read ({error.strerror or type(error).__name__}).") from error
    if len(content) > _LARGEST:
        raise UsageFault(f"{name} is larger than {_LARGEST >> 20} MiB; a platform's table is not.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageFault(f"{name} is not UTF-8; save it as CSV UTF-8, or download it again.") from error


def delimited(text: str, delimiters: Sequence[str]) -> tuple[str, Table]:
    """The delimiter that gives the first row the most cells, and the rows that have any text with it."""
    delimiter, rows = numbered(text, delimiters)
    return delimiter, [row for _, row in rows]


def numbered(text: str, delimiters: Sequence[str]) -> tuple[str, list[tuple[int, Row]]]:
    """As :func:`delimited`, with the line of the text in which each row begins, from 1."""
    tables = [(delimiter, _table(text, delimiter)) for delimiter in delimiters]
    return max(tables, key=lambda table: len(table[1][0][1]) if table[1] else 0)


def _table(text: str, delimiter: str) -> list[tuple[int, Row]]:
    try:
        return list(_rows(text, delimiter))
    except csv.Error:
        return []


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, Row]]:
    csv.field_size_limit(_LARGEST)  # of the process: more than an answer in a cell needs, and less than memory
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    begins = 1
    for row in reader:
        if any(cell.strip() for cell in row):
            yield begins, tuple(row)
        begins = reader.line_num + 1


def comma_text(rows: Iterable[Sequence[str]]) -> str:
    """The rows with commas, and quotes only where a cell needs them."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
