"""Fills Moodle's offline grading worksheet, and zips the pages for students.

The rules are those of Moodle's importers (mod/assign/feedback/offline and mod/assign/feedback/file). A row that they
would clear or skip in silence is not written, but listed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from grader.export.marks import check_maximum, scaled
from grader.export.moodle_cells import comment_of, kept_comment, number_in, page_name, worksheet_bytes
from grader.export.moodle_roster import GROUP, Roster, Row, folder_name, participant, roster_of, row_name
from grader.export.outcome import Note, Outcome, note, notes_on
from grader.export.selection import Chosen, LeftOut
from grader.export.zips import write_zip
from grader.model import Report, UsageFault
from grader.model.quantities import quantity
from grader.report.formats import points
from grader.safe_text import visible
from grader.submissions.worksheet import FULL_NAME, IDENTIFIER, Worksheet, read_worksheet, time_in

WORKSHEET_FILE, FEEDBACK_ZIP = "moodle-worksheet.csv", "moodle-feedback.zip"
GRADE, MAXIMUM, CHANGED, COMMENTS = "Grade", "Maximum grade", "Last modified (grade)", "Feedback comments"
LOCKED = "Grade can be changed"
_WRITTEN = (IDENTIFIER, FULL_NAME, GRADE, MAXIMUM, CHANGED, COMMENTS)
"""The columns that are written, where the worksheet has them. Moodle does not read comments in the first column."""


@dataclass(frozen=True)
class Entry:
    """A row that is written. ``comment`` is None if the worksheet has no such column."""

    row: Row
    report: Report
    mark: Decimal
    comment: str | None


@dataclass(frozen=True)
class Filled:
    """A worksheet with marks, and what the tutor is told."""

    chosen: Chosen
    sheet: Worksheet
    entries: tuple[Entry, ...]
    outcome: Outcome

    def write(self, folder: Path) -> Outcome:
        """Write the worksheet and the zip into ``folder``."""
        columns = [name for name in _WRITTEN if self.sheet.column(name) is not None]
        rows = [[self.sheet.header[self.sheet.column(name) or 0].strip() for name in columns]]
        rows += [[self._cell(entry, name) for name in columns] for entry in self.entries]
        (folder / WORKSHEET_FILE).write_bytes(worksheet_bytes(rows))
        pages = {
            page_name(folder_name(self.sheet, entry.row), participant(self.sheet, entry.row)): self.chosen.feedback(
                entry.report
            )
            for entry in self.entries
        }
        write_zip(folder / FEEDBACK_ZIP, pages)
        return self.outcome

    def _cell(self, entry: Entry, name: str) -> str:
        written = {GRADE: f"{entry.mark:f}", COMMENTS: entry.comment}.get(name)
        return self.sheet.cell(entry.row, name) if written is None else written


def fill(
    chosen: Chosen, worksheet: Path, *, out_of: Decimal | None = None, overwrites_comments: bool = False
) -> Filled:
    """The worksheet with the marks of the settled submissions.

    Raises UsageFault if it is not a worksheet for points in English, if its maximum is not the marks' and ``out_of``
    does not name it, or if it seems to be another assignment's.
    """
    sheet = read_worksheet(worksheet)
    maximum, decimals = _maximum(sheet, visible(worksheet.name))
    for available in {report.available for report in chosen.settled}:
        check_maximum(available, maximum, out_of)
    roster = roster_of(sheet, (*chosen.settled, *chosen.open))
    _check_same_assignment(roster, visible(worksheet.name))
    entries, left_out, waiting = [], list(roster.undecided), {report.student for report in chosen.open}
    for row, report in roster.rows:
        name = row_name(sheet, row)
        if report.student in waiting:
            if sheet.column(GROUP) is not None:
                left_out.append(LeftOut(name, f"the work of {report.name} is not settled"))
            continue
        mark = scaled(chosen.mark(report), report.available, maximum, decimals=decimals)
        if reason := _why_not(sheet, row, mark, maximum):
            left_out.append(LeftOut(name, reason))
            continue
        comment = comment_of(report, chosen.mark(report), mark, maximum)
        existing = sheet.cell(row, COMMENTS)
        if existing.strip() and not overwrites_comments:
            comment = kept_comment(existing)
        entries.append(Entry(row, report, mark, comment if sheet.column(COMMENTS) is not None else None))
    outcome = _outcome(chosen, sheet, entries, roster, left_out, overwrites_comments=overwrites_comments)
    return Filled(chosen, sheet, tuple(entries), outcome)


def _maximum(sheet: Worksheet, name: str) -> tuple[Decimal, int]:
    """The maximum grade, and the number of decimals of marks: those that the worksheet shows, at least two."""
    if sheet.column("Scale") is not None and sheet.column(MAXIMUM) is None:
        raise UsageFault(f"{name} is for a scale, but the marks are points; set the assignment's grade to points.")
    missing = [title for title in (GRADE, MAXIMUM, CHANGED) if sheet.column(title) is None]
    if missing:
        raise UsageFault(
            f"{name} has no column {', '.join(missing)}. If your Moodle is in another language, switch it to English "
            "and download the worksheet again."
        )
    found = [sheet.cell(row, MAXIMUM) for row in sheet.rows if sheet.cell(row, MAXIMUM).strip()]
    maxima = {number_in(cell) for cell in found}
    maximum = maxima.pop() if len(maxima) == 1 else None
    if not maximum:
        shown = ", ".join(visible(cell) for cell in dict.fromkeys(found)) or "nothing"
        raise UsageFault(f"The column {MAXIMUM} of {name} should have one number above 0 in all rows; it has {shown}.")
    return maximum, min(5, max(2, -int(Decimal(found[0].strip().replace(",", ".")).as_tuple().exponent)))


def _check_same_assignment(roster: Roster, name: str) -> None:
    others = len(roster.other_names)
    if not roster.rows and not roster.undecided:
        raise UsageFault(f"No row of {name} belongs to a submission of this run; is it another assignment's worksheet?")
    if others > 2 and 2 * others > len(roster.rows):
        raise UsageFault(
            f"{others} of {len(roster.rows)} rows of {name} have another name than the submission with the same "
            "number; it is probably another assignment's worksheet."
        )


def _why_not(sheet: Worksheet, row: Row, mark: Decimal, maximum: Decimal) -> str:
    """Why Moodle would refuse or skip the row, or empty."""
    changeable = sheet.cell(row, LOCKED).strip()
    if any(cell.strip() for cell in row[len(sheet.header) :]) or len(row) <= (sheet.column(CHANGED) or 0):
        return f"the row has {quantity(len(row), 'cell')}, the header {len(sheet.header)}; download the worksheet again"
    if number_in(sheet.cell(row, MAXIMUM)) != maximum:
        return f"its {MAXIMUM} is empty"
    if sheet.column(LOCKED) is not None and changeable.casefold() != "yes":
        return f"locked in Moodle's gradebook ({LOCKED}: {changeable or 'empty'}); unlock it or enter the mark by hand"
    if not 0 <= mark <= maximum:
        return f"the mark {points(mark)} is not between 0 and {points(maximum)}"
    return ""


def _outcome(
    chosen: Chosen,
    sheet: Worksheet,
    entries: Sequence[Entry],
    roster: Roster,
    left_out: Sequence[LeftOut],
    *,
    overwrites_comments: bool,
) -> Outcome:
    graded = [entry for entry in entries if sheet.cell(entry.row, GRADE).strip()]
    new = [entry for entry in entries if number_in(sheet.cell(entry.row, GRADE)) != entry.mark]
    zeros = [entry for entry in entries if not entry.mark]
    new_zeros = sum(not entry.mark for entry in new)
    texts = sum(entry.comment is not None and entry.comment != sheet.cell(entry.row, COMMENTS) for entry in entries)
    kept = [entry for entry in entries if sheet.cell(entry.row, COMMENTS).strip() and not overwrites_comments]
    stale = [entry for entry in graded if not time_in(sheet.cell(entry.row, CHANGED))]
    unmatched = [LeftOut(entry.name, entry.reason) for entry in roster.without_row]
    notes = (
        *note("Left out because something is open", chosen.left_out),
        *note("Rows left out", left_out),
        *note("Submissions without a row in the worksheet", unmatched, "Their marks are not exported."),
        *note("Rows without a submission", roster.without_submission, "Nothing is written for them."),
        *note(
            "Students with 0",
            (_name(sheet, entry) for entry in zeros),
            "Newer versions of Moodle ignore a mark of 0 in the file. If the preview does not list them, type these "
            "marks by hand.",
        ),
        *note(
            "Other names in the worksheet than in the run",
            roster.other_names,
            "They were matched by Moodle's number of the participant. Compare them before you upload.",
        ),
        *note(
            "Marks in Moodle that would be replaced",
            (
                LeftOut(_name(sheet, entry), f"{sheet.cell(entry.row, GRADE).strip()} -> {points(entry.mark)}")
                for entry in graded
                if entry in new
            ),
        ),
        *note(
            "Marks in Moodle without a time that Moodle can read",
            (_name(sheet, entry) for entry in stale),
            'Moodle skips these rows unless you tick "Allow updating records that have been modified more recently in '
            'Moodle than in the spreadsheet".',
        ),
        *note(
            "Comments in the worksheet that were kept",
            (_name(sheet, entry) for entry in kept),
            "Replace them with --overwrite-comments.",
        ),
        *notes_on(chosen),
        *_columns(sheet),
    )
    counts = f"{quantity(len(entries), 'student')} in {WORKSHEET_FILE}. After the import, Moodle should say: Updated "
    counts += f"{quantity(len(new), 'grade')} and {quantity(texts, 'feedback instance')}"
    counts += f" ({len(new) - new_zeros} if it ignores marks of 0)." if new_zeros else "."
    return Outcome((WORKSHEET_FILE, FEEDBACK_ZIP), counts, notes, _STEPS)


def _name(sheet: Worksheet, entry: Entry) -> str:
    name = row_name(sheet, entry.row)
    return name if name == sheet.cell(entry.row, IDENTIFIER) else f"{name} ({participant(sheet, entry.row)})"


def _columns(sheet: Worksheet) -> tuple[Note, ...]:
    """What the columns of the worksheet mean for the import."""
    markers = [title.strip() for title in sheet.header if re.fullmatch(r"Marker [0-9]+", title.strip())]
    missing = [COMMENTS] if sheet.column(COMMENTS) is None else []
    changed = [] if sheet.delimiter == "," else ["the worksheet was saved by a spreadsheet"]
    return (
        *note(
            "Columns of several markers",
            markers,
            "These columns are not filled. Moodle takes the column Grade only from people who may manage restricted "
            "grades in this assignment.",
        ),
        *note("Columns that the worksheet does not have", missing, "No comments are written."),
        *note(
            "Another separator than commas",
            changed,
            "What is written has commas. Look whether the spreadsheet has changed the dates.",
        ),
    )


_STEPS = (
    f"In the assignment, choose Upload grading worksheet, and upload {WORKSHEET_FILE} (UTF-8, comma).",
    "Compare the preview with the list above, confirm, and compare Moodle's sentence with the numbers above. Where "
    'Moodle has newer marks than the worksheet, it skips the row; tick "Allow updating records ..." to replace them.',
    f"Choose Upload multiple feedback files in a zip, and upload {FEEDBACK_ZIP}.",
)
