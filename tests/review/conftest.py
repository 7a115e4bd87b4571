"""A stored run with open entries for the tests of the reviewing session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import report_samples
from tests.support.review_samples import ANN, BOB, CODE, NOBODY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return report_samples.stored_run(tmp_path / "run", ANN, BOB, CODE, NOBODY)
