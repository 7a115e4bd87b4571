"""Folders for the tests of discovery."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    return tmp_path / "cohort"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"
