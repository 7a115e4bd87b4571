"""Tests of Moodle's grading worksheet as Moodle writes it and as spreadsheets save it."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.model import UsageFault
from grader.submissions.worksheet import plain, read_worksheet

MOODLE = (
    '\ufeffIdentifier,"Full name",Status,"Online text"\n'
    '"Participant 5012301","Ada ""Ace"" O\'Brien","Submitted for grading","<p>first,\nsecond; third</p>"\n'
    '"Participant 5012302",陈美,"No submission",\n'
)


def read(tmp_path: Path, content: str | bytes) -> tuple[tuple[str, ...], ...]:
    path = tmp_path / "Grades.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    sheet = read_worksheet(path)
    return tuple((sheet.participant(row), sheet.full_name(row), sheet.cell(row, "online TEXT")) for row in sheet.rows)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters(delimiter: str, tmp_path: Path) -> None:
    content = f"Identifier {delimiter}Full name\r\nParticipant 7{delimiter}Tom Lee\r\n{delimiter}\r\n"
    assert read(tmp_path, content) == (("7", "Tom Lee", ""),)


def test_cells_stay_as_they_are(tmp_path: Path) -> None:
    assert read(tmp_path, MOODLE) == (
        ("5012301", 'Ada "Ace" O\'Brien', "<p>first,\nsecond; third</p>"),
        ("5012302", "陈美", ""),
    )


def test_long_answers(tmp_path: Path) -> None:
    text = "a" * 200_000
    assert read(tmp_path, f'Identifier,Online text\nParticipant 1,"{text}"\n') == (("1", "", text),)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"ID;Vollst\xc3\xa4ndiger Name\nTeilnehmer/in5;Ada\n", "in English"),
        (b"Identifier,Full name\nParticipant 1,J\xfcrgen\n", "CSV UTF-8"),
    ],
)
def test_refused(content: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=words):
        read(tmp_path, content)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="cannot be read"):
        read_worksheet(tmp_path / "none.csv")


def test_a_suspended_students_name() -> None:
    assert plain('<span class="usersuspended">Tom  &amp; Lee</span>') == "Tom & Lee"
    assert plain("Ada <3 Byron") == "Ada <3 Byron"
