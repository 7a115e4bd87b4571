"""All checks together: on a correct network, and on a process that ended early."""

from __future__ import annotations

from decimal import Decimal

import pytest

from grader.checks import CHECKS
from grader.lab4.items import PART2_TITLES
from grader.model import Status
from tests.support.evidence_samples import (
    HEALTHY,
    findings_of,
    until,
)

# ---- the whole -------------------------------------------------------------------------------------------------------


def test_a_correct_network_passes_every_check() -> None:
    findings = findings_of(HEALTHY)
    assert set(findings) == set(PART2_TITLES)
    assert {finding.status for finding in findings.values()} == {Status.PASSED}
    assert {finding.fraction for finding in findings.values()} == {Decimal(1)}


def test_every_check_is_a_rubric_item_and_depends_only_on_checks() -> None:
    ids = [check.id for check in CHECKS]
    assert sorted(ids) == sorted(PART2_TITLES)
    for check in CHECKS:
        assert set(check.needs) <= set(ids[: ids.index(check.id)]), "needs come earlier in the list"
        assert set(check.blames) < set(ids)
        assert check.id not in check.blames


def test_findings_are_the_same_every_time() -> None:
    assert findings_of(HEALTHY) == findings_of(HEALTHY)


# ---- how a process ended ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "item"),
    [
        ("load", "loads"),
        ("build", "loads"),
        ("trace", "forward.shape"),
        ("probe", "forward.shape"),
        ("modes", "behaviour.dropout_train_eval"),
        ("gradients", "behaviour.gradients"),
        ("resources", "resources"),
        ("train", "training.accuracy"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("deadline", "did not finish within the time limit"),
        ("exit", "ended the Python process"),
        ("signal", "crashed the Python process"),
        ("memory", "used more memory than is allowed"),
        ("crashed", "sent invalid data back to the grader"),
    ],
)
def test_an_early_end_is_reported_once_by_the_check_of_its_stage(stage: str, item: str, kind: str, words: str) -> None:
    findings = findings_of(until(stage, kind, detail="the detail"))
    assert [id_ for id_, finding in findings.items() if finding.status is Status.FAILED] == [item]
    assert f"{words} (the detail)." in findings[item].message
    assert findings[item].hint
    later = {id_ for id_, finding in findings.items() if finding.status is not Status.PASSED} - {item}
    assert all(findings[id_].status is Status.SKIPPED for id_ in later)


def test_after_a_lost_worker_a_tutor_decides_every_item() -> None:
    findings = findings_of(until("load", "lost"))
    assert findings["loads"].status is Status.NEEDS_REVIEW
    assert findings["loads"].fraction == 0
    assert findings["loads"].message == "Reading the script crashed the grader's worker process."
    assert {(finding.status, finding.fraction) for finding in findings.values()} == {(Status.NEEDS_REVIEW, Decimal(0))}


@pytest.mark.parametrize("kind", ["unobserved", "unrecorded", "unmeasured"])
def test_a_tutor_decides_what_could_not_be_checked(kind: str) -> None:
    findings = findings_of(until("modes", kind, detail="the detail"))
    waiting = {id_: finding for id_, finding in findings.items() if finding.status is not Status.PASSED}
    assert {"behaviour.dropout_train_eval", "behaviour.gradients", "training.accuracy", "resources"} == set(waiting)
    assert {(finding.status, finding.fraction) for finding in waiting.values()} == {(Status.NEEDS_REVIEW, Decimal(0))}
    assert all("(the detail)." in finding.message for finding in waiting.values())
    assert findings["training.accuracy"].message.startswith("The submission ")


def test_structure_recorded_before_a_crash_still_counts() -> None:
    findings = findings_of(until("probe", "deadline"))
    assert all(findings[id_].status is Status.PASSED for id_ in PART2_TITLES if id_.startswith("structure."))
