"""Intake on small cohorts built on disk: every shape, every refusal, and the choice of the script."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import socket
import stat
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from grader.model import Submission, UsageFault
from grader.storage.folder_names import safe_folder_name
from grader.submissions import copy_submission, discover, naming
from grader.submissions.archives import STUDENT, Limits, Refused, unpack
from grader.submissions.files import Found, gather
from grader.submissions.script_choice import choose, within_reason

NET = """import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)

    def forward(self, x):
        return F.log_softmax(self.conv1(x), dim=1)
"""
BLANK = """import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        pass

    def forward(self, x):
        pass
"""
ANSWERS = {"cells": [{"cell_type": "markdown", "source": ["# Part 1\n", "class Net: no"]}], "nbformat": 4}


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    """Files below ``root``; a name that ends in a slash is a folder."""
    for name, content in files.items():
        place = root / name
        if name.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def zipped(files: dict[str, str | bytes], path: Path | None = None) -> bytes:
    """A zip of ``files``, also written to ``path``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(buffer.getvalue())
    return buffer.getvalue()


def with_mode(name: str, content: str, mode: int) -> bytes:
    """A zip of a good script and a member with Unix mode ``mode``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("task1_cnn.py", NET)
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, mode << 16
        archive.writestr(info, content)
    return buffer.getvalue()


def notebook(*code: str) -> str:
    cells = [{"cell_type": "code", "source": text.splitlines(keepends=True), "outputs": []} for text in code]
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}, indent=1)


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    return tmp_path / "cohort"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


def found(path: Path, scratch: Path) -> dict[str, Submission]:
    submissions = discover(path, scratch)
    assert len({s.id for s in submissions}) == len(submissions)
    for s in submissions:
        s.id.encode()
        assert s.id.isprintable()
        assert (s.script is None) == bool(s.problem)
        assert not s.problem or (s.problem.endswith((".", ")")) and "\n" not in s.problem)
        assert s.script is None or s.script in s.files
        assert s.candidates[:1] == ((s.script,) if s.script else ())
        assert all((s.root / name).is_file() for name in s.files)
        json.dumps([s.files, s.documents]).encode()
    return {s.id: s for s in submissions}


def flags(submission: Submission) -> set[str]:
    return {flag.id for flag in submission.flags}


def message(submission: Submission, id: str) -> str:
    return next(flag.message for flag in submission.flags if flag.id == id)


def bounced(submission: Submission, *words: str) -> None:
    """Nothing is graded, and the sentence says why."""
    assert submission.script is None
    for word in words:
        assert word in submission.problem


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


def test_lone_wrapper_folders_are_looked_through(cohort: Path, scratch: Path) -> None:
    write(cohort, {"README.md": "x", "Lab 4/submissions/alice/task1_cnn.py": NET, "Lab 4/submissions/bob/a.py": NET})
    assert list(found(cohort, scratch)) == ["alice", "bob"]


def test_nested_folders_within_a_student(cohort: Path, scratch: Path) -> None:
    write(cohort, {"alice/x/y/task1_cnn.py": NET, "alice/x/part1.pdf": "%PDF", "bob/task1_cnn.py": NET})
    alice = found(cohort, scratch)["alice"]
    assert (alice.script, alice.documents) == ("x/y/task1_cnn.py", ("x/part1.pdf",))


def test_cohort_of_generic_names_with_a_network_each(cohort: Path, scratch: Path) -> None:
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


def test_single_file_brings_the_modules_that_it_imports(tmp_path: Path, scratch: Path) -> None:
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


def test_lone_student_folder_gives_its_own_name(cohort: Path, scratch: Path) -> None:
    write(cohort, {"alice/task1_cnn.py": NET, "marks.csv": "x"})
    assert list(found(cohort, scratch)) == ["alice"]


@pytest.mark.parametrize("name", ["missing", "missing.zip"])
def test_missing_path(tmp_path: Path, scratch: Path, name: str) -> None:
    with pytest.raises(UsageFault, match="There is no file or folder"):
        discover(tmp_path / name, scratch)


def test_folder_that_holds_nothing(cohort: Path, scratch: Path) -> None:
    write(cohort, {"__MACOSX/._a": "x", ".DS_Store": "x"})
    with pytest.raises(UsageFault, match="holds no submission"):
        discover(cohort, scratch)


def test_tar_as_the_cohort(tmp_path: Path, scratch: Path) -> None:
    write(tmp_path, {"cohort.tar.gz": b"\x1f\x8b"})
    with pytest.raises(UsageFault, match=r"please give a \.zip"):
        discover(tmp_path / "cohort.tar.gz", scratch)


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


def test_moodle_flat_files_get_their_own_names_back(tmp_path: Path, scratch: Path) -> None:
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


def test_moodle_folder_given_by_itself(tmp_path: Path, scratch: Path) -> None:
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


# Clutter and students with nothing usable


def test_clutter_is_no_part_of_a_submission(cohort: Path, scratch: Path) -> None:
    clutter = (
        "__MACOSX/task1_cnn.py .DS_Store ._task1_cnn.py data/net.py MNIST/raw/x train-images-idx3-ubyte "
        "t10k-labels-idx1-ubyte.gz .git/config __pycache__/a.pyc .ipynb_checkpoints/a.ipynb venv/lib/a.py "
        "my/pyvenv.cfg my/lib/net.py node_modules/a.js mnist_cnn.pt best.pth expected.toml conftest.py pytest.ini "
        "~$part1.docx Thumbs.db"
    )
    plain = {"task1_cnn.py": NET, "helper.py": "A = 1", "requirements.txt": "torch"}
    write(cohort, {"bob/task1_cnn.py": NET, **{f"alice/{name}": text for name, text in plain.items()}})
    before = found(cohort, scratch)["alice"]
    write(cohort, {f"alice/{name}": NET for name in clutter.split()})
    after = found(cohort, scratch)["alice"]
    assert before == after
    assert after.files == ("helper.py", "requirements.txt", "task1_cnn.py")
    assert after.documents == ()


def test_students_with_nothing_usable_keep_a_row(cohort: Path, scratch: Path) -> None:
    write(
        cohort,
        {
            "ann/task1_cnn.py": NET,
            "empty/": "",
            "pdf/answers.pdf": "%PDF",
            "onlydata/data/x.npy": "x",
            "broken.zip": "PK\x03\x04 nonsense",
            "none.zip": b"",
            "rarred.zip": b"Rar!\x1a\x07",
            "tarred.tar.gz": b"\x1f\x8b",
            "sevened/lab4.7z": b"7z",
            "hollow/task1_cnn.py": " \n",
            "written/part1.ipynb": json.dumps(ANSWERS),
        },
    )
    zipped({}, cohort / "void.zip")
    result = found(cohort, scratch)
    assert len(result) == 12
    bounced(result["empty"], "empty")
    bounced(result["pdf"], "answers.pdf")
    bounced(result["onlydata"], "not part of the work")
    bounced(result["broken"], "broken.zip", "send it again")
    bounced(result["none"], "0 bytes")
    bounced(result["rarred"], ".rar")
    bounced(result["tarred"], "tarred.tar.gz", "please send a .zip")
    bounced(result["sevened"], "lab4.7z", "please send a .zip")
    bounced(result["hollow"], "task1_cnn.py is empty")
    bounced(result["written"], "part1.ipynb")
    bounced(result["void"], "void.zip")
    assert result["written"].documents == ("part1.ipynb",)


def test_pdf_beside_the_files_of_others(cohort: Path, scratch: Path) -> None:
    write(cohort, {"alice.py": NET, "bob.py": NET, "carol.pdf": "%PDF", "Lab 4 sheet.pdf": "%PDF", "README.md": "x"})
    result = found(cohort, scratch)
    assert list(result) == ["alice", "bob", "carol"]
    bounced(result["carol"], "carol.pdf")


def test_links_out_of_a_submission_are_not_followed(cohort: Path, scratch: Path) -> None:
    write(cohort, {"alice/task1_cnn.py": NET, "bob/task1_cnn.py": NET, "carol/": ""})
    write(cohort.parent, {"secret/key.toml": "k", "elsewhere/task1_cnn.py": NET})
    (cohort / "alice/key.toml").symlink_to(cohort.parent / "secret/key.toml")
    (cohort / "alice/stolen").symlink_to(cohort / "bob")
    (cohort / "alice/again.py").symlink_to("task1_cnn.py")
    (cohort / "alice/loop").symlink_to(".")
    (cohort / "carol/task1_cnn.py").symlink_to(cohort / "bob/task1_cnn.py")
    (cohort / "dave").symlink_to(cohort.parent / "elsewhere")
    result = found(cohort, scratch)
    alice = result["alice"]
    assert alice.files == ("again.py", "task1_cnn.py")
    assert "key.toml, stolen" in message(alice, "link-not-followed")
    bounced(result["carol"], "link")
    bounced(result["dave"], "link")


def test_pipe_as_the_submission(tmp_path: Path, scratch: Path) -> None:
    os.mkfifo(tmp_path / "task1_cnn.py")
    with pytest.raises(UsageFault, match="neither a file nor a folder"):
        discover(tmp_path / "task1_cnn.py", scratch)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_work_stops_nobody_else(cohort: Path, scratch: Path) -> None:
    write(cohort, {"ann/task1_cnn.py": NET, "bo/task1_cnn.py": NET, "cy/task1_cnn.py": NET, "dee.py": NET})
    for path in (cohort / "bo", cohort / "cy/task1_cnn.py", cohort / "dee.py"):
        path.chmod(0)
    result = found(cohort, scratch)
    (cohort / "bo").chmod(0o755)
    assert result["ann"].script
    for id in ("bo", "cy", "dee"):
        bounced(result[id], "could not be read")


def test_pipes_are_passed_over(cohort: Path, scratch: Path) -> None:
    write(cohort, {"alice/task1_cnn.py": NET, "bob/task1_cnn.py": NET})
    os.mkfifo(cohort / "alice/net.py")
    assert found(cohort, scratch)["alice"].files == ("task1_cnn.py",)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_what_is_no_file_is_never_opened(cohort: Path, scratch: Path) -> None:
    write(cohort, {"ann/task1_cnn.py": NET, "ben/": "", "cy/": "", "dee/task1_cnn.py": NET})
    os.mkfifo(cohort / "ben/task1_cnn.py")
    with socket.socket(socket.AF_UNIX) as plug, contextlib.chdir(cohort / "cy"):
        plug.bind("task1_cnn.py")
    for name in ("answers.md", "work.zip", "more.tar.gz", "pyvenv.cfg", "model.py"):
        os.mkfifo(cohort / "dee" / name)
    for name in ("eve.py", "eve.zip", "Eve_12_assignsubmission_file_task1_cnn.py"):
        os.mkfifo(cohort / name)
    for name, target in {"etc.py": "/etc/passwd", "zero.py": "/dev/zero", "self": "self", "root": "/"}.items():
        (cohort / "dee" / name).symlink_to(target)
    (cohort / "fay.py").symlink_to("/dev/zero")
    result = found(cohort, scratch)
    assert list(result) == ["ann", "ben", "cy", "dee", "fay.py"]
    for id in ("ben", "cy"):
        bounced(result[id], "pipes, sockets or devices")
    assert result["dee"].files == ("task1_cnn.py",)
    assert flags(result["dee"]) == {"link-not-followed"}


@pytest.mark.skipif(not hasattr(os, "fchdir"), reason="the way down is too long for a path")
def test_folders_without_end_hide_no_script(
    cohort: Path, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.submissions.files.MOST_ENTRIES", 200)
    write(cohort, {f"{name}/task1_cnn.py": NET for name in ("ann", "ben", "cy")})
    with contextlib.chdir(cohort / "ann"):
        for _ in range(40):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
        Path("far.py").write_text(NET)
    for n in range(210):
        (cohort / "ben" / f"{n}").mkdir()
        (cohort / "cy" / f"{n}.png").touch()
    result = found(cohort, scratch)
    for student in ("ann", "ben", "cy"):
        assert result[student].script == "task1_cnn.py"
        assert flags(result[student]) == {"files-left-out"}
        copy_submission(result[student], tmp_path / ("copies" * 20) / student)
    shutil.rmtree(cohort)


def test_an_enormous_file_is_told(cohort: Path, scratch: Path) -> None:
    files = {"ben": "task1_cnn.py", "cy": "lab4.zip", "dee": "lab4.ipynb"}
    write(cohort, {"ann/task1_cnn.py": NET, **{f"{id}/{name}": b"" for id, name in files.items()}})
    for id, name in files.items():
        os.truncate(cohort / id / name, 1 << 40)
    result = found(cohort, scratch)
    for id in files:
        bounced(result[id], "too large")


def test_a_file_that_goes_while_it_is_read_stops_nobody(
    cohort: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(cohort, {"ann/task1_cnn.py": NET, "ben/task1_cnn.py": NET, "ben/plot.png": b"", "cy.py": NET})
    listing = os.scandir

    def scandir(place: Path) -> Any:
        entries = listing(place)
        for name in ("ben/plot.png", "cy.py"):
            (cohort / name).unlink(missing_ok=True)
        return entries

    monkeypatch.setattr("grader.submissions.files.os.scandir", scandir)
    result = found(cohort, scratch)
    assert result["ann"].script
    assert result["ben"].files == ("task1_cnn.py",)
    assert "cy" not in result or not result["cy"].script


def test_too_many_files_leave_scripts_and_answers_in(tmp_path: Path) -> None:
    write(tmp_path, {f"frames/{n}.png": b"" for n in range(30)})
    write(tmp_path, {"zz/task1_cnn.py": NET, "zz/zz/part1.pdf": "%PDF"})
    gathered = gather(tmp_path, most_files=20)
    assert {"zz/task1_cnn.py", "zz/zz/part1.pdf"} < {f.name for f in gathered.files}
    assert (len(gathered.files), gathered.left_out) == (20, 12)


def test_files_over_the_limit_in_bytes_are_told(cohort: Path, scratch: Path) -> None:
    write(cohort, {"alice/task1_cnn.py": NET, "bob/task1_cnn.py": NET, "alice/big.bin": b""})
    os.truncate(cohort / "alice/big.bin", 201 << 20)
    alice = found(cohort, scratch)["alice"]
    assert alice.files == ("task1_cnn.py",)
    assert "1 file was left out" in message(alice, "files-left-out")


def test_large_scripts_are_refused_and_large_notebooks_read(cohort: Path, scratch: Path) -> None:
    image = '{"cell_type": "code", "source": ["x"], "outputs": ["' + "A" * (2 << 20) + '"]}'
    book = f'{{"cells": [{json.dumps({"cell_type": "code", "source": NET})}, {image}], "nbformat": 4}}'
    write(cohort, {"alice/task1_cnn.py": NET + "#" * (1 << 20), "bob/work.ipynb": book})
    result = found(cohort, scratch)
    bounced(result["alice"], "task1_cnn.py", "1 MiB")
    assert result["bob"].script == "work.ipynb"


SLOW = {
    "spaces after an import": "from x import" + " " * 300_000,
    "half an import": "from x import (\n" * 60_000,
    "many imports": "import " + ",".join(f"a{n}" for n in range(100_000)),
    "dots": "import " + "a." * 300_000,
    "one line": "class Net" + " " * 900_000 + "(",
    "blank lines": " \n" * 400_000,
}


@pytest.mark.parametrize("name", SLOW)
def test_no_text_keeps_the_choice_of_a_script_busy(cohort: Path, scratch: Path, name: str) -> None:
    book = '{"cells": [{"cell_type": "code", "source": ' + json.dumps(SLOW[name]) + "}]}"
    write(cohort, {"eve/task1_cnn.py": SLOW[name], "eve/a.ipynb": book, "ann/task1_cnn.py": NET})
    start = time.process_time()
    assert found(cohort, scratch)["ann"].script
    assert time.process_time() - start < 20


def test_no_number_of_scripts_keeps_it_busy(tmp_path: Path) -> None:
    """What is read of one submission is bounded; the smallest come first, for this lab's script is a small one."""
    sizes = {"task1_cnn.py": 3000, **{f"{n}.ipynb": 19 << 20 for n in range(5)}, "plot.png": 90 << 20}
    files = [Found(name, tmp_path / name, size) for name, size in sizes.items()]
    kept, passed_over = within_reason(files)
    assert passed_over == 2
    assert [f.name for f in kept] == ["task1_cnn.py", "0.ipynb", "1.ipynb", "2.ipynb", "plot.png"]
    write(tmp_path, {f.name: b"" for f in files} | {"task1_cnn.py": NET})
    choice = choose(files, is_named_by_student=False)
    assert choice.candidates == ("task1_cnn.py",)
    assert [flag.id for flag in choice.flags] == ["scripts-not-read"]


