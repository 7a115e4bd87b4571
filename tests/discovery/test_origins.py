"""Tests of whose a submission is by the names, lists and times of the learning platforms."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from grader.model.origin import UNSTATED, Attachment, Origin, Person
from grader.submissions import nbgrader_course
from tests.support.submission_files import NET, flags, found, write, zipped

SHEET = 'Identifier,"Full name","Email address",Status,Group,"Last modified (submission)"\n'
LATE = "Submitted for grading - 2 hours late - Graded"


def origins(path: Path, scratch: Path) -> dict[str, Origin]:
    return {id: submission.origin for id, submission in found(path, scratch).items()}


def scripts(*folders: str) -> dict[str, str | bytes]:
    return {f"{folder}/task1_cnn.py": NET for folder in folders}


def test_moodles_folders_and_files(cohort: Path, scratch: Path) -> None:
    jane, text = "Jane Doe_5012345_assignsubmission_file", "Jane Doe_5012345_assignsubmission_onlinetext"
    blind, team, rest = (f"{start}_assignsubmission_file_" for start in ("Participant_5012347", "Team 4_77", "Default"))
    write(cohort, scripts(jane, blind, team, rest) | {f"{text}/onlinetext.html": "<p>1. Deep</p>"})
    files = (Attachment(jane), Attachment(text))
    assert origins(cohort, scratch) == {
        "Default": Origin("moodle", "Default", attachments=(Attachment(rest),), is_group=True),
        "Jane Doe_5012345": Origin("moodle", "Jane Doe", "5012345", files),
        "Participant_5012347": Origin("moodle", "Participant 5012347", "5012347", (Attachment(blind),)),
        "Team 4_77": Origin("moodle", "Team 4", "77", (Attachment(team),)),
    }
    write(cohort.parent / "flat", {f"{jane}_net.py": NET, f"{text}_onlinetext.html": "x"})
    flat = origins(cohort.parent / "flat", scratch)["Jane Doe_5012345"]
    assert flat.attachments == (Attachment(f"{jane}_net.py"), Attachment(f"{text}_onlinetext.html"))


def test_canvas_files(cohort: Path, scratch: Path) -> None:
    jane = ("doejane_LATE_12345_678902_part1.ipynb", "doejane_LATE_12345_678901_task1_cnn-1.py")
    write(cohort, {jane[0]: NET, jane[1]: NET, "leetom_12346_text.html": "x", "leetom_12346_link.html": "x"})
    write(cohort, {"anon_aB3x9_678903_a.py": NET, "LATE_anon_bB3x9_678904_a.py": NET, "late_77_678905_a.py": NET})
    result = origins(cohort, scratch)
    files = (Attachment(jane[1], "678901"), Attachment(jane[0], "678902"))
    assert result["doejane_12345"] == Origin("canvas", "doejane", "12345", files, is_late=True)
    assert result["leetom_12346"].attachments == (
        Attachment("leetom_12346_link.html"),
        Attachment("leetom_12346_text.html"),
    )
    late = {id: (origin.account, origin.is_late) for id, origin in result.items()}
    assert late == {
        "anon_aB3x9": ("anon_aB3x9", False),
        "anon_bB3x9": ("anon_bB3x9", True),
        "doejane_12345": ("12345", True),
        "late_77": ("77", False),
        "leetom_12346": ("12346", False),
    }


METADATA = """---
submission_409194023:
  :submitters:
  - :name: Ada Byron
    :sid: '0123'
    :email: ada@example.edu
  - :name: "Ben O'Cho"
    :sid: 0124
  :created_at: 2026-04-26 17:34:00.861687000 Z
submission_409194024:
  :submitters:
  - :name: Ada Byron
    :sid: 125
  :created_at: yesterday
submission_409194025:
  :submitters: []
