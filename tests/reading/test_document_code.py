"""Tests of submissions whose code is only in a document, and of work that nobody but a person can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.answers.code_of_documents import with_code_of_documents
from grader.model import Submission
from grader.submissions.script_content import content_of
from tests.support.places import ROOT
from tests.support.submission_files import BLANK, NET, found, message, write, zipped

TEMPLATE = (ROOT / "student_template/task1_cnn.py").read_text(encoding="utf-8")
PAGE = f"<h1>Task 1</h1><pre>{NET}</pre>"
LOST = "\n".join(line.strip() for line in NET.split("\n"))
PICTURE = b"\x89PNG\r\n\x1a\n"


def taken(tmp_path: Path, files: dict[str, str | bytes]) -> Submission:
    scratch = tmp_path / "scratch"
    (submission,) = found(write(tmp_path / "zoe", files), scratch).values()
    return with_code_of_documents(submission, scratch)


@pytest.mark.parametrize(
    "files", [{}, {"task1_cnn.py": TEMPLATE}, {"task1_cnn.py": BLANK}, {"plot.py": "import torch\n"}]
)
def test_code_in_a_document_becomes_the_script(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    zoe = taken(tmp_path, {**files, "sub/Lab4.html": PAGE, "notes.md": "x", "zoe.md": "x"})
    assert (zoe.script, zoe.code_document, zoe.problem) == ("sub/Lab4.html.py", "sub/Lab4.html", "")
    assert "sub/Lab4.html" in message(zoe, "code-in-document")
    assert "class Net(nn.Module):" in (zoe.root / "sub/Lab4.html.py").read_text()
    assert set(zoe.files) == {*files, "sub/Lab4.html", "notes.md", "zoe.md", "sub/Lab4.html.py"}
    assert all((zoe.root / name).is_file() for name in zoe.files)
    assert sorted(p.name for p in (tmp_path / "zoe/sub").iterdir()) == ["Lab4.html"]


@pytest.mark.parametrize("name", ["answers.txt", "answers"])
def test_code_within_a_text_is_found(tmp_path: Path, name: str) -> None:
    zoe = taken(tmp_path, {name: f"1. Deep networks have many layers.\n\nMy code:\n\n{NET}\nIt reached 98 %.\n"})
    assert (zoe.script, zoe.documents) == (f"{name}.py", (name,))
    assert content_of([(zoe.root / f"{name}.py").read_text()]) == content_of([NET])


def test_a_script_with_a_network_is_graded_as_it_is(tmp_path: Path) -> None:
    zoe = taken(tmp_path, {"task1_cnn.py": "from model import Net\n", "model.py": NET, "report.html": PAGE})
    assert (zoe.script, zoe.code_document, zoe.flags) == ("task1_cnn.py", "", ())


@pytest.mark.parametrize(
    "code",
    [
        NET.replace("class Net(nn.Module)", "class CNN"),
        "import torch.nn as nn\n\nmodel = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))\n",
    ],
)
def test_a_script_without_module_is_not_replaced_by_a_document(tmp_path: Path, code: str) -> None:
    zoe = taken(tmp_path, {"task1_cnn.py": code, "report.html": PAGE})
    assert (zoe.script, zoe.code_document, zoe.flags) == ("task1_cnn.py", "", ())


def test_code_that_cannot_be_extracted_is_named(tmp_path: Path) -> None:
    zoe = taken(tmp_path, {"lab4.md": LOST})
    assert zoe.script is None
    assert zoe.has_unread_work
    assert "lab4.md" in zoe.problem
    assert "lab4.md" in message(zoe, "code-in-document")


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"lab4.rar": b"Rar!\x1a\x07\x01\x00", "answers.md": "1. deep"}, "lab4.rar"),
        ({"lab4.zip": zipped({"a.zip": zipped({"b.zip": zipped({"task1_cnn.py": NET})})})}, "within an archive"),
        ({"lab4.zip": b"PK\x03\x04 cut off"}, "is broken"),
        ({"lab4.py": NET + "#" * (1 << 20)}, "1.0 MiB"),
        ({"solutions/task1_cnn.py": NET}, "solutions"),
        ({"scan.pdf": (ROOT / "tests/documents/scan.pdf").read_bytes()}, "scan.pdf"),
        ({"photo.png": PICTURE}, "photo.png"),
        ({"answers.odt": zipped({"other.xml": "<x/>"})}, "answers.odt"),
        ({"answers.rtf": b"{\\rtf1 {\\v x}}"}, "answers.rtf"),
        ({"answers.doc": b"\xd0\xcf\x11\xe0"}, "answers.doc"),
    ],
)
def test_work_that_cannot_be_read_is_no_settled_zero(tmp_path: Path, files: dict[str, str | bytes], word: str) -> None:
    zoe = taken(tmp_path, files)
    assert (zoe.script, zoe.has_unread_work) == (None, True)
    assert word in zoe.problem


@pytest.mark.parametrize(
    "files",
    [
        {"lab4.zip": zipped({})},
        {"a.pdf": b"%PDF-1.4"},
        {"answers.md": "1. deep"},
        {"task1_cnn.py": "\n"},
        {"task1_cnn.py": TEMPLATE},
    ],
)
def test_nothing_handed_in_is_settled(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    assert not taken(tmp_path, files).has_unread_work
