"""What a repaired fault costs, and what a rubric can change about it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from grader.checks import find
from grader.model import Finding, Status
from grader.model.evidence import Behind, Evidence, Measurements, RecordedPass, Recording, Repair, Tracing
from grader.model.repair_kinds import ASSUMED, CUT_GRADIENTS, KINDS, NEWER_PYTHON
from tests.support import evidence_samples as samples
from tests.support.check_samples import graded, scored, statuses
from tests.support.evidence_samples import HEALTHY, MAX_PARAMETERS, PLAN
from tests.support.places import ROOT

NINE = Repair("class-count", "fc2", "gives 9 scores for each image", 10, 9, "fc2 had 10 outputs")
RUNS = tuple(RecordedPass(mode, 64, None, "Tensor", (64, 9), "float32") for mode in ("train", "eval"))
REPAIRED = replace(HEALTHY, record=Recording(unrepaired=RUNS, repairs=(NINE,)))


def found(evidence: Evidence, **repairs: str) -> dict[str, Finding]:
    kinds = {kind.replace("_", "-"): rule for kind, rule in repairs.items()}
    return find(evidence, PLAN, max_parameters=MAX_PARAMETERS, max_forward_seconds=1.0, repairs=kinds)


def test_a_repaired_fault_costs_one_item_and_says_what_was_assumed() -> None:
    findings = found(REPAIRED)
    lost = [id for id, finding in findings.items() if finding.status is not Status.PASSED]
    assert lost == ["forward.shape"]
    message = findings["forward.shape"].message
    assert message == (
        "The last layer gives 9 scores for each image, but there are 10 digits. "
        "The rest was assessed as if fc2 had 10 outputs."
    )


def test_a_free_repair_costs_nothing_and_is_still_told() -> None:
    findings = found(REPAIRED, class_count="free")
    assert {finding.status for finding in findings.values()} == {Status.PASSED}
    assert findings["forward.shape"].fraction == 1
    assert findings["forward.shape"].message.endswith("as if fc2 had 10 outputs. This costs no points.")


def test_a_repair_that_stops_leaves_the_rest_unassessed() -> None:
    findings = found(REPAIRED, class_count="stops")
    assert findings["forward.shape"].status is Status.FAILED
    assert "assessed as if" not in findings["forward.shape"].message
    assert {findings[id].cause for id in ("forward.batch", "training.accuracy")} == {"forward.shape"}
    assert findings["structure.conv"].cause == "forward.shape"


@pytest.mark.parametrize(
    ("second", "status"), [("costs", Status.FAILED), ("free", Status.PASSED), ("stops", Status.FAILED)]
)
def test_with_two_faults_the_stricter_rule_holds(second: str, status: Status) -> None:
    double = Repair("dtype", "", "does not keep its values in float32", assumed="Net kept its values in float32")
    evidence = replace(REPAIRED, record=Recording(unrepaired=RUNS, repairs=(NINE, double)))
    findings = found(evidence, class_count="free", dtype=second)
    assert findings["forward.shape"].status is status


def test_what_lies_behind_a_fault_of_the_graph_is_judged_there() -> None:
    measurements = Measurements(Tracing(None), samples.PROBE, samples.MODES, samples.GRADIENTS)
    dead = replace(graded("zero"), probe=scored(largest=3.0, sum_error=40.0, tail=()).probe)
    assert statuses(replace(dead, behind=Behind(("other-outputs",), measurements))) == {"output.log_softmax": "failed"}


def test_the_item_with_the_fault_pays_and_names_the_repair() -> None:
    findings = found(replace(graded("none"), behind=Behind((CUT_GRADIENTS,))))
    assert findings["behaviour.gradients"].message.endswith(f"as if {ASSUMED[CUT_GRADIENTS]}.")
    assert findings["training.accuracy"].status is Status.PASSED


def test_every_kind_of_repair_is_in_the_policy_and_in_the_list() -> None:
    modules = [*(ROOT / "grader/worker").rglob("*.py"), *(ROOT / "grader/source").rglob("*.py")]
    made = {kind for path in modules for kind in re.findall(r'Repair\(\s*"([a-z-]+)"', path.read_text("utf-8"))}
    assert made == {*KINDS, NEWER_PYTHON}
    policy = (ROOT / "docs/marking-policy.md").read_text("utf-8")
    assert [kind for kind in (*made, *ASSUMED) if f"`{kind}`" not in policy] == []
