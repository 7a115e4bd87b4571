"""Writes marks.csv, a row for each student, so that a spreadsheet neither runs nor cuts a student's text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from grader.model import Report, Result
from grader.model.status import open_results
from grader.safe_text import shorten, visible
from grader.storage.json_files import number, replacing

MARKS_FILE = "marks.csv"
_ORIGIN = ("name", "platform", "account", "email", "late", "handed_in")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
# What Excel, LibreOffice and Google Sheets read as the start of a formula, with the full-width forms.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# In locales where semicolons separate columns, a spreadsheet reads a whole row as one text and splits it at semicolons.
_FORMULA_WITHIN = re.compile(r"(;[\s\"']*)(?=[=+\-@＝＋－＠])")
_LONGEST_CELL = 30_000
"""Characters. An Excel cell has at most 32767; the rest would go into the next row."""


def write_marks_csv(folder: Path, reports: Sequence[Report]) -> None:
    """Write marks.csv into the run at ``folder``.

    The cells of items add up to ``awarded``. A cell is empty if its item is not marked yet or not in the rubric. With a
    late policy there are two more columns; what is not known or not decided is empty there.
    """
    items = list(dict.fromkeys(item.id for report in reports for item in report.code_results))
    columns = [*items, *dict.fromkeys(answer.id for report in reports for answer in report.answer_results)]
    has_lateness = any(report.lateness is not None for report in reports)
    late_columns = ["late_days", "deduction"] if has_lateness else []
    with (
        replacing(folder / MARKS_FILE) as file,
        io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True) as text,
    ):
        # Always quote text: a semicolon or tab in a name must not start a cell in a spreadsheet of another locale.
        writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
        writer.writerow(["student", *_ORIGIN, "status", "awarded", "available", *late_columns, *columns, "flags"])
        writer.writerows(_row(report, columns, has_lateness=has_lateness) for report in reports)


def _row(report: Report, columns: Sequence[str], *, has_lateness: bool) -> list[int | float | str]:
    results = {result.id: result for result in report.results}
    cells: list[int | float | str] = [_cell(text) for text in (report.student, *_origin(report))]
    cells += [report.status.value, number(report.awarded), number(report.available)]
    cells += _late_cells(report) if has_lateness else []
    open_ids = {result.id for result in open_results(report.results)}
    cells += [_points_cell(results.get(id), is_open=id in open_ids) for id in columns]
    cells.append(_cell(" | ".join(f"{flag.id}: {flag.message}" for flag in report.flags)))
    return cells


def _late_cells(report: Report) -> list[int | float | str]:
    days, deduction = report.lateness.days if report.lateness is not None else None, report.deduction
    return ["" if days is None else days, "" if deduction is None else number(deduction)]


def _origin(report: Report) -> tuple[str, ...]:
    """What the learning platform says about the student or group, in the columns ``_ORIGIN``."""
    origin = report.origin
    late = "" if origin.is_late is None else "yes" if origin.is_late else "no"
    emails = ", ".join(person.email for person in origin.members if person.email)
    return report.name, origin.platform, origin.account, emails, late, origin.handed_in


def _points_cell(result: Result | None, *, is_open: bool) -> int | float | str:
    if result is None:
        return ""
    return "" if is_open and not result.awarded else number(result.awarded)


def _cell(text: str) -> str:
    """``text`` made safe for a spreadsheet: visible characters, and an apostrophe before anything like a formula."""
    shown = shorten(_FORMULA_WITHIN.sub(r"\1'", visible(text)), _LONGEST_CELL)
    is_formula = any(start.startswith(_FORMULA_STARTS) for start in (text, text.lstrip(), shown.lstrip()))
    return f"'{shown}" if is_formula and not _NUMBER.fullmatch(text) else shown
