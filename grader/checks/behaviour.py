"""The checks on how the net behaves in use: dropout in train and eval mode, gradients, and what it costs to run."""

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
"""Two passes that differ by no more are the same; log-probabilities are of the order of one."""


def dropout_train_eval(case: Case) -> Finding:
    """Two passes differ in train mode and agree in eval mode, because of dropout."""
    modes = case.evidence.modes
    if modes is None:
        return ended(case.evidence.ending, "Comparing training and evaluation mode", "modes")
    if modes.problem is not None:
        return failed(
            f"A pass in training or evaluation mode raises an error{at(modes.problem)}: {cause(modes.problem)}.",
            "Run a batch through net.train() and through net.eval().",
        )
    dropouts = case.network.between(None, None, "dropout")
    if case.has_fresh_layers:
        return skipped("Not assessed, because layers with new weights are made in each forward pass.")
    if not case.has_living_outputs:
        return skipped("Not assessed, because the outputs do not depend on the image.")
    if modes.eval_difference > NOISE:
        return _noisy_in_eval(modes, dropouts)
    if modes.train_difference <= NOISE and case.zeroes_everything:
        return skipped("Not assessed, because a dropout with p=1 zeroes everything.")
    if modes.train_difference <= NOISE:
        if not dropouts:
            return skipped("There is no dropout whose behaviour could be compared.")
        return failed(
            "Dropout drops nothing in training mode: two passes over the same images agree.",
            "Give the dropout a probability above 0 and pass training=self.training, or use nn.Dropout.",
            expected="passes that differ in training mode",
            seen="passes that agree",
        )
    is_handmade = any(one.name not in DROPOUTS_OF_TORCH for one in dropouts)
    if modes.train_still > NOISE and modes.train_still >= modes.train_difference and not is_handmade:
        return failed(
            "Passes differ in training mode because of something other than dropout.",
            "Take other random numbers out of forward; only dropout should be random.",
            expected="dropout as the only source of chance",
        )
    return passed("Dropout works in training mode and rests in evaluation mode.")


def _noisy_in_eval(modes: Modes, dropouts: tuple[Operation, ...]) -> Finding:
    expected, seen = "passes that agree in evaluation mode", "passes that differ"
    unregistered = [one for one in dropouts if not one.is_registered]
    if modes.eval_still <= NOISE and unregistered:
        if unregistered[0].is_fresh:
            return failed(
                "A dropout layer is made inside forward, so it always believes that it is training.",
                "Make nn.Dropout in __init__ as self.dropout, or call F.dropout(x, training=self.training).",
                expected=expected,
                seen=seen,
            )
        return failed(
            "A dropout layer is kept where net.eval() cannot reach it, so it never rests.",
            "Assign it to self directly, or keep the layers in nn.ModuleList instead of a plain list.",
            expected=expected,
            seen=seen,
        )
    if modes.eval_still <= NOISE:
        functional = [one for one in dropouts if not one.layer] or list(dropouts)
        where = f" ({functional[0].layer})" if functional and functional[0].layer else ""
        return failed(
            f"Dropout{where} stays on in evaluation mode.",
            "F.dropout has to be told: write F.dropout(x, training=self.training).",
            expected=expected,
            seen=seen,
        )
    return failed(
        "The net gives random results in evaluation mode.",
        "Only drop values while self.training is true, and take other random numbers out of forward.",
        expected=expected,
        seen=seen,
    )


