"""Tests of the choice of the script, its digest, and the copy that is graded."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from grader.model import Submission
from grader.submissions.candidates import within_reason
from grader.submissions.files import Found, copy_submission
from grader.submissions.script_choice import choose
from tests.support.submission_files import ANSWERS, BLANK, NET, bounced, flags, found, message, notebook, write, zipped

SLOW = {
    "spaces after an import": "from x import" + " " * 300_000,
    "half an import": "from x import (\n" * 60_000,
    "many imports": "import " + ",".join(f"a{n}" for n in range(100_000)),
    "dots": "import " + "a." * 300_000,
    "one line": "class Net" + " " * 900_000 + "(",
    "blank lines": " \n" * 400_000,
}


@pytest.mark.parametrize("name", SLOW)
def test_hostile_text_is_read_in_short_time(cohort: Path, scratch: Path, name: str) -> None:
    book = '{"cells": [{"cell_type": "code", "source": ' + json.dumps(SLOW[name]) + "}]}"
    write(cohort, {"eve/task1_cnn.py": SLOW[name], "eve/a.ipynb": book, "ann/task1_cnn.py": NET})
    start = time.process_time()
    assert found(cohort, scratch)["ann"].script
    assert time.process_time() - start < 20


def test_very_many_scripts_are_read_in_short_time(tmp_path: Path) -> None:
    """The bytes read of one submission are limited; small files come first, because this lab's script is small."""
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
def test_a_script_is_recognised_in_any_encoding(cohort: Path, scratch: Path, encoding: str) -> None:
    write(cohort, {"ann/work.py": ("# caf\u00e9\n" + NET).encode(encoding), "ann/plot.py": "import torch\n" * 99})
    assert found(cohort / "ann", scratch)["ann"].script == "work.py"


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
def test_a_renamed_script_is_found_and_gets_a_flag(
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
def test_the_best_of_several_scripts_is_chosen(
    cohort: Path, scratch: Path, script: str, files: dict[str, str | bytes]
) -> None:
    zoe = chosen(cohort, scratch, files)
    assert zoe.script == script
    assert set(zoe.candidates) == set(files)
    text = message(zoe, "several-scripts")
    assert text.startswith(f"{len(files)} files define Net (")
    assert f"{script} was graded because " in text


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
def test_imported_files_and_copies_are_not_candidates(
    cohort: Path, scratch: Path, script: str, files: dict[str, str | bytes]
) -> None:
    zoe = chosen(cohort, scratch, files)
    assert zoe.script == script
    assert "several-scripts" not in flags(zoe)


def test_a_copied_solution_is_not_graded(cohort: Path, scratch: Path) -> None:
    bounced(chosen(cohort, scratch, {"solutions/task1_cnn.py": NET}), "solutions")


def test_a_script_with_the_name_test_is_found(cohort: Path, scratch: Path) -> None:
    assert chosen(cohort, scratch, {"test.py": NET + "def test(): ..."}).script == "test.py"


def test_modification_times_do_not_matter(cohort: Path, scratch: Path) -> None:
    first = chosen(cohort, scratch, {"a_net.py": NET, "b_net.py": NET + "#"})
    os.utime(cohort / "zoe/b_net.py", (2e9, 2e9))
    assert chosen(cohort, scratch, {}).script == first.script == "a_net.py"


def test_the_digest_depends_on_names_and_contents(cohort: Path, scratch: Path) -> None:
    files: dict[str, str | bytes] = {"task1_cnn.py": NET, "helper.py": "A = 1"}
    first = chosen(cohort, scratch, files).digest
    assert chosen(cohort, scratch, {}).digest == first
    assert chosen(cohort, scratch, {"data/x": "1", "expected.toml": "a = 1"}).digest == first
    second = chosen(cohort, scratch, {"helper.py": "A = 2"}).digest
    (cohort / "zoe/helper.py").rename(cohort / "zoe/other.py")
    third = chosen(cohort, scratch, {}).digest
    assert len({first, second, third}) == 3
    assert len(first) == 64


def test_the_copy_has_the_files_without_clutter(cohort: Path, scratch: Path, tmp_path: Path) -> None:
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
