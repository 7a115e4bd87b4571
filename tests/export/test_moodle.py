"""``export moodle``: what is written is read back by the rules of Moodle's importers to exactly the reports' marks."""

from __future__ import annotations

import dataclasses
import os
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from grader.__main__ import main
from grader.export.marks import scaled
from grader.export.moodle import FEEDBACK_ZIP, WORKSHEET_FILE, fill
from grader.export.outcome import Outcome
from grader.model import Lateness, Origin, Report, UsageFault
from grader.model.origin import MOODLE
from tests.support.moodle_rules import Imported, Moodle, Participant, php_import, python_import, returned_pages
from tests.support.report_samples import HOSTILE_NAMES, review_report, stored_run
from tests.support.settled_reports import chosen_of, settled

HEADER = [
    "Identifier",
    "Full name",
    "Email address",
    "Status",
    "Grade",
    "Maximum grade",
    "Grade can be changed",
    "Last modified (submission)",
    "Online text",
    "Last modified (grade)",
    "Feedback comments",
]
TIME = "Monday, 24 March 2025, 4:58 PM"
AT = 1742835480
SUSPENDED = 'Eve Ng<span class="usersuspended">Suspended</span>'


def moodle(name: str, number: str, *, group: bool = False) -> Origin:
    return Origin(MOODLE, name, number, is_group=group)


def person(name: str, number: str, *, conv: str = "1", wrong: int = 0) -> Report:
    return settled(f"{name}_{number}", moodle(name, number), conv=conv, wrong=wrong)


JANE, TOM = person("Jane Doe", "501", conv="0.5"), person("Tom Lee", "502", wrong=3)
OPEN = dataclasses.replace(review_report("Una Open_503"), origin=moodle("Una Open", "503"))


def row(number: str, name: str, **cells: str) -> dict[str, str]:
    """A row of a worksheet, in which ``maximum`` and other short names stand for the long titles."""
    usual = {
        "Identifier": f"Participant {number}",
        "Full name": name,
        "Status": "Submitted for grading - 2 hours late - ",
        "Maximum grade": "30.00",
        "Grade can be changed": "Yes",
        "Last modified (submission)": TIME,
        "Online text": 'ends with a "quote" and a backslash \\',
        "Last modified (grade)": "-",
    }
    short = {"maximum": "Maximum grade", "grade": "Grade", "locked": "Grade can be changed", "group": "Group"}
    short |= {"time": "Last modified (grade)", "comment": "Feedback comments", "identifier": "Identifier"}
    return usual | {short[key]: value for key, value in cells.items()}


def sheet_of(
    folder: Path, rows: Iterable[Mapping[str, str]], header: list[str] | None = None, delimiter: str = ","
) -> Path:
    header = header or HEADER
    lines = [header, *([cells.get(title, "") for title in header] for cells in rows)]
    path = folder / "Grades-COMP4660-Lab 4-1.csv"
    text = "".join(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in line) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8-sig", newline="")
    return path


def exported(
    folder: Path,
    reports: list[Report],
    rows: Iterable[Mapping[str, str]],
    *waiting: Report,
    header: list[str] | None = None,
    delimiter: str = ",",
    out_of: Decimal | None = None,
    overwrites_comments: bool = False,
) -> Outcome:
    """Export into ``folder``, and check that each cell, comment and folder is one that Moodle takes."""
    chosen = chosen_of(folder, reports, *waiting)
    path = sheet_of(folder, rows, header, delimiter)
    filled = fill(chosen, path, out_of=out_of, overwrites_comments=overwrites_comments)
    filled.write(folder)
    content = (folder / WORKSHEET_FILE).read_bytes()
    assert content.startswith(b'\xef\xbb\xbf"Identifier"')
    assert b"\r" not in content
    assert b"\\" not in content
    return filled.outcome


def imported(folder: Path, moodle: Moodle) -> Imported:
    """The import of what was exported, with PHP as well where it is installed."""
    found = python_import(folder / WORKSHEET_FILE, moodle)
    by_php = php_import(folder / WORKSHEET_FILE, moodle)
    assert by_php in (None, found)
    return found


