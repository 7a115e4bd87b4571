"""Load scripts for the tests of loading."""

from __future__ import annotations

import textwrap
from pathlib import Path

from torch import nn

from grader.worker.load.net_loading import Loaded, load_net

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


def remarks(loaded: Loaded) -> set[str]:
    return {remark.id for remark in loaded.record.remarks}
