"""A course of 30 students as three platforms deliver it: the zip of the first download, and that of the second.

Between the two, a pair of students hand in late, and one of those who had handed in does so again.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.support.places import ROOT
from tests.support.submission_files import zipped

DUE = datetime(2026, 3, 27, 17)
IN_TIME = datetime(2026, 3, 27, 9, 30)
LATE_POLICY = """
due = 2026-03-27 17:00:00
time_zone = "UTC"
percent = 5
extensions = "extensions.csv"
"""
NAMES = (
    ("Mary_Ann", "O'Brien"),
    ("Wei", "Zhang"),
    ("Wei", "Zhang"),
    ("Zoë", "Müller"),
    ("明", "李"),
    ("Łukasz", "Żak"),
    ("Søren", "Ångström-Li"),
    ("Jean Luc", "D’Arcy"),
    ("Anna_2", "77"),
    ("Late", "Late"),
    *((f"Given{number}", f"Family{chr(ord('a') + number % 26)}") for number in range(20)),
)
"""Given and family name. Some are what an importer could take for a separator or an id."""
_BROKEN, _WITHOUT_ANSWERS, _WITHOUT_SOFTMAX = 6, 12, 18
_VAGUE = "It depends on the data and on what one would like to reach with it."


@dataclass(frozen=True)
class Student:
    """One student and the latest work; ``number`` is the platform's, ``again`` how often it was handed in before."""

    number: int
    given: str
    family: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    handed_in: datetime = IN_TIME
    again: int = 0

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"

    @property
    def id(self) -> str:
        return str(self.number)

    @property
    def is_late(self) -> bool:
        return self.handed_in > DUE


def first_download() -> list[Student]:
    """The course on the due date: 28 have handed in, the last two have not."""
    return [
        Student(40101 + at, *name, files=_files(at) if at < len(NAMES) - 2 else {}) for at, name in enumerate(NAMES)
    ]


def second_download() -> list[Student]:
    """The course a week later: the last two were late, of which the last has an extension; the fourth did it again."""
    *others, late, extended = first_download()
    again = others[3]
    others[3] = Student(again.number, again.given, again.family, _files(0), datetime(2026, 3, 27, 16, 59), again=1)
    late = Student(late.number, late.given, late.family, _files(9), datetime(2026, 3, 29, 12))
    extended = Student(extended.number, extended.given, extended.family, _files(1), datetime(2026, 3, 30, 16))
    return [*others, late, extended]


def write_policy(folder: Path, account: str) -> Path:
    """The late policy: 5 percent a day, and an extension of ``account`` by two days, one less than was needed."""
    (folder / "extensions.csv").write_text(f"student,until\n{account},2026-03-29\n", encoding="utf-8")
    path = folder / "late.toml"
    path.write_text(LATE_POLICY, encoding="utf-8")
    return path


# ---- what is handed in -----------------------------------------------------------------------------------------------

_NETWORK = (ROOT / "solutions" / "task1_cnn.py").read_text(encoding="utf-8")
_BOOK = json.loads((ROOT / "solutions" / "part1_answers.ipynb").read_text(encoding="utf-8"))
_ANSWERS: dict[str, str] = {
    match[1]: match[2]
    for cell in _BOOK["cells"]
    if (match := re.match(r"<!-- lab4:q(\w+) -->\n(.*)", "".join(cell["source"]), re.S))
}
"""The answers of the solution by part."""


def _files(at: int) -> dict[str, str | bytes]:
    """The files of the student at a place in the course: every sixth has a script, all but one have answers."""
    script = f"# Work of student {at}\n{_NETWORK}"
    if at == _BROKEN:
        script = "class Net(nn.Module:\n"
    elif at == _WITHOUT_SOFTMAX:
        script = script.replace("F.log_softmax(self.fc2(x), dim=1)", "self.fc2(x)")
    files: dict[str, str | bytes] = {"task1_cnn.py": script} if at % 6 == 0 else {}
    return files | (_document(at) if at != _WITHOUT_ANSWERS else {})


def _document(at: int) -> dict[str, str | bytes]:
    parts = list(_ANSWERS)
    wrong = {parts[(at * 5 + step) % len(parts)] for step in range(at % 5)}
    texts = {part: _VAGUE if part in wrong else text for part, text in _ANSWERS.items()}
    sections = [(f"Question {part}", text) for part, text in texts.items()]
    if at % 4 == 0:
        return {"part1_answers.md": "".join(f"## {title}\n\n{text}\n\n" for title, text in sections)}
    if at % 4 == 1:
        return {"part1_answers.docx": _word(sections)}
    cells = [
        {"cell_type": "markdown", "source": [f"### {title}\n\n{text}"], "metadata": {}} for title, text in sections
    ]
    book = {"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    return {"part1_answers.ipynb": json.dumps(book)}


def _word(sections: Iterable[tuple[str, str]]) -> bytes:
    lines = [line for title, text in sections for line in (title, *text.splitlines()) if line.strip()]
    escaped = (line.replace("&", "&amp;").replace("<", "&lt;") for line in lines)
    body = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in escaped)
    names = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    return zipped({"word/document.xml": f"<w:document {names}><w:body>{body}</w:body></w:document>"})


