"""Checks of how the network behaves: dropout in training and evaluation mode, gradients, size and speed."""

from __future__ import annotations

from grader.checks.case import Case, counted, failed, listed, passed, skipped
from grader.checks.loading import at, cause, ended
from grader.model import Finding
from grader.model.evidence import Modes, Operation, ParameterGradient

DROPOUTS_OF_TORCH = frozenset({
    "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "alpha_dropout", "feature_alpha_dropout",
    "native_dropout",
})  # fmt: skip
NOISE = 1e-6
"""Outputs that differ by at most this count as equal. Log-probabilities are of the order of 1."""


def dropout_train_eval(case: Case) -> Finding:
    """Dropout makes two forward passes differ in training mode, and they agree in evaluation mode."""
    modes = case.evidence.modes
    if modes is None:
        return ended(case.evidence.ending, "Comparing training and evaluation mode", "modes")
    if modes.problem is not None:
        return failed(
            "The forward pass raises an error in training or evaluation mode"
            f"{at(modes.problem)}: {cause(modes.problem)}.",
            "Call net.train() and run one batch, then call net.eval() and run it again.",
        )
    dropouts = case.network.between(None, None, "dropout")
    if case.has_fresh_layers:
        return skipped("Not checked, because forward creates layers with new weights each time.")
    if not case.has_comparable_outputs:
        return skipped("Not checked, because the outputs are not finite, or are the same for every image.")
    if modes.eval_difference > NOISE:
        return _noisy_in_eval(modes, dropouts)
    if modes.train_difference <= NOISE and case.has_dropout_of_everything:
        return skipped("Not checked, because a dropout with p=1 sets every value to zero.")
    if modes.train_difference <= NOISE:
        if not dropouts:
            return skipped("Not checked, because forward uses no dropout.")
        return failed(
            "Dropout has no effect in training mode: two forward passes on the same images give the same outputs.",
            "Use nn.Dropout with a probability above 0, or F.dropout(x, training=self.training).",
            expected="different outputs from two forward passes in training mode",
            seen="the same outputs",
        )
    is_handmade = any(dropout.name not in DROPOUTS_OF_TORCH for dropout in dropouts)
    if modes.train_still > NOISE and modes.train_still >= modes.train_difference and not is_handmade:
        return failed(
            "In training mode, something other than dropout makes the outputs random.",
            "Remove other random numbers from forward.",
            expected="dropout as the only random operation",
        )
    return passed("Dropout is on in training mode and off in evaluation mode.")


def _noisy_in_eval(modes: Modes, dropouts: tuple[Operation, ...]) -> Finding:
    expected = "the same outputs from two forward passes in evaluation mode"
    seen = "different outputs"
    unregistered = [dropout for dropout in dropouts if not dropout.is_registered]
    if modes.eval_still <= NOISE and unregistered:
        if unregistered[0].is_fresh:
            return failed(
                "A dropout layer is created inside forward, so it is always in training mode.",
                "Create it in __init__ (self.dropout = nn.Dropout()), or call F.dropout(x, training=self.training).",
                expected=expected,
                seen=seen,
            )
        return failed(
            "A dropout layer is not registered in Net, so net.eval() does not turn it off.",
            "Assign it to self directly, or keep the layers in an nn.ModuleList instead of a plain list.",
            expected=expected,
            seen=seen,
        )
    if modes.eval_still <= NOISE:
        functional = [dropout for dropout in dropouts if not dropout.layer] or list(dropouts)
        where = f" ({functional[0].layer})" if functional and functional[0].layer else ""
        return failed(
            f"Dropout{where} stays on in evaluation mode.",
            "Write F.dropout(x, training=self.training), or use nn.Dropout.",
            expected=expected,
            seen=seen,
        )
    return failed(
        "The outputs are random in evaluation mode.",
        "Drop values only when self.training is True, and remove other random numbers from forward.",
        expected=expected,
        seen=seen,
    )