def test_the_text_of_a_notebook_may_be_anything(cohort: Path, scratch: Path) -> None:
    books = {
        "a": '{"cells": {"a": 1}}', "b": '{"cells": [1, null, {"cell_type": ["code"]}]}', "c": "[" * 100_000,
        "d": '{"cells": [{"cell_type": "code", "source": {"a": 1}}, {"cell_type": "code", "source": [1, [2]]}]}',
        "e": '{"worksheets": 5, "cells": NaN}', "f": '{"cells": [], "nbformat": ' + "9" * 5000 + "}", "g": "\0" * 99,
        "h": '{"cells": [{"cell_type": "code", "source": "\\ud800 class Net:"}]}', "i": "null", "j": "",
    }  # fmt: skip
    write(cohort, {"ann/task1_cnn.py": NET, **{f"s{id}/lab4.ipynb": text for id, text in books.items()}})
    result = found(cohort, scratch)
    assert set(result) == {"ann", *(f"s{id}" for id in books)}
    assert result["ann"].script


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_a_script_is_known_in_any_encoding(cohort: Path, scratch: Path, encoding: str) -> None:
    write(cohort, {"ann/work.py": ("# caf\u00e9\n" + NET).encode(encoding), "ann/plot.py": "import torch\n" * 99})
    assert found(cohort / "ann", scratch)["ann"].script == "work.py"