def assignment(*numbers: str, maximum: float = 30, ignores_zero: bool = True) -> Moodle:
    return Moodle({number: Participant() for number in numbers}, maximum, ignores_zero=ignores_zero)


def entries(outcome: Outcome, title: str) -> dict[str, str]:
    return {who.name: who.reason for note in outcome.notes if note.title == title for who in note.entries}


def test_marks_comments_and_pages_arrive(tmp_path: Path) -> None:
    rows = [row("502", "Tom Lee"), row("504", "No Work"), row("501", "Jane Doe"), row("503", "Una Open")]
    lost = person("Not There", "999")
    outcome = exported(tmp_path, [JANE, TOM, lost], rows, OPEN)
    after = imported(tmp_path, assignment("501", "502", "503", "504"))
    assert after.marks == {"501": float(JANE.awarded), "502": float(TOM.awarded), "503": None, "504": None}
    assert (after.grades, after.texts) == (2, 2)
    assert "Updated 2 grades and 2 feedback instances." in outcome.counts
    assert after.comments["502"] == (
        "<p>Lab 4: 27/30 points.</p><p>Part 1: 10/13; Part 2: 17/17.</p>"
        "<p>Your report is attached: lab4-report.html.</p>"
    )
    assert after.comments["503"] == after.comments["504"] == ""
    pages = {
        number: (name, content)
        for number, name, content in returned_pages(tmp_path / FEEDBACK_ZIP, assignment("501", "502").participants)
    }
    assert pages == {
        "501": ("lab4-report.html", b"<!doctype html><title>Jane Doe</title>"),
        "502": ("lab4-report.html", b"<!doctype html><title>Tom Lee</title>"),
    }
    assert entries(outcome, "Rows without a submission") == {"No Work": ""}
    assert entries(outcome, "Submissions without a row in the worksheet").keys() == {"Not There"}
    assert entries(outcome, "Left out because something is open").keys() == {"Una Open"}


def test_nothing_that_is_written_names_an_unsettled_student(tmp_path: Path) -> None:
    exported(tmp_path, [JANE], [row("501", "Jane Doe"), row("503", "Una Open")], OPEN)
    written = (tmp_path / WORKSHEET_FILE).read_text(encoding="utf-8-sig")
    with zipfile.ZipFile(tmp_path / FEEDBACK_ZIP) as file:
        assert file.namelist() == ["Jane Doe_501_assignfeedback_file/lab4-report.html"]
    assert "501" in written
    assert "503" not in written
    assert "Una" not in written


@pytest.mark.parametrize("ignores_zero", [True, False])
def test_marks_of_zero_are_listed(tmp_path: Path, ignores_zero: bool) -> None:
    nothing = dataclasses.replace(JANE, awarded=Decimal(0))
    outcome = exported(tmp_path, [nothing, TOM], [row("501", "Jane Doe"), row("502", "Tom Lee")])
    after = imported(tmp_path, assignment("501", "502", ignores_zero=ignores_zero))
    assert after.marks["501"] == (None if ignores_zero else 0)
    assert after.grades == 2 - ignores_zero
    assert "Updated 2 grades and 2 feedback instances (1 if it ignores marks of 0)" in outcome.counts
    assert entries(outcome, "Students with 0") == {"Jane Doe (501)": ""}


@pytest.mark.parametrize(
    ("maximum", "out_of", "mark", "written"),
    [
        ("20.00", "20", "13.5", "9.00"),
        ("20.00", "20", "14.25", "9.50"),
        ("100.00", "100", "29.5", "98.33"),
        ("30", None, "29.5", "29.50"),
        ("30.000", None, "29.125", "29.125"),
        ("30,00", None, "0.5", "0.50"),
        ("30.00", "30", "30", "30.00"),
    ],
)
def test_maximum(tmp_path: Path, maximum: str, out_of: str | None, mark: str, written: str) -> None:
    jane = dataclasses.replace(JANE, awarded=Decimal(mark))
    rows = [row("501", "Jane Doe", maximum=maximum)]
    exported(tmp_path, [jane], rows, out_of=Decimal(out_of) if out_of else None)
    after = imported(tmp_path, assignment("501", maximum=float(maximum.replace(",", "."))))
    assert after.marks == {"501": float(written)}
    assert f'"{written}"' in (tmp_path / WORKSHEET_FILE).read_text(encoding="utf-8-sig")


