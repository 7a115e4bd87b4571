"""Networks in the styles of public code, one in each file of ``tests/networks``: they earn all marks without a flag.

Some of them (:mod:`tests.support.share`) are graded once, with the command that a tutor uses and the shorter training
of :mod:`tests.support.sample_cohort`. The first line of each file describes it. :mod:`tests.measure.test_replay` tests
that replays give the same outputs.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from grader.lab4.items import PART2_TITLES
from grader.model import Report, Status
from tests.support.graded_scripts import graded_scripts
from tests.support.places import ROOT
from tests.support.share import share

NETWORKS = sorted((ROOT / "tests" / "networks").glob("*.py"))
HELD = {"micro_batches_joined": {"passes-differ"}}
"""Flags of the networks whose marks wait for a tutor, because their operations depend on the number of images."""
LEAST = 55
GRADED = share(NETWORKS, 8)
RUN_SECONDS = 1200


def test_there_are_enough_networks_and_each_has_a_description() -> None:
    assert len(NETWORKS) >= LEAST
    assert {path.stem for path in NETWORKS} >= set(HELD)
    for path in NETWORKS:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith("# "), path.name
        assert len(first) > 20, path.name


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Report]:
    """The report on each network, by file name."""
    scripts = {path.stem: path.read_text(encoding="utf-8") for path in GRADED}
    return graded_scripts(tmp_path_factory.mktemp("networks"), scripts, seconds=RUN_SECONDS)


@pytest.mark.slow
@pytest.mark.timeout(RUN_SECONDS + 60)
@pytest.mark.parametrize("name", [path.stem for path in GRADED])
def test_a_network_earns_every_mark(name: str, graded: Mapping[str, Report]) -> None:
    report = graded[name]
    flags = {flag.id for flag in report.flags}
    if name in HELD:
        assert flags == HELD[name]
        assert {item.status for item in report.code_results if item.id != "loads"} == {Status.NEEDS_REVIEW}
        return
    lost = [
        f"{item.id}: {item.status}: {item.message}" for item in report.code_results if item.status is not Status.PASSED
    ]
    assert not lost, "\n".join(lost)
    assert [item.id for item in report.code_results] == list(PART2_TITLES)
    assert flags == set()
