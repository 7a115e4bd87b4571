"""Tests of students' ids, which come from names of many kinds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from grader.storage.folder_names import safe_folder_name
from grader.submissions import naming
from grader.submissions.discovery import discover
from grader.submissions.files import copy_submission
from tests.support.submission_files import NET, found, notebook, write, zipped


def test_one_script_cannot_make_a_cohort_a_single_submission(cohort: Path, scratch: Path) -> None:
    names = ("ann", "ben", "cy", "dee")
    imports = "from ann import Net\nimport ben, cy, dee\n"
    write(cohort, {**{f"{name}.py": NET for name in names}, "eve.py": imports})
    assert list(found(cohort, scratch)) == [*names, "eve"]
    boxes = cohort.parent / "boxes"
    write(boxes, {**{f"{name}/task1_cnn.py": NET for name in names}, "eve.py": imports})
    assert list(found(boxes, scratch)) == [*names, "eve"]


def test_a_single_script_does_not_take_other_students_files(cohort: Path, scratch: Path) -> None:
    write(cohort, {"ann.py": NET, "ben.py": NET, "eve.py": "from ann import Net\n"})
    assert found(cohort / "eve.py", scratch)["eve"].files == ("eve.py",)
    assert found(cohort, scratch)["eve"].files == ("eve.py",)


def test_encodings_of_names_in_zips(tmp_path: Path, scratch: Path) -> None:
    raw = zipped({"zoo/task1_cnn.py": NET, "J?rgen M/work/task1_cnn.py": NET, "two\\task1_cnn.py": NET})
    raw = raw.replace(b"J?rgen M", "Jürgen".encode() + b"_")
    (tmp_path / "all.zip").write_bytes(raw)
    result = found(tmp_path / "all.zip", scratch)
    assert list(result) == ["Jürgen_", "two", "zoo"]


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="the file system refuses such names")
def test_unusual_names_on_disk(cohort: Path, scratch: Path) -> None:
    write(cohort, {"a\nb\x1b[31m/task1_cnn.py": NET, "=1+1/task1_cnn.py": NET, "\u202eevil/n\net.py": NET})
    bad = os.fsencode(cohort) + b"/J\xfcrgen"
    os.mkdir(bad)  # noqa: PTH102  # a name that is not text
    with open(bad + b"/caf\xe9.py", "wb") as stream:  # noqa: PTH123
        stream.write(NET.encode())
    result = found(cohort, scratch)
    assert list(result) == ["=1+1", "_evil", "a b_[31m", "J\ufffdrgen"]
    assert result["_evil"].script == "n_et.py"
    for s in result.values():
        copy_submission(s, scratch / "copies" / safe_folder_name(s.id))


def test_equal_ids_become_unique(cohort: Path, scratch: Path) -> None:
    write(cohort, {"alice/task1_cnn.py": NET, "alice.py": NET, "Alice.ipynb": notebook(NET)})
    zipped({"task1_cnn.py": NET}, cohort / "alice.zip")
    result = found(cohort, scratch)
    assert list(result) == ["Alice", "alice (2)", "alice (3)", "alice (4)"]
    assert all(student.claim for student in result.values())
    assert naming.unique_ids(["a", "a", "A", "a (2)"]) == ["a", "a (3)", "A (4)", "a (2)"]


@pytest.mark.parametrize("id", ["alice", "Jane Doe_5012345", "u1234567", "Zoë 3 (2)", "王小明", "a.b-c", "O'Brien"])
def test_the_folder_of_an_ordinary_id_has_its_name(id: str) -> None:
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
