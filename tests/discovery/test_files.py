"""Tests of the files of a submission: which belong to it, and that no file stops a cohort."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from grader.model import UsageFault
from grader.submissions.discovery import discover
from grader.submissions.files import copy_submission, gather
from tests.support.submission_files import ANSWERS, NET, bounced, flags, found, message, write, zipped


def test_clutter_is_not_part_of_a_submission(cohort: Path, scratch: Path) -> None:
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


def test_students_without_a_usable_file_keep_a_row(cohort: Path, scratch: Path) -> None:
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
            "sevened/lab4.7z": b"7z\xbc\xaf\x27\x1c",
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
    bounced(result["tarred"], "tarred.tar.gz", "send it again as a .zip")
    bounced(result["sevened"], "lab4.7z is broken", "send it again as a .zip")
    bounced(result["hollow"], "task1_cnn.py is empty")
    bounced(result["written"], "part1.ipynb")
    bounced(result["void"], "void.zip")
    assert result["written"].documents == ("part1.ipynb",)


def test_a_pdf_beside_other_students_files(cohort: Path, scratch: Path) -> None:
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


def test_a_pipe_as_the_submission_is_refused(tmp_path: Path, scratch: Path) -> None:
    os.mkfifo(tmp_path / "task1_cnn.py")
    with pytest.raises(UsageFault, match="neither a file nor a folder"):
        discover(tmp_path / "task1_cnn.py", scratch)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_files_affect_only_their_student(cohort: Path, scratch: Path) -> None:
    write(cohort, {"ann/task1_cnn.py": NET, "bo/task1_cnn.py": NET, "cy/task1_cnn.py": NET, "dee.py": NET})
    for path in (cohort / "bo", cohort / "cy/task1_cnn.py", cohort / "dee.py"):
        path.chmod(0)
    result = found(cohort, scratch)
    (cohort / "bo").chmod(0o755)
    assert result["ann"].script
    for id in ("bo", "cy", "dee"):
        bounced(result[id], "could not be read")


def test_pipes_are_ignored(cohort: Path, scratch: Path) -> None:
    write(cohort, {"alice/task1_cnn.py": NET, "bob/task1_cnn.py": NET})
    os.mkfifo(cohort / "alice/net.py")
    assert found(cohort, scratch)["alice"].files == ("task1_cnn.py",)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_pipes_sockets_and_devices_are_never_opened(cohort: Path, scratch: Path) -> None:
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
def test_a_script_is_found_beside_very_many_folders(
    cohort: Path, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.submissions.files.MOST_ENTRIES", 200)
    write(cohort, {f"{name}/task1_cnn.py": NET for name in ("ann", "ben", "cy")})
    with contextlib.chdir(cohort / "ann"):
        for _ in range(40):
            Path("d" * 200).mkdir()
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


def test_an_enormous_file_is_named_in_the_problem(cohort: Path, scratch: Path) -> None:
    files = {"ben": "task1_cnn.py", "cy": "lab4.zip", "dee": "lab4.ipynb"}
    write(cohort, {"ann/task1_cnn.py": NET, **{f"{id}/{name}": b"" for id, name in files.items()}})
    for id, name in files.items():
        os.truncate(cohort / id / name, 1 << 40)
    result = found(cohort, scratch)
    for id in files:
        bounced(result[id], "too large")


def test_a_file_that_disappears_while_it_is_read_stops_nobody(
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


def test_of_too_many_files_scripts_and_answers_are_kept(tmp_path: Path) -> None:
    write(tmp_path, {f"frames/{n}.png": b"" for n in range(30)})
    write(tmp_path, {"zz/task1_cnn.py": NET, "zz/zz/part1.pdf": "%PDF"})
    gathered = gather(tmp_path, most_files=20)
    assert {"zz/task1_cnn.py", "zz/zz/part1.pdf"} < {f.name for f in gathered.files}
    assert (len(gathered.files), gathered.left_out) == (20, 12)


def test_files_over_the_limit_in_bytes_get_a_flag(cohort: Path, scratch: Path) -> None:
    write(cohort, {"alice/task1_cnn.py": NET, "bob/task1_cnn.py": NET, "alice/big.bin": b""})
    os.truncate(cohort / "alice/big.bin", 201 << 20)
    alice = found(cohort, scratch)["alice"]
    assert alice.files == ("task1_cnn.py",)
    assert "1 file was left out" in message(alice, "files-left-out")


def test_large_scripts_are_refused_and_large_notebooks_are_read(cohort: Path, scratch: Path) -> None:
    image = '{"cell_type": "code", "source": ["x"], "outputs": ["' + "A" * (2 << 20) + '"]}'
    book = f'{{"cells": [{json.dumps({"cell_type": "code", "source": NET})}, {image}], "nbformat": 4}}'
    write(cohort, {"alice/task1_cnn.py": NET + "#" * (1 << 20), "bob/work.ipynb": book})
    result = found(cohort, scratch)
    bounced(result["alice"], "task1_cnn.py", "1 MiB")
    assert result["bob"].script == "work.ipynb"