def test_scaling_never_exceeds_the_maximum_and_keeps_the_order() -> None:
    marks = [scaled(Decimal(step) / 4, Decimal(17), Decimal(20)) for step in range(69)]
    assert marks == sorted(set(marks))
    assert (marks[0], marks[-1]) == (Decimal(0), Decimal(20))


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"locked": "No"}, "locked"),
        ({"locked": "Nein"}, "locked"),
        ({"maximum": ""}, "Maximum grade is empty"),
        ({"identifier": "jane501"}, ""),
    ],
)
def test_rows_that_moodle_would_not_take_are_left_out(tmp_path: Path, cells: dict[str, str], reason: str) -> None:
    outcome = exported(tmp_path, [JANE, TOM], [row("501", "Jane Doe", **cells), row("502", "Tom Lee")])
    after = imported(tmp_path, assignment("501", "502"))
    assert after.marks == {"501": None, "502": float(TOM.awarded)}
    assert reason in entries(outcome, "Rows left out" if reason else "Rows without a submission")["Jane Doe"]


def test_a_mark_above_the_maximum_is_left_out(tmp_path: Path) -> None:
    more = dataclasses.replace(JANE, awarded=Decimal(31))
    outcome = exported(tmp_path, [more, TOM], [row("501", "Jane Doe"), row("502", "Tom Lee")])
    assert entries(outcome, "Rows left out") == {"Jane Doe": "the mark 31 is not between 0 and 30"}


def test_two_rows_or_two_submissions_of_a_participant_are_left_out(tmp_path: Path) -> None:
    again = dataclasses.replace(TOM, student="Tom Lee_502 (2)")
    rows = [row("501", "Jane Doe"), row("501", "Jane Doe"), row("502", "Tom Lee"), row("505", "Al Ok")]
    outcome = exported(tmp_path, [JANE, TOM, again, person("Al Ok", "505")], rows)
    assert imported(tmp_path, assignment("501", "502", "505")).grades == 1
    left_out = entries(outcome, "Rows left out")
    assert "two rows" in left_out["Jane Doe"]
    assert "Tom Lee_502, Tom Lee_502 (2)" in left_out["Tom Lee"]


@pytest.mark.parametrize(
    ("in_moodle", "in_run", "is_same"),
    [
        (SUSPENDED, "Eve NgSuspended", True),
        ("Mary_Ann O'Brien", "Mary Ann OBrien", True),
        ("Doe Jane", "Jane Doe", True),
        ("Back\\slash\\", "Backslash", True),
        ("=1+1", "=1+1", True),
        ("~.hidden", "~.hidden", True),
        ("Jane Smith", "Jane Doe", False),
        *(
            (name, name, True)
            for name in HOSTILE_NAMES
            if "\n" not in name and "<" not in name and "\udcff" not in name
        ),
    ],
)
def test_names(tmp_path: Path, in_moodle: str, in_run: str, is_same: bool) -> None:
    eve = dataclasses.replace(JANE, student="eve", origin=moodle(in_run, "501"))
    outcome = exported(tmp_path, [eve, TOM], [row("501", in_moodle), row("502", "Tom Lee")])
    after = imported(tmp_path, assignment("501", "502"))
    assert after.marks == {"501": float(JANE.awarded), "502": float(TOM.awarded)}
    returned = list(returned_pages(tmp_path / FEEDBACK_ZIP, assignment("501", "502").participants))
    assert [number for number, *_ in returned] == ["501", "502"]
    assert bool(entries(outcome, "Other names in the worksheet than in the run")) == (not is_same)


