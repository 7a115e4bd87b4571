"""Tests of the reference script and the students' template: the same script, the lab's options, full marks."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.support.places import ROOT
from tests.support.sample_cohort import run_with_known_seeds

SOLUTION = ROOT / "solutions" / "task1_cnn.py"
TEMPLATE = ROOT / "student_template" / "task1_cnn.py"
BODIES = ("__init__", "forward")
OPTIONS = {
    "batch_size": 64,
    "test_batch_size": 1000,
    "epochs": 10,
    "lr": 0.01,
    "momentum": 0.5,
    "no_cuda": False,
    "seed": 1,
    "log_interval": 100,
}
"""The eight options of the lab sheet and their defaults."""


@pytest.fixture(scope="module")
def solution() -> ModuleType:
    specification = importlib.util.spec_from_file_location("task1_cnn", SOLUTION)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def blanked(path: Path) -> str:
    """The script's code without the bodies of Net's two methods."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    net = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Net")
    for method in net.body:
        if isinstance(method, ast.FunctionDef) and method.name in BODIES:
            method.body = [ast.Pass()]
    return ast.unparse(tree)


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write ``array`` (uint8) in the IDX format of MNIST's files: magic number, big-endian sizes, bytes."""
    header = (0x0800 + array.ndim).to_bytes(4, "big") + b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(header + array.tobytes())


@pytest.fixture
def tiny_mnist(tmp_path: Path) -> Path:
    """A folder in torchvision's layout with a few hundred images of a bright square, whose position shows the digit."""
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix, count in (("train", 320), ("t10k", 100)):
        digits = np.arange(count, dtype=np.uint8) % 10
        images = np.zeros((count, 28, 28), dtype=np.uint8)
        for image, digit in zip(images, digits, strict=True):
            row, column = 3 + 12 * (digit // 5), 3 + 5 * (digit % 5)
            image[row : row + 5, column : column + 5] = 255
        write_idx(raw / f"{prefix}-images-idx3-ubyte", images)
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", digits)
    return tmp_path / "data"


def test_the_template_is_the_solution_with_two_blank_bodies() -> None:
    assert blanked(TEMPLATE) == blanked(SOLUTION)
    net = next(
        node
        for node in ast.parse(TEMPLATE.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name == "Net"
    )
    statements = [
        statement
        for method in net.body
        if isinstance(method, ast.FunctionDef)
        for statement in method.body
        if not isinstance(statement, ast.Pass | ast.Expr)
    ]
    assert statements == []


def test_the_eight_options_have_the_defaults_of_the_lab_sheet(solution: ModuleType) -> None:
    assert vars(solution.parse_arguments([])) == OPTIONS


def test_help_explains_every_option(solution: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        solution.parse_arguments(["--help"])
    assert exit_info.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())  # help is wrapped to the terminal's width
    for option, default in OPTIONS.items():
        assert f"--{option.replace('_', '-')}" in shown
        assert f"(default: {default})" in shown


def test_the_net_returns_log_probabilities(solution: ModuleType) -> None:
    import torch

    output = solution.Net().eval()(torch.randn(5, 1, 28, 28))
    assert output.shape == (5, 10)
    assert torch.allclose(output.exp().sum(dim=1), torch.ones(5), atol=1e-5)


@pytest.mark.parametrize("script", [SOLUTION, TEMPLATE], ids=["solution", "template"])
def test_both_scripts_show_their_help(
    script: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(script), "--help"])
    with pytest.raises(SystemExit) as exit_info:
        runpy.run_path(str(script), run_name="__main__")
    assert exit_info.value.code == 0
    assert "--log-interval" in capsys.readouterr().out


@pytest.mark.slow
def test_the_solution_trains_and_tests_in_each_epoch(tiny_mnist: Path, tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, str(SOLUTION), "--epochs", "2", "--batch-size", "16", "--lr", "0.05", "--no-cuda"],
        cwd=tmp_path,
        env={**os.environ, "LAB4_DATA": str(tiny_mnist)},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    ).stdout
    accuracies = [int(correct) for correct in re.findall(r"accuracy (\d+)/100", shown)]
    assert len(accuracies) == 2
    assert accuracies[-1] >= 90


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_solution_earns_full_marks(tmp_path: Path) -> None:
    out = run_with_known_seeds(tmp_path / "out")
    finished = subprocess.run(
        [sys.executable, "-m", "grader", "grade", str(SOLUTION), "--out", str(out), "--quiet"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert finished.returncode in {0, 1}, finished.stderr  # 1: this file has no answers to Part 1, which needs a tutor
    (student,) = json.loads((out / "results.json").read_text(encoding="utf-8"))["submissions"]
    assert {item["id"]: item["status"] for item in student["items"] if item["status"] != "passed"} == {}
    assert all(item["awarded"] == item["available"] for item in student["items"])
