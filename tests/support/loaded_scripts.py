"""Load scripts for the tests of loading."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from grader.model.evidence import Building, Loading
from grader.worker.load.net_loading import Loaded, load_net
from grader.worker.net_building import build_net

NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)
    def forward(self, x):
        return F.log_softmax(self.fc(x.flatten(1)), dim=1)
"""
TORCH = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"


def load(folder: Path, text: str | bytes, name: str = "task1_cnn.py", **helpers: str) -> Loaded:
    """Write a script, with helper modules given as ``model=...``, and load it."""
    data = text if isinstance(text, bytes) else textwrap.dedent(text).encode()
    (folder / name).write_bytes(data)
    for helper, source in helpers.items():
        (folder / f"{helper}.py").write_text(textwrap.dedent(source), "utf-8")
    return load_net(folder, name)


def good(loaded: Loaded, how: str = "slice") -> nn.Module:
    """The built net of a submission that must load."""
    assert loaded.record.problem is None, loaded.record.problem
    assert loaded.record.how == how
    assert loaded.factory is not None
    net = loaded.factory()
    assert isinstance(net, nn.Module)
    return net


def built(folder: Path, text: str | bytes, name: str = "task1_cnn.py", **helpers: str) -> Built:
    """Load a script that must load, and build its network as a worker does."""
    loaded = load(folder, text, name, **helpers)
    assert loaded.record.problem is None, loaded.record.problem
    assert loaded.factory is not None
    net, record = build_net(loaded, loaded.factory)
    return Built(net, loaded.record, record)


@dataclass(frozen=True)
class Built:
    """What loading and building a script gave."""

    net: nn.Module | None
    load: Loading
    build: Building

    @property
    def repairs(self) -> dict[str, str]:
        """What was assumed, by kind of repair."""
        return {repair.kind: repair.assumed for repair in (*self.load.repairs, *self.build.repairs)}

    @property
    def remarks(self) -> set[str]:
        return {remark.id for remark in (*self.load.remarks, *self.build.remarks)}


def bad(loaded: Loaded, kind: str) -> str:
    """The message of a submission that must be refused."""
    assert loaded.factory is None
    assert loaded.record.problem is not None
    assert loaded.record.problem.kind == kind, loaded.record.problem
    message = loaded.record.problem.message
    assert message
    assert "\n" not in message
    assert "Traceback" not in message
    return message


def notebook(*cells: str) -> bytes:
    """A notebook of code cells, with a markdown cell in front."""
    first: dict[str, object] = {"cell_type": "markdown", "source": ["# Lab 4"], "metadata": {}}
    code: list[dict[str, object]] = [
        {"cell_type": "code", "source": cell.splitlines(True), "outputs": [], "metadata": {}, "execution_count": None}
        for cell in cells
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [first, *code]}).encode()


def remarks(loaded: Loaded) -> set[str]:
    return {remark.id for remark in loaded.record.remarks}
