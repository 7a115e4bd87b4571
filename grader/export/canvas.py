"""Writes what Canvas takes back: one column of its gradebook, a filled rubric, and a zip with the pages for students.

The rules are those of Canvas's own importers (``lib/gradebook_importer.rb``, ``rubric_assessment_csv_importer.rb``,
``abstract_assignment.rb``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from grader.export.canvas_pages import place_of
from grader.export.canvas_roster import roster_of
from grader.export.canvas_rubric import RubricFile
from grader.export.gradebook import Gradebook, number
from grader.export.marks import check_maximum, scaled
from grader.export.outcome import Outcome, note, notes_on
from grader.export.selection import Chosen, LeftOut
from grader.export.zips import write_zip
from grader.model import Report, UsageFault
from grader.model.quantities import quantity
from grader.storage.csv_files import comma_text

GRADES_FILE, RUBRIC_FILE, PAGES_FILE = "canvas-grades.csv", "canvas-rubric.csv", "canvas-feedback.zip"


@dataclass(frozen=True)
class Filled:
    """What goes to Canvas: texts by their file's name, pages by their name in the zip, and what the tutor is told."""

    texts: Mapping[str, str]
    pages: Mapping[str, Path]
    outcome: Outcome

    def write(self, folder: Path) -> Outcome:
        """Write the files into ``folder``."""
        for name, text in self.texts.items():
            (folder / name).write_bytes(text.encode())  # without a byte order mark, which would hide a column's title
        if self.pages:
            write_zip(folder / PAGES_FILE, self.pages)
        return self.outcome


def fill(
    chosen: Chosen, gradebook: Gradebook, *, rubric: RubricFile | None = None, out_of: Decimal | None = None
) -> Filled:
    """The marks of settled students for the gradebook's column, and for the rubric.

    A row without a mark is left out, because Canvas deletes the mark of a row with a blank cell. The row with the
    maximum is left out too: Canvas exports it rounded, and would take that for a change of the assignment.
    Raises UsageFault if the maximum in Canvas is not the run's, unless it is ``out_of``.
    """
    changing = ["--out-of"] * (out_of is not None) + ["--apply-late"] * chosen.applies_late
    if rubric is not None and changing:
        raise UsageFault(f"{changing[0]} cannot be used with --rubric: a criterion has the points of its items.")
    roster = roster_of(gradebook, chosen)
    reports = {row.id: report for row, report in roster.rows}
    marks = {id: _mark(chosen, report, gradebook, out_of) for id, report in reports.items()}
    written = [(*row.identity, marks[row.id]) for row, _ in roster.rows]
    texts = {GRADES_FILE: comma_text([(*gradebook.identity, gradebook.column), *written])}
    if rubric is not None:
        texts[RUBRIC_FILE] = rubric.filled(reports)
    returned = {report.student: report for report in (*reports.values(), *roster.anonymous)}.values()
    places = [(report, place_of(report.origin)) for report in returned]
    pages = {place.name: chosen.feedback(report) for report, place in places if place}
    before = {row.id: row.mark.strip() for row, _ in roster.rows}
    changed = [
        LeftOut(row.name, f"{before[row.id]} becomes {marks[row.id]}")
        for row, _ in roster.rows
        if before[row.id] not in ("", "-") and _is_change(before[row.id], marks[row.id])
    ]
    new = sum(_is_change(before[id], mark) for id, mark in marks.items())
    notes = (
        *roster.notes,
        *note("Marks in Canvas that are replaced", changed),
        *notes_on(chosen),
        *(rubric.notes(reports) if rubric is not None else ()),
        *note(
            "Students whose page is not in the zip",
            [report.name for report, place in places if place is None],
            "Canvas takes a page only beside a file that was handed in; return these by hand.",
        ),
    )
    shown = next((place.shown for _, place in places if place), "")
    outcome = Outcome(
        (*texts, *([PAGES_FILE] if pages else [])),
        f"{quantity(len(marks), 'mark')} for {gradebook.column}, of which {new} differ from Canvas's; "
        f"{quantity(len(pages), 'page')} for students.",
        notes,
        tuple(_steps(new, has_rubric=rubric is not None, shown=shown)),
    )
    return Filled(texts, pages, outcome)


def _mark(chosen: Chosen, report: Report, gradebook: Gradebook, out_of: Decimal | None) -> str:
    maximum = gradebook.maximum
    if maximum is None:
        if out_of is None:
            raise UsageFault(
                "The gradebook does not say how many points the assignment has: export it again with the row Points "
                "Possible, or name the points in Canvas with --out-of."
            )
        maximum = out_of
    check_maximum(report.available, maximum, out_of)
    return format(scaled(chosen.mark(report), report.available, maximum), "f")


def _is_change(before: str, mark: str) -> bool:
    """Whether Canvas's preview lists the mark: it compares two decimals."""
    known = number(before)
    return known is None or round(known, 2) != round(Decimal(mark), 2)


def _steps(new: int, *, has_rubric: bool, shown: str) -> Iterable[str]:
    yield f"In Canvas: Grades, Import, {GRADES_FILE}. If Canvas asks about a new student or assignment, cancel."
    yield f"Canvas's preview should list {quantity(new, 'changed mark')}; then save."
    if has_rubric:
        yield (
            f"On the assignment's page: Rubric, Import Rubric Assessments, {RUBRIC_FILE}. If the rubric is used for "
            "grading, it sets the same marks again."
        )
    if shown:
        yield (
            f"On the assignment's page: Upload Submissions, {PAGES_FILE}. Each upload adds a comment with the page, so "
            "upload once; try a zip with one student's page first."
        )
        yield (
            f"Canvas shows the page under the name of a file that the student handed in, such as {shown}, not as "
            "lab4-report.html. Tell students to open it in a browser."
        )