def gradients(case: Case) -> Finding:
    """The backward pass works, and every parameter that is used is registered, trainable and gets a good gradient.

    A good gradient is finite and not zero everywhere.
    """
    evidence = case.evidence.gradients
    if evidence is None:
        return ended(case.evidence.ending, "Computing gradients", "gradients")
    detaches = [operation for operation in case.network.path if operation.kind == "detach"]
    unregistered = [layer for layer in case.network.weighted if not layer.is_registered]
    used = list(evidence.parameters)
    expected = "a gradient for every parameter"
    if any(layer.is_fresh for layer in unregistered):
        return failed(
            f"{_layers(unregistered)} created in each forward pass, so the trained weights are lost.",
            "Create every layer once, in __init__, and call it in forward.",
            expected="layers created in __init__",
        )
    if unregistered or evidence.unregistered:
        return failed(
            f"{_layers(unregistered) or 'A weight tensor is'} not registered in Net, so net.parameters() "
            "does not return its weights and they are never trained.",
            "Assign the layer to self directly, or use nn.ModuleList instead of a list and nn.ModuleDict instead of "
            "a dict; make a plain weight tensor an nn.Parameter.",
            expected="every weight in net.parameters()",
            seen=", ".join(evidence.unregistered[:3]),
        )
    if evidence.problem is not None and "inplace operation" in evidence.problem.message:
        return failed(
            "The backward pass fails, because forward changes a tensor in place that backward needs.",
            "Create new tensors in forward: write x = x + y instead of x += y, and leave out inplace=True.",
            expected=expected,
        )
    is_cut = evidence.problem is None or "does not require grad" in evidence.problem.message
    cut = _cut_off(used, detaches) if is_cut else None
    if cut is not None:
        return cut
    if evidence.problem is not None:
        return failed(
            f"The backward pass raises an error: {cause(evidence.problem)}.",
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
    if dead and case.has_dropout_of_everything:
        return skipped("Not checked, because a dropout with p=1 sets every value to zero.")
    if dead:
        return failed(
            f"The gradient of {_names(dead)} is zero everywhere, so these weights cannot learn.",
            "Look for weights that all start at zero, or a ReLU or a constant that blocks every value.",
            expected=expected,
        )
    return passed(f"{counted(len(used), 'parameter tensor')} {'gets' if len(used) == 1 else 'get'} a gradient.")


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
        f"No gradient reaches {_names(without)}, because forward breaks the chain of operations.",
        "Use only torch operations in forward, without .detach(), .data, .numpy(), torch.tensor(...) or "
        "torch.no_grad(); use torch.no_grad() only around the evaluation of the network.",
        expected=expected,
        seen=f".{detaches[0].name}" if detaches else "",
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


def resources(case: Case) -> Finding:
    """Net has fewer parameters than the rubric's limit, and a forward pass takes less than its limit.

    The time limit is in seconds, for 64 images on the CPU after a warm-up.
    """
    build, evidence = case.evidence.build, case.evidence.resources
    expected = (
        f"fewer than {case.max_parameters:,} parameters, and less than {case.max_forward_seconds:g} s for 64 images"
    )
    if build is not None and build.parameters >= case.max_parameters:
        return failed(
            f"Net has too many parameters: {build.parameters:,}.",
            "Use fewer channels, pool earlier, or use a smaller first fully connected layer.",
            expected=expected,
            seen=f"{build.parameters:,} parameters",
        )
    if evidence is None:
        return ended(case.evidence.ending, "Timing a forward pass", "resources")
    if evidence.problem is not None:
        return skipped("Not checked, because no forward pass could be timed.")
    seen = f"{evidence.parameters:,} parameters, {evidence.forward_seconds * 1000:.0f} ms"
    if evidence.forward_seconds >= case.max_forward_seconds:
        return failed(
            "A forward pass of 64 images takes too long.",
            "Use fewer channels, and avoid Python loops over images or pixels.",
            expected=expected,
            seen=seen,
        )
    return passed("The network is small and fast enough.", expected=expected, seen=seen)
