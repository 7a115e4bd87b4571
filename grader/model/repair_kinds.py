"""The kinds of repair by which the grader assesses what lies behind a fault; docs/marking-policy.md describes them."""

from __future__ import annotations

DROPOUT = "dropout"
"""A dropout that is off, or has p=0 or p=1, gets p=0.5 and is on in training mode."""
OTHER_OUTPUTS = "other-outputs"
"""The outputs become the log-softmax of the scores."""
FRESH_WEIGHTS = "fresh-weights"
"""Weights that forward draws in each pass are kept."""
IN_PLACE = "in-place"
"""Operations that write into their first operand give a new tensor instead."""
CUT_GRADIENTS = "cut-gradients"
"""Every weight is registered and trainable, and gradients flow back through each step."""

ASSUMED = {
    DROPOUT: "the dropout had p=0.5",
    OTHER_OUTPUTS: "forward returned F.log_softmax of the last layer's scores",
    FRESH_WEIGHTS: "Net kept the layers that forward creates",
    IN_PLACE: "forward changed no tensor in place",
    CUT_GRADIENTS: "every weight were registered and got its gradient",
}
"""What completes the sentence "The rest was assessed as if ..."."""
NEWER_PYTHON = "newer-python"
"""No fault: a part of the script needs a newer Python than the grader's. A tutor confirms ``loads``."""

COSTS, FREE, STOPS = "costs", "free", "stops"
RULES = (COSTS, FREE, STOPS)
"""A repair costs the item that its fault breaks (the default), or nothing; or the fault is not repaired, and what lies
behind it is not assessed."""

KINDS = (
    *("syntax", "other-name", "instance", "arguments", "super-init", "missing-import", "missing-checkpoint"),
    *("misspelt", "no-module"),
    *("linear-size", "conv-channels", "flatten-missing", "flatten-batch", "reshape-size", "reshape-rows"),
    *("reshape-layout", "input-shape", "map-too-small", "left-out", "softmax-dim", "class-count"),
    *("comma", "attribute", "missing-layer", "layer-call", "name", "init-name", "forward-name", "device", "dtype"),
    *("returned-container", "return-missing", "class-numbers", "extra-dimensions", "transposed"),
)
"""The kinds of repair that a rubric may name in its table ``[repairs]``: of the script, of ``Net()`` and of forward."""
