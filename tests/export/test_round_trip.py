"""From a platform's download to its import: a course of 30, graded, reviewed and exported as a tutor does it.

What the platforms' importers, as far as their rules are known, then have is exactly the marks of results.json. Moodle's
course is graded. The marks of the same work from Canvas and Gradescope are the same, so only where it comes from is
read from their zips.
"""

from __future__ import annotations

import dataclasses
import io
import json
import signal
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from grader.__main__ import main
from grader.export.canvas import GRADES_FILE, PAGES_FILE
from grader.export.moodle import FEEDBACK_ZIP, WORKSHEET_FILE
from grader.model import Origin, Report
from grader.moderation.finished_run import load_run
from grader.storage import run_folder
from grader.submissions.discovery import discover
from tests.support import canvas_rules, course
from tests.support.course import Student
from tests.support.moodle_rules import Imported, Moodle, Participant, php_import, python_import, returned_pages
from tests.support.parsed_page import Page
from tests.support.places import ROOT
from tests.support.quick_rubric import write_rubric
from tests.support.report_samples import stored_run

pytestmark = pytest.mark.usefixtures("same_workers")

MAXIMUM = Decimal("27.5")
MARKED = datetime(2026, 3, 28, 9, tzinfo=UTC)
LINES = "c 0.25 A part of it is there.\na\n0\ny\n" * 20 + "q\n"
"""What a tutor types: some points, or what is proposed, or nothing; a line that does not fit an entry is refused."""


@dataclass(frozen=True)
class Round:
    """A download of Moodle at ``path``, its worksheet beside it, and the run over it before a tutor has decided."""

    students: list[Student]
    path: Path
    run: Path
    reports: tuple[Report, ...]


@dataclass(frozen=True)
class Term:
    """The course at two times. ``imported`` is what is in Moodle after the first."""

    first: Round
    second: Round
    imported: Imported


def run(*arguments: object, lines: str = "") -> int:
    """Run one command as from a script, with ``lines`` as its standard input. Returns the exit code."""
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO(lines))
        try:
            return main(list(map(str, arguments)))
        finally:
            signal.signal(signal.SIGTERM, handler)


def review(folder: Path) -> None:
    assert run("review", folder, "--author", "Tess", lines=LINES) == 0


def entries(folder: Path) -> list[dict[str, Any]]:
    """What results.json says about each submission."""
    content = json.loads((folder / "results.json").read_bytes(), parse_float=Decimal, parse_int=Decimal)
    listed: list[dict[str, Any]] = content["submissions"]
    return listed


def marks(folder: Path, *, apply_late: bool = False) -> dict[str, Decimal]:
    """The mark of each account in results.json, on request without what the late policy costs."""
    return {
        entry["origin"]["account"]: entry["awarded"]
        - (entry["lateness"]["deduction"] if apply_late and entry["lateness"] else 0)
        for entry in entries(folder)
    }


def page(folder: Path, account: str) -> bytes:
    """The student's version of the page. It has to be valid."""
    [student] = [entry["student"] for entry in entries(folder) if entry["origin"]["account"] == account]
    content = (folder / run_folder.feedback_path(student)).read_bytes()
    assert Page(content.decode()).all("h1")
    return content


# ---- Moodle ----------------------------------------------------------------------------------------------------------


def graded(students: list[Student], path: Path, *options: object) -> Round:
    """Grade the zip at ``path`` into a folder below ``reports``."""
    reports = path.parent / "reports"
    before = set(reports.glob("*"))
    options = ("--reports", reports, "--key", ROOT / "solutions" / "key.toml", *options)
    assert run("grade", path, *options, "--device", "cpu", "--jobs", 1, "--quiet") == 1
    [folder] = set(reports.iterdir()) - before
    return Round(students, path, folder, load_run(folder).reports)


def exported_to_moodle(done: Round, sheet: Path, moodle: Moodle, *options: str) -> Imported:
    """What is in Moodle after the export of a run and its import; the pages arrive as well."""
    assert run("export", "moodle", done.run, sheet, *options) == 0
    written = done.run / "export" / "moodle"
    after = python_import(written / WORKSHEET_FILE, moodle)
    assert php_import(written / WORKSHEET_FILE, moodle) in (None, after)
    returned = {id: content for id, _, content in returned_pages(written / FEEDBACK_ZIP, moodle.participants)}
    assert returned == {id: page(done.run, id) for id in marks(done.run)}
    return after


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Term:
    """The course in Moodle: graded, reviewed, exported and imported; then late work, and the second download."""
    folder = tmp_path_factory.mktemp("term")
    rubric = write_rubric(folder / "rubric.toml", points="1.5", part1=True)
    path, sheet = folder / "COMP4660-Lab 4-123456.zip", folder / course.SHEET
    students = course.first_download()
    course.moodle(students, path)
    course.worksheet(students, sheet, maximum=f"{MAXIMUM:.2f}")
    first = graded(students, path, "--rubric", rubric)
    assert run("export", "moodle", first.run, sheet) == 2, "answers are open"
    review(first.run)
    before = Moodle({student.id: Participant() for student in students}, float(MAXIMUM))
    imported = exported_to_moodle(first, sheet, before)

    students = course.second_download()
    path = folder / "COMP4660-Lab 4-123456 (1).zip"
    course.moodle(students, path)
    course.worksheet(
        students,
        sheet,
        maximum=f"{MAXIMUM:.2f}",
        marks=imported.marks,
        comments=imported.comments,
        marked=MARKED,
    )
    late = course.write_policy(folder, f"u{students[-1].id}@example.edu")
    return Term(first, graded(students, path, "--rubric", rubric, "--late", late), imported)


