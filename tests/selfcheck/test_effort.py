"""How much a self-check trains, what it answers without torch, and what it says about unsaved files."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grader.model import Status
from grader.model.evidence import Evidence, Remark, Resources, Training
from grader.rubric.loading import load_rubric
from grader.selfcheck.effort import FIRST_SHARE, OVERFIT_SECONDS, SECONDS, Effort
from grader.selfcheck.quick_look import quick_look
from grader.selfcheck.steps import OVERFITS, last_stage, step_findings
from grader.selfcheck.task import Observed
from grader.selfcheck.unsaved import unsaved
from tests.support import evidence_samples as samples
from tests.support.places import ROOT

EFFORT = Effort(load_rubric(), np.zeros(0, np.uint8), np.zeros((0, 28, 28), np.uint8))


def trained(*accuracies: float, seconds: float = 1.0) -> Evidence:
    runs = tuple(replace(samples.training(accuracy), seconds=seconds) for accuracy in accuracies)
    return replace(samples.HEALTHY, trainings=runs)


def ordered(evidence: Evidence) -> tuple[str, int, float] | None:
    order = EFFORT.next(evidence)
    return None if order is None else (order.stage, order.seed, order.seconds)


def test_a_network_that_learns_is_trained_once() -> None:
    assert ordered(trained()) == ("train", 1, FIRST_SHARE * SECONDS)
    assert ordered(trained(0.9)) is None


def test_all_runs_together_have_a_limit() -> None:
    assert ordered(trained(0.3, seconds=4)) == ("train", 2, SECONDS - 4)
    assert ordered(trained(0.3, seconds=SECONDS)) == ("overfit", 1, OVERFIT_SECONDS)


def test_a_network_with_a_fault_is_trained_once_and_for_a_shorter_time() -> None:
    assert samples.HEALTHY.gradients is not None
    bad = replace(samples.HEALTHY.gradients, unregistered=("conv1.weight",))
    evidence = replace(trained(), gradients=bad)
    order = EFFORT.next(evidence)
    assert order is not None
    assert order.seconds < FIRST_SHARE * SECONDS
    assert EFFORT.next(replace(evidence, trainings=trained(0.1).trainings)) is None


def test_a_slow_network_is_not_trained_and_not_blamed() -> None:
    slow = replace(trained(), resources=Resources(None, 20_000, 0.5))
    assert EFFORT.next(slow) is None
    finding = step_findings(Observed(slow), load_rubric())["training.accuracy"]
    assert finding.status is Status.NEEDS_REVIEW
    assert "too slow for the short training of the self-check" in finding.message


@pytest.mark.parametrize("remarks", [(), (Remark("stopped-by-time", "it took too long"),)])
def test_too_little_training_is_no_fault(remarks: tuple[Remark, ...]) -> None:
    run: Training = replace(samples.training(0.2), remarks=remarks)
    findings = step_findings(Observed(replace(samples.HEALTHY, trainings=(run,))), load_rubric())
    assert findings["training.accuracy"].status is Status.NEEDS_REVIEW
    assert "Your tutor's grader trains longer." in findings["training.accuracy"].message
    assert findings[OVERFITS].status is Status.SKIPPED


def test_the_last_stage_that_steps_need() -> None:
    assert last_stage(["loads"]) == "build"
    assert last_stage(["loads", "structure.conv"]) == "behind"
    assert last_stage(["structure.conv", "overfits"]) == "overfit"


def test_the_parent_needs_neither_torch_nor_numpy_to_answer(tmp_path: Path) -> None:
    (tmp_path / "task1_cnn.py").write_bytes((ROOT / "student_template" / "task1_cnn.py").read_bytes())
    code = (
        "import sys, pathlib, grader.selfcheck.pytest_plugin, grader.selfcheck.run as run\n"
        "found = run.run_self_check(pathlib.Path(sys.argv[1]))\n"
        "print(found.findings['loads'].message, *{'torch', 'numpy'} & {*sys.modules})\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "Net is still blank, as in the template."


def test_a_blank_class_that_runs_something_is_run(tmp_path: Path) -> None:
    blank = (ROOT / "student_template" / "task1_cnn.py").read_text(encoding="utf-8")
    script = tmp_path / "task1_cnn.py"
    script.write_text(blank, encoding="utf-8")
    assert quick_look(tmp_path, script.name) is not None
    head = "class Net(nn.Module):\n"
    script.write_text(blank.replace(head, f"{head}    super(undefined)\n"), encoding="utf-8")
    assert quick_look(tmp_path, script.name) is None


# ---- files that editors write ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "later", "is_told"),
    [
        (".task1_cnn.py.swp", b"swap", 60, True),
        (".task1_cnn.py.swp", b"swap", -60, False),
        (".task1_cnn.py.swp", b"b0VIM 9.0".ljust(1007, b"\0") + b"\x55", 60, True),
        (".task1_cnn.py.swp", b"b0VIM 9.0".ljust(1007, b"\0") + b"\0", 60, False),  # nothing is unsaved
        ("#task1_cnn.py#", b"text", 60, True),
        ("task1_cnn.py~", b"another text", 60, True),
        ("task1_cnn.py~", b"text", 60, False),  # the same text
        (".ipynb_checkpoints/task1_cnn-checkpoint.py", b"another text", 60, True),
    ],
)
def test_an_editors_file(name: str, content: bytes, later: int, is_told: bool, tmp_path: Path) -> None:
    script, own = tmp_path / "task1_cnn.py", tmp_path / name
    script.write_bytes(b"text")
    own.parent.mkdir(exist_ok=True)
    own.write_bytes(content)
    saved = script.stat().st_mtime
    os.utime(own, (saved, saved + later))
    expected = f"task1_cnn.py looks unsaved: the editor's file {own.name} is newer. Save it."
    assert unsaved(tmp_path, "task1_cnn.py") == (expected if is_told else "")
