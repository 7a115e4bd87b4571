"""The fourteen checks: which there are, what each needs, and running them over one submission's evidence.

Each check is one small function in the modules beside this one, from evidence to a finding. None runs student code,
reads a clock or imports torch, so findings can be computed again from stored evidence at any time.

May import: ``lab4``, ``model``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from grader.checks import behaviour, forward, loading, outputs, structure, training
from grader.checks.case import Case, skipped
from grader.checks.loading import WAITING
from grader.checks.network import executed_network
from grader.model import Finding, Status, TrainingPlan
from grader.model.evidence import MEASURED, STAGES, Evidence


@dataclass(frozen=True)
class Check:
    """A rubric item's function with its place among the others.

    When a check that it ``needs`` did not hold, it is skipped. When it does not hold itself and one of ``blames`` did
    not hold either, that one is the cause, and it is skipped too: one fault is reported once.
    """

    id: str
    judge: Callable[[Case], Finding]
    needs: tuple[str, ...] = ()
    blames: tuple[str, ...] = ()


CHECKS: tuple[Check, ...] = (
    Check("loads", loading.loads),
    Check("forward.shape", forward.shape, needs=("loads",)),
    Check("structure.conv", structure.conv, needs=("loads",)),
    Check("structure.linear", structure.linear, needs=("loads",)),
    Check("structure.dropout_conv", structure.dropout_conv, needs=("loads",)),
    Check("structure.dropout_fc", structure.dropout_fc, needs=("loads",)),
    Check("structure.relu", structure.relu, needs=("loads",)),
    Check("structure.order", structure.order, needs=("loads",)),
    Check("behaviour.dropout_train_eval", behaviour.dropout_train_eval, needs=("loads", "forward.shape")),
    Check("forward.batch", forward.batch, needs=("loads", "forward.shape"), blames=("behaviour.dropout_train_eval",)),
    Check("output.log_softmax", outputs.log_softmax, needs=("loads", "forward.shape")),
    Check(
        "behaviour.gradients",
        behaviour.gradients,
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
    Check("resources", behaviour.resources, needs=("loads", "forward.shape")),
)
"""In the order in which they are marked; a check's ``needs`` and ``blames`` may name any other."""

NOT_HELD = frozenset({Status.FAILED, Status.SKIPPED, Status.NEEDS_REVIEW})


def find(
    evidence: Evidence, plan: TrainingPlan, *, max_parameters: int, max_forward_seconds: float
) -> dict[str, Finding]:
    """Judge every check over the evidence, with its skip rules. The result has one finding for each check id."""
    evidence = replace(evidence, ending=replace(evidence.ending, stage=broken_stage(evidence)))
    network = executed_network(evidence.trace)
    case = Case(evidence, network, plan, max_parameters, max_forward_seconds)
    judged: dict[str, Finding] = {}
    for check in CHECKS:
        judged[check.id] = _judge(check, case, judged)
    for check in CHECKS:
        blamed = _blamed(check, judged)
        if blamed is not None:
            judged[check.id] = skipped(f"Not marked by itself: the fault in {blamed} explains it.")
    if evidence.ending.kind in WAITING:
        # What could not be looked at is no loss: a tutor looks at it.
        for id, finding in judged.items():
            if finding.status is Status.SKIPPED:
                judged[id] = loading.ended(evidence.ending, "Grading this item")
    return judged


def broken_stage(evidence: Evidence) -> str:
    """The stage in which observation ended before its time: the first that left no record."""
    if evidence.ending.kind == "finished":
        return ""
    stages = (*STAGES, *MEASURED)
    left = {stage: evidence.trainings if stage == "train" else getattr(evidence, stage) for stage in stages}
    return next((stage for stage, record in left.items() if not record), "")


def _judge(check: Check, case: Case, judged: Mapping[str, Finding]) -> Finding:
    for need in check.needs:
        if judged[need].status in NOT_HELD and not _stands_alone(check, case, need):
            return skipped(f"Not assessed, because {need} does not hold.")
    if check.id.startswith("structure.") and not case.network.path and judged["forward.shape"].status in NOT_HELD:
        return skipped("Not assessed, because forward runs no layer that could be looked at.")
    return check.judge(case)


def _stands_alone(check: Check, case: Case, need: str) -> bool:
    """Whether a check can be settled although forward.shape does not hold: a count of parameters needs no pass."""
    build = case.evidence.build
    return (
        check.id == "resources"
        and build is not None
        and build.parameters >= case.max_parameters
        and need == "forward.shape"
    )


def _blamed(check: Check, judged: Mapping[str, Finding]) -> str | None:
    if judged[check.id].status not in {Status.FAILED, Status.NEEDS_REVIEW, Status.PARTIAL}:
        return None
    return next((other for other in check.blames if judged[other].status is Status.FAILED), None)
