"""Formats rows of text in columns for a terminal: as wide as their content, never wider than the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

_LEAST = 8
"""Least width of the last column, in characters."""


@dataclass(frozen=True)
class Column:
    """A column at most ``most`` wide, followed by ``gap`` spaces; the last column gets the remaining width."""

    header: str = ""
    most: int | None = None
    gap: int = 2
    is_right: bool = False


def in_columns(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> list[Text]:
    """A line for each row, after a line of headers if there are any; text that does not fit ends in an ellipsis."""
    headers = [Text(column.header, style="bold") for column in columns]
    shown = [headers, *rows] if any(column.header for column in columns) else list(rows)
    widths = [
        min(max((row[at].cell_len for row in shown), default=0), column.most or width)
        for at, column in enumerate(columns)
    ]
    before_last = sum(widths[:-1]) + sum(column.gap for column in columns[:-1])
    widths[-1] = max(width - before_last, _LEAST)
    return [_line(columns, widths, row) for row in shown]


def _line(columns: Sequence[Column], widths: Sequence[int], row: Sequence[Text]) -> Text:
    line = Text()
    for column, column_width, cell in zip(columns, widths, row, strict=True):
        fitted = cell.copy()
        fitted.truncate(column_width, overflow="ellipsis")
        space = " " * (column_width - fitted.cell_len)
        line.append(space if column.is_right else "").append_text(fitted)
        line.append(("" if column.is_right else space) + " " * column.gap)
    line.rstrip()
    return line
