"""The way back to Canvas: what is exported is read by the rules of Canvas's importers to exactly the marks."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from grader.export.canvas import GRADES_FILE, PAGES_FILE, Filled, fill
from grader.export.canvas_rubric import read_rubric
from grader.export.gradebook import number, read_gradebook
from grader.export.selection import Chosen
from grader.model import Attachment, Origin, Person, Report, UsageFault
from grader.model.lateness import Lateness
from grader.model.origin import CANVAS, MOODLE
from tests.support import canvas_rules
from tests.support.report_samples import F, review_report
from tests.support.settled_reports import canvas, chosen_of, settled

IMPORTER = Path(__file__).with_name("canvas_import.rb")
COURSE = {
    "students": {"12345": "Doe, Jane", "12346": "O'Brien, Zoë", "12347": "陳, 大文", "12348": "Idle, Eric"},
    "assignments": {"4566": "Lab 3", "4567": "Lab 4", "4568": "Lab 4 quiz"},
}
ADA, ZOE, CHEN = (
    settled("doejane_12345", canvas("doejane", "12345", ("678901", "task1_cnn.py"), ("678902", "part1.pdf"))),
    settled("obrienzoë_12346", canvas("obrienzoë", "12346", ("678903", "lab.ipynb"), late=True), conv="0.5", wrong=2),
    settled("陳大文_12347", canvas("陳大文", "12347"), wrong=13),
)
REPORTS = (ADA, ZOE, CHEN)
MARKS = {"12345": "30.00", "12346": "27.25", "12347": "17.00"}

PLAIN = """Student,ID,Section,Lab 3 (4566),Lab 4 (4567),Final Score
    Points Possible,,,10.00,30.00,(read only)
"Doe, Jane",12345,COMP4660,8.00,,80.00
"O'Brien, Zoë",12346,COMP4660 and COMP8420,7.00,12.50,70.00
"陳, 大文",12347,COMP4660,,17.00,
"Idle, Eric",12348,COMP4660,,,
"Student, Test",99,COMP4660,,,
"Ghost, A",,COMP4660,,,
"""
SIS = """Student,ID,SIS User ID,SIS Login ID,Integration ID,Root Account,Section,Notes,Lab 4 (4567),Current Score (2025)
,,,,,,,,Manual Posting,
    Points Possible,,,,,,,,30.00,(read only)
"Doe, Jane",12345,u1,u1@x.edu,,canvas.x.edu,"A ""big"" one",likes cats,,80.00
"O'Brien, Zoë",12346,u2,u2@x.edu,,canvas.x.edu,B; C,,,70.00
"陳, 大文",12347,u3,u3@x.edu,,canvas.x.edu,B,,,
"""
LOGIN = """Student,ID,SIS Login ID,Section,Lab 4 (4567)
Points Possible,,,,30
"Doe, Jane",12345,jane,A,-
"O'Brien, Zoë",12346,zoe,A,-
"陳, 大文",12347,wen,A,-
"""
GERMAN = """Student;ID;SIS User ID;SIS Login ID;Section;Lab 3 (4566);Lab 4 (4567)
    Points Possible;;;;;10,00;30,00
Doe, Jane;12345;u1;u1;A;8,00;
O'Brien, Zoë;12346;u2;u2;B;7,00;12,50
陳, 大文;12347;u3;u3;B;;
"""
TWO_NAMES = """LastName,FirstName,ID,SIS Login ID,Section,Lab 4 (4567)
    Points Possible,,,,,30.00
