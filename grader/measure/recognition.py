"""Recognising by numbers: a ReLU or a dropout that goes by another name, and what an operation was told to do.

``x * (x > 0)``, ``torch.where``, ``clamp(min=0)`` and ``(x + abs(x)) / 2`` all leave the same values, and it is the
values that are compared here, with an earlier result of the same shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, allclose, finfo

from grader.model.graph import Node, Program
from grader.model.operations import Kind, plain_name

CLAMPS = frozenset({"clamp", "clip", "clamp_max"})
CAN_BE_RELU = frozenset({"leaky_relu", "prelu", "rrelu", "elu", "hardtanh"})
"""Named activations that are a plain ReLU under some settings: a slope of zero, or no upper bound."""
MASKING = frozenset({
    "mul", "multiply", "where", "masked_fill", "div", "divide", "true_divide", "addcmul", "masked_scatter", "index_put",
    "copy", "fill",
})  # fmt: skip
"""Operations through which a hand-written dropout zeroes values."""
NO_BOUND = 1e3
"""An upper bound that no activation reaches bounds nothing."""
DROPS_AT_LEAST = 0.002
"""Of the values, for a mask to be one of dropout: fewer are a coincidence."""
LEAST_TOLERANCE = 1e-3
"""How unlike the factors may be by which a mask scales what it keeps; numbers of few digits may differ by more."""


@dataclass(frozen=True)
class Call:
    """One elementwise operation with its result. ``is_masked``: an operand is random, or a constant that is no weight.
    ``is_learnt``: an operand is a weight.
    """

    node: Node
    kind: str
    result: Tensor
    is_masked: bool
    is_learnt: bool = False

    @property
    def name(self) -> str:
        """Without the mark of an operation in place."""
        return plain_name(self.node.name)


@dataclass(frozen=True)
class Recognised:
    """What an operation turns out to be: its kind, details of a softmax or dropout, and the node it was made from."""

    kind: str
    details: Mapping[str, Any]
    source: int | None = None


def by_numbers(call: Call, earlier: Iterable[tuple[int, Tensor]]) -> Recognised:
    """What a call turns out to be.

    ``earlier`` are results of the same shape back to the last weighted operation with their indices, nearest first.
    """
    bound = _upper_bound(call)
    kind = "activation" if call.name in CLAMPS and bound is not None else call.kind
    can_be_relu = (kind != "activation" or call.name in CAN_BE_RELU | CLAMPS) and not _is_bounded(bound)
    can_be_relu = can_be_relu and not (kind == "activation" and call.is_learnt)
    can_be_dropout = call.is_masked and call.name in MASKING
    if not call.result.is_floating_point() or not (can_be_relu or can_be_dropout):
        return Recognised(kind, {})
    after = call.result.double()
    tolerance = max(LEAST_TOLERANCE, 4 * finfo(call.result.dtype).eps)
    is_distribution = kind == "arithmetic" and _is_distribution(after)
    for index, source in earlier:
        before = source.double()
        if can_be_relu and _is_relu(before, after):
            return Recognised("relu", {}, index)
        dim = _softmax_dim_of(before, after) if is_distribution else None
        if dim is not None:
            return Recognised("softmax", {"dim": dim}, index)
        dropped = _dropped_fraction(before, after, tolerance) if can_be_dropout else None
        if dropped is not None:
            return Recognised("dropout", {"probability": dropped, "is_active": True}, index)
        if can_be_dropout and _is_multiple(before, after, tolerance):
            break  # a mask that dropped nothing this time; what lies before it has zeros of its own
    return Recognised(kind, {})


def _upper_bound(call: Call) -> object:
    """The largest value that a clamp or a hardtanh lets through; None when there is none."""
    args = call.node.args
    if call.name == "clamp_max":
        return args[1] if len(args) > 1 else None
    if call.name in CLAMPS:
        return call.node.kwargs.get("max", args[2] if len(args) > 2 else None)
    if call.name == "hardtanh":
        return call.node.kwargs.get("max_val", args[2] if len(args) > 2 else 1.0)
    return None


def _is_bounded(bound: object) -> bool:
    """Whether a bound is one that values reach; one that is a tensor may be."""
    if isinstance(bound, dict):
        return "tensor" in bound or bound.get("float") not in {"inf", None}
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


def _is_multiple(before: Tensor, after: Tensor, tolerance: float) -> bool:
    """Whether all values were scaled alike, and none was dropped."""
    live = before != 0
    if not bool(live.any()) or bool((after[~live] != 0).any()):
        return False
    ratio = after[live] / before[live]
    return bool((ratio != 0).all()) and _are_alike(ratio, tolerance)


def _are_alike(ratios: Tensor, tolerance: float) -> bool:
    middle = ratios.median()
    return bool((ratios - middle).abs().max() <= tolerance * middle.abs())


def _dropped_fraction(before: Tensor, after: Tensor, tolerance: float) -> float | None:
    """The share of non-zero values that became zero while all others were scaled alike; None when it was not so."""
    live = before != 0
    if not bool(live.any()):
        return None
    gone = live & (after == 0)
    kept = live & ~gone
    fraction = float(gone.sum() / live.sum())
    if not DROPS_AT_LEAST < fraction < 1 - DROPS_AT_LEAST or bool((after[~live] != 0).any()):
        return None
    return fraction if _are_alike(after[kept] / before[kept], tolerance) else None


def dropout_settings(node: Node) -> dict[str, Any]:
    """The probability that a dropout was given, and whether it was told that it is training."""
    probability, training = (*node.args[1:3], None, None)[:2] if len(node.args) < 3 else node.args[1:3]
    probability = node.kwargs.get("p", probability)
    training = node.kwargs.get("train", training)
    number = float(probability) if isinstance(probability, int | float) else 0.5
    return {"probability": number, "is_active": True if training is None else bool(training)}


def has_chance(program: Program) -> bool:
    """Whether no two passes of a program are alike: it drops values, or draws random numbers of its own."""
    return any(
        node.kind is Kind.RANDOM or (node.kind is Kind.DROPOUT and dropout_settings(node)["is_active"])
        for node in program.nodes
    )


def softmax_dim(node: Node, dimensions: int) -> int:
    """The dimension of a softmax over a tensor of so many, counted from the front."""
    dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    if not isinstance(dim, int):
        return 0 if dimensions in {0, 1, 3} else 1  # nn.functional._get_softmax_dim
    return dim % dimensions if dimensions else 0


def is_elementwise(kind: Kind | str) -> bool:
    """Whether operations of this kind are looked at by their numbers."""
    return kind in {Kind.ARITHMETIC, Kind.ACTIVATION}
