"""The steps of a self-check in the order in which a student meets them, and their findings.

All but two are the grader's own checks, judged by the same functions under the same ids. The other two, ``shapes`` and
``overfits``, earn nothing; they show what happens on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from grader.checks import NOT_HELD, find
from grader.checks.case import failed, passed, skipped
from grader.checks.holds import conduct, held
from grader.checks.network import executed_network, layer_word, size_word
from grader.lab4.items import PART2_TITLES
from grader.model import Finding, Rubric, Status
from grader.model.evidence import Evidence, Training
from grader.selfcheck.observation import Observed

SHAPES, OVERFITS = "shapes", "overfits"


@dataclass(frozen=True)
class Step:
    """One step: the id of a check, or one of the two that only a self-check has."""

    id: str
    title: str


STEPS: tuple[Step, ...] = (
    Step("loads", PART2_TITLES["loads"]),
    Step("forward.shape", PART2_TITLES["forward.shape"]),
    Step(SHAPES, "The shapes from layer to layer"),
    *(Step(id, title) for id, title in PART2_TITLES.items() if id.startswith("structure.")),
    Step("output.log_softmax", PART2_TITLES["output.log_softmax"]),
    Step("behaviour.dropout_train_eval", PART2_TITLES["behaviour.dropout_train_eval"]),
    Step("forward.batch", PART2_TITLES["forward.batch"]),
    Step("behaviour.gradients", PART2_TITLES["behaviour.gradients"]),
    Step(OVERFITS, "One batch of images can be learnt by heart"),
    Step("training.accuracy", PART2_TITLES["training.accuracy"]),
    Step("resources", PART2_TITLES["resources"]),
)
ENOUGH = 0.9
"""Of the images in one batch: the correct nets of the sample cohort get all 64 right, most within 30 steps."""
_EXPLAIN_OVERFITTING = (
    "forward.batch",
    "output.log_softmax",
    "behaviour.gradients",
    "structure.relu",
    "structure.order",
    "resources",
)
"""Checks that tell the same fault better."""


def judge(observed: Observed, rubric: Rubric, *, data: str) -> dict[str, Finding]:
    """One finding for each step, by id; ``data`` names the set that the net was trained on."""
    findings = find(
        observed.evidence,
        rubric.training[data],
        max_parameters=rubric.max_parameters,
        max_forward_seconds=rubric.max_forward_seconds,
    )
    seen = conduct(observed.evidence)
    findings = {id: held(id, finding, seen) for id, finding in findings.items()}
    findings[SHAPES] = _shapes(observed.evidence, findings)
    findings[OVERFITS] = _overfits(observed.overfitting, findings)
    return {step.id: findings[step.id] for step in STEPS}


def nothing_to_run(finding: Finding) -> dict[str, Finding]:
    """The findings when ``loads`` is all that can be told."""
    rest = skipped("Not assessed, because loads does not hold.")
    return {step.id: rest for step in STEPS} | {"loads": finding}


def points(rubric: Rubric) -> dict[str, Decimal]:
    """What each check is worth when it is marked; steps of the self-check alone are not among them."""
    return {criterion.id: criterion.points for criterion in rubric.part2}


def shapes_seen(evidence: Evidence) -> tuple[str, ...]:
    """One line for each layer on the way from the input to the output, as far as forward came."""
    path = executed_network(evidence.trace).path
    shown = [one for one in path if one.kind not in {"arithmetic", "other"} and one.shape_out]
    if not shown:
        return ()
    width = max(len(layer_word(one)) for one in shown)
    return tuple(
        f"{layer_word(one):<{width}}  {size_word(one.shape_in)} -> {size_word(one.shape_out)}"
        + (f"  (declared for {one.expected})" if one.expected is not None else "")
        for one in shown[:30]
    )


def _unmet(findings: Mapping[str, Finding]) -> Finding | None:
    """Why neither of the self-check's own steps can be assessed; None when they can."""
    need = next((id for id in ("loads", "forward.shape") if findings[id].status in NOT_HELD), None)
    return skipped(f"Not assessed, because {need} does not hold.") if need else None


def _shapes(evidence: Evidence, findings: Mapping[str, Finding]) -> Finding:
    seen = "\n".join(shapes_seen(evidence))
    return _unmet(findings) or passed("Each layer takes what the one before it gives.", seen=seen)


def _overfits(record: Training | None, findings: Mapping[str, Finding]) -> Finding:
    """A net that learns in the training run passes here as well, however slow the machine is."""
    unmet = _unmet(findings)
    if unmet is not None:
        return unmet
    if record is not None and record.problem is None and record.correct >= ENOUGH * record.total:
        return passed(f"{record.correct} of {record.total} images were learnt by heart.", seen=f"{record.steps} steps")
    if findings["training.accuracy"].status is Status.PASSED:
        return passed("The training run shows that the net learns.")
    blamed = next((id for id in _EXPLAIN_OVERFITTING if findings[id].status in NOT_HELD), None)
    if blamed is not None:
        return skipped(f"Not looked at by itself: the fault in {blamed} explains it.")
    if record is None or record.problem is not None or record.remarks:
        return skipped("Learning one batch by heart could not be tried to the end.")
    return failed(
        f"After many passes over one batch only {record.correct} of its {record.total} images are right.",
        "Dropout rested meanwhile, so look at the layers: more channels and units, and a ReLU behind each hidden one.",
        expected=f"{record.total} of {record.total}",
        seen=f"{record.correct} of {record.total}",
    )


def is_all_passed(findings: Mapping[str, Finding]) -> bool:
    """Whether every step holds."""
    return all(one.status is Status.PASSED for one in findings.values())
