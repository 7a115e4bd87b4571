"""The check of gradients: the backward pass works, and every parameter gets a gradient."""

from __future__ import annotations

from dataclasses import replace

from grader.checks.case import Case, failed, listed, passed
from grader.checks.endings import ended
from grader.checks.problem_text import cause
from grader.model import Finding, Status
from grader.model.evidence import Gradients, Operation, ParameterGradient
from grader.model.quantities import quantity
from grader.model.repair_kinds import CUT_GRADIENTS, FRESH_WEIGHTS, IN_PLACE


def gradients(case: Case) -> Finding:
    """The backward pass works, and every parameter that is used is registered, trainable and gets a good gradient.

    A good gradient is finite and not zero everywhere.
    """
    finding = _of_backward_pass(case)
    if finding.status is not Status.FAILED:
        return finding
    sentences = (case.assumed(kind) for kind in (FRESH_WEIGHTS, IN_PLACE, CUT_GRADIENTS))
    return replace(finding, message=finding.message + next(filter(None, sentences), ""))


def is_cut(case: Case) -> bool:
    """Whether some weight gets no gradient, because it is not registered, or is frozen or cut off."""
    measured = case.gradients
    if measured is None:
        return False
    is_fresh = any(layer.is_fresh for layer in case.network.weighted)
    return is_fresh or bool(measured.unregistered) or any(weight.state == "none" for weight in measured.parameters)


def _of_backward_pass(case: Case) -> Finding:
    measured = case.gradients
    if measured is None:
        return ended(case.evidence.ending, "Computing gradients", "gradients")
    detaches = [operation for operation in case.network.path if operation.kind == "detach"]
    unregistered = [layer for layer in case.network.weighted if not layer.is_registered]
    used = list(measured.parameters)
    expected = "a gradient for every parameter"
    if any(layer.is_fresh for layer in unregistered):
        return failed(
            f"{_layers(unregistered)} created in each forward pass, so the trained weights are lost.",
            "Create every layer once, in __init__, and call it in forward.",
            expected="layers created in __init__",
            fault="unregistered",
        )
    if unregistered or measured.unregistered:
        return failed(
            f"{_layers(unregistered) or 'A weight tensor is'} not registered in Net, so net.parameters() "
            "does not return its weights and they are never trained.",
            "Assign the layer to self directly, or use nn.ModuleList instead of a list and nn.ModuleDict instead of "
            "a dict; make a plain weight tensor an nn.Parameter.",
            expected="every weight in net.parameters()",
            seen=", ".join(measured.unregistered[:3]),
            fault="unregistered",
        )
    if is_overwritten(measured):
        return failed(
            "The backward pass fails, because forward changes a tensor in place that backward needs.",
            "Create new tensors in forward: write x = x + y instead of x += y, and leave out inplace=True.",
            expected=expected,
            fault=IN_PLACE,
        )
    is_cut = measured.problem is None or "does not require grad" in measured.problem.message
    cut = _cut_off(used, detaches) if is_cut else None
    if cut is not None:
        return cut
    if measured.problem is not None:
        return failed(
            f"The backward pass raises an error: {cause(measured.problem)}.",
            "Run loss.backward() on one batch and correct the line that the error names.",
            expected=expected,
        )
    if not used:
        return failed(
            "The forward pass uses no trainable parameter.",
            "In forward, call the layers that __init__ creates.",
            expected=expected,
        )
    bad = [parameter for parameter in used if parameter.state == "nonfinite"]
    if bad:
        return failed(
            f"The gradient of {_names(bad)} is not finite (NaN or infinity).",
            "Look for a log of zero, a division by zero, or very large weights.",
            expected=expected,
        )
    dead = [parameter for parameter in used if parameter.state == "zero"]
    if dead:
        return failed(
            f"The gradient of {_names(dead)} is zero everywhere, so these weights cannot learn.",
            "Look for weights that all start at zero, or a ReLU or a constant that blocks every value.",
            expected=expected,
        )
    return passed(f"{quantity(len(used), 'parameter tensor')} {'gets' if len(used) == 1 else 'get'} a gradient.")


def is_overwritten(measured: Gradients) -> bool:
    """Whether the backward pass fails because forward changed a tensor in place that it needs."""
    return measured.problem is not None and "inplace operation" in measured.problem.message


def _cut_off(used: list[ParameterGradient], detaches: list[Operation]) -> Finding | None:
    """The finding on frozen parameters and on gradients blocked by detach, .data or no_grad; None if there are none."""
    expected = "a gradient for every parameter"
    without = [parameter for parameter in used if parameter.state == "none"]
    if not without:
        return None
    frozen = [parameter for parameter in without if not parameter.is_trainable]
    if frozen:
        return failed(
            f"The parameters of {_names(frozen)} are frozen (requires_grad is False), so they never learn.",
            "Remove requires_grad = False; every layer should learn.",
            expected=expected,
        )
    return failed(
        f"No gradient reaches {_names(without)}, because forward has a step that gradients cannot pass.",
        "Use only torch operations in forward, without .detach(), .data, .numpy(), torch.tensor(...) or "
        "torch.no_grad(); use torch.no_grad() only around the evaluation of the network.",
        expected=expected,
        seen=f".{detaches[0].name}" if detaches else "",
        fault=CUT_GRADIENTS,
    )


def _names(parameters: list[ParameterGradient]) -> str:
    """The layers that the parameters belong to: ``conv1 and conv2``."""
    names = list(dict.fromkeys(_layer_of(parameter.name) for parameter in parameters))
    return listed(names if len(names) < 5 else [*names[:3], f"{len(names) - 3} more"])


def _layer_of(parameter: str) -> str:
    """``conv1`` for ``conv1.weight`` and for ``conv1.parametrizations.weight.original``."""
    layer, _, inner = parameter.partition(".parametrizations.")
    return layer if inner else parameter.rpartition(".")[0] or parameter


def _layers(operations: list[Operation]) -> str:
    words = list(
        dict.fromkeys(
            "a convolution layer" if operation.kind == "conv" else "a fully connected layer" for operation in operations
        )
    )
    if not words:
        return ""
    text = " and ".join(words)
    return f"{text[0].upper()}{text[1:]} {'are' if len(words) > 1 else 'is'}"