# Zips that are refused


def refused(cohort: Path, scratch: Path, content: bytes, *words: str) -> None:
    """A student's zip is refused while the one beside it is graded, and nothing gets out of the scratch folder."""
    zipped({"task1_cnn.py": NET}, cohort / "good.zip")
    (cohort / "evil.zip").write_bytes(content)
    before = {p for p in cohort.parent.rglob("*") if scratch not in p.parents}
    result = found(cohort, scratch)
    assert result["good"].script == "task1_cnn.py"
    bounced(result["evil"], "evil.zip", *words)
    assert {p for p in cohort.parent.rglob("*") if scratch not in p.parents} - {scratch} == before
    (single,) = found(cohort / "evil.zip", scratch).values()
    bounced(single, "evil.zip", *words)


@pytest.mark.parametrize("name", ["../evil.py", "a/../../evil.py", "..\\evil.py", "data/../../../evil.py"])
def test_zip_slip(cohort: Path, scratch: Path, name: str) -> None:
    refused(cohort, scratch, zipped({"task1_cnn.py": NET, name: "x"}), "outside of its folder")


@pytest.mark.parametrize("name", ["/tmp/evil.py", "C:\\evil.py", "c:evil.py", "\\\\server\\evil.py"])
def test_absolute_members(cohort: Path, scratch: Path, name: str) -> None:
    refused(cohort, scratch, zipped({"task1_cnn.py": NET, name: "x"}), "absolute path")


