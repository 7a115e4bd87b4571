"""Tests that a submission speaks for itself only: no file of one student moves another's work, marks or name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from grader.model import Submission
from grader.submissions import archives
from grader.submissions.discovery import survey
from grader.submissions.look_alikes import skeleton
from grader.submissions.member import Limits
from tests.support.submission_files import BLANK, NET, bounced, flags, found, notebook, write, zipped

Files = dict[str, str | bytes]
ALICE = "Alice Smith_12345_assignsubmission_file_"
BOB = "Bob Jones_22222_assignsubmission_file_"
MOODLE: Files = {f"{ALICE}/task1_cnn.py": NET, f"{BOB}/task1_cnn.py": NET}
LOOSE: Files = {"alice.py": NET, "bob.py": NET}
FOLDERS: Files = {"alice/task1_cnn.py": NET, "bob/task1_cnn.py": NET, "cy/task1_cnn.py": NET}
ZIPS: Files = {f"{name}.zip": zipped({"task1_cnn.py": NET}) for name in ("alice", "bob", "cy")}
CANVAS: Files = {"smithalice_12345_678901_task1_cnn.py": NET, "jonesbob_22222_678902_task1_cnn.py": NET}


@pytest.mark.parametrize(
    ("victims", "attack", "attackers"),
    [
        pytest.param(
            MOODLE,
            {
                f"late from mallory/{ALICE}task1_cnn_v9.py": BLANK,
                f"late from mallory/{BOB}part1_answers.md": "1. no",
                "late from mallory/task1_cnn.py": BLANK,
            },
            ["late from mallory"],
            id="names-of-moodle-in-a-folder",
        ),
        pytest.param(
            MOODLE,
            {"mallory.zip": zipped({f"{ALICE}/task1_cnn.py": BLANK, f"{BOB}/task1_cnn.py": BLANK})},
            ["mallory"],
            id="names-of-moodle-in-a-zip",
        ),
        pytest.param(
            MOODLE,
            {
                f"Mallory_9_assignsubmission_file_/{ALICE}/task1_cnn.py": BLANK,
                f"Mallory_9_assignsubmission_file_/{BOB}.zip": zipped({"task1_cnn.py": BLANK}),
            },
            ["Mallory_9"],
            id="names-of-moodle-in-moodles-folder",
        ),
        pytest.param(
            MOODLE, {f"{ALICE}task1_cnn_v9.py": BLANK}, ["Alice Smith_12345 (2)"], id="a-file-among-moodles-folders"
        ),
        pytest.param(
            MOODLE,
            {f"{ALICE}x.py": BLANK, "Alice Smith_12345.zip": zipped({"a.py": BLANK}), "Аlice Smith_12345.py": BLANK},
            ["Alice Smith_12345 (2)", "Alice Smith_12345 (3)", "Аlice Smith_12345"],
            id="more-files-than-moodles-folders",
        ),
        pytest.param(
            MOODLE,
            {"Alice Smith_12345/task1_cnn.py": BLANK},
            ["Alice Smith_12345 (2)"],
            id="a-plain-name-beside-moodles",
        ),
        pytest.param(
            MOODLE, {"Аlice Smith_12345.zip": zipped({"a.py": BLANK})}, ["Аlice Smith_12345"], id="looks-like-moodles"
        ),
        pytest.param(
            CANVAS,
            {"malloryx_99999_678903_work.zip": zipped(dict.fromkeys(CANVAS, BLANK))},
            ["malloryx_99999"],
            id="names-of-canvas-in-a-zip",
        ),
        pytest.param(
            ZIPS,
            {"mallory.zip": zipped({"alice_assignsubmission_file_/task1_cnn.py": BLANK})},
            ["mallory"],
            id="a-zip-with-anothers-name-in-it",
        ),
        pytest.param(LOOSE, {"alice_v9.py": BLANK}, ["alice_v9"], id="version"),
        pytest.param(
            LOOSE, {"alice_v9.ipynb": "{}", "bob-1.docx": "x"}, ["alice_v9", "bob-1"], id="version-as-document"
        ),
        pytest.param(LOOSE, {"alice (1).py": BLANK}, ["alice (1)"], id="copy-of-a-browser"),
        pytest.param(LOOSE, {"alice_final.ipynb": notebook(NET)}, ["alice_final"], id="notebook"),
        pytest.param(LOOSE, {"alice_net.txt": NET, "alice_v2.py": NET}, ["alice_net", "alice_v2"], id="text"),
        pytest.param(
            {"alice_final.py": NET, "bob_final.py": NET, "cy_final.py": NET},
            {"alice.py": BLANK},
            ["alice"],
            id="plain-name-where-most-have-another-form",
        ),
        pytest.param(
            LOOSE | {"alice_answers.md": "1. yes"},
            {"alice_answers_v2.md": "1. no"},
            ["alice_answers_v2"],
            id="version-of-answers",
        ),
        pytest.param(FOLDERS, {"alice_v9.py": BLANK, "bob_1.py": NET}, ["alice_v9", "bob_1"], id="version-of-a-folder"),
        pytest.param(ZIPS, {"alice_part1.docx": "x"}, ["alice_part1"], id="document-beside-a-zip"),
        pytest.param(
            {f"{name}.docx": "x" for name in ("alice", "bob", "cy")}, {"alice-1.pdf": "x"}, ["alice-1"], id="documents"
        ),
    ],
)
def test_the_victims_submission_stays_the_same_and_the_attacker_waits(
    tmp_path: Path, victims: Files, attack: Files, attackers: list[str]
) -> None:
    cohort = write(tmp_path / "cohort", victims)
    before = found(cohort, tmp_path / "scratch")
    after = found(write(cohort, attack), tmp_path / "scratch")
    assert [facts(after[id]) for id in before] == [facts(student) for student in before.values()]
    assert [id for id in after if id not in before] == attackers
    assert all(after[id].claim and flags(after[id]) & {"same-name", "names-others"} for id in attackers)
    assert not any(student.claim for student in before.values())


def facts(submission: Submission) -> tuple[object, ...]:
    claims = (submission.claim, submission.answers_claim)
    return (submission.script, submission.files, submission.digest, submission.flags, submission.documents, *claims)


@pytest.mark.parametrize(
    ("files", "ids"),
    [
        (
            {f"{ALICE}/a.py": NET, "Mallory_12345_assignsubmission_file_/a.py": NET},
            ["Alice Smith_12345", "Mallory_12345"],
        ),
        (
            {"smithalice_12345_678901_a.py": NET, "mallory_12345_678903_a.py": NET},
            ["mallory_12345", "smithalice_12345"],
        ),
        (LOOSE | {"alice_assignsubmission_file_a.py": NET}, ["alice", "alice (2)"]),
        ({"alice/a.py": NET, "\u0430lice/a.py": NET}, ["alice", "\u0430lice"]),
        ({"alice/a.py": NET, "ａｌｉｃｅ.zip": zipped({"a.py": NET})}, ["alice", "ａｌｉｃｅ"]),
        ({"alice.py": NET, "a\u200blice.py": NET}, ["a_lice", "alice"]),
        ({"josé/a.py": NET, "jose/a.py": NET}, ["jose", "josé"]),
        ({"alice/a.py": NET, "alice.zip": zipped({"a.py": NET})}, ["alice", "alice (2)"]),
        ({"alice_v1.py": NET, "alice_v2.py": NET}, ["alice_v1", "alice_v2"]),
        ({"alice.py": NET, "alice.ipynb": notebook(NET)}, ["alice", "alice (2)"]),
        ({"alice_main.py": "from alice_model import Net", "alice_model.py": NET}, ["alice_main", "alice_model"]),
    ],
)
def test_between_equals_both_wait(cohort: Path, scratch: Path, files: Files, ids: list[str]) -> None:
    result = found(write(cohort, files | {"yan.py": NET}), scratch)
    assert [id for id in result if result[id].claim] == ids
    assert all(flags(result[id]) >= {"same-name"} and result[id].script for id in ids)
    assert not result["yan"].flags


def test_what_a_loose_script_imports_stays_with_it(cohort: Path, scratch: Path) -> None:
    write(cohort, LOOSE | {"alice.py": "from alice_model import Net", "alice_model.py": NET, "alice_part1.md": "1. x"})
    alice = found(cohort, scratch)["alice"]
    assert (alice.files, alice.script) == (("alice.py", "alice_model.py", "alice_part1.md"), "alice.py")
    assert (alice.has_network, alice.claim) == (True, "")


def test_answers_in_one_of_several_files_wait(cohort: Path, scratch: Path) -> None:
    files: Files = {"alice_part1.md": "x", "alice_experiments.csv": "x", "bob_part1.docx": "x", "bob_answers.md": "x"}
    result = found(write(cohort, LOOSE | files), scratch)
    assert list(result) == ["alice", "bob"]
    assert (result["bob"].script, result["bob"].claim, result["bob"].flags) == ("bob.py", "", ())
    assert "bob_answers.md, bob_part1.docx" in result["bob"].answers_claim
    assert result["alice"].files == ("alice.py", "alice_experiments.csv", "alice_part1.md")
    assert not result["alice"].answers_claim


@pytest.mark.parametrize(
    ("boxes", "waiting"),
    [
        ({"bob-lab4/task1_cnn.py": NET}, {"bob", "bob-lab4"}),
        ({"bob (1)/task1_cnn.py": NET}, {"bob (1)"}),
        ({"bob_v2/task1_cnn.py": NET}, {"bob_v2"}),
        ({"zoe/task1_cnn.py": NET, "zoe_v2/task1_cnn.py": NET}, {"zoe_v2"}),
        ({"zoe helper/task1_cnn.py": NET, "zoe package/task1_cnn.py": NET}, set()),
    ],
)
def test_folders_named_like_a_script_or_a_version(cohort: Path, scratch: Path, boxes: Files, waiting: set[str]) -> None:
    result = found(write(cohort, LOOSE | {"cy.py": NET} | boxes), scratch)
    assert {id for id, student in result.items() if student.claim} == waiting


def test_one_file_with_the_labs_name_does_not_make_a_cohort_one_submission(cohort: Path, scratch: Path) -> None:
    result = found(write(cohort, LOOSE | {"task1_cnn.py": "import alice, bob\n" + NET}), scratch)
    assert list(result) == ["alice", "bob", "task1_cnn"]


def test_folders_with_nbgraders_names_hide_nobody(cohort: Path, scratch: Path) -> None:
    result = found(write(cohort, FOLDERS | {"submitted/x/a.py": NET, "source/a.py": NET}), scratch)
    assert list(result) == ["alice", "bob", "cy", "source", "submitted"]


@pytest.mark.parametrize(
    "groups",
    [
        {"Lab01/A_1_assignsubmission_file_/a.py": NET, "empty/": "", "Lab02/B_2_assignsubmission_file_/a.py": NET},
        {
            "Lab01/moodle.zip": zipped({"A_1_assignsubmission_file_/a.py": NET}),
            "Lab02/x.zip": zipped({"all/B_2_assignsubmission_file_a.py": NET}),
        },
        {"Tue.zip": zipped({"A_1_assignsubmission_file_/a.py": NET}), "Wed/B_2_assignsubmission_file_a.py": NET},
    ],
)
def test_tutorial_groups_are_opened_only_if_all_are_exports(tmp_path: Path, groups: Files) -> None:
    cohort = write(tmp_path / "cohort", {"README.md": "x", **groups})
    result = found(cohort, tmp_path / "scratch")
    assert [id for id in result if id != "empty"] == ["A_1", "B_2"]
    assert not any(student.claim for student in result.values())
    boxes = sorted({name.partition("/")[0] for name in groups} - {"empty"})
    write(cohort, {"zoe/task1_cnn.py": NET})
    result = found(cohort, tmp_path / "scratch")
    assert [id for id in result if id != "empty"] == [*(box.split(".")[0] for box in boxes), "zoe"]
    assert all(bool(student.claim) == (id not in {"zoe", "empty"}) for id, student in result.items())


def test_too_much_of_one_student_in_a_cohorts_zip_costs_only_that_student(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "STUDENT", Limits(members=20, size=1000 + 2 * len(NET), file_size=1 << 20))
    members: Files = {f"all/{name}/task1_cnn.py": NET for name in ("ann", "ben", "zoe")}
    members |= {f"all/many/{n}.py": NET[:1] for n in range(30)}
    zipped(members | {f"all/vast/{n}.txt": "x" * 300 for n in range(9)}, tmp_path / "all.zip")
    result = found(tmp_path / "all.zip", scratch)
    assert [id for id, student in result.items() if student.script] == ["ann", "ben", "zoe"]
    bounced(result["many"], "more than 20 files of one submission")
    bounced(result["vast"], "for one submission")
    flat: Files = {f"m_1_assignsubmission_file_{n}.txt": "x" for n in range(30)}
    zipped(flat | {f"n_2_assignsubmission_file_{n}.py": NET for n in range(2)}, tmp_path / "flat.zip")
    result = found(tmp_path / "flat.zip", scratch)
    bounced(result["m_1"], "more than 20 files")
    assert result["n_2"].script


def test_the_survey_neither_unpacks_nor_parses_students_work(
    cohort: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the survey parses code")

    write(cohort, {"ann/inner.zip": zipped({"a.py": NET}), "ben.zip": zipped({"a.py": NET}), "lab4/a.py": NET})
    write(cohort, {"dee.py": NET, "eve.ipynb": notebook(NET), "eve.py": "(" * 100_000, "lab5/b.ipynb": "[" * 100_000})
    monkeypatch.setattr(ast, "parse", refuse)
    ids = [delivery.id for delivery in survey(cohort, scratch)]
    assert ids == ["ann", "ben", "dee", "eve", "eve (2)", "lab4", "lab5"]
    assert not list(scratch.iterdir())


def test_names_that_look_the_same() -> None:
    alike = [
        "alice",
        "Alice",
        "\u0430lice",
        "ａｌｉｃｅ",
        "a\u0300lice",
        "al\u200dice",
        "𝐚𝐥𝐢𝐜𝐞",
        "ΑLICE",
        "a1ice",
        "alıce",
    ]
    assert {skeleton(name) for name in alike} == {"alice"}
    assert len({skeleton(name) for name in ("alice", "alica", "анна", "anna", "王小明", "王小红")}) == 6
