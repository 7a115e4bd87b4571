"""Which faults of a recorded graph are repaired, so that the checks behind them can be decided; pure functions.

A fault in the script, in ``Net()`` or in the forward pass is repaired while the network is recorded
(:mod:`grader.worker.record.net_repairs`). These faults show only in the graph.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from grader.checks import activations, gradients, log_softmax
from grader.checks.case import Case
from grader.checks.executed_network import executed_network
from grader.model import Status, TrainingPlan
from grader.model.evidence import Behind, Evidence, Measurements
from grader.model.repair_kinds import CUT_GRADIENTS, DROPOUT, FRESH_WEIGHTS, IN_PLACE, OTHER_OUTPUTS

Measure = Callable[[tuple[str, ...]], Measurements | None]
"""Measures the graph after repairs of the given kinds; None if that is impossible."""


def with_repairs(evidence: Evidence, plan: TrainingPlan, measure: Measure) -> Evidence:
    """The evidence with the repairs that its checks need, and with what ``measure`` finds behind them.

    First the outputs and a dropout of everything are repaired, because the gradients are checked behind them. Then the
    gradients are repaired for the training run. ``evidence`` has all measurements, but no training run.
    """
    kinds = _repairs_of_values(_case(evidence, plan))
    found = measure(kinds) if kinds else None
    if found is not None:
        evidence = replace(evidence, behind=Behind(kinds, found))
    case = _case(evidence, plan)
    if case.gradients is None or gradients.gradients(case).status is not Status.FAILED:
        return evidence
    if gradients.is_overwritten(case.gradients):
        kind = IN_PLACE
    elif gradients.is_cut(case):
        kind = CUT_GRADIENTS
    else:
        return evidence
    return replace(evidence, behind=replace(evidence.behind, repairs=(*evidence.behind.repairs, kind)))


def _case(evidence: Evidence, plan: TrainingPlan) -> Case:
    """A case for checks that use no limit of the rubric."""
    return Case(evidence, executed_network(evidence.trace), plan, max_parameters=0, max_forward_seconds=0.0)


def _repairs_of_values(case: Case) -> tuple[str, ...]:
    kinds = []
    dropouts = case.network.between(None, None, "dropout")
    if any(step.drops_everything for step in dropouts) or (dropouts and not any(step.drops_some for step in dropouts)):
        kinds.append(DROPOUT)
    if any(operation.is_fresh for operation in case.network.weighted):
        kinds.append(FRESH_WEIGHTS)
    probe = case.evidence.probe
    has_scores = probe is not None and probe.scores is not None
    if has_scores and (
        log_softmax.log_softmax(case).status is Status.FAILED or activations.activation_of_scores(case) is not None
    ):
        kinds.append(OTHER_OUTPUTS)
    return tuple(kinds)