def test_groups_get_a_row_and_a_folder_for_each_member(tmp_path: Path) -> None:
    header = [*HEADER[:4], "Group", *HEADER[4:]]
    team = settled("Team 4_502", moodle("Team 4", "502", group=True), wrong=2)
    others = settled("Default group", moodle("Default group", "", group=True), conv="0.5")
    waiting = dataclasses.replace(OPEN, origin=moodle("Team 5", "78", group=True))
    rows = [
        row("501", "Jane Doe", group="Team_4"),
        row("502", "Tom Lee", group="Default group"),
        row("503", "Una Open", group="Team 5"),
        row("504", "Al Ok", group="Team_4"),
        row("505", "No Group"),
    ]
    outcome = exported(tmp_path, [team, others], rows, waiting, header=header)
    after = imported(tmp_path, assignment("501", "502", "503", "504", "505"))
    mark, other = float(team.awarded), float(others.awarded)
    assert after.marks == {"501": mark, "502": other, "503": None, "504": mark, "505": None}
    returned = {
        n: page for n, _, page in returned_pages(tmp_path / FEEDBACK_ZIP, assignment(*after.marks).participants)
    }
    assert {number: b"Team 4" in page for number, page in returned.items()} == {"501": True, "502": False, "504": True}
    assert entries(outcome, "Rows left out").keys() == {"Una Open"}
    assert entries(outcome, "Rows without a submission").keys() == {"No Group"}


def test_members_of_a_group_with_a_similar_name_get_nothing(tmp_path: Path) -> None:
    header = [*HEADER[:4], "Group", *HEADER[4:]]
    team = settled("Team 4", moodle("Team 4", "", group=True))
    rows = [row("501", "Jane Doe", group="Team 4"), row("502", "Tom Lee", group="Team_4")]
    outcome = exported(tmp_path, [team], rows, header=header)
    assert imported(tmp_path, assignment("501", "502")).marks == {"501": None, "502": None}
    assert entries(outcome, "Rows left out").keys() == {"Jane Doe", "Tom Lee"}


def test_a_groups_number_is_no_participants(tmp_path: Path) -> None:
    team = settled("Team 4_502", moodle("Team 4", "502", group=True))
    outcome = exported(tmp_path, [team, JANE], [row("501", "Jane Doe"), row("502", "Tom Lee")])
    assert imported(tmp_path, assignment("501", "502")).marks["502"] is None
    assert "Group" in entries(outcome, "Submissions without a row in the worksheet")["Team 4"]


@pytest.mark.parametrize("name", ["Participant", "Participant 501"])
def test_blind_marking(tmp_path: Path, name: str) -> None:
    header = [title for title in HEADER if title not in {"Full name", "Email address"}]
    blind = [
        dataclasses.replace(JANE, origin=moodle(name, "501")),
        dataclasses.replace(TOM, origin=moodle(name, "502")),
    ]
    exported(tmp_path, blind, [row("501", ""), row("502", "")], header=header)
    assert imported(tmp_path, assignment("501", "502")).grades == 2
    with zipfile.ZipFile(tmp_path / FEEDBACK_ZIP) as file:
        assert file.namelist()[0] == "Participant_501_assignfeedback_file/lab4-report.html"
    assert not entries(
        exported(tmp_path, blind, [row("501", "Jane Doe"), row("502", "Tom Lee")]),
        "Other names in the worksheet than in the run",
    )


def test_a_worksheet_from_a_spreadsheet(tmp_path: Path) -> None:
    rows = [row("501", "Jane Doe", maximum="30,00", grade="12,5", time="24.03.2025 16:58", comment="Fine; good")]
    outcome = exported(tmp_path, [JANE], rows, delimiter=";", overwrites_comments=True)
    known = Participant(12.5, "Fine; good", AT)
    after = imported(tmp_path, Moodle({"501": known}, 30, ignores_times=True))
    assert (after.marks, after.grades, after.texts) == ({"501": float(JANE.awarded)}, 1, 1)
    assert entries(outcome, "Marks in Moodle that would be replaced") == {"Jane Doe (501)": "12,5 -> 29.25"}
    assert entries(outcome, "Marks in Moodle without a time that Moodle can read").keys() == {"Jane Doe (501)"}
    assert entries(outcome, "Another separator than commas")


