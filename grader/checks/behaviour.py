"""The check of how dropout behaves: on in training mode, off in evaluation mode."""

from __future__ import annotations

from grader.checks.case import Case, failed, passed, skipped
from grader.checks.endings import ended
from grader.checks.problem_text import at, cause
from grader.model import Finding
from grader.model.evidence import Modes, Operation

DROPOUTS_OF_TORCH = frozenset({
    "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "alpha_dropout", "feature_alpha_dropout",
    "native_dropout",
})  # fmt: skip
NOISE = 1e-6
"""Outputs that differ by at most this count as equal. Log-probabilities are of the order of 1."""


def dropout_train_eval(case: Case) -> Finding:
    """Dropout makes two forward passes differ in training mode, and they agree in evaluation mode."""
    modes = case.modes
    if modes is None:
        return ended(case.evidence.ending, "Comparing training and evaluation mode", "modes")
    if modes.problem is not None:
        return failed(
            "The forward pass raises an error in training or evaluation mode"
            f"{at(modes.problem)}: {cause(modes.problem)}.",
            "Call net.train() and run one batch, then call net.eval() and run it again.",
        )
    dropouts = case.network.between(None, None, "dropout")
    if modes.eval_difference > NOISE:
        return _noisy_in_eval(modes, dropouts)
    if modes.train_difference <= NOISE:
        if not dropouts:
            return skipped("structure.dropout_conv", "Not checked, because forward uses no dropout.")
        rows = case.rows
        if rows is not None and rows.scores is not None and not rows.scores.is_finite:
            return skipped("output.log_softmax", "Not checked, because the outputs are not finite.")
        if rows is not None and rows.constant_rows:
            return skipped("behaviour.gradients", "Not checked, because the outputs are the same for every image.")
        if not any(dropout.drops_some for dropout in dropouts):
            place = "structure.dropout_conv" if _is_after_convs(case, dropouts[0]) else "structure.dropout_fc"
            return skipped(place, "Not checked, because no dropout of forward has an effect.")
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


def _is_after_convs(case: Case, dropout: Operation) -> bool:
    """Whether a dropout is before the first fully connected layer."""
    linears = case.network.linears
    return not linears or dropout.index < linears[0].index


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