Doe,Jane,12345,jane,A,
O'Brien,Zoë,12346,zoe,A,
陳,大文,12347,wen,A,
"""
SHAPES = {"plain": PLAIN, "SIS": SIS, "login": LOGIN, "German": GERMAN, "two names": TWO_NAMES}
Fill = Callable[..., Filled]


@pytest.fixture
def filled(tmp_path: Path) -> Fill:
    """Fill a gradebook from its text."""

    def run(text: str = PLAIN, chosen: Chosen | None = None, column: str = "Lab 4 (4567)", **options: Any) -> Filled:
        path = tmp_path / "Grades-COMP4660.csv"
        path.write_text(text, encoding="utf-8-sig", newline="")
        book = read_gradebook(path, title="Lab 4", column=column)
        return fill(chosen or chosen_of(tmp_path, REPORTS), book, **options)

    return run


def notes(filled: Filled) -> dict[str, dict[str, str]]:
    return {note.title: {entry.name: entry.reason for entry in note.entries} for note in filled.outcome.notes}


def import_with_ruby(path: Path, *kind: str) -> dict[str, Any]:
    read = canvas_rules.ruby_import(path, COURSE, *kind)
    if read is None:
        pytest.skip("ruby is not installed; the same rules in Python were checked")
    return read


@pytest.mark.parametrize("shape", SHAPES)
def test_canvas_reads_exactly_the_marks(shape: str, filled: Fill, tmp_path: Path) -> None:
    filled(SHAPES[shape]).write(tmp_path)
    path = tmp_path / GRADES_FILE
    expected = {"marks": MARKS, "new_students": [], "new_assignments": [], "maxima": {}}
    assert canvas_rules.gradebook(path.read_bytes().decode(), COURSE) == expected
    assert import_with_ruby(path) == expected


@pytest.mark.parametrize("maximum", [30, 20, 100])
def test_thirty_students_get_their_marks(maximum: int, filled: Fill, tmp_path: Path) -> None:
    ids = [str(20000 + at) for at in range(30)]
    reports = [
        settled(f"s{id}_{id}", canvas(f"s{id}", id), conv=("0", "0.5", "1")[at % 3], wrong=at % 14)
        for at, id in enumerate(ids)
    ]
    lost = [dataclasses.replace(result, awarded=Decimal(0), status=F) for result in reports[0].results]
    reports[0] = dataclasses.replace(reports[0], results=tuple(lost), awarded=Decimal(0), status=F)
    rows = "".join(f'"{id}, S",{id},A,7.00,80.00\n' for id in ids)
    text = f"Student,ID,Section,Lab 4 (4567),Final Score\nPoints Possible,,,{maximum},\n{rows}"
    options = {} if maximum == 30 else {"out_of": Decimal(maximum)}
    filled(text, chosen_of(tmp_path, reports), **options).write(tmp_path)
    course = {"students": {id: f"{id}, S" for id in ids}, "assignments": {"4567": "Lab 4"}}
    marks = canvas_rules.gradebook((tmp_path / GRADES_FILE).read_bytes().decode(), course)["marks"]
    due = {id: report.awarded * maximum / 30 for id, report in zip(ids, reports, strict=True)}
    assert {id: Decimal(mark) for id, mark in marks.items()} == {
        id: value.quantize(Decimal("0.001") if maximum == 30 else Decimal("0.01"), ROUND_HALF_UP)
        for id, value in due.items()
    }
    assert marks[ids[0]] == "0.00"


@pytest.mark.parametrize("shape", SHAPES)
def test_the_oracle_reads_the_gradebook_itself(shape: str, tmp_path: Path) -> None:
    read = canvas_rules.gradebook(SHAPES[shape], COURSE)
    assert read["marks"].keys() >= MARKS.keys()
    assert read["maxima"], "a row with the maximum would be read, so leaving it out is what keeps it"


def test_only_the_one_column_and_unchanged_cells(filled: Fill) -> None:
    header, first, *_ = filled(SIS).texts[GRADES_FILE].splitlines()
    assert header == "Student,ID,SIS User ID,SIS Login ID,Integration ID,Root Account,Section,Lab 4 (4567)"
    assert first == '"Doe, Jane",12345,u1,u1@x.edu,,canvas.x.edu,"A ""big"" one",30.00'


def test_no_mark_is_deleted(filled: Fill, tmp_path: Path) -> None:
    text = PLAIN.replace("COMP4660,8.00,,", "COMP4660,8.00,EX,").replace(",,17.00", ",,N/A")
    open_zoe = dataclasses.replace(review_report("obrienzoë_12346"), origin=ZOE.origin)
    result = filled(text, chosen_of(tmp_path, (ADA, CHEN), open_zoe))
    assert canvas_rules.gradebook(result.texts[GRADES_FILE], COURSE)["marks"] == {}
    assert notes(result)["Rows that cannot take a mark"].keys() == {"Doe, Jane", "陳, 大文"}
    assert notes(result)["Left out because something is open"].keys() == {"obrienzoë"}
    assert notes(result)["Rows without a submission, left out"] == {
        "Idle, Eric": "",
        "Student, Test": "this is Canvas's test student",
        "Ghost, A": "the row has no ID; export the gradebook again",
    }


def test_a_short_row_is_left_out(filled: Fill) -> None:
    """As in one of Canvas's own fixtures: the login is missing, so that all later cells are in the wrong column."""
    result = filled(LOGIN.replace("12345,jane,A,-", "12345,A,-"))
    assert canvas_rules.gradebook(result.texts[GRADES_FILE], COURSE)["marks"].keys() == {"12346", "12347"}
    assert "4 cells and the header 5" in notes(result)["Rows that cannot take a mark"]["Doe, Jane"]


