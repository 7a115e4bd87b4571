"""The steps of a self-check in the order in which students see them, and their findings.

All steps except two are the grader's own checks, with the same ids and the same code. The other two, ``shapes`` and
``overfits``, earn no points; they help to find faults.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from grader.checks import NOT_PASSED
from grader.checks.case import failed, not_reached, passed, skipped
from grader.checks.executed_network import layer_word, size_word
from grader.checks.holds import with_holds
from grader.lab4.items import PART2_TITLES
from grader.model import Finding, Rubric, Status
from grader.model.evidence import Evidence, Training
from grader.selfcheck.effort import EXPLAIN, checked, trained_shortly
from grader.selfcheck.own_operations import own_operations
from grader.selfcheck.task import BEFORE_TRAINING, Observed

SHAPES, OVERFITS = "shapes", "overfits"


@dataclass(frozen=True)
class Step:
    """One step: the id of a check, or one of the two that only a self-check has."""

    id: str
    title: str


STEPS: tuple[Step, ...] = (
    Step("loads", PART2_TITLES["loads"]),
    Step("forward.shape", PART2_TITLES["forward.shape"]),
    Step(SHAPES, "Shapes after each layer"),
    *(Step(id, title) for id, title in PART2_TITLES.items() if id.startswith("structure.")),
    Step("output.log_softmax", PART2_TITLES["output.log_softmax"]),
    Step("behaviour.dropout_train_eval", PART2_TITLES["behaviour.dropout_train_eval"]),
    Step("forward.batch", PART2_TITLES["forward.batch"]),
    Step("behaviour.gradients", PART2_TITLES["behaviour.gradients"]),
    Step(OVERFITS, "The network can memorise one batch"),
    Step("training.accuracy", PART2_TITLES["training.accuracy"]),
    Step("resources", PART2_TITLES["resources"]),
)
STEP_IDS = tuple(step.id for step in STEPS)
TRAINED = frozenset({OVERFITS, "training.accuracy"})
"""The steps that train the network."""
KNOWN_AFTER = {
    "build": frozenset({"loads"}),
    BEFORE_TRAINING: frozenset(STEP_IDS) - TRAINED,
    "overfit": frozenset(STEP_IDS),
}
"""The steps that have a finding after a stage."""
ENOUGH = 0.9
"""Share of one batch that must be correct. The correct networks of the sample cohort get all 64, most in 30 steps."""


def step_findings(observed: Observed, rubric: Rubric) -> dict[str, Finding]:
    """One finding for each step, by id."""
    findings = checked(observed.evidence, rubric)
    findings = with_holds(findings, observed.evidence.doubts)
    if undecided := trained_shortly(observed.evidence, findings["training.accuracy"], rubric.training):
        findings["training.accuracy"] = undecided
    findings[SHAPES] = _shapes(observed.evidence, findings)
    findings[OVERFITS] = _overfits(observed.overfitting, findings)
    return {step.id: findings[step.id] for step in STEPS}


def correctable(loads: Finding) -> Finding:
    """The finding of ``loads`` for a student: a fault that the grader would leave to a tutor can be corrected now."""
    if loads.status is not Status.NEEDS_REVIEW or not loads.told or loads.fraction:
        return loads
    return failed(loads.told, loads.hint, seen=loads.seen, fault=loads.fault)


def last_stage(steps: Collection[str]) -> str:
    """The first stage after which each of ``steps`` has a finding."""
    return next(stage for stage, known in KNOWN_AFTER.items() if known.issuperset(steps))


def nothing_to_run(finding: Finding) -> dict[str, Finding]:
    """The findings if the script cannot run: ``finding`` for ``loads``, and all other steps skipped."""
    return {step.id: not_reached("loads") for step in STEPS} | {"loads": finding}


def points(rubric: Rubric) -> dict[str, Decimal]:
    """The points of each check. The steps that only a self-check has are not included."""
    return {criterion.id: criterion.points for criterion in rubric.part2}


def shapes_seen(evidence: Evidence) -> tuple[str, ...]:
    """One line for each layer that ran as the student wrote it, from the input on, and for one that does not fit."""
    own = own_operations(evidence.trace)
    rows = [
        (layer_word(layer), f"{size_word(layer.shape_in)} -> {size_word(layer.shape_out)}")
        for layer in own.ran
        if layer.kind not in {"arithmetic", "other"}
    ][:30]
    if own.misfit is not None:
        gets = own.misfit.shape_in[1] if len(own.misfit.shape_in) > 1 else size_word(own.misfit.shape_in)
        rows.append((layer_word(own.misfit), f"gets {gets}, but takes {own.misfit.expected}"))
    width = max((len(name) for name, _ in rows), default=0)
    return tuple(f"{name:<{width}}  {sizes}" for name, sizes in rows)


def _unmet(findings: Mapping[str, Finding]) -> Finding | None:
    """The finding if ``shapes`` and ``overfits`` cannot be checked; None if they can, perhaps after a repair."""
    if findings["forward.shape"].status not in NOT_PASSED:
        return None
    return not_reached("loads" if findings["loads"].status in NOT_PASSED else "forward.shape")


def _shapes(evidence: Evidence, findings: Mapping[str, Finding]) -> Finding:
    seen = "\n".join(shapes_seen(evidence))
    return _unmet(findings) or passed("The output size of each layer fits the next layer.", seen=seen)


def _overfits(record: Training | None, findings: Mapping[str, Finding]) -> Finding:
    """Whether one batch was memorised, perhaps by the network as repaired.

    A network that learns in the training run passes too, also on slow computers.
    """
    if record is not None and record.problem is None and record.correct >= ENOUGH * record.total:
        return passed(f"The network memorised {record.correct} of {record.total} images.", seen=f"{record.steps} steps")
    if findings["training.accuracy"].status is Status.PASSED:
        return passed("The training run shows that the network learns.")
    unmet = _unmet(findings)
    if unmet is not None and record is None:
        return unmet
    blamed = next((id for id in EXPLAIN if findings[id].status in NOT_PASSED), None)
    if blamed is not None:
        return skipped(blamed, f"Not checked separately: the fault in {blamed} explains it.")
    if record is None or record.problem is not None or record.remarks:
        return skipped("training.accuracy", "Not checked, because training on one batch did not finish.")
    return failed(
        f"After many training steps on one batch, only {record.correct} of its {record.total} images are correct.",
        "Check the layers: use more channels and units, and a ReLU after each hidden layer.",
        expected=f"{record.total} of {record.total} images correct",
        seen=f"{record.correct} of {record.total} images correct",
    )


def is_all_passed(findings: Mapping[str, Finding]) -> bool:
    """Whether every step that was checked passed."""
    return all(finding.status is Status.PASSED for finding in findings.values())
