"""Tests of cohorts and single submissions in every form: folders, files, zips, exports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.model import UsageFault
from grader.storage.run_folder import claim_folder
from grader.submissions.discovery import discover
from tests.support.submission_files import ANSWERS, NET, bounced, found, notebook, write, zipped

# Shapes of a cohort


def test_one_folder_per_student_in_natural_order(cohort: Path, scratch: Path) -> None:
    write(cohort, {f"s{n}/task1_cnn.py": NET for n in (10, 2, 1)})
    submissions = discover(cohort, scratch)
    assert [s.id for s in submissions] == ["s1", "s2", "s10"]
    assert [s.script for s in submissions] == ["task1_cnn.py"] * 3
    assert not any(s.flags or s.problem for s in submissions)
    assert submissions[0].root == cohort / "s1"


def test_one_file_per_student(cohort: Path, scratch: Path) -> None:
    write(cohort, {"alice.py": NET, "bob.ipynb": notebook(NET), "carol_task1_cnn.py": NET, "carol_part1.md": "answers"})
    result = found(cohort, scratch)
    assert list(result) == ["alice", "bob", "carol_task1_cnn"]
    assert result["bob"].files == ("bob.ipynb",)
    assert result["carol_task1_cnn"].documents == ("carol_part1.md",)
    assert not any(s.flags for s in result.values())


def test_one_zip_per_student(cohort: Path, scratch: Path) -> None:
    zipped({"task1_cnn.py": NET, "answers.md": "1. deep"}, cohort / "alice.zip")
    zipped({"lab4/task1_cnn.py": NET}, cohort / "bob.ZIP")
    result = found(cohort, scratch)
    assert list(result) == ["alice", "bob"]
    assert result["alice"].documents == ("answers.md",)
    assert result["bob"].script == "lab4/task1_cnn.py"
    assert all(scratch in s.root.parents for s in result.values())


def test_folders_files_and_zips_mixed(cohort: Path, scratch: Path) -> None:
    write(cohort, {"alice/task1_cnn.py": NET, "bob.py": NET})
    zipped({"task1_cnn.py": NET}, cohort / "carol.zip")
    assert list(found(cohort, scratch)) == ["alice", "bob", "carol"]


@pytest.mark.parametrize("wrapper", ["", "Lab 4/", "outer/inner/"])
def test_zip_of_a_whole_cohort(tmp_path: Path, scratch: Path, wrapper: str) -> None:
    path = tmp_path / "all.zip"
    inner = zipped({"task1_cnn.py": NET})
    members: dict[str, str | bytes] = {"alice/task1_cnn.py": NET, "bob/code/cnn.py": NET, "carol.zip": inner}
    zipped({wrapper + name: content for name, content in members.items()} | {"__MACOSX/._x": "x"}, path)
    result = found(path, scratch)
    assert list(result) == ["alice", "bob", "carol"]
    assert all(s.script for s in result.values())


def test_wrapper_folders_are_opened(cohort: Path, scratch: Path) -> None:
    write(cohort, {"README.md": "x", "Lab 4/submissions/alice/task1_cnn.py": NET, "Lab 4/submissions/bob/a.py": NET})
    assert list(found(cohort, scratch)) == ["alice", "bob"]


def test_nested_folders_within_a_student(cohort: Path, scratch: Path) -> None:
    write(cohort, {"alice/x/y/task1_cnn.py": NET, "alice/x/part1.pdf": "%PDF", "bob/task1_cnn.py": NET})
    alice = found(cohort, scratch)["alice"]
    assert (alice.script, alice.documents) == ("x/y/task1_cnn.py", ("x/part1.pdf",))


def test_folders_with_generic_names_and_networks_are_a_cohort(cohort: Path, scratch: Path) -> None:
    write(cohort, {f"submission_{n}/task1_cnn.py": NET for n in (1, 2, 3)})
    assert len(found(cohort, scratch)) == 3


def test_nbgrader_course(cohort: Path, scratch: Path) -> None:
    book = notebook(NET)
    write(cohort, {"source/ps1/p.ipynb": book, "release/ps1/p.ipynb": book, "nbgrader_config.py": "c = 1"})
    write(cohort, {"submitted/ann/ps1/p.ipynb": book, "submitted/ann/ps1/timestamp.txt": "2015", "submitted/ben/": ""})
    result = found(cohort, scratch)
    assert list(result) == ["ann", "ben"]
    assert result["ann"].script == "ps1/p.ipynb"
    assert result["ann"].documents == ()


# A single submission


@pytest.mark.parametrize("name", ["task1_cnn.py", "my_net.py", "work.ipynb"])
def test_single_file(tmp_path: Path, scratch: Path, name: str) -> None:
    write(tmp_path, {name: notebook(NET) if name.endswith("ipynb") else NET, "other.py": NET})
    (only,) = found(tmp_path / name, scratch).values()
    assert (only.id, only.script, only.files) == (Path(name).stem, name, (name,))


def test_a_single_file_includes_the_modules_that_it_imports(tmp_path: Path, scratch: Path) -> None:
    write(tmp_path, {"task1_cnn.py": "from model import Net\n", "model.py": "import blocks\n" + NET})
    write(tmp_path, {"blocks.py": "A = 1", "unrelated.py": NET})
    (only,) = found(tmp_path / "task1_cnn.py", scratch).values()
    assert only.files == ("blocks.py", "model.py", "task1_cnn.py")
    assert only.script == "task1_cnn.py"


def test_single_zip_keeps_its_name(tmp_path: Path, scratch: Path) -> None:
    zipped({"lab4_final/task1_cnn.py": NET}, tmp_path / "alice.zip")
    assert list(found(tmp_path / "alice.zip", scratch)) == ["alice"]


@pytest.mark.parametrize(
    "files",
    [
        {"task1_cnn.py": NET},
        {"task1_cnn.py": NET, "model.py": NET, "zoe.py": NET},
        {"task1_cnn.py": "from zoe import Net", "zoe.py": NET},
        {"my_cnn.py": "from layers.net import Net", "layers/net.py": NET},
        {"zoe_v1.py": NET, "zoe_v2.py": NET},
        {"cnn.py": NET, "plots.py": "import matplotlib"},
        {"part1/answers.md": "x", "part2/task1_cnn.py": NET},
        {"src/task1_cnn.py": NET, "figures/curve.png": "x", "answers.pdf": "x"},
        {"src/task1_cnn.py": NET, "README.md": "answers"},
        {"v1/task1_cnn.py": NET, "v2/task1_cnn.py": NET},
        {"task1_cnn.py": NET, "screens of runs/a.png": "x", "data/MNIST/raw/t10k-images-idx3-ubyte": "x"},
        {"work.ipynb": notebook(NET), "answers_of_zoe.ipynb": json.dumps(ANSWERS)},
        {"answers.pdf": "x"},
    ],
    ids=lambda files: " ".join(files),
)
def test_folder_of_one_submission(tmp_path: Path, scratch: Path, files: dict[str, str | bytes]) -> None:
    write(tmp_path / "u1234567", files)
    assert list(found(tmp_path / "u1234567", scratch)) == ["u1234567"]


def test_a_single_students_folder_gives_the_id(cohort: Path, scratch: Path) -> None:
    write(cohort, {"alice/task1_cnn.py": NET, "marks.csv": "x"})
    assert list(found(cohort, scratch)) == ["alice"]


@pytest.mark.parametrize("name", ["missing", "missing.zip"])
def test_a_missing_path_is_refused(tmp_path: Path, scratch: Path, name: str) -> None:
    with pytest.raises(UsageFault, match="There is no file or folder"):
        discover(tmp_path / name, scratch)


def test_an_empty_folder_is_refused(cohort: Path, scratch: Path) -> None:
    write(cohort, {"__MACOSX/._a": "x", ".DS_Store": "x"})
    with pytest.raises(UsageFault, match="contains no submission"):
        discover(cohort, scratch)


def test_a_rar_as_the_cohort_is_refused(tmp_path: Path, scratch: Path) -> None:
    write(tmp_path, {"cohort.rar": b"Rar!\x1a\x07\x01\x00"})
    with pytest.raises(UsageFault, match=r"is a \.rar archive, which cannot be opened; give a \.zip"):
        discover(tmp_path / "cohort.rar", scratch)


# Learning management systems


def test_moodle_folders_of_one_participant_are_merged(cohort: Path, scratch: Path) -> None:
    write(
        cohort,
        {
            "Jane Doe_5012345_assignsubmission_file/task1_cnn.py": NET,
            "Jane Doe_5012345_assignsubmission_onlinetext/onlinetext.html": "<p>1. Deep</p>",
            "Tom Lee_5012346_assignsubmission_file_/cnn/net.py": NET,
            "Participant_5012347_assignsubmission_onlinetext/onlinetext.html": "<p>x</p>",
            "Team 4_77_assignsubmission_file/task1_cnn.py": NET,
            "Default group_assignsubmission_file/task1_cnn.py": NET,
        },
    )
    result = found(cohort, scratch)
    assert list(result) == ["Default group", "Jane Doe_5012345", "Participant_5012347", "Team 4_77", "Tom Lee_5012346"]
    jane = result["Jane Doe_5012345"]
    assert (jane.script, jane.documents) == ("task1_cnn.py", ("onlinetext/onlinetext.html",))
    bounced(result["Participant_5012347"], "onlinetext.html")


def test_moodle_files_get_their_original_names(tmp_path: Path, scratch: Path) -> None:
    jane, tom = "Jane Doe_5012345_assignsubmission_", "Tom_7_assignsubmission_"
    members: dict[str, str | bytes] = {
        f"{jane}file_task1_cnn.py": "from my_model import Net",
        f"{jane}file_my_model.py": NET,
        f"{jane}onlinetext_onlinetext.html": "<p></p>",
        f"{tom}file_lab4.zip": zipped({"task1_cnn.py": NET}),
        "Default group_assignsubmission_file_task1_cnn.py": NET,
    }
    zipped(members, tmp_path / "COMP4660-Lab 4-123.zip")
    result = found(tmp_path / "COMP4660-Lab 4-123.zip", scratch)
    assert list(result) == ["Default group", "Jane Doe_5012345", "Tom_7"]
    assert result["Jane Doe_5012345"].files == ("my_model.py", "onlinetext/onlinetext.html", "task1_cnn.py")
    assert all(s.script == "task1_cnn.py" and not s.flags for s in result.values())


def test_a_single_moodle_folder(tmp_path: Path, scratch: Path) -> None:
    root = write(tmp_path / "Jane Doe_5012345_assignsubmission_file", {"task1_cnn.py": NET})
    assert list(found(root, scratch)) == ["Jane Doe_5012345"]


def test_two_moodle_downloads_side_by_side(cohort: Path, scratch: Path) -> None:
    zipped({f"S{n}_{n}_assignsubmission_file/task1_cnn.py": NET for n in (1, 2)}, cohort / "Tue10.zip")
    write(cohort, {f"Wed12/S{n}_{n}_assignsubmission_file/task1_cnn.py": NET for n in (3, 4)})
    assert list(found(cohort, scratch)) == ["S1_1", "S2_2", "S3_3", "S4_4"]


def test_canvas_files(cohort: Path, scratch: Path) -> None:
    write(
        cohort,
        {
            "doejane_12345_678901_task1_cnn-1.py": NET,
            "doejane_LATE_12345_678902_part1.ipynb": json.dumps(ANSWERS),
            "leetom_12346_text.html": "<p>x</p>",
            "anon_aB3x9_678903_task1_cnn.py": NET,
        },
    )
    result = found(cohort, scratch)
    assert list(result) == ["anon_aB3x9", "doejane_12345", "leetom_12346"]
    jane = result["doejane_12345"]
    assert (jane.script, jane.documents, jane.flags) == ("task1_cnn-1.py", ("part1.ipynb",), ())


def test_numbers_in_names_are_not_canvas(cohort: Path, scratch: Path) -> None:
    write(cohort, {"lab_4_2_alice.py": NET, "lab_4_2_bob.py": NET})
    assert list(found(cohort, scratch)) == ["lab_4_2_alice", "lab_4_2_bob"]


def test_gradescope_export(cohort: Path, scratch: Path) -> None:
    write(cohort, {"submission_metadata.yml": "a: 1", **{f"submission_40919402{n}/task1_cnn.py": NET for n in (3, 4)}})
    assert list(found(cohort, scratch)) == ["submission_409194023", "submission_409194024"]


# Separate documents in a cohort's folder

LOOSE = (
    "dora.docx eve.pdf fred.html ken.odt lea.rtf mia.doc ned.jpg oli.pages pam.md quin.tex ray.heic sam.rst tia.key"
    " uma vic.bak"
)
ABOUT_COHORT = (
    "grades.csv",
    "worksheet.xlsx",
    "Lab 4 sheet.pdf",
    "README.md",
    "marks.ods",
    "roster.txt",
    "conftest.py",
)


@pytest.mark.parametrize(
    "others",
    [
        {"gina.py": NET, "hal.ipynb": notebook(NET)},
        {"gina/task1_cnn.py": NET, "hal/task1_cnn.py": NET},
        {"gina.zip": zipped({"task1_cnn.py": NET}), "hal.tar.gz": b"\x1f\x8b"},
        {"gina.py": NET, "hal.rar": b"Rar!"},
        {},
    ],
    ids=["scripts", "folders", "archives", "mixed", "alone"],
)
def test_every_separate_file_in_a_cohorts_folder_gets_a_row(
    cohort: Path, scratch: Path, others: dict[str, str | bytes]
) -> None:
    files: dict[str, str | bytes] = dict.fromkeys((*LOOSE.split(), *ABOUT_COHORT), "x")
    students = [Path(name).stem for name in LOOSE.split()]
    result = found(write(cohort, files | others), scratch)
    assert list(result) == sorted([*students, *(["gina", "hal"] if others else [])])
    assert result["eve"].documents == ("eve.pdf",)
    assert result["ned"].files == ("ned.jpg",)


def test_a_numbered_copy_is_a_submission_of_its_own(cohort: Path, scratch: Path) -> None:
    numbered = {"cy (1).py": NET, "cy (2).py": NET + "#", "u12-1.pdf": "x", "u12-2.pdf": "x"}
    write(cohort, {"ann.py": NET, "ann (1).py": NET + "#", "ben.pdf": "x", "ben-1.docx": "x", **numbered})
    result = found(cohort, scratch)
    assert list(result) == ["ann", "ann (1)", "ben", "ben-1", "cy (1)", "cy (2)", "u12-1", "u12-2"]
    assert [id for id, student in result.items() if student.claim] == ["ann (1)", "ben-1"]
    assert result["ann"].script == "ann.py"


@pytest.mark.parametrize(
    "files",
    [
        {"zoe.py": NET, "zoe.pdf": "x", "loss_curve.png": "x"},
        {"task1_cnn.docx": "x", "smith.pdf": "x", "jones.pdf": "x", "lee.pdf": "x"},
        {"essay.pdf": "x", "references.pdf": "x"},
        {"zoe_part1.pdf": "x", "zoe_part2.docx": "x", "zoe_plots.pdf": "x", "photo.jpg": "x"},
    ],
    ids=lambda files: " ".join(files),
)
def test_documents_of_one_submission(tmp_path: Path, scratch: Path, files: dict[str, str | bytes]) -> None:
    assert list(found(write(tmp_path / "u1234567", files), scratch)) == ["u1234567"]


@pytest.mark.parametrize("place", ["out", "reports/2026-12-02 cohort"])
def test_the_grader_does_not_take_its_own_reports_for_a_student(cohort: Path, scratch: Path, place: str) -> None:
    write(cohort, {"ann/task1_cnn.py": NET, "ben.py": NET, f"{place}/students/ann/report.html": f"<pre>{NET}</pre>"})
    claim_folder(cohort.parent / "run")
    (cohort.parent / "run/run.json").rename(cohort / place / "run.json")
    assert list(found(cohort, scratch)) == ["ann", "ben"]
    single = write(cohort / "ann", {f"{place}/x": ""})
    (single / place / "run.json").write_bytes((cohort / place / "run.json").read_bytes())
    assert found(single, scratch)["ann"].files == ("task1_cnn.py",)


def test_a_file_run_json_does_not_hide_a_student(cohort: Path, scratch: Path) -> None:
    write(cohort, {"ann/task1_cnn.py": NET, "ann/run.json": "{}", "ben/task1_cnn.py": NET, "ben/run.json": "[]"})
    assert list(found(cohort, scratch)) == ["ann", "ben"]