submission_409194026: 7
"""


def test_gradescopes_list_of_submitters(cohort: Path, scratch: Path) -> None:
    folders = [f"submission_40919402{digit}" for digit in range(3, 8)]
    write(cohort, {"submission_metadata.yml": METADATA, **scripts(*folders)})
    pair, ada, nobody, damaged, unlisted = origins(cohort, scratch).values()
    people = (Person("Ada Byron", "0123", "ada@example.edu"), Person("Ben O'Cho", "0124"))
    files = (Attachment("submission_409194023"),)
    time = ("2026-04-26T17:34:00+00:00", "Gradescope")
    assert pair == Origin("gradescope", "Ada Byron and Ben O'Cho", "409194023", files, people, True, None, *time)
    assert (ada.name, ada.account, ada.members, ada.handed_in) == (
        "Ada Byron",
        "409194024",
        (Person("Ada Byron", "125"),),
        "",
    )
    assert [(origin.name, origin.account[-1]) for origin in (nobody, damaged, unlisted)] == [
        ("", digit) for digit in "567"
    ]


def test_one_submission_of_gradescope_has_its_name(cohort: Path, scratch: Path) -> None:
    write(cohort, {"submission_metadata.yml": METADATA, **scripts("submission_409194024")})
    assert origins(cohort, scratch)["submission_409194024"].name == "Ada Byron"


@pytest.mark.parametrize("content", ["a: [", "- 1", "", "\x00", "[" * 5000, "a: &a [*a]\n? [b]\n: 1"])
def test_a_damaged_list_of_submitters_costs_nobody_the_submission(cohort: Path, scratch: Path, content: str) -> None:
    write(cohort, {"submission_metadata.yml": content, **scripts("submission_1234567", "submission_1234568")})
    for submission in found(cohort, scratch).values():
        assert submission.script
        assert submission.origin.account == submission.id.removeprefix("submission_")
        assert flags(submission) == {"platform-unread"}


def test_nbgraders_submitted_folder(cohort: Path, scratch: Path) -> None:
    write(cohort, {"submitted/bitdiddle/ps1/a.py": NET, "submitted/hacker/ps1/a.py": NET, "source/ps1/a.py": NET})
    write(cohort, {"submitted/hacker/ps1/timestamp.txt": "2015-02-02 14:58:23.948203 America/Los_Angeles\n"})
    ps1 = (Attachment("ps1"),)
    time = ("2015-02-02T14:58:23-08:00", "timestamp.txt")
    expected = {
        "bitdiddle": Origin("nbgrader", "bitdiddle", "bitdiddle", ps1),
        "hacker": Origin("nbgrader", "hacker", "hacker", ps1, (), False, None, *time),
    }
    assert origins(cohort, scratch) == expected
    assert origins(cohort / "submitted", scratch) == expected
    write(cohort, {"submitted/hacker/ps2/a.py": NET, "submitted/hacker/ps2/timestamp.txt": "2015-03-02 14:58:23 UTC"})
    assert origins(cohort, scratch)["hacker"].handed_in == "", "it is open which assignment is graded"


def test_of_nbgraders_inbound_only_the_newest_has_the_name_and_both_wait(cohort: Path, scratch: Path) -> None:
    first, second = (f"o'hara+a+b+2015-02-0{day} 15:58:23.948203 UTC+a-_{day}" for day in (2, 3))
    write(cohort, scripts(second, first, "zoe+ps1+2015-02-02 14:58:23 UTC+xyz"))
    result = found(cohort, scratch)
    assert [(result[id].origin.name, result[id].origin.account) for id in (first, second)] == [
        ("", "o'hara+a"),
        ("o'hara+a", "o'hara+a"),
    ]
    assert [bool(submission.claim) for submission in result.values()] == [True, True, False]
    write(cohort, scripts("mallory"))
    assert set(origins(cohort, scratch).values()) == {UNSTATED}, "names that people chose are not nbgrader's"


@pytest.mark.parametrize("text", ["", "2015", "2015-02-31 14:58:23 UTC", "2015-02-02 14:58:23 UTC " + "x" * 100])
def test_what_is_no_time(text: str) -> None:
    assert nbgrader_course.handed_in(text) == ""
    assert nbgrader_course.handed_in("2015-02-02 14:58:23 ../../etc/passwd") == ""
    assert nbgrader_course.handed_in("2015-02-02 14:58:23 Mars/Base") == "2015-02-02T14:58:23"


# Moodle's worksheet


def moodle(*names: str) -> dict[str, str | bytes]:
    return scripts(*(f"{name}_assignsubmission_file" for name in names))


def test_the_worksheet_completes_names(cohort: Path, scratch: Path) -> None:
    sheet = SHEET + (
        f'"Participant 1","Jack O\'Brien",jack@example.edu,"{LATE}",,"Friday, 27 March 2026, 7:03 PM"\n'
        '"Participant 2","<span class=""usersuspended"">Ann_Lee  Wu</span>",,"Submitted for grading",,"tomorrow"\n'
        '"Participant 3","Wei Zhang",,,,-\n"Participant 4","Wei Zhang",,,,-\n'
        '"Participant 5","Bob Jones",,"Submitted for grading",,-\n"Participant 99","Nobody",,"No submission",,-\n'
    )
    write(cohort, {"Grades-Lab4-1.csv": "\ufeff" + sheet, "marks.csv": "a,b\n1,2\n"})
    write(cohort, moodle("Jack OBrien_1", "Ann Lee Wu_2", "Wei Zhang_3", "Wei Zhang_4", "Eve_5", "Unlisted_6"))
    result = found(cohort, scratch)
    jack = result["Jack OBrien_1"].origin
    assert (jack.name, jack.members) == ("Jack O'Brien", (Person("Jack O'Brien", "1", "jack@example.edu"),))
    assert (jack.is_late, jack.handed_in, jack.clock) == (True, "2026-03-27T19:03:00", "the worksheet")
    ann = result["Ann Lee Wu_2"].origin
    assert (ann.name, ann.is_late, ann.handed_in, ann.clock) == ("Ann_Lee Wu", False, "", "")
    assert [result[f"Wei Zhang_{n}"].origin.account for n in (3, 4)] == ["3", "4"]
    assert {id: flags(submission) for id, submission in result.items() if submission.flags} == {
        "Eve_5": {"worksheet-name"}
    }
    assert result["Eve_5"].origin.name == "Eve"
    assert result["Unlisted_6"].origin.members == ()


def test_groups_get_their_members(cohort: Path, scratch: Path) -> None:
    sheet = SHEET + (
        '"Participant 77","Ada Byron",,"Submitted for grading","Team: 4","Friday, 27 March 2026, 4:31 PM"\n'
        f'"Participant 78","Ben Cho",,"{LATE}","Team: 4","Friday, 27 March 2026, 7:03 PM"\n'
        '"Participant 79","Cy Li",,"Submitted for grading","Default group",-\n'
    )
    sheet += '"Participant 80","Di Wu",,"No submission","Team 5",-\n"Participant 81","Ed Xu",,,"5_Team",-\n'
    write(cohort, moodle("Team 4_77", "Default group", "Team 5") | {"sheet.CSV": sheet})
    result = origins(cohort, scratch)
    team, rest = result["Team 4_77"], result["Default group"]
    assert (team.name, team.account, team.is_group, team.is_late) == ("Team: 4", "77", True, True)
    assert [person.account for person in team.members] == ["77", "78"]
    assert team.handed_in == "2026-03-27T19:03:00"
    assert (rest.is_group, rest.members) == (True, (Person("Cy Li", "79"),))
    assert result["Team 5"].members == (), "whose it is, is open"


def test_blind_marking_has_no_names(cohort: Path, scratch: Path) -> None:
    write(cohort, moodle("Participant_1") | {"Grades.csv": f"Identifier,Status\nParticipant 1,{LATE}\n"})
    origin = origins(cohort, scratch)["Participant_1"]
    assert (origin.name, origin.is_late) == ("Participant 1", True)
    write(cohort, {"Grades.csv": "Identifier,Full name\nParticipant 1,Ada Byron\n"})
    assert origins(cohort, scratch)["Participant_1"].name == "Ada Byron"


def test_a_worksheet_in_a_zip_or_beside_it(tmp_path: Path, scratch: Path) -> None:
    zipped({"Grades.csv": SHEET + "Participant 1,Zoë O'Hara,,,,\n", **moodle("Zoë OHara_1")}, tmp_path / "in.zip")
    assert origins(tmp_path / "in.zip", scratch)["Zoë OHara_1"].name == "Zoë O'Hara"
    zipped(moodle("Zoë OHara_1"), tmp_path / "out" / "beside.zip")
    write(tmp_path / "out", {"Grades.csv": SHEET + "Participant 1,O'Hara Zoë,,,,\n"})
    assert origins(tmp_path / "out" / "beside.zip", scratch)["Zoë OHara_1"].name == "O'Hara Zoë"


def test_of_two_worksheets_the_newer_counts(cohort: Path, scratch: Path) -> None:
    times = {"Grades (1).csv": "Saturday, 28 March 2026, 9:00 AM", "Grades.csv": "Friday, 27 March 2026, 4:31 PM"}
    write(cohort, {name: f'{SHEET}Participant 1,Ada,,Submitted,,"{time}"\n' for name, time in times.items()})
    write(cohort, moodle("Ada_1") | {"filled.csv": "Identifier,Full name,Grade\nParticipant 1,Ada,5\n"})
    assert origins(cohort, scratch)["Ada_1"].handed_in == "2026-03-28T09:00:00"


def test_a_table_that_a_student_handed_in_is_no_worksheet(tmp_path: Path, scratch: Path) -> None:
    own = SHEET + 'Participant 1,Ada,,Submitted,,"Friday, 27 March 2026, 4:31 PM"\n'
    files: dict[str, str | bytes] = {
        f"Ada_1_assignsubmission_file_{n}": s for n, s in (("net.py", NET), ("zz.csv", own))
    }
    zipped(files, tmp_path / "cohort.zip")
    write(tmp_path / "folder", files)
    for path in (tmp_path / "cohort.zip", tmp_path / "folder"):
        ada = origins(path, scratch)["Ada_1"]
        assert (ada.handed_in, ada.members, ada.is_late) == ("", (), None)


@pytest.mark.parametrize(
    ("status", "is_late"),
    [
        (LATE, True),
        ("Draft (not submitted) - 5 mins late", True),
        ("Submitted for grading - Extension granted until: Friday, 27 March 2026, 5:00 PM", False),
        ("No submission - Not marked -  - ", None),
        ("Zur Bewertung abgegeben", None),
        ("", None),
    ],
)
def test_lateness_is_what_the_status_says(cohort: Path, scratch: Path, status: str, is_late: bool | None) -> None:
    write(cohort, moodle("Ada_1") | {"a.csv": f'Identifier,Full name,Status\nParticipant 1,Ada,"{status}"\n'})
    assert origins(cohort, scratch)["Ada_1"].is_late is is_late


# Times


def timed(path: Path, members: dict[str, tuple[int, int]], inner: dict[str, bytes] | None = None) -> Path:
    """A zip of members from a day and a minute after 9 h of March 2026."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, (day, minute) in members.items():
            info = zipfile.ZipInfo(name, (2026, 3, day, 9, minute, 0))
            archive.writestr(info, (inner or {}).get(name, NET.encode()))
    return path