def test_moodle_has_the_marks_of_the_run(term: Term) -> None:
    given = marks(term.first.run)
    assert len(given) == 28
    assert len(set(given.values())) > 5
    assert {id: mark for id, mark in term.imported.marks.items() if mark is not None} == {
        id: float(mark) for id, mark in given.items()
    }
    assert (term.imported.grades, term.imported.texts) == (28, 28)


def test_moodle_has_the_marks_of_late_and_repeated_work(term: Term) -> None:
    second = term.second
    *_, late, extended = second.students
    [again] = [student for student in second.students if student.again]
    waiting = marks(second.run)
    kept = waiting.keys() - {again.id, late.id, extended.id}
    assert {id: waiting[id] for id in kept} == {id: marks(term.first.run)[id] for id in kept}
    review(second.run)
    exact = marks(second.run, apply_late=True)
    deducted = {id: mark - exact[id] for id, mark in marks(second.run).items() if mark != exact[id]}
    assert deducted == {late.id: MAXIMUM / 10, extended.id: MAXIMUM / 20}

    known = {
        id: Participant(mark, term.imported.comments[id], int(MARKED.timestamp()) if mark is not None else 0)
        for id, mark in term.imported.marks.items()
    }
    options = ("--apply-late", "--overwrite-comments")
    moodle = Moodle(known, float(MAXIMUM))
    after = exported_to_moodle(second, second.path.parent / course.SHEET, moodle, *options)
    assert after.marks == {id: float(mark) for id, mark in exact.items()}
    assert len(after.marks) == 30
    assert after.grades == 3


# ---- the same work on other platforms --------------------------------------------------------------------------------

Delivering = Callable[[list[Student], Path], None]


def delivered(done: Round, folder: Path, deliver: Delivering, number: Callable[[Origin], str]) -> Path:
    """The run ``done`` as it is when the same work comes from another platform, and a tutor has decided.

    ``number`` is the student's number by what is known from that platform's zip.
    """
    folder.mkdir()
    deliver(done.students, folder / "submissions.zip")
    reports = {report.origin.account: report for report in done.reports}
    found = [
        dataclasses.replace(reports[number(submission.origin)], student=submission.id, origin=submission.origin)
        for submission in discover(folder / "submissions.zip", folder / "scratch")
    ]
    assert len({report.student for report in found}) == len(reports) == len(found)
    stored = stored_run(folder / "run", *found)
    run_folder.write_run(stored, load_run(done.run).run, is_finished=True)
    review(stored)
    assert run("render", stored) == 0
    return stored


@pytest.fixture(params=["first", "second"])
def done(term: Term, request: pytest.FixtureRequest) -> Round:
    return term.second if request.param == "second" else term.first


def test_canvas_has_the_marks_of_the_run(done: Round, tmp_path: Path) -> None:
    folder = delivered(done, tmp_path / "canvas", course.canvas, lambda origin: origin.account)
    book = tmp_path / "grades.csv"
    course.gradebook(done.students, book, maximum="27.50", marks={done.students[0].id: "3.00"})
    assert run("export", "canvas", folder, book) == 0
    written = folder / "export" / "canvas"
    names = {student.id: f"{student.family}, {student.given}" for student in done.students}
    known = {"students": names, "assignments": {str(course.COLUMN): "Quick", "4566": "Lab 3"}}
    text = (written / GRADES_FILE).read_bytes().decode()
    seen = canvas_rules.gradebook(text, known)
    assert canvas_rules.ruby_import(written / GRADES_FILE, known) in (None, seen)
    assert {id: Decimal(mark) for id, mark in seen.pop("marks").items()} == marks(folder)
    assert seen == {"new_students": [], "new_assignments": [], "maxima": {}}
    files = {
        (student.id, course.attachment(student, at)) for student in done.students for at in range(len(student.files))
    }
    returned = returned_to_canvas(written / PAGES_FILE)
    assert returned.keys() <= files
    assert {id: content for (id, _), content in returned.items()} == {id: page(folder, id) for id in marks(folder)}
    late = run("export", "canvas", folder, book, "--apply-late")
    assert late == (2 if any(student.is_late for student in done.students) else 0), "it is not known by how much"


def returned_to_canvas(path: Path) -> Mapping[tuple[str, str], bytes]:
    """The pages in the zip, by the user and the file to which Canvas adds them."""
    pages = {}
    with zipfile.ZipFile(path) as file:
        for name in file.namelist():
            place = canvas_rules.commented(name)
            assert place is not None, name
            pages[place] = file.read(name)
    return pages


def test_gradescope_has_the_marks_of_the_run(done: Round, tmp_path: Path) -> None:
    folder = delivered(done, tmp_path / "gradescope", course.gradescope, lambda origin: origin.members[0].account)
    for options in ((), ("--apply-late",)):
        assert run("export", "gradescope", folder, *options) == 0
        written = {
            path.parent.name.removeprefix("submission_"): json.loads(path.read_bytes(), parse_float=Decimal)
            for path in (folder / "export" / "gradescope").glob("*/results.json")
        }
        assert written.keys() == {course.submission(student) for student in done.students if student.files}
        assert {id: read["score"] for id, read in written.items()} == marks(folder, apply_late=bool(options))
        totals = {id: sum(test["score"] for test in read["tests"]) for id, read in written.items()}
        assert totals == marks(folder)