# ---- Moodle ----------------------------------------------------------------------------------------------------------

SHEET = "Grades-COMP4660-Lab 4-123456.csv"
_TIME = "%A, %d %B %Y, %I:%M %p"


def moodle(course: Iterable[Student], path: Path) -> None:
    """Moodle's zip with a folder for each student who has handed in."""
    files = {
        f"{_in_a_file_name(student.name)}_{student.id}_assignsubmission_file/{name}": content
        for student in course
        for name, content in student.files.items()
    }
    zipped(files, path)


def worksheet(
    course: Iterable[Student],
    path: Path,
    *,
    maximum: str,
    marks: Mapping[str, float | None] | None = None,
    comments: Mapping[str, str] | None = None,
    marked: datetime | None = None,
) -> None:
    """The worksheet beside the zip, with the ``marks`` and ``comments`` that are in Moodle since ``marked``."""
    rows = [
        {
            "Identifier": f"Participant {student.id}",
            "Full name": student.name,
            "Email address": f"u{student.id}@example.edu",
            "Status": _status(student),
            "Grade": f"{mark:.2f}" if (mark := (marks or {}).get(student.id)) is not None else "",
            "Maximum grade": maximum,
            "Grade can be changed": "Yes",
            "Last modified (submission)": f"{student.handed_in:{_TIME}}" if student.files else "-",
            "Last modified (grade)": f"{marked:{_TIME}}" if mark is not None and marked else "-",
            "Feedback comments": (comments or {}).get(student.id, ""),
        }
        for student in course
    ]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8-sig", newline="")


def _status(student: Student) -> str:
    if not student.files:
        return "No submission - Not marked"
    return "Submitted for grading - 2 days late - " if student.is_late else "Submitted for grading - "


def _in_a_file_name(name: str) -> str:
    """As Moodle makes it: without signs such as apostrophes, and with a blank for each underscore."""
    return re.sub(r"[&<>\"`|':\\/’]", "", name).replace("_", " ")


# ---- Canvas ----------------------------------------------------------------------------------------------------------

COLUMN = 4567


def canvas(course: Iterable[Student], path: Path) -> None:
    """Canvas's zip, in which all files are side by side; a file that was handed in again has a number and a new id."""
    files = {}
    for student in course:
        late = "_LATE" if student.is_late else ""
        for at, (name, content) in enumerate(student.files.items()):
            stem, suffix = name.rsplit(".", 1)
            shown = f"{stem}-{student.again}.{suffix}" if student.again else name
            files[f"{_sortable(student)}{late}_{student.id}_{attachment(student, at)}_{shown}"] = content
    zipped(files, path)


def attachment(student: Student, at: int) -> str:
    """Canvas's id of the file at this place."""
    return str(700_000 + student.number % 100 * 10 + at + 5 * student.again)


def _sortable(student: Student) -> str:
    return re.sub(r"\W+", "", f"{student.family}{student.given}").lower()


def gradebook(course: Iterable[Student], path: Path, *, maximum: str, marks: Mapping[str, str] | None = None) -> None:
    """Canvas's gradebook, with the ``marks`` that are in Canvas already, and the test student at the end."""
    title = f"Quick ({COLUMN})"
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Lab 3 (4566)", title, "Current Score"]
    lines = [header, ["    Points Possible", "", "", "", "", "10.00", maximum, "(read only)"]]
    for student in course:
        name, login = f"{student.family}, {student.given}", f"u{student.id}"
        lines.append([name, student.id, login, login, "A", "7.50", (marks or {}).get(student.id, ""), "75"])
    lines.append(["Student, Test", "99999", "", "0f7a", "A", "", "", ""])
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(lines)
    path.write_text(text.getvalue(), encoding="utf-8", newline="")


# ---- Gradescope ------------------------------------------------------------------------------------------------------


def gradescope(course: Iterable[Student], path: Path) -> None:
    """Gradescope's export; who hands in again gets another submission."""
    files: dict[str, str | bytes] = {}
    listed = ["---"]
    for student in course:
        if student.files:
            folder = f"submission_{submission(student)}"
            files |= {f"assignment_123_export/{folder}/{name}": content for name, content in student.files.items()}
            listed += [f"{folder}:", "  :submitters:", f"  - :name: {json.dumps(student.name, ensure_ascii=False)}"]
            listed += [f"    :sid: '{student.id}'", f"    :email: u{student.id}@example.edu"]
            listed += [f"  :created_at: {student.handed_in:%Y-%m-%d %H:%M:%S}.861687000 Z"]
    zipped(files | {"assignment_123_export/submission_metadata.yml": "\n".join(listed) + "\n"}, path)


def submission(student: Student) -> str:
    """Gradescope's number of the submission."""
    return str(409_100_000 + student.number + 1000 * student.again)
