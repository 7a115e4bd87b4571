"""Write submissions to disk and discover them, for the tests of discovery."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

from grader.model import Submission
from grader.submissions.discovery import discover

NET = """import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)

    def forward(self, x):
        return F.log_softmax(self.conv1(x), dim=1)
"""
BLANK = """import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        pass

    def forward(self, x):
        pass
"""
ANSWERS = {"cells": [{"cell_type": "markdown", "source": ["# Part 1\n", "class Net: no"]}], "nbformat": 4}


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    """Files below ``root``; a name that ends in a slash is a folder."""
    for name, content in files.items():
        place = root / name
        if name.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def zipped(files: dict[str, str | bytes], path: Path | None = None) -> bytes:
    """A zip of ``files``, also written to ``path``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(buffer.getvalue())
    return buffer.getvalue()


def with_mode(name: str, content: str, mode: int) -> bytes:
    """A zip of a good script and a member with Unix mode ``mode``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("task1_cnn.py", NET)
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, mode << 16
        archive.writestr(info, content)
    return buffer.getvalue()


def notebook(*code: str) -> str:
    cells = [{"cell_type": "code", "source": text.splitlines(keepends=True), "outputs": []} for text in code]
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}, indent=1)


def found(path: Path, scratch: Path) -> dict[str, Submission]:
    submissions = discover(path, scratch)
    assert len({s.id for s in submissions}) == len(submissions)
    for s in submissions:
        s.id.encode()
        assert s.id.isprintable()
        assert (s.script is None) == bool(s.problem)
        assert not s.problem or (s.problem.endswith((".", ")")) and "\n" not in s.problem)
        assert s.script is None or s.script in s.files
        assert s.candidates[:1] == ((s.script,) if s.script else ())
        assert all((s.root / name).is_file() for name in s.files)
        json.dumps([s.files, s.documents]).encode()
    return {s.id: s for s in submissions}


def flags(submission: Submission) -> set[str]:
    return {flag.id for flag in submission.flags}


def message(submission: Submission, id: str) -> str:
    return next(flag.message for flag in submission.flags if flag.id == id)


def bounced(submission: Submission, *words: str) -> None:
    """Nothing is graded, and the sentence says why."""
    assert submission.script is None
    for word in words:
        assert word in submission.problem