def test_two_rows_or_two_submissions_are_left_out(filled: Fill, tmp_path: Path) -> None:
    again = dataclasses.replace(ADA, student="doejane_12345 (2)")
    twice = PLAIN + '"陳, 大文",12347,COMP8420,,,\n'
    result = filled(twice, chosen_of(tmp_path, (ADA, again, CHEN)))
    assert canvas_rules.gradebook(result.texts[GRADES_FILE], COURSE)["marks"] == {}
    [reason] = notes(result)["Students with more than one submission, left out"].values()
    assert reason == "doejane_12345, doejane_12345 (2) are all this student's; decide which counts"


def test_submissions_without_a_row_are_listed(filled: Fill, tmp_path: Path) -> None:
    gone = settled("gone_55", canvas("gone", "55"))
    hidden = settled("anon_aB3x9", canvas("", "anon_aB3x9", ("678909", "task1_cnn.py")))
    moodle = settled("Jane Doe_12345", Origin(MOODLE, "Jane Doe", "12345"))
    result = filled(PLAIN, chosen_of(tmp_path, (ADA, gone, hidden, moodle)))
    listed = notes(result)["Submissions without a row"]
    assert "no row has the ID 55" in listed["gone"]
    assert "anonymous" in listed["anon_aB3x9"]
    assert "not come from a download of Canvas" in listed["Jane Doe"]
    assert list(result.pages)[1:] == ["anon_aB3x9_678909_lab4-report.html"], "Canvas takes the page of an anonymous one"


def test_a_group_gets_its_mark_on_each_members_row(filled: Fill, tmp_path: Path) -> None:
    members = (Person(account="12345"), Person(account="12346"), Person(account="77"))
    team = settled("team4_12345", dataclasses.replace(canvas("team4", "12345"), is_group=True, members=members))
    result = filled(PLAIN, chosen_of(tmp_path, (team,)))
    assert canvas_rules.gradebook(result.texts[GRADES_FILE], COURSE)["marks"] == {"12345": "30.00", "12346": "30.00"}
    assert notes(result)["Submissions without a row"] == {"team4": "no row has the ID 77"}


def test_another_name_is_a_warning(filled: Fill, tmp_path: Path) -> None:
    team = settled("team4_12345", canvas("team4", "12345"))
    result = filled(PLAIN, chosen_of(tmp_path, (team,)))
    assert canvas_rules.gradebook(result.texts[GRADES_FILE], COURSE)["marks"] == {"12345": "30.00"}
    assert notes(result)["Names that differ"] == {"Doe, Jane": "the files of ID 12345 have the name team4"}
    assert "Names that differ" not in notes(filled())


