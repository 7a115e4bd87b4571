"""Tests of the choice between versions of one script: work comes before the template, and then the newest."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from grader.model import Submission
from grader.submissions.script_content import content_of
from tests.support.places import ROOT
from tests.support.submission_files import BLANK, NET, found, message, notebook, write

HANDED_OUT = (ROOT / "student_template/task1_cnn.py").read_text(encoding="utf-8")
OTHER = NET.replace("10, 5", "12, 5")
BROKEN = NET.replace("10, 5)", "10, 5")
CNN = NET.replace("class Net", "class CNN")


def zoe(cohort: Path, scratch: Path, files: dict[str, str]) -> Submission:
    write(cohort, {f"zoe/{name}": text for name, text in files.items()})
    write(cohort, {"yan/task1_cnn.py": NET})
    return found(cohort, scratch)["zoe"]


@pytest.mark.parametrize("blank", [HANDED_OUT, BLANK, BLANK.replace("pass", "# to do"), BLANK.replace("pass", "...")])
@pytest.mark.parametrize(
    "name",
    [
        "task1_cnn (1).py",
        "task1_cnn-LAPTOP-7QK2.py",
        "task1_cnn_backup.py",
        "old/task1_cnn.py",
        "Copy of task1_cnn.ipynb",
        "task1_cnn.ipynb",
        "lab4_network.py",
        "task1_cnn.py.txt",
        "task1_cnn.py.bak",
    ],
)
def test_the_blank_template_never_comes_before_work(cohort: Path, scratch: Path, name: str, blank: str) -> None:
    work = notebook("import torch.nn as nn", NET) if name.endswith(".ipynb") else NET
    chosen = zoe(cohort, scratch, {"task1_cnn.py": blank, name: work})
    assert chosen.script == name
    assert f"{name} was graded because the other is still blank" in message(chosen, "several-scripts")


def test_a_network_of_another_name_comes_before_the_blank_template(cohort: Path, scratch: Path) -> None:
    chosen = zoe(cohort, scratch, {"task1_cnn.py": HANDED_OUT, "mine.py": CNN})
    assert chosen.script == "mine.py"
    assert message(chosen, "several-scripts").startswith("2 files could be the script (mine.py, task1_cnn.py)")


@pytest.mark.parametrize(
    "work",
    [
        CNN.replace("(nn.Module)", ""),
        "import torch.nn as nn\n\nmodel = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))\n",
        "import torch.nn as nn\n\nmodel = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)\n",
    ],
)
def test_work_without_module_comes_before_the_blank_template(cohort: Path, scratch: Path, work: str) -> None:
    chosen = zoe(cohort, scratch, {"task1_cnn.py": HANDED_OUT, "mine.py": work})
    assert (chosen.script, chosen.has_network) == ("mine.py", True)
    assert "mine.py" in message(chosen, "several-scripts")


def test_a_script_that_imports_its_network_is_not_blank(cohort: Path, scratch: Path) -> None:
    files = {"task1_cnn.py": "from model import Net\n", "model.py": NET, "old/task1_cnn.py": HANDED_OUT}
    assert zoe(cohort, scratch, files).script == "task1_cnn.py"


def test_the_template_alone_is_still_the_script(cohort: Path, scratch: Path) -> None:
    assert zoe(cohort, scratch, {"task1_cnn.py": HANDED_OUT, "plot.py": "import torch\n"}).script == "task1_cnn.py"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("task1_cnn.py", "task1_cnn-1.py"),
        ("task1_cnn-1.py", "task1_cnn-2.py"),
        ("task1_cnn-2.py", "task1_cnn-10.py"),
        ("task1_cnn.py", "task1_cnn (1).py"),
        ("task1_cnn (1).py", "task1_cnn (2).py"),
        ("task1_cnn.py", "task1_cnn_2.py"),
        ("task1_cnn.py", "task1_cnn_resubmission.py"),
        ("task1_cnn_final.py", "task1_cnn_final2.py"),
        ("submission 1/task1_cnn.py", "submission 2/task1_cnn.py"),
        ("lab4/task1_cnn.py", "lab4 (1)/task1_cnn.py"),
        ("task1_cnn_backup.py", "task1_cnn.py"),
        ("task1_cnn - Copy.py", "task1_cnn.py"),
    ],
)
def test_the_newest_of_several_finished_scripts_is_chosen(cohort: Path, scratch: Path, older: str, newer: str) -> None:
    chosen = zoe(cohort, scratch, {older: NET, newer: OTHER})
    assert chosen.script == newer
    assert f"{newer} was graded because its name " in message(chosen, "several-scripts")


def test_an_unfinished_newer_script_does_not_come_before_the_finished_one(cohort: Path, scratch: Path) -> None:
    begun = NET[: NET.index("    def forward")] + "    def forward(self, x):\n        pass\n"
    assert zoe(cohort, scratch, {"task1_cnn.py": NET, "task1_cnn (1).py": begun}).script == "task1_cnn.py"


@pytest.mark.parametrize("name", ["task1_cnn (2).py", "task1_cnn_old.py", "other.py", "task1_cnn.ipynb"])
def test_a_script_that_python_cannot_read_gives_way_to_one_that_it_can(cohort: Path, scratch: Path, name: str) -> None:
    work = notebook("!pip install torch", OTHER) if name.endswith(".ipynb") else OTHER
    chosen = zoe(cohort, scratch, {"task1_cnn.py": BROKEN, name: work})
    assert chosen.script == name
    assert "because Python cannot read the other" in message(chosen, "several-scripts")


def test_a_broken_script_comes_before_the_blank_template(cohort: Path, scratch: Path) -> None:
    assert zoe(cohort, scratch, {"task1_cnn.py": HANDED_OUT, "mine.py": BROKEN}).script == "mine.py"


def test_of_a_students_loose_canvas_files_the_newer_work_is_chosen(cohort: Path, scratch: Path) -> None:
    names = {
        "doejane_1001_5001_task1_cnn.py": HANDED_OUT,
        "doejane_1001_5009_task1_cnn-1.py": NET,
        "leelea_1002_5002_task1_cnn.py": NET,
        "leelea_1002_5010_task1_cnn-2.py": OTHER,
        "wupat_LATE_1003_5003_task1_cnn-1.py": NET,
        "wupat_LATE_1003_5011_task1_cnn-2.py": HANDED_OUT,
    }
    result = found(write(cohort, dict(names)), scratch)
    assert {id: s.script for id, s in result.items()} == {
        "doejane_1001": "task1_cnn-1.py",
        "leelea_1002": "task1_cnn-2.py",
        "wupat_1003": "task1_cnn-1.py",
    }
    assert all("was graded because" in message(s, "several-scripts") for s in result.values())


@pytest.mark.parametrize(("hours", "script"), [((9, 10), "b_net.py"), ((10, 9), "a_net.py"), ((9, 9), "a_net.py")])
def test_times_in_an_archive_break_ties(cohort: Path, scratch: Path, hours: tuple[int, int], script: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text, hour in zip(("a_net.py", "b_net.py"), (NET, OTHER), hours, strict=True):
            archive.writestr(zipfile.ZipInfo(name, (2026, 3, 1, hour, 0, 0)), text)
    write(cohort, {"zoe.zip": buffer.getvalue(), "yan/task1_cnn.py": NET})
    chosen = found(cohort, scratch)["zoe"]
    assert chosen.script == script
    assert ("by the times in the archive" in message(chosen, "several-scripts")) == (hours[0] != hours[1])


@pytest.mark.parametrize(
    ("pieces", "is_work", "parses"),
    [
        ([NET], True, True),
        ([BROKEN], True, False),
        ([BLANK], False, True),
        ([HANDED_OUT], False, True),
        ([BLANK.replace("pass", "# later")], False, False),
        ([BLANK.replace("pass", "super().__init__()", 1).replace("pass", "raise NotImplementedError")], False, True),
        (['"""\n' + NET + '"""\n' + BLANK], False, True),
        (["Net = nn.Sequential(nn.Conv2d(1, 8, 3))"], True, True),
        (["class Base(nn.Module):\n    def forward(self, x): return self.a(x)", "class Net(Base): pass"], True, True),
        (["%matplotlib inline\n!pip install torch", NET], True, True),
        (["this is not code", NET], True, True),
        (['x = """never closed\n' + NET], True, False),
        (["print('hello')"], False, True),
        ([CNN.replace("(nn.Module)", "")], True, True),
        (["model = nn.Sequential(nn.Linear(784, 10))"], True, True),
        (["class CNN(nn.Module):\n    pass"], False, True),
    ],
)  # fmt: skip
def test_work_is_judged_by_code_and_not_by_words(pieces: list[str], is_work: bool, parses: bool) -> None:
    content = content_of(pieces)
    assert (content.is_work, content.parses) == (is_work, parses)