def test_the_times_of_a_platforms_zip_if_they_are_not_those_of_the_download(tmp_path: Path, scratch: Path) -> None:
    one, two = (f"{name}_assignsubmission_file" for name in ("Ann_1", "Ben_2"))
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w") as archive:
        archive.writestr(zipfile.ZipInfo("task1_cnn.py", (2030, 1, 1, 0, 0, 0)), NET)
    days = {
        f"{one}/a.py": (26, 0),
        f"{one}/b.zip": (27, 30),
        f"{two}/a.py": (28, 0),
    }
    result = origins(timed(tmp_path / "days.zip", days, {f"{one}/b.zip": inside.getvalue()}), scratch)
    assert [(origin.handed_in, origin.clock) for origin in result.values()] == [
        ("2026-03-27T09:30:00", "the times in the zip"),
        ("2026-03-28T09:00:00", "the times in the zip"),
    ]
    minutes = {f"{one}/a.py": (26, 0), f"{two}/a.py": (26, 20)}
    result = origins(timed(tmp_path / "minutes.zip", minutes), scratch)
    assert {origin.handed_in for origin in result.values()} == {""}
    added = minutes | {"Cy_3_assignsubmission_file/a.py": (28, 0)}
    result = origins(timed(tmp_path / "added.zip", added), scratch)
    assert {origin.handed_in for origin in result.values()} == {""}, "of two downloads in one zip"
    canvas = {"leetom_12346_678901_a.py": (26, 0), "doejane_12345_678902_a.py": (28, 0)}
    result = origins(timed(tmp_path / "canvas.zip", canvas), scratch)
    assert {origin.handed_in for origin in result.values()} == {""}
    people = {"ann/a.py": (26, 0), "ben/a.py": (28, 0)}
    assert set(origins(timed(tmp_path / "people.zip", people), scratch).values()) == {UNSTATED}


# Odd names


@pytest.mark.parametrize(
    ("name", "shown", "account"),
    [
        ("12345_5012301", "12345", "5012301"),
        ("LATE_5012302", "LATE", "5012302"),
        ("王小明_5012303", "王小明", "5012303"),
        ("Mac Leod-O Neil Jr._5012304", "Mac Leod-O Neil Jr.", "5012304"),
        ("5012305", "5012305", ""),
    ],
)
def test_odd_names_of_moodle(cohort: Path, scratch: Path, name: str, shown: str, account: str) -> None:
    write(cohort, moodle(name, "Ada_7"))
    origin = origins(cohort, scratch)[name]
    assert (origin.name, origin.account, origin.is_group, origin.is_late) == (shown, account, not account, None)


def test_two_that_claim_one_student_are_shown_under_two_names(cohort: Path, scratch: Path) -> None:
    alice = "Alice_12_assignsubmission_file"
    write(cohort, {f"{alice}/a.py": NET, **moodle("Bob_13", "Cy_14"), f"{alice}_x.py": NET})
    result = origins(cohort, scratch)
    assert [(result[id].name, result[id].account) for id in ("Alice_12", "Alice_12 (2)")] == [
        ("Alice", "12"),
        ("Alice (2)", "12"),
    ]