def gradients(case: Case) -> Finding:
    """Backward works; every parameter used is registered, trainable, and gets a finite gradient that is not all
    zero.
    """
    evidence = case.evidence.gradients
    if evidence is None:
        return ended(case.evidence.ending, "Computing gradients", "gradients")
    detaches = [one for one in case.network.path if one.kind == "detach"]
    unregistered = [one for one in case.network.weighted if not one.is_registered]
    used = list(evidence.parameters)
    expected = "a gradient for every weight"
    if any(one.is_fresh for one in unregistered):
        return failed(
            f"{_layers(unregistered)} made anew in each forward pass, so nothing it learns is kept.",
            "Make every layer once, in __init__, and call it in forward.",
            expected="layers made in __init__",
        )
    if unregistered or evidence.unregistered:
        return failed(
            f"{_layers(unregistered) or 'A weight is'} not registered in Net, so net.parameters() "
            "does not give its weights, and they are never trained.",
            "Assign the layer to self directly, or use nn.ModuleList in place of a list and nn.ModuleDict in place of "
            "a dict; make a bare weight an nn.Parameter.",
            expected="every weight among net.parameters()",
            seen=", ".join(evidence.unregistered[:3]),
        )
    if evidence.problem is not None and "inplace operation" in evidence.problem.message:
        return failed(
            "backward fails because a value that it needs was changed in place.",
            "Do not overwrite tensors in forward: write x = x + y, not x += y, and avoid inplace=True there.",
            expected=expected,
        )
    is_cut = evidence.problem is None or "does not require grad" in evidence.problem.message
    cut = _cut_off(used, detaches) if is_cut else None
    if cut is not None:
        return cut
    if evidence.problem is not None:
        return failed(
            f"backward raises an error: {cause(evidence.problem)}.",
            "Run loss.backward() on one batch and correct what it complains about.",
            expected=expected,
        )
    if not used:
        return failed(
            "No trainable weight takes part in the forward pass.",
            "Use the layers that __init__ makes in forward.",
            expected=expected,
        )
    bad = [one for one in used if one.state == "nonfinite"]
    if bad:
        return failed(
            f"The gradient of {_names(bad)} is not finite (NaN or infinity).",
            "Look for a log of zero, a division by zero, or very large weights.",
            expected=expected,
        )
    dead = [one for one in used if one.state == "zero"]
    if dead and case.zeroes_everything:
        return skipped("Not assessed, because a dropout with p=1 zeroes everything.")
    if dead:
        return failed(
            f"The gradient of {_names(dead)} is zero throughout, so nothing is learnt there.",
            "Look for weights that are all zero, or a ReLU or constant that lets nothing through.",
            expected=expected,
        )
    return passed(f"{counted(len(used), 'parameter tensor')} get a gradient.")


def _cut_off(used: list[ParameterGradient], detaches: list[Operation]) -> Finding | None:
    """Frozen weights, and gradients cut off by detach, .data or no_grad."""
    expected = "a gradient for every weight"
    without = [one for one in used if one.state == "none"]
    if not without:
        return None
    frozen = [one for one in without if not one.is_trainable]
    if frozen:
        return failed(
            f"Weights of {_names(frozen)} are frozen (requires_grad is False), so they never learn.",
            "Take requires_grad = False out; every layer should train.",
            expected=expected,
        )
    return failed(
        f"No gradient reaches {_names(without)}, because forward cuts the connection.",
        "Keep the whole forward pass in torch tensors: no .detach(), .data, .numpy() or torch.tensor(...), and no "
        "torch.no_grad(), which belongs around evaluation only.",
        expected=expected,
        seen=f".{detaches[0].name}" if detaches else "",
    )


def _names(parameters: list[ParameterGradient]) -> str:
    """The layers that parameters belong to: ``conv1 and conv2``."""
    names = list(dict.fromkeys(_layer_of(one.name) for one in parameters))
    return listed(names if len(names) < 5 else [*names[:3], f"{len(names) - 3} more"])


def _layer_of(parameter: str) -> str:
    """``conv1`` of ``conv1.weight`` or ``conv1.parametrizations.weight.original``."""
    layer, _, inner = parameter.partition(".parametrizations.")
    return layer if inner else parameter.rpartition(".")[0] or parameter


def _layers(operations: list[Operation]) -> str:
    words = list(
        dict.fromkeys("a " + ("convolution" if one.kind == "conv" else "fully connected layer") for one in operations)
    )
    if not words:
        return ""
    text = " and ".join(words)
    return f"{text[0].upper()}{text[1:]} {'are' if len(words) > 1 else 'is'}"


def resources(case: Case) -> Finding:
    """Fewer than the rubric's most parameters; a warm forward of 64 images takes less than its most seconds on the
    CPU.
    """
    build, evidence = case.evidence.build, case.evidence.resources
    expected = (
        f"fewer than {case.max_parameters:,} parameters, and less than {case.max_forward_seconds:g} s for 64 images"
    )
    if build is not None and build.parameters >= case.max_parameters:
        return failed(
            f"Net has {build.parameters:,} parameters.",
            "Use fewer channels, pool earlier, or make the first fully connected layer smaller.",
            expected=expected,
            seen=f"{build.parameters:,} parameters",
        )
    if evidence is None:
        return ended(case.evidence.ending, "Timing a forward pass", "resources")
    if evidence.problem is not None:
        return skipped("A forward pass could not be timed.")
    seen = f"{evidence.parameters:,} parameters, {evidence.forward_seconds * 1000:.0f} ms"
    if evidence.forward_seconds >= case.max_forward_seconds:
        return failed(
            "A forward pass of 64 images takes too long.",
            "Use fewer channels, and avoid Python loops over images or pixels.",
            expected=expected,
            seen=seen,
        )
    return passed("The net is small and fast enough.", expected=expected, seen=seen)