@pytest.mark.parametrize(
    ("comment", "kept"),
    [
        ("<p>Good</p>", "<p>Good</p>"),
        ("-good work", "<p>-good work</p>"),
        ('<p class="a">two\nlines</p>', '<p class="a">two\nlines</p>'),
        ('a path C:\\"x"\\', 'a path C:&#92;"x"&#92;'),
    ],
)
def test_comments_that_are_in_moodle_are_kept(tmp_path: Path, comment: str, kept: str) -> None:
    rows = [row("501", "Jane Doe", grade="29.25", time=TIME, comment=comment), row("502", "Tom Lee")]
    outcome = exported(tmp_path, [JANE, TOM], rows)
    after = imported(tmp_path, Moodle({"501": Participant(29.25, comment, AT), "502": Participant()}, 30))
    assert after.comments["501"] == kept
    assert (after.grades, after.texts) == (1, 1 + (kept != comment))
    assert f"Updated 1 grade and {after.texts} feedback instance" in outcome.counts
    assert entries(outcome, "Comments in the worksheet that were kept").keys() == {"Jane Doe (501)"}


def test_rows_with_other_numbers_of_cells(tmp_path: Path) -> None:
    chosen, path = chosen_of(tmp_path, [JANE, TOM]), sheet_of(tmp_path, [row("501", "Jane Doe"), row("502", "Tom Lee")])
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].removesuffix(',""')
    lines[2] += ',"one more"'
    path.write_text("\n".join(lines), encoding="utf-8")
    filled = fill(chosen, path)
    filled.write(tmp_path)
    assert imported(tmp_path, assignment("501", "502")).marks == {"501": float(JANE.awarded), "502": None}
    assert "12 cells, the header 11" in entries(filled.outcome, "Rows left out")["Tom Lee"]


@pytest.mark.parametrize(
    ("header", "cells", "sentence"),
    [
        (["ID", "Vollständiger Name", "Status", "Bewertung"], {}, "switch it to English"),
        ([title for title in HEADER if title != "Last modified (grade)"], {}, "has no column Last modified (grade)"),
        ([title.replace("Maximum grade", "Scale") for title in HEADER], {}, "for a scale"),
        (HEADER, {"maximum": "20.00"}, "out of 30, but the maximum on the platform is 20"),
        (HEADER, {"maximum": "about 30"}, "one number above 0"),
        (HEADER, {"identifier": "Participant 999"}, "another assignment's"),
    ],
)
def test_refused(tmp_path: Path, header: list[str], cells: dict[str, str], sentence: str) -> None:
    path = sheet_of(tmp_path, [row("501", "Jane Doe", **cells)], header)
    with pytest.raises(UsageFault) as refused:
        fill(chosen_of(tmp_path, [JANE]), path)
    assert sentence in str(refused.value)


def test_another_assignments_worksheet_is_refused_by_its_names(tmp_path: Path) -> None:
    numbers = ["501", "502", "503"]
    path = sheet_of(tmp_path, [row(number, f"Other {number}x") for number in numbers])
    with pytest.raises(UsageFault, match="3 of 3 rows"):
        fill(chosen_of(tmp_path, [person(f"Student {number}x", number) for number in numbers]), path)


def test_out_of_has_to_be_the_worksheets_maximum(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="--out-of says 25"):
        fill(chosen_of(tmp_path, [JANE]), sheet_of(tmp_path, [row("501", "Jane Doe")]), out_of=Decimal(25))


def test_columns_of_several_markers(tmp_path: Path) -> None:
    header = [*HEADER[:4], "Marker 1", "Marker 1 comment", *HEADER[4:]]
    outcome = exported(tmp_path, [JANE], [row("501", "Jane Doe")], header=header)
    assert entries(outcome, "Columns of several markers").keys() == {"Marker 1"}
    assert imported(tmp_path, assignment("501")).grades == 1


def test_without_a_column_for_comments(tmp_path: Path) -> None:
    outcome = exported(tmp_path, [JANE], [row("501", "Jane Doe")], header=HEADER[:-1])
    assert (imported(tmp_path, assignment("501")).texts, "0 feedback instances" in outcome.counts) == (0, True)


