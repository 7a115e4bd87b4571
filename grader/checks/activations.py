"""The check of activation functions: a ReLU after each hidden layer, none after the last layer, and no other ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from grader.checks.case import NOT_SEEN, Case, failed, listed, passed, skipped
from grader.checks.executed_network import ExecutedNetwork, position
from grader.model import Finding, Status
from grader.model.evidence import Operation
from grader.model.repair_kinds import OTHER_OUTPUTS

HIDDEN_LAYERS = 3
"""Hidden layers of the lab's network, which share the points for ReLUs. A layer too many is no second fault here."""


def relu(case: Case) -> Finding:
    """A ReLU follows each hidden layer, none follows the last layer, and forward uses no other activation function.

    Each hidden layer has its share of the points. An activation function of the scores costs one share. If forward ends
    early, a ReLU after its last layer is right, because another layer is still to follow.
    """
    network = case.network
    weighted = network.weighted
    if len(weighted) < 2 and not network.is_complete:
        return skipped("forward.shape", NOT_SEEN)
    if not weighted:
        return skipped("structure.conv", "Not checked, because forward uses no layer that a ReLU could follow.")
    hidden = weighted[:-1]
    if not hidden:
        cause = "structure.linear" if network.convs else "structure.conv"
        return skipped(cause, "Not checked, because forward uses no hidden layer.")
    faults = [fault for layer in hidden if (fault := _activation_fault(network, layer)) is not None]
    of_scores = activation_of_scores(case)
    last = None if of_scores is None else _fault_after_last(network, weighted[-1], of_scores)
    shares = min(HIDDEN_LAYERS, len(hidden))
    rectified = len(hidden) - len(faults)
    lost = max(shares - rectified, 0) + (last is not None)
    if last is not None:
        faults.append(last)
    if not network.is_complete and not lost:
        return skipped("forward.shape", NOT_SEEN)
    if not lost and network.ends_early:
        assumed = case.assumed(OTHER_OUTPUTS) if of_scores is not None else ""
        return passed(f"There is a ReLU after each hidden layer that another layer follows.{assumed}")
    if not lost:
        more = f" One more layer has none: {listed([fault.where for fault in faults])}." if faults else ""
        return passed(f"There is a ReLU after each hidden layer, and none after the last layer.{more}")
    fraction = max(Decimal(shares - lost) / shares, Decimal(0))
    finding = _worst(network, faults)
    if last is not None:
        finding = replace(finding, message=finding.message + case.assumed(OTHER_OUTPUTS))
    return replace(finding, status=Status.PARTIAL, fraction=fraction) if fraction else finding


@dataclass(frozen=True)
class _ActivationFault:
    """What follows one layer instead of a ReLU: another function, with the finding on it, or nothing."""

    where: str
    finding: Finding | None = None


def _worst(network: ExecutedNetwork, faults: Sequence[_ActivationFault]) -> Finding:
    """The finding on the first wrong function, or on all missing ones together."""
    wrong = next((fault.finding for fault in faults if fault.finding is not None), None)
    if wrong is not None:
        return wrong
    where = listed([fault.where for fault in faults])
    if {fault.where for fault in faults} <= _unused_relus(network):
        return failed(
            f"There is no ReLU after {where}, because the result of a ReLU is not used.",
            "F.relu returns a new tensor: write x = F.relu(x).",
            expected=f"a ReLU after {where}",
            seen="a ReLU whose result is not used",
            fault="unused-result",
        )
    return failed(
        f"There is no ReLU after {where}.",
        f"Apply F.relu (or nn.ReLU) to the output of {where}, before the next layer.",
        expected=f"a ReLU after {where}",
        seen="no activation function there",
    )


def _unused_relus(network: ExecutedNetwork) -> set[str]:
    """The layers after which a ReLU was called whose result is not used, by their positions."""
    found = set()
    for step in network.unused:
        before = [layer for layer in network.weighted if layer.index < step.index]
        if step.kind == "relu" and before:
            found.add(position(network, before[-1]))
    return found


def _activation_fault(network: ExecutedNetwork, layer: Operation) -> _ActivationFault | None:
    """What is wrong with the activation function after a hidden layer; None if it is a ReLU."""
    where = position(network, layer)
    following = network.after(layer)
    other = next((step for step in following if step.kind in {"activation", "softmax"}), None)
    if other is not None:
        name = "softmax" if other.kind == "softmax" else other.name
        hint = f"Use F.relu (or nn.ReLU) instead of {name}."
        if other.kind == "softmax":
            hint = "Replace it with F.relu, and use log_softmax only at the end of forward."
        finding = failed(
            f"forward applies {name} after {where}, where the lab asks for a ReLU.",
            hint,
            expected=f"a ReLU after {where}",
            seen=name,
        )
        return _ActivationFault(where, finding)
    if _is_rectified(network, following):
        return None
    return _ActivationFault(where)


def _fault_after_last(network: ExecutedNetwork, last: Operation, found: Operation) -> _ActivationFault | None:
    """What is wrong with an activation function after the last layer; None for a ReLU if forward ends early."""
    if network.ends_early:
        return None if found.kind == "relu" else _activation_fault(network, last)
    name = "a ReLU" if found.kind == "relu" else found.name
    where = position(network, last)
    finding = failed(
        f"forward applies {name} to the output scores, after {where}.",
        "Remove it: apply only log_softmax to the scores of the last layer.",
        expected="no activation function after the last fully connected layer",
        seen=found.name,
        fault="extra-activation",
    )
    return _ActivationFault(where, finding)


def _is_rectified(network: ExecutedNetwork, following: tuple[Operation, ...]) -> bool:
    """Whether every layer with weights in ``following`` has an input that went through a ReLU."""
    weighted = {layer.index for layer in network.weighted}
    rectified: set[int] = set()
    for step in following:
        if step.index in weighted:
            if rectified.isdisjoint(step.inputs):
                return False
        elif (step.kind == "relu" and step.matters) or not rectified.isdisjoint(step.inputs):
            rectified.add(step.index)
    return True


def activation_of_scores(case: Case) -> Operation | None:
    """A ReLU or another activation function between the last layer and the log-softmax; None if there is none.

    If forward ends early, its last layer gives the scores only as far as the training is concerned.

    Also None if there is no log-softmax: the check of the outputs reports an activation function in its place.
    """
    network, probe = case.network, case.evidence.probe
    if not network.weighted or not network.is_complete:
        return None
    scores = probe.scores if probe is not None else None
    following = network.after(network.weighted[-1])
    ends = [place for place, step in enumerate(following) if step.kind in {"softmax", "log_softmax"}]
    if not ends and scores is not None and scores.lead is None:
        return None
    before_end = following[: ends[0] if ends else None]
    return next((step for step in before_end if step.kind in {"relu", "activation"}), None)