def test_marks_that_are_replaced_are_listed(filled: Fill) -> None:
    result = filled()
    assert notes(result)["Marks in Canvas that are replaced"] == {"O'Brien, Zoë": "12.50 becomes 27.25"}
    assert result.outcome.counts.startswith("3 marks for Lab 4 (4567), of which 2 differ from Canvas's")


def test_late_work_is_deducted_only_on_request(filled: Fill, tmp_path: Path) -> None:
    late = dataclasses.replace(ADA, lateness=Lateness(1, Decimal("1.5"), "One day late."))
    chosen = chosen_of(tmp_path, (late,))
    assert notes(filled(PLAIN, chosen))["Late work whose deduction is not in the mark"] == {"doejane": "One day late."}
    assert "12345,COMP4660,30.00\n" in filled(PLAIN, chosen).texts[GRADES_FILE]
    deducted = filled(PLAIN, dataclasses.replace(chosen, applies_late=True))
    assert "12345,COMP4660,28.50\n" in deducted.texts[GRADES_FILE]
    assert "Late work whose deduction is not in the mark" not in notes(deducted)


# ---- refusals --------------------------------------------------------------------------------------------------------


def test_the_column_is_chosen_by_its_title(filled: Fill) -> None:
    assert filled(column="").texts == filled().texts
    both = PLAIN.replace("Lab 3 (4566)", "Lab 4 quiz (4568)")
    with pytest.raises(UsageFault, match=r"2 columns match.*\n  Lab 4 quiz \(4568\)\n  Lab 4 \(4567\)"):
        filled(both, column="")
    with pytest.raises(UsageFault, match=r"no assignment has the title Lab 4.*\n.*\n  Lab 40 \(4567\)"):
        filled(PLAIN.replace("Lab 4 (", "Lab 40 ("), column="")
    with pytest.raises(UsageFault, match=r"no assignment is called Lab 5 \(1\)"):
        filled(column="Lab 5 (1)")


@pytest.mark.parametrize("title", ["Final Score (2025)", "Lab 4 (4567)"])
def test_a_column_that_canvas_does_not_read_cannot_be_chosen(title: str, filled: Fill) -> None:
    text = PLAIN.replace("Lab 4 (4567)", title).replace("30.00,(read only)", "(read  only),(read only)")
    with pytest.raises(UsageFault, match="no assignment is called"):
        filled(text, column=title)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        ',"assignment 1","assignment 2"\n"Billy Anderson",10,16\n',
        '"1,asdf,fdsa \\"rew qwer q\\" ljhg,zxcv"\n ✂\n<xml>\n  <value>no table</value>\n</xml>\n',
        PLAIN.replace("Section", "Group"),
        "Identifier,Full name,Grade\nParticipant 1,Ada,\n",
    ],
)
def test_what_is_no_gradebook_is_refused(text: str, filled: Fill) -> None:
    with pytest.raises(UsageFault, match="is not a gradebook of Canvas"):
        filled(text)


def test_the_maximum_must_agree(filled: Fill) -> None:
    of_20 = PLAIN.replace("30.00", "20.00")
    with pytest.raises(UsageFault, match="out of 30, but the maximum on the platform is 20"):
        filled(of_20)
    with pytest.raises(UsageFault, match="--out-of says 15"):
        filled(of_20, out_of=Decimal(15))
    scaled = canvas_rules.gradebook(filled(of_20, out_of=Decimal(20)).texts[GRADES_FILE], COURSE)["marks"]
    assert scaled == {"12345": "20.00", "12346": "18.17", "12347": "11.33"}
    with pytest.raises(UsageFault, match="does not say how many points"):
        filled(PLAIN.replace("    Points Possible,,,10.00,30.00,(read only)\n", ""))


def test_another_course_is_refused(filled: Fill) -> None:
    with pytest.raises(UsageFault, match="the gradebook of another course"):
        filled(PLAIN.replace("1234", "9876"))


