"""The list of the fourteen checks, with what each depends on, and the function that runs them on one submission.

Each check is a small function in the other modules of this package. It takes evidence and returns a finding. No check
runs student code, reads a clock or imports torch, so findings can be recomputed from stored evidence at any time.

May import: ``lab4``, ``model``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from grader.checks import (
    activations,
    behaviour,
    forward,
    gradients,
    loading,
    log_softmax,
    resources,
    structure,
    training,
)
from grader.checks.case import PASS, Case, not_reached, skipped, unassessed
from grader.checks.endings import WAITING, ended
from grader.checks.executed_network import executed_network
from grader.checks.policy import RepairRule, is_repaired, repair_rules
from grader.model import Finding, Status, TrainingPlan
from grader.model.evidence import MEASURED, STAGES, Evidence


@dataclass(frozen=True)
class Check:
    """The function for one rubric item, and the checks that it depends on.

    If a check in ``needs`` did not pass, this check is skipped. If this check does not pass and a check in ``blames``
    failed, that one is the cause and this one is skipped too, so that each fault is reported once.
    """

    id: str
    find: Callable[[Case], Finding]
    needs: tuple[str, ...] = ()
    blames: tuple[str, ...] = ()


CHECKS: tuple[Check, ...] = (
    Check("loads", loading.loads),
    Check("forward.shape", forward.shape, needs=("loads",)),
    Check("structure.conv", structure.conv, needs=("loads",)),
    Check("structure.linear", structure.linear, needs=("loads",)),
    Check("structure.dropout_conv", structure.dropout_conv, needs=("loads",)),
    Check("structure.dropout_fc", structure.dropout_fc, needs=("loads",)),
    Check("structure.relu", activations.relu, needs=("loads",)),
    Check("structure.order", structure.order, needs=("loads",)),
    Check("behaviour.dropout_train_eval", behaviour.dropout_train_eval, needs=("loads", "forward.shape")),
    Check("forward.batch", forward.batch, needs=("loads", "forward.shape"), blames=("behaviour.dropout_train_eval",)),
    Check("output.log_softmax", log_softmax.log_softmax, needs=("loads", "forward.shape")),
    Check(
        "behaviour.gradients",
        gradients.gradients,
        needs=("loads", "forward.shape"),
        blames=("output.log_softmax", "structure.relu"),
    ),
    Check(
        "training.accuracy",
        training.accuracy,
        needs=("loads", "forward.shape"),
        blames=(
            "output.log_softmax",
            "behaviour.gradients",
            "structure.relu",
            "structure.order",
            "forward.batch",
            "resources",
            "behaviour.dropout_train_eval",
        ),
    ),
    Check("resources", resources.resources, needs=("loads", "forward.shape")),
)
"""In marking order. ``needs`` may name earlier checks only; ``blames`` may name any other check."""

NOT_PASSED = frozenset({Status.FAILED, Status.SKIPPED, Status.NEEDS_REVIEW})


def find(
    evidence: Evidence,
    plan: TrainingPlan,
    *,
    max_parameters: int,
    max_forward_seconds: float,
    repairs: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Finding]:
    """Run every check on the evidence and apply the skip rules. Returns one finding for each check id.

    ``repairs`` says for a kind of repair what it does (:mod:`grader.checks.policy`); a kind that is not in it costs the
    item that the fault breaks.
    """
    evidence = replace(evidence, ending=replace(evidence.ending, stage=broken_stage(evidence)))
    network = executed_network(evidence.trace)
    case = Case(evidence, network, plan, max_parameters, max_forward_seconds)
    rules = repair_rules(evidence, repairs)
    findings: dict[str, Finding] = {}
    for check in CHECKS:
        findings[check.id] = rules[check.id].apply(_find(check, case, findings, rules))
    for check in CHECKS:
        blamed = _blamed(check, findings)
        if blamed is not None:
            findings[check.id] = skipped(blamed, f"Not marked separately: the fault in {blamed} explains it.")
    for id, finding in findings.items():
        if finding.status is Status.SKIPPED:
            findings[id] = _waiting(evidence) or finding
    return {id: _with_cause(finding, findings) for id, finding in findings.items()}


def broken_stage(evidence: Evidence) -> str:
    """The stage in which observation stopped early: the first stage without a record. Empty if it ran to the end."""
    if evidence.ending.kind == "finished":
        return ""
    stages = (*STAGES, *MEASURED)
    records = {stage: evidence.trainings if stage == "train" else getattr(evidence, stage) for stage in stages}
    return next((stage for stage, record in records.items() if not record), "")


def _find(check: Check, case: Case, findings: Mapping[str, Finding], rules: Mapping[str, RepairRule]) -> Finding:
    for need in check.needs:
        if findings[need].status in NOT_PASSED and not _can_run_without(need, check, case, rules):
            return not_reached(need)
    is_structure = check.id.startswith("structure.")
    if is_structure and rules["forward.shape"].is_stop:
        return not_reached("forward.shape")
    if is_structure and not case.network.path and findings["forward.shape"].status in NOT_PASSED:
        return skipped("forward.shape", "Not checked, because forward runs no layer.")
    return check.find(case)


def _can_run_without(need: str, check: Check, case: Case, rules: Mapping[str, RepairRule]) -> bool:
    """Whether a check can be decided although ``need`` did not pass.

    What lies behind a repaired fault is assessed like everything else. Counting parameters needs no forward pass.
    """
    build, record = case.evidence.build, case.evidence.record
    if build is None or build.problem is not None or rules[need].is_stop:
        return False
    if need == "loads":
        return True
    is_too_large = build.parameters >= case.max_parameters
    return (record is not None and is_repaired(record)) or (check.id == "resources" and is_too_large)


def _blamed(check: Check, findings: Mapping[str, Finding]) -> str | None:
    found = findings[check.id]
    if found.status not in {Status.FAILED, Status.NEEDS_REVIEW, Status.PARTIAL} or found.fraction == PASS:
        return None
    faults = {Status.FAILED, Status.PARTIAL}
    return next((other for other in check.blames if findings[other].status in faults), None)


def _waiting(evidence: Evidence) -> Finding | None:
    """What a skipped check becomes if observation ended early by no fault of the submission; None otherwise."""
    return ended(evidence.ending, "The submission") if evidence.ending.kind in WAITING else None


def _with_cause(finding: Finding, findings: Mapping[str, Finding]) -> Finding:
    """The finding; a skipped check whose cause has no fault is left to a tutor instead, and costs nothing before."""
    cause = finding
    for _ in CHECKS:
        if not cause.cause:
            break
        cause = findings[cause.cause]
    is_explained = cause.status in {Status.FAILED, Status.PARTIAL, Status.NEEDS_REVIEW}
    return finding if finding.status is not Status.SKIPPED or is_explained else unassessed("This")
