"""The benchmark's cohorts have the networks that its table promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.lab4.files import SCRIPT
from tests.measure.bench import write_cohort


@pytest.mark.parametrize(("half_equal", "networks"), [(False, 6), (True, 4)])
def test_the_networks_of_a_cohort_are_different_or_half_of_them_equal(
    tmp_path: Path, *, half_equal: bool, networks: int
) -> None:
    write_cohort(tmp_path, 6, half_equal=half_equal)
    scripts = [path.read_text(encoding="utf-8") for path in tmp_path.glob(f"*/{SCRIPT}")]
    assert len(set(scripts)) == 6, "no two students hand in the same bytes"
    assert len({script.rpartition("#")[0] for script in scripts}) == networks