def test_a_run_from_elsewhere_is_refused(filled: Fill, tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="No submission of this run comes from Canvas"):
        filled(PLAIN, chosen_of(tmp_path, [settled("Jane Doe_12345", Origin(MOODLE, "Jane Doe", "12345"))]))


def test_numbers_as_canvas_reads_them() -> None:
    assert [number(text) for text in ("1,234", "1.234,50", "30", " 7,5 ", "-", "", "EX", "..")] == [
        Decimal("1.234"),
        Decimal("1234.50"),
        Decimal(30),
        Decimal("7.5"),
        None,
        None,
        None,
        None,
    ]


# ---- pages -----------------------------------------------------------------------------------------------------------


def test_pages_go_beside_a_file_of_the_student(filled: Fill, tmp_path: Path) -> None:
    result = filled()
    result.write(tmp_path)
    with zipfile.ZipFile(tmp_path / PAGES_FILE) as archive:
        found = {canvas_rules.commented(name): archive.read(name).decode() for name in archive.namelist()}
        assert archive.namelist()[0] == "doejane_12345_678902_lab4-report.html"
    assert {ids: page[page.index("<title>") :] for ids, page in found.items()} == {
        ("12345", "678902"): "<title>doejane</title>",  # the PDF, not the script
        ("12346", "678903"): "<title>obrienzoë</title>",
    }
    assert notes(result)["Students whose page is not in the zip"] == {"陳大文": ""}, "text was typed into Canvas"
    assert any("such as part1.pdf" in step for step in result.outcome.steps)


def test_two_pages_never_go_to_one_place(filled: Fill, tmp_path: Path) -> None:
    first = settled("anon_aB3x9", canvas("", "anon_aB3x9", ("678909", "task1_cnn.py")))
    result = filled(PLAIN, chosen_of(tmp_path, [first, dataclasses.replace(first, student="anon_aB3x9 (2)")]))
    assert result.pages == {}
    assert notes(result)["Students with more than one submission, left out"].keys() == {"anon_aB3x9"}


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("team_4_12345_678901_x.py", "12345"),
        ("../../x_12345_678901_x.py", "12345"),
        ("a\\b_12345_678901_x.py", "12345"),
        ("LATE_anon_aB3x9_678901_x.py", "aB3x9"),
        ("LATE_anon_aB3x9_678901_x.py", "anon_aB3x9"),
    ],
)
def test_names_that_canvas_would_read_wrongly_are_replaced(
    name: str, account: str, filled: Fill, tmp_path: Path
) -> None:
    report = settled("s", Origin(CANVAS, "", account, (Attachment(name, "678901"),)))
    [written] = filled(PLAIN, chosen_of(tmp_path, (report,))).pages
    assert canvas_rules.commented(written.removeprefix("LATE_")) == (account.removeprefix("anon_"), "678901")
    assert "/" not in written
    assert "\\" not in written


# ---- the rubric ------------------------------------------------------------------------------------------------------

RUBRIC = """Student Id,Student Name,Part 1: theory - Rating,Part 1: theory - Points,Part 1: theory - Comments,\
CNN - design - Rating,CNN - design - Points,CNN - design - Comments,Rest - Points,Rest - Comments
12345,Jane Doe,Good,3,old,,,,,
12346,Zoë O'Brien,,,,,,,,
12348,Eric Idle,,,,,,,,
"""
CRITERIA = """"CNN - design" = ["structure"]
Rest = ["loads", "forward", "Log-softmax output", "behaviour", "training", "resources"]
"""


def rubric_file(tmp_path: Path, text: str, criteria: str = "", reports: tuple[Report, ...] = REPORTS) -> Any:
    path, own = tmp_path / "rubric.csv", tmp_path / "criteria.toml"
    path.write_text(text, encoding="utf-8-sig", newline="")
    own.write_text(criteria, encoding="utf-8")
    return read_rubric(path, reports, own if criteria else None)


