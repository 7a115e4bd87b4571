"""Recognising by numbers: a ReLU or a dropout that goes by another name, and what a call was told to do.

``x * (x > 0)``, ``torch.where``, ``clamp(min=0)`` and a custom autograd function all leave the same values, and it is
the values that are compared here, with an earlier result of the same shape.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, allclose

from grader.worker import vocabulary

CLAMPS = frozenset({"clamp", "clip", "clamp_", "clip_"})
BOUNDED = CLAMPS | {"hardtanh", "hardtanh_"}
CAN_BE_RELU = frozenset({
    "leaky_relu", "leaky_relu_", "prelu", "rrelu", "rrelu_", "elu", "elu_", "hardtanh", "hardtanh_",
})  # fmt: skip
"""Named activations that are a plain ReLU under some settings: a slope of zero, or no upper bound."""
NO_BOUND = 1e3
"""An upper bound that no activation reaches bounds nothing."""


@dataclass(frozen=True)
class Call:
    """One intercepted elementwise call.

    ``is_masked``: an operand is random, or a constant that is no weight. ``is_learnt``: an operand is a weight.
    """

    name: str
    kind: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Tensor
    is_masked: bool
    is_learnt: bool = False


def by_numbers(call: Call, earlier: Iterable[tuple[int, Tensor]]) -> tuple[str, dict[str, Any], int | None]:
    """The kind that a call turns out to be, the details of a hand-written dropout, and which result it was made from.

    ``earlier`` are results of the same shape back to the last weighted operation with their indices, nearest first.
    """
    kind = "activation" if call.name in CLAMPS and _upper_bound(call) is not None else call.kind
    can_be_relu = (kind != "activation" or call.name in CAN_BE_RELU | CLAMPS) and not _is_bounded(call)
    can_be_relu = can_be_relu and not (kind == "activation" and call.is_learnt)
    can_be_dropout = call.is_masked and call.name in vocabulary.MASKING
    if not call.result.is_floating_point() or not (can_be_relu or can_be_dropout):
        return kind, {}, None
    after = call.result.double()
    is_distribution = kind == "arithmetic" and _is_distribution(after)
    for index, source in earlier:
        before = source.double()
        if can_be_relu and _is_relu(before, after):
            return "relu", {}, index
        dim = _softmax_dim_of(before, after) if is_distribution else None
        if dim is not None:
            return "softmax", {"dim": dim}, index
        dropped = _dropped_fraction(before, after) if can_be_dropout else None
        if dropped is not None:
            return "dropout", {"probability": dropped, "is_active": True}, index
    return kind, {}, None


def _upper_bound(call: Call) -> object:
    """The largest value that a clamp or a hardtanh lets through; None when there is none."""
    if call.name in CLAMPS:
        return call.kwargs.get("max", call.args[2] if len(call.args) > 2 else None)
    return call.kwargs.get("max_val", call.args[2] if len(call.args) > 2 else 1.0)


def _is_bounded(call: Call) -> bool:
    if call.name not in BOUNDED:
        return False
    bound = _upper_bound(call)
    if isinstance(bound, Tensor):
        return bool((bound < NO_BOUND).any())
    return isinstance(bound, int | float) and bound < NO_BOUND


def _is_relu(before: Tensor, after: Tensor) -> bool:
    if not bool((before < 0).any()) or not bool((before > 0).any()):
        return False
    return allclose(after, before.clamp(min=0), rtol=1e-5, atol=1e-8)


def _is_distribution(values: Tensor) -> bool:
    """Whether the values along some dimension of a (N, C) result are positive and sum to 1."""
    if values.dim() != 2 or min(values.shape) < 2 or bool((values < 0).any()):
        return False
    return any(bool(((values.sum(dim) - 1).abs() < 1e-4).all()) for dim in (0, 1))


def _softmax_dim_of(before: Tensor, after: Tensor) -> int | None:
    """The dimension along which ``after`` is the softmax of ``before``; None when it is not."""
    dims = (dim for dim in (1, 0) if allclose(after, before.softmax(dim), rtol=1e-4, atol=1e-6))
    return next(dims, None)


def _dropped_fraction(before: Tensor, after: Tensor) -> float | None:
    """The share of non-zero values that became zero while all others were scaled alike; None when it was not so."""
    live = before != 0
    if not bool(live.any()):
        return None
    gone = live & (after == 0)
    kept = live & ~gone
    fraction = float(gone.sum() / live.sum())
    if not 0.002 < fraction < 0.998 or bool((after[~live] != 0).any()):
        return None
    ratio = after[kept] / before[kept]
    return fraction if bool((ratio - ratio.median()).abs().max() <= 1e-3 * ratio.median().abs()) else None


def dropout_settings(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The probability that a dropout call was given, and whether it was told that it is training."""
    probability = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
    training = kwargs.get("training", kwargs.get("train", args[2] if len(args) > 2 else True))
    is_number = isinstance(probability, int | float | Tensor)
    return {"probability": float(probability) if is_number else 0.5, "is_active": bool(training)}


def softmax_dim(args: tuple[Any, ...], kwargs: dict[str, Any], data: Tensor) -> int:
    """The dimension of a softmax, counted from the front; torch's own rule for a call without one."""
    dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
    if not isinstance(dim, int):
        return 0 if data.dim() in {0, 1, 3} else 1  # nn.functional._get_softmax_dim
    return dim % data.dim() if data.dim() else 0
