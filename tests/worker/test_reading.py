"""What a self-check answers by reading is what loading and building give, and it answers nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.model.evidence import Ending, Evidence
from grader.selfcheck.quick_look import quick_look
from grader.submissions.discovery import discover
from grader.worker.load.net_loading import load_net
from grader.worker.net_building import build_net
from tests.support import evidence_samples as samples
from tests.support.loaded_scripts import NET, TORCH
from tests.support.places import ROOT

BLANK = "class Net(nn.Module):\n    def __init__(self):\n        pass\n    def forward(self, x):\n        pass\n"


def slow_look(root: Path, script: str) -> Evidence:
    """The evidence that the process of a self-check gives for a script without a usable network."""
    loaded = load_net(root, script)
    building = build_net(loaded, loaded.factory)[1] if loaded.factory is not None else None
    return Evidence(Ending("finished"), load=loaded.record, build=building)


@pytest.mark.slow
def test_the_sample_cohort_gets_the_same_record_by_reading(tmp_path: Path, process_kept: None) -> None:
    answered = {}
    for submission in discover(ROOT / "tests" / "submissions", tmp_path):
        if submission.script is not None:
            found = quick_look(submission.root, submission.script)
            if found is not None:
                answered[submission.id] = found
                assert found == slow_look(submission.root, submission.script), submission.id
    assert answered.keys() >= {"broken-indentation", "broken-no-net-at-all", "broken-notebook-json", "broken-nul-byte"}
    assert not [id for id in answered if id.startswith("valid-")]


def test_the_template_is_blank(process_kept: None) -> None:
    root = ROOT / "student_template"
    found = quick_look(root, "task1_cnn.py")
    assert found is not None
    assert found == slow_look(root, "task1_cnn.py")
    assert samples.findings_of(found)["loads"].message == "Net is still blank, as in the template."


@pytest.mark.parametrize(
    "text",
    [
        TORCH + "def f(x):\n    return x +\n",
        TORCH + "print('no network')\n",
        TORCH + "class Net(nn.Module):\n    def __init__(self):\nprint(1)\n",
        "class Net(nn.Module\n",
        TORCH + BLANK,
        TORCH + BLANK.replace("pass\n", "'''To do.'''\n", 1),
        "\0" + TORCH,
    ],
)
def test_what_reading_answers(text: str, tmp_path: Path, process_kept: None) -> None:
    (tmp_path / "task1_cnn.py").write_text(text, "utf-8")
    found = quick_look(tmp_path, "task1_cnn.py")
    assert found is not None
    slow = slow_look(tmp_path, "task1_cnn.py")
    assert found.load == slow.load
    assert samples.findings_of(found) == samples.findings_of(slow)


@pytest.mark.parametrize(
    "text",
    [
        TORCH + NET,
        TORCH + NET + "print(1\n",  # the loader leaves the line out
        TORCH + NET.replace("Net", "Nett"),
        TORCH + BLANK.replace("pass", "super().__init__()", 1),
        TORCH + BLANK.replace("pass", "self.size = 5", 1),
        TORCH + BLANK.replace("def __init__(self)", "def __init__(self, size)"),
        TORCH + "@print\n" + BLANK,
        TORCH + BLANK.replace("nn.Module", "Base"),
        "from model import Net\n",
        "from model import *\n",
        TORCH + "nn = setup()\n" + BLANK,
        TORCH + BLANK + "Net = make()\n",
    ],
)
def test_reading_leaves_the_rest_to_running(text: str, tmp_path: Path) -> None:
    (tmp_path / "task1_cnn.py").write_text(text, "utf-8")
    assert quick_look(tmp_path, "task1_cnn.py") is None


def test_a_students_own_module_is_not_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_layers.py").write_text("class Network: pass\n", "utf-8")
    (tmp_path / "task1_cnn.py").write_text("from own_layers import Network\nnet = Network()\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert quick_look(tmp_path, "task1_cnn.py") is None