def test_points_and_comments_of_each_criterion(filled: Fill, tmp_path: Path) -> None:
    result = filled(rubric=rubric_file(tmp_path, RUBRIC, CRITERIA))
    result.write(tmp_path)
    read = canvas_rules.assessments((tmp_path / "canvas-rubric.csv").read_bytes().decode())
    assert import_with_ruby(tmp_path / "canvas-rubric.csv", "rubric") == read
    assert read["assessed"].keys() == {"12345", "12346"}
    for id, criteria in read["assessed"].items():
        assert sum(Decimal(points) for points, _ in criteria.values()) == Decimal(MARKS[id])
    assert read["assessed"]["12346"]["CNN - design"] == [
        "6.75",
        "Two convolution layers (0.75/1.5): Only one convolution runs. Use conv2.",
    ]
    assert read["assessed"]["12345"]["Part 1: theory"] == ["13", None]
    assert result.texts["canvas-rubric.csv"].splitlines()[0] == RUBRIC.splitlines()[0]
    assert notes(result)["Points of the criteria"] == {"Part 1: theory": "13", "CNN - design": "7.5", "Rest": "9.5"}
    assert notes(result)["Students without a row in the rubric's file"] == {"陳大文": ""}


@pytest.mark.parametrize("separator", [",", ";"])
def test_criteria_are_found_by_question_group_and_item(separator: str, tmp_path: Path) -> None:
    names = [f"Question {number}" for number in range(1, 8)] + ["q8 (dropout)", "Structure", "loads", "Forward"]
    names += ["output.log_softmax", "Dropout only while training", "Every layer learns", "Training", "RESOURCES"]
    header = separator.join(["Student Id", "Student Name", *(f"{name} - {kind}" for name in names for kind in KINDS)])
    read = rubric_file(tmp_path, f"{header}\n")
    assert read.criteria["Question 7"] == {f"part1.7{letter}" for letter in "abcde"}
    assert read.criteria["q8 (dropout)"] == {"part1.8"}
    assert read.criteria["Structure"] == {result.id for result in ADA.results if result.id.startswith("structure.")}
    assert set().union(*read.criteria.values()) == {result.id for result in ADA.results}


KINDS = ("Points", "Comments")


@pytest.mark.parametrize(
    ("text", "criteria", "message"),
    [
        (RUBRIC, "", "criteria that match no item: CNN - design, Rest; items without a criterion: loads, structure"),
        (RUBRIC, CRITERIA.replace('"loads", ', ""), "items without a criterion: loads"),
        (RUBRIC, CRITERIA.replace('"loads"', '"loads", "structure.conv"'), "more than one criterion: structure.conv"),
        (RUBRIC, CRITERIA.replace('"loads"', '"load"'), "match no item: Rest"),
        (RUBRIC, CRITERIA + "Design = []", "has no criterion Design; it has Part 1: theory, CNN - design, Rest"),
        (RUBRIC, "Rest = 3", "Rest should be a list"),
        (RUBRIC, "Rest = [", "cannot be read"),
        (RUBRIC.replace("Rest - Points,", ""), "", "Rest has the columns Comments, but should have one each"),
        (RUBRIC.replace("Rest -", "CNN - design -"), "", "CNN - design has the columns Comments, Comments, Points"),
        (PLAIN, "", "not an export of rubric assessments"),
    ],
)
def test_a_rubric_that_does_not_fit_is_refused(text: str, criteria: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=message):
        rubric_file(tmp_path, text, criteria)


def test_a_rubric_is_neither_scaled_nor_late(filled: Fill, tmp_path: Path) -> None:
    rubric = rubric_file(tmp_path, RUBRIC, CRITERIA)
    with pytest.raises(UsageFault, match="--out-of cannot be used with --rubric"):
        filled(PLAIN.replace("30.00", "20.00"), rubric=rubric, out_of=Decimal(20))
    late = dataclasses.replace(chosen_of(tmp_path, REPORTS), applies_late=True)
    with pytest.raises(UsageFault, match="--apply-late cannot be used with --rubric"):
        filled(PLAIN, late, rubric=rubric)