def test_symlink_member(cohort: Path, scratch: Path) -> None:
    refused(cohort, scratch, with_mode("key", "/etc/passwd", stat.S_IFLNK | 0o777), "link")


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_device_member(cohort: Path, scratch: Path, kind: int) -> None:
    refused(cohort, scratch, with_mode("null", "", kind | 0o666), "not an ordinary file")


def test_bomb_of_zeros(cohort: Path, scratch: Path) -> None:
    bomb = zipped({"task1_cnn.py": NET, "big.csv": bytes(40 << 20)})
    assert len(bomb) < 100_000
    refused(cohort, scratch, bomb, "big.csv")
    assert sum(p.stat().st_size for p in scratch.rglob("*") if p.is_file()) < 1 << 20


def test_bomb_that_lies_about_its_size(cohort: Path, scratch: Path) -> None:
    bomb = zipped({"big.csv": bytes(40 << 20)})
    true_size = (40 << 20).to_bytes(4, "little")
    assert bomb.count(true_size) == 2
    refused(cohort, scratch, bomb.replace(true_size, (100).to_bytes(4, "little")), "big.csv")


def test_many_large_members(cohort: Path, scratch: Path) -> None:
    zipped({f"{n}.csv": bytes(1 << 20) for n in range(5)}, cohort / "many.zip")
    with pytest.raises(Refused, match="unpacks to more than 4 MiB"):
        unpack(cohort / "many.zip", scratch / "a", Limits(members=5, size=4 << 20, file_size=4 << 20))
    out = unpack(cohort / "many.zip", scratch / "b", Limits(members=5, size=5 << 20, file_size=4 << 20))
    assert (out.members, out.size, out.refused) == (5, 5 << 20, ())
    assert (STUDENT.members, STUDENT.size) == (5000, 200 << 20)


