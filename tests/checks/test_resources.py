"""The check of size and speed: the limits of the rubric, and a forward pass that cannot be timed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from grader.model import Status
from tests.support import evidence_samples as samples
from tests.support.check_samples import ERROR, statuses
from tests.support.evidence_samples import (
    HEALTHY,
    MAX_PARAMETERS,
    findings_of,
    until,
)


def test_too_many_parameters_fail_without_a_forward_pass() -> None:
    build = replace(samples.BUILD, parameters=60_000_000)
    evidence = replace(until("trace", "finished"), build=build)
    findings = findings_of(evidence)
    assert [id_ for id_, finding in findings.items() if finding.status is Status.FAILED] == ["resources"]
    assert findings["resources"].message == "Net has too many parameters: 60,000,000."
    shape = findings["forward.shape"]
    assert (shape.status, shape.fraction) == (Status.NEEDS_REVIEW, Decimal(1))
    assert shape.message == "A network with so many parameters could not be checked, so a tutor decides."


@pytest.mark.parametrize(("parameters", "status"), [(MAX_PARAMETERS - 1, "passed"), (MAX_PARAMETERS, "failed")])
def test_as_many_parameters_as_the_limit_are_too_many(parameters: int, status: str) -> None:
    build = replace(samples.BUILD, parameters=parameters)
    assert findings_of(replace(HEALTHY, build=build))["resources"].status == status


@pytest.mark.parametrize(("seconds", "status"), [(0.999, "passed"), (1.0, "failed")])
def test_the_time_limit_of_a_forward_pass(seconds: float, status: str) -> None:
    resources = replace(samples.RESOURCES, forward_seconds=seconds)
    finding = findings_of(replace(HEALTHY, resources=resources))["resources"]
    assert finding.status == status
    assert finding.seen == f"21,840 parameters, {1000 * seconds:.0f} ms"


def test_a_forward_pass_that_could_not_be_timed_waits_for_a_tutor() -> None:
    resources = replace(samples.RESOURCES, problem=ERROR)
    assert statuses(replace(HEALTHY, resources=resources)) == {"resources": "needs_review"}