def test_a_deduction_for_late_work_is_explained(tmp_path: Path) -> None:
    late = dataclasses.replace(JANE, lateness=Lateness(1, Decimal(3), "One day late."))
    chosen = dataclasses.replace(chosen_of(tmp_path, [late]), applies_late=True)
    fill(chosen, sheet_of(tmp_path, [row("501", "Jane Doe")])).write(tmp_path)
    after = imported(tmp_path, assignment("501"))
    assert after.marks == {"501": 26.25}
    assert after.comments["501"].startswith(
        "<p>Lab 4: 29.25/30 points, 26.25/30 after the deduction for late work.</p>"
    )


@pytest.mark.skipif(shutil.which("php") is None, reason="PHP is not installed (Debian: php-cli)")
@pytest.mark.parametrize(
    "body",
    [
        '"Participant 501","15,50","-","<p>comma</p>"\n',
        '"Participant 501","17.25%","-","ends with \\"\n"Participant 502","3","-","x"\n',
        '"Participant 501","abc","-","a \\"" b"\n',
        'Participant 501,4,-,-good\n"Participant 502",5,,=1\n\n',
        '"Participant 501","4","-"\n',
        f'"Participant 501","4","{TIME}",""\n',
        '"Participant 501","0.00","-","<p>nothing</p>"\n"Participant 502","31","-","-"\n',
    ],
)
def test_both_oracles_agree_on_what_we_never_write(tmp_path: Path, body: str) -> None:
    path = tmp_path / "by-hand.csv"
    path.write_text(f"\ufeffIdentifier,Grade,Last modified (grade),Feedback comments\n{body}", encoding="utf-8")
    for known in (Participant(), Participant(4.0, "old", AT + 30), Participant(4.0, "old", AT + 90)):
        state = Moodle({"501": known, "502": Participant(is_locked=True)}, 30)
        assert php_import(path, state) == python_import(path, state)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = stored_run(tmp_path / "run", JANE, OPEN)
    path = sheet_of(tmp_path, [row("501", "Jane Doe"), row("503", "Una Open")])
    line = ["export", "moodle", str(run), str(path)]
    assert main(line) == 2
    assert "1 student has something open" in (said := capsys.readouterr().err)
    assert "review" in said
    assert main([*line, "--settled-only"]) == 2
    assert "page to return is missing for 1 student; write the pages with" in capsys.readouterr().err
    chosen_of(run, [JANE])
    assert main([*line, "--settled-only"]) == 1
    folder, printed = run / "export" / "moodle", capsys.readouterr().out
    assert {file.name for file in folder.iterdir()} == {WORKSHEET_FILE, FEEDBACK_ZIP, "lab4-export.txt"}
    assert imported(folder, assignment("501", "503")).marks == {"501": float(JANE.awarded), "503": None}
    assert "Una Open" in printed
    (folder / "old.html").touch()
    assert main([*line, "--settled-only"]) == 1
    assert not (folder / "old.html").exists()


def test_other_folders_are_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = stored_run(tmp_path / "run", JANE)
    chosen_of(run, [JANE])
    mine = tmp_path / "mine"
    mine.mkdir()
    path = sheet_of(mine, [row("501", "Jane Doe")])
    for out, sentence in ((mine, "in the folder that is written"), (run, "other files"), (path / "a", "")):
        assert main(["export", "moodle", str(run), str(path), "--out", str(out)]) == 2
        assert sentence in capsys.readouterr().err
    assert path.is_file()
    again = ["export", "moodle", str(run), str(path), "--out", str(tmp_path / "new")]
    assert main(again) == 0
    typed = tmp_path / "new" / WORKSHEET_FILE  # in which a tutor types marks
    os.utime(typed, (typed.stat().st_atime, typed.stat().st_mtime + 3600))
    assert main(again) == 2
    assert f"{WORKSHEET_FILE} was added or changed after the export" in capsys.readouterr().err


def test_a_mistyped_option_is_refused_with_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "moodle", "run", "sheet.csv", "--settled-onyl"])
    assert "Did you mean --settled-only?" in capsys.readouterr().err