def test_too_many_members(cohort: Path, scratch: Path) -> None:
    zipped({f"{n}.txt": "" for n in range(5001)}, cohort / "many.zip")
    write(cohort, {"ann/task1_cnn.py": NET})
    bounced(found(cohort, scratch)["many"], "many.zip", "5000")


def test_directory_of_very_many_entries_is_refused_unread(cohort: Path, scratch: Path) -> None:
    zipped({f"{n}.txt": "" for n in range(50)}, cohort / "many.zip")
    with pytest.raises(Refused, match="holds more than 10 files"):
        unpack(cohort / "many.zip", scratch, Limits(members=10, size=1 << 20, file_size=1 << 20))


def test_encrypted_member(cohort: Path, scratch: Path) -> None:
    content = bytearray(zipped({"task1_cnn.py": NET}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    refused(cohort, scratch, bytes(content), "password")


@pytest.mark.parametrize(
    "pair",
    [("net.py", "Net.py"), ("\u00e9.py", "e\u0301.py"), ("a/x.py", "A/X.py"), ("a", "A/b.py"), ("a?.py", "a_.py")],
    ids=["case", "form", "folder", "file-and-folder", "cleaned"],
)
def test_members_that_some_systems_confuse(cohort: Path, scratch: Path, pair: tuple[str, str]) -> None:
    refused(cohort, scratch, zipped({"task1_cnn.py": NET, **dict.fromkeys(pair, "A = 1")}), "tell apart")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_member_twice(cohort: Path, scratch: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("task1_cnn.py", NET)
        archive.writestr("task1_cnn.py", BLANK)
    refused(cohort, scratch, buffer.getvalue(), "tell apart")


def test_unusual_compression(cohort: Path, scratch: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("task1_cnn.py", NET)
    refused(cohort, scratch, buffer.getvalue(), "ordinary .zip")


def test_damaged_zips_never_stop_a_cohort(cohort: Path, scratch: Path) -> None:
    whole = zipped({"task1_cnn.py": NET, "notes/part1.md": "answers " * 50})
    write(cohort, {"ann/task1_cnn.py": NET})
    for n in range(0, len(whole), 7):
        (cohort / f"cut{n}.zip").write_bytes(whole[:n])
        (cohort / f"bit{n}.zip").write_bytes(whole[:n] + bytes([whole[n] ^ 0x55]) + whole[n + 1 :])
    result = found(cohort, scratch)
    assert len(result) == 1 + 2 * len(range(0, len(whole), 7))
    assert all(s.script is None for id, s in result.items() if id.startswith("cut"))


def test_one_level_of_archives_within_a_students(cohort: Path, scratch: Path) -> None:
    inner = zipped({"task1_cnn.py": NET})
    zipped({"work/lab4.zip": inner}, cohort / "alice.zip")
    zipped({"b.zip": zipped({"c.zip": inner})}, cohort / "bob.zip")
    write(cohort, {"carol/lab4.zip": inner, "carol/answers.md": "x", "dave/task1_cnn.py": NET, "dave/old.zip": "junk"})
    result = found(cohort, scratch)
    assert result["alice"].script == "work/lab4/task1_cnn.py"
    bounced(result["bob"], "archive within an archive")
    assert (result["carol"].script, result["carol"].documents) == ("lab4/task1_cnn.py", ("answers.md",))
    assert result["dave"].script == "task1_cnn.py"
    assert "old.zip" in message(result["dave"], "archive-refused")


def test_one_students_trouble_in_a_cohorts_zip(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("alice/task1_cnn.py", NET)
        archive.writestr("bob/task1_cnn.py", NET)
        archive.writestr("bob/big.csv", bytes(40 << 20))
        link = zipfile.ZipInfo("carol/task1_cnn.py")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "../alice/task1_cnn.py")
        archive.writestr("dave/venv/bin/python", "x")
        archive.writestr("dave/task1_cnn.py", NET)
    result = found(path, scratch)
    assert list(result) == ["alice", "bob", "carol", "dave"]
    bounced(result["bob"], "big.csv")
    bounced(result["carol"], "link")
    assert result["alice"].script
    assert result["dave"].files == ("task1_cnn.py",)


def test_names_that_lead_out_of_a_cohorts_zip_cost_nobody_else(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "all.zip"
    deep = "/".join(["d" * 150] * 30)
    members = {"ann/task1_cnn.py": NET, "bob/..\\..\\evil.py": "x", "cy/" + "d/" * 50 + "x.py": "x", "../dee.py": NET}
    zipped({**members, f"eve/{deep}/x.py": NET, "/etc/fay.py": NET, "c:gil.py": NET}, path)
    result = found(path, scratch)
    assert result["ann"].script == "task1_cnn.py"
    assert [id for id, s in result.items() if s.script] == ["ann"]
    bounced(result["bob"], "outside of its folder")
    bounced(result["cy"], "nested more than 40 deep")
    bounced(result["eve"], "too long")
    assert {p.relative_to(tmp_path).parts[0] for p in tmp_path.rglob("*.py")} == {"scratch"}
    assert {p.name for p in scratch.rglob("*.py")} == {"task1_cnn.py"}


def test_a_refused_zip_leaves_nothing_on_the_disk(cohort: Path, scratch: Path) -> None:
    zipped({"task1_cnn.py": NET, "a/1.bin": bytes(1 << 20), "bomb.bin": bytes(40 << 20)}, cohort / "bob.zip")
    bounced(found(cohort / "bob.zip", scratch)["bob"], "bomb.bin")
    with pytest.raises(Refused, match="more than 1 MiB"):
        unpack(cohort / "bob.zip", scratch / "b", Limits(members=9, size=1 << 20, file_size=1 << 20))
    assert not list((scratch / "b").iterdir())
    write(cohort, {"ann/task1_cnn.py": NET})
    assert "bob" in found(cohort, scratch / "c")
    assert not list((scratch / "c").rglob("1.bin"))


def test_overlapping_members(cohort: Path, scratch: Path) -> None:
    """The better zip bomb: many entries of the directory that share one member's bytes."""
    raw = zipped({"0.csv": bytes(1 << 20)})
    start, end = raw.index(b"PK\x01\x02"), raw.index(b"PK\x05\x06")
    entries = [raw[start:end].replace(b"0.csv", b"%05d" % n) for n in range(400)]
    tail = bytearray(raw[end:])
    tail[8:12] = (400).to_bytes(2, "little") * 2
    tail[12:16] = len(b"".join(entries)).to_bytes(4, "little")
    refused(cohort, scratch, raw[:start] + b"".join(entries) + bytes(tail))


# Names


def test_nobody_takes_anothers_name(cohort: Path, scratch: Path) -> None:
    """Names of an LMS within a student's folder or zip are the student's own words."""
    claimed = {"ann_assignsubmission_file_task1_cnn.py": BLANK, "ben_assignsubmission_file_task1_cnn.py": BLANK}
    write(cohort, {"ann/task1_cnn.py": NET, "ben.py": NET, **{f"aaa/{name}": text for name, text in claimed.items()}})
    zipped(dict.fromkeys(claimed, BLANK), cohort / "aab.zip")
    result = found(cohort, scratch)
    assert (result["ann"].root, result["ann"].flags) == (cohort / "ann", ())
    assert (result["ben"].root, result["ben"].flags) == (cohort, ())
    assert flags(result["ann (2)"]) == flags(result["ben (2)"]) == {"same-name"}


def test_one_script_cannot_tie_a_cohort_into_one_submission(cohort: Path, scratch: Path) -> None:
    names = ("ann", "ben", "cy", "dee")
    imports = "from ann import Net\nimport ben, cy, dee\n"
    write(cohort, {**{f"{name}.py": NET for name in names}, "eve.py": imports})
    assert list(found(cohort, scratch)) == [*names, "eve"]
    boxes = cohort.parent / "boxes"
    write(boxes, {**{f"{name}/task1_cnn.py": NET for name in names}, "eve.py": imports})
    assert list(found(boxes, scratch)) == [*names, "eve"]


def test_a_single_script_takes_no_neighbours_work(cohort: Path, scratch: Path) -> None:
    write(cohort, {"ann.py": NET, "ben.py": NET, "eve.py": "from ann import Net\n"})
    assert found(cohort / "eve.py", scratch)["eve"].files == ("eve.py",)
    assert found(cohort, scratch)["eve"].files == ("eve.py",)


def test_names_in_zips(tmp_path: Path, scratch: Path) -> None:
    raw = zipped({"zoo/task1_cnn.py": NET, "J?rgen M/work/task1_cnn.py": NET, "two\\task1_cnn.py": NET})
    raw = raw.replace(b"J?rgen M", "Jürgen".encode() + b"_")
    (tmp_path / "all.zip").write_bytes(raw)
    result = found(tmp_path / "all.zip", scratch)
    assert list(result) == ["Jürgen_", "two", "zoo"]


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="the file system refuses such names")
def test_weird_names_on_disk(cohort: Path, scratch: Path) -> None:
    write(cohort, {"a\nb\x1b[31m/task1_cnn.py": NET, "=1+1/task1_cnn.py": NET, "\u202eevil/n\net.py": NET})
    bad = os.fsencode(cohort) + b"/J\xfcrgen"
    os.mkdir(bad)
    with open(bad + b"/caf\xe9.py", "wb") as stream:
        stream.write(NET.encode())
    result = found(cohort, scratch)
    assert list(result) == ["=1+1", "_evil", "a b_[31m", "J\ufffdrgen"]
    assert result["_evil"].script == "n_et.py"
    for s in result.values():
        copy_submission(s, scratch / "copies" / safe_folder_name(s.id))


def test_same_ids_are_made_unique(cohort: Path, scratch: Path) -> None:
    write(cohort, {"alice/task1_cnn.py": NET, "alice.py": NET, "Alice.ipynb": notebook(NET)})
    zipped({"task1_cnn.py": NET}, cohort / "alice.zip")
    assert len(found(cohort, scratch)) == 3
    assert naming.unique_ids(["a", "a", "A", "a (2)"]) == ["a", "a (3)", "A (4)", "a (2)"]


@pytest.mark.parametrize("id", ["alice", "Jane Doe_5012345", "u1234567", "Zoë 3 (2)", "王小明", "a.b-c", "O'Brien"])
def test_ordinary_ids_are_their_own_folder(id: str) -> None:
    assert safe_folder_name(id) == id


def test_other_ids_get_a_safe_folder(tmp_path: Path) -> None:
    odd = ["", ".", "..", "a/b", "a\\b", "CON", "nul.txt", "x.", " x", "a:b", "../../etc", "\udcff", "a\nb"]
    odd += ["a" * 300, "é" * 150]
    names = [safe_folder_name(id) for id in odd]
    assert len({n.casefold() for n in names}) == len(odd)
    for name in names:
        (tmp_path / name).mkdir()
        assert name.isprintable()
        assert (tmp_path / name).parent == tmp_path
    assert safe_folder_name("a/b") == safe_folder_name("a/b")


def test_ids_do_not_depend_on_the_scratch_folder(cohort: Path, tmp_path: Path) -> None:
    zipped({"task1_cnn.py": NET}, cohort / "alice.zip")
    write(cohort, {"bob/task1_cnn.py": NET})
    one, two = discover(cohort, tmp_path / "one"), discover(cohort, tmp_path / "two")
    assert [(s.id, s.digest, s.files) for s in one] == [(s.id, s.digest, s.files) for s in two]


# Choosing the script


def chosen(cohort: Path, scratch: Path, files: dict[str, str | bytes]) -> Submission:
    write(cohort, {f"zoe/{name}": content for name, content in files.items()} | {"yan/task1_cnn.py": NET})
    return found(cohort, scratch)["zoe"]


@pytest.mark.parametrize(
    ("script", "files"),
    [
        ("lab.py", {"lab.py": NET, "utils.py": "import torch"}),
        ("Task1-CNN.py", {"Task1-CNN.py": NET}),
        ("main.py", {"main.py": "Net = make()\n", "make.py": "def make(): ..."}),
        ("lab4.py", {"lab4.py": "import torch\nclass net(torch.nn.Module):\n    pass", "a.py": "import torch"}),
        ("work.ipynb", {"work.ipynb": notebook("%matplotlib inline", NET), "part1.ipynb": json.dumps(ANSWERS)}),
        ("v3.ipynb", {"v3.ipynb": json.dumps({"worksheets": [{"cells": [{"cell_type": "code", "input": NET}]}]})}),
        ("cut.ipynb", {"cut.ipynb": notebook(NET)[:-40], "part1.md": "x"}),
        ("cnn.py.txt", {"cnn.py.txt": NET, "notes.txt": "class Net is the network"}),
        ("cnn", {"cnn": NET, "LICENSE": "MIT"}),
        ("cnn.pyw", {"cnn.pyw": NET}),
        ("bom.py", {"bom.py": b"\xef\xbb\xbf" + NET.replace("\n", "\r\n").encode()}),
        ("wide.py", {"wide.py": NET.encode("utf-16")}),
        ("script.py", {"script.py": "print('hello')"}),
    ],
)
def test_renamed_script_is_found_and_told(
    cohort: Path, scratch: Path, script: str, files: dict[str, str | bytes]
) -> None:
    zoe = chosen(cohort, scratch, files)
    assert zoe.script == script
    assert flags(zoe) == {"renamed-script"}
    assert script in message(zoe, "renamed-script")
    assert script not in zoe.documents


@pytest.mark.parametrize(
    ("script", "files"),
    [
        ("task1_cnn.py", {"task1_cnn.py": NET, "model_b.py": NET + "#"}),
        ("task1_cnn_mine.py", {"task1_cnn.py": BLANK, "task1_cnn_mine.py": NET}),
        ("task1_cnn_final.py", {"task1_cnn_v2.py": NET + "#", "task1_cnn_final.py": NET, "task1_cnn.py": NET + "##"}),
        ("cnn_v10.py", {"cnn_v9.py": NET, "cnn_v10.py": NET + "#"}),
        ("cnn.py", {"cnn.py": NET, "old/task1_cnn.py": NET + "#"}),
        ("cnn.py", {"cnn.py": NET, "cnn.ipynb": notebook(NET + "#")}),
        ("task1_cnn.ipynb", {"zzz.py": NET, "task1_cnn.ipynb": notebook(NET + "#")}),
    ],
)
def test_best_of_several(cohort: Path, scratch: Path, script: str, files: dict[str, str | bytes]) -> None:
    zoe = chosen(cohort, scratch, files)
    assert zoe.script == script
    assert set(zoe.candidates) == set(files)
    told = message(zoe, "several-scripts")
    assert told.startswith(f"{len(files)} files define Net (")
    assert f"{script} was graded because " in told


@pytest.mark.parametrize(
    ("script", "files"),
    [
        ("task1_cnn.py", {"task1_cnn.py": "from model import Net\n", "model.py": NET}),
        ("task1_cnn.py", {"task1_cnn.py": "from nets.model import (\n    a,\n    Net,\n)\n", "nets/model.py": NET}),
        ("task1_cnn.py", {"task1_cnn.py": "from model import *\n", "model.py": NET}),
        ("model.py", {"task1_cnn.py": "import model\nnet = model.make()\n", "model.py": NET}),
        ("model.py", {"main.py": "from model import Net\n", "model.py": NET}),
        ("task1_cnn.py", {"task1_cnn.py": NET, "copy/task1_cnn.py": NET}),
        ("task1_cnn.py", {"task1_cnn.py": NET, "test_task1.py": NET + "def test_shape(): ...", "conftest.py": NET}),
        ("task1_cnn.py", {"task1_cnn.py": BLANK, "solutions/task1_cnn.py": NET, "test_self_check.py": "import pytest"}),
    ],
)
def test_helpers_and_copies_are_no_rivals(
    cohort: Path, scratch: Path, script: str, files: dict[str, str | bytes]
) -> None:
    zoe = chosen(cohort, scratch, files)
    assert zoe.script == script
    assert "several-scripts" not in flags(zoe)


def test_only_a_copied_solution(cohort: Path, scratch: Path) -> None:
    bounced(chosen(cohort, scratch, {"solutions/task1_cnn.py": NET}), "solutions")


def test_script_called_test_is_still_found(cohort: Path, scratch: Path) -> None:
    assert chosen(cohort, scratch, {"test.py": NET + "def test(): ..."}).script == "test.py"


def test_times_do_not_matter(cohort: Path, scratch: Path) -> None:
    first = chosen(cohort, scratch, {"a_net.py": NET, "b_net.py": NET + "#"})
    os.utime(cohort / "zoe/b_net.py", (2e9, 2e9))
    assert chosen(cohort, scratch, {}).script == first.script == "a_net.py"


# Digest and copies


def test_digest_follows_names_and_contents(cohort: Path, scratch: Path) -> None:
    files: dict[str, str | bytes] = {"task1_cnn.py": NET, "helper.py": "A = 1"}
    first = chosen(cohort, scratch, files).digest
    assert chosen(cohort, scratch, {}).digest == first
    assert chosen(cohort, scratch, {"data/x": "1", "expected.toml": "a = 1"}).digest == first
    second = chosen(cohort, scratch, {"helper.py": "A = 2"}).digest
    (cohort / "zoe/helper.py").rename(cohort / "zoe/other.py")
    third = chosen(cohort, scratch, {}).digest
    assert len({first, second, third}) == 3
    assert len(first) == 64


def test_copy_holds_the_files_and_no_clutter(cohort: Path, scratch: Path, tmp_path: Path) -> None:
    zoe = chosen(cohort, scratch, {"task1_cnn.py": NET, "nets/a.py": "A = 1", "data/x": "1", ".git/config": "x"})
    (cohort / "zoe/link.py").symlink_to("task1_cnn.py")
    zoe = chosen(cohort, scratch, {})
    target = tmp_path / "deep" / "copy"
    copy_submission(zoe, target)
    copied = {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()}
    assert copied == {"task1_cnn.py", "nets/a.py", "link.py"} == set(zoe.files)
    assert not any(p.is_symlink() for p in target.rglob("*"))
    assert (target / "task1_cnn.py").read_text() == NET


def test_nothing_is_written_beside_the_submissions(cohort: Path, scratch: Path) -> None:
    zipped({"task1_cnn.py": NET}, cohort / "alice.zip")
    write(cohort, {"Bo_1_assignsubmission_file/lab.zip": zipped({"a.py": NET}), "Bo_1_assignsubmission_file/b.md": "x"})
    before = sorted(cohort.rglob("*"))
    cohort.chmod(0o555)
    try:
        assert len(found(cohort, scratch)) == 2
    finally:
        cohort.chmod(0o755)
    assert sorted(cohort.rglob("*")) == before
