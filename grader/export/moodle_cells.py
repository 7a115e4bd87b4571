"""Writes what Moodle reads: the cells of the worksheet, the comments, and the zip of pages for students.

Moodle reads the file with PHP's fgetcsv, for which a backslash escapes a quote, refuses the file if rows have different
numbers of cells, and puts an apostrophe before a cell that could be a formula (lib/csvlib.class.php).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation

from grader.model import Report
from grader.report.formats import out_of
from grader.report.tally import add_up
from grader.safe_text import visible
from grader.storage.run_folder import FEEDBACK_FILE

_FORMULA_STARTS = ("=", "+", "-", "@")
_ENTITIES = {ord("\\"): "&#92;"}


def worksheet_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """The rows as Moodle reads them without loss: UTF-8 with its mark, commas, every cell in quotes, LF."""
    lines = (",".join(f'"{_cell(cell)}"' for cell in row) + "\n" for row in rows)
    return "".join(lines).encode("utf-8-sig")


def _cell(text: str) -> str:
    return text.translate(_ENTITIES).replace('"', '""')


def comment_of(report: Report, mark: Decimal, written: Decimal, maximum: Decimal) -> str:
    """What the student reads in Moodle, as one line of HTML: the mark, its parts, and where the reasons are."""
    late = f", {out_of(mark, report.available)} after the deduction for late work" if mark != report.awarded else ""
    sentences = [f"Lab 4: {out_of(report.awarded, report.available)} points{late}."]
    if maximum != report.available:
        sentences.append(f"That is {out_of(written, maximum)}.")
    parts = (("Part 1", report.answer_results), ("Part 2", report.code_results))
    sums = [(name, add_up(results)) for name, results in parts if results]
    if len(sums) > 1:
        sentences.append("; ".join(f"{name}: {out_of(total.awarded, total.available)}" for name, total in sums) + ".")
    sentences.append(f"Your report is attached: {FEEDBACK_FILE}.")
    return "".join(f"<p>{html.escape(visible(sentence)).translate(_ENTITIES)}</p>" for sentence in sentences)


def kept_comment(comment: str) -> str:
    """A comment from the worksheet, written so that Moodle shows what it showed before."""
    text = comment.strip().translate(_ENTITIES)
    return f"<p>{text}</p>" if text.startswith(_FORMULA_STARTS) else comment.translate(_ENTITIES)


def number_in(cell: str) -> Decimal | None:
    """A number of Moodle's, with a decimal point or, from another site or a spreadsheet, a comma; None for others."""
    text = cell.strip().replace(",", ".")
    if not re.fullmatch(r"[0-9]{1,12}(?:\.[0-9]{0,12})?", text, re.ASCII):
        return None
    with suppress(InvalidOperation):
        return Decimal(text)
    return None


def page_name(name: str, number: str) -> str:
    """Where the page of a participant is in the zip of feedback files."""
    return f"{name}_{number}_assignfeedback_file/{FEEDBACK_FILE}"
