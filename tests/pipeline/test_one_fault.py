"""A single fault costs the items that it breaks, once; everything else is marked as if it were repaired.

The scripts of :mod:`tests.support.one_fault` are graded once, as :mod:`tests.support.graded_scripts` describes.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping

import pytest

from grader.lab4.items import PART2_TITLES
from grader.model import Report, Result, Status
from grader.model.status import lost_without_cause
from tests.support.graded_scripts import graded_scripts
from tests.support.one_fault import BASES, ONE_FAULT, TABLE, OneFault, edited
from tests.support.share import share

LEAST = 150
RUN_SECONDS = 2400
ONE_RELU = {"structure.relu": Status.PARTIAL}
every_fault = pytest.mark.parametrize("fault", ONE_FAULT, ids=lambda fault: fault.id)
GRADED = share(ONE_FAULT, 14)
"""Grading all of them takes minutes of two cores."""
every_graded_fault = pytest.mark.parametrize("fault", GRADED, ids=lambda fault: fault.id)


def test_there_are_enough_faults_in_every_style_and_each_has_its_own_name() -> None:
    ids = [fault.id for fault in ONE_FAULT]
    assert len(ids) >= LEAST
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id) for id in ids)
    assert {row["base"] for row in TABLE["fault"]} == set(BASES)


@every_fault
def test_a_fault_costs_known_items_and_says_why_if_it_is_not_one(fault: OneFault) -> None:
    assert set(fault.costs) <= set(PART2_TITLES)
    assert set(fault.costs.values()) <= {Status.FAILED, Status.PARTIAL, Status.NEEDS_REVIEW}
    assert len(fault.costs) == 1 or fault.why or fault.is_valid_here
    assert fault.script not in BASES.values()


@pytest.mark.parametrize("edit", [("x = 3", "y"), ("x", "y")])
def test_an_edit_of_a_text_that_is_not_there_once_is_refused(edit: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="not once"):
        edited("x = 1\nx = 2\n", [edit])


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Report]:
    """The report on each script with a fault, and on each right network, by name."""
    scripts = {fault.id: fault.script for fault in GRADED}
    scripts |= {f"right-{name}": script for name, script in BASES.items()}
    return graded_scripts(tmp_path_factory.mktemp("one-fault"), scripts, seconds=RUN_SECONDS)


def without_full_points(report: Report) -> dict[str, Result]:
    return {item.id: item for item in report.code_results if item.status is not Status.PASSED}


@pytest.mark.slow
@pytest.mark.timeout(RUN_SECONDS + 60)
@pytest.mark.parametrize("style", BASES)
def test_the_right_networks_earn_every_mark(style: str, graded: Mapping[str, Report]) -> None:
    lost = without_full_points(graded[f"right-{style}"])
    assert not lost, "\n".join(f"{item.id}: {item.message}" for item in lost.values())


@pytest.mark.slow
@pytest.mark.timeout(RUN_SECONDS + 60)
@every_graded_fault
def test_a_fault_costs_what_it_should(fault: OneFault, graded: Mapping[str, Report]) -> None:
    lost = without_full_points(graded[fault.id])
    found = {id: str(item.status) for id, item in lost.items()}
    lines = "\n".join(f"{item.id}: {item.status}: {item.message} {item.cause}".rstrip() for item in lost.values())
    assert found == fault.costs, f"{fault.why}\n{lines}".strip()


@pytest.mark.slow
@pytest.mark.timeout(RUN_SECONDS + 60)
@pytest.mark.parametrize("fault", [fault for fault in GRADED if fault.costs == ONE_RELU], ids=lambda fault: fault.id)
def test_one_relu_costs_a_third_of_its_item(fault: OneFault, graded: Mapping[str, Report]) -> None:
    relu = next(item for item in graded[fault.id].code_results if item.id == "structure.relu")
    assert relu.awarded * 3 == relu.available * 2


@pytest.mark.slow
@pytest.mark.timeout(RUN_SECONDS + 60)
@every_graded_fault
def test_a_skipped_item_leads_to_a_fault(fault: OneFault, graded: Mapping[str, Report]) -> None:
    assert lost_without_cause(graded[fault.id].results) == ()


@pytest.mark.slow
@pytest.mark.timeout(RUN_SECONDS + 60)
def test_most_faults_cost_one_item(graded: Mapping[str, Report]) -> None:
    counts = [len(without_full_points(graded[fault.id])) for fault in GRADED]
    assert statistics.median(counts) == 1
