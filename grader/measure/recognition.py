"""Recognise a hand-written ReLU, dropout or softmax by its values, and read the settings of an operation.

``x * (x > 0)``, ``torch.where``, ``clamp(min=0)`` and ``(x + abs(x)) / 2`` all give the same values as ``relu(x)``. So
the values of a result are compared with those of an earlier result of the same shape.
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
"""Activations that are equal to ReLU with certain settings: a slope of zero, or no upper bound."""
MASKING = frozenset({
    "mul", "multiply", "where", "masked_fill", "div", "divide", "true_divide", "addcmul", "masked_scatter", "index_put",
    "copy", "fill",
})  # fmt: skip
"""Operations that a hand-written dropout can use to set values to zero."""
NO_BOUND = 1e3
"""An upper bound from here on does not count, because no activation reaches it."""
DROPS_AT_LEAST = 0.002
"""Smallest share of dropped values that counts as dropout; a smaller share may be a coincidence."""
LEAST_TOLERANCE = 1e-3
"""Largest relative difference of the factors by which a mask scales kept values; more for low-precision dtypes."""


@dataclass(frozen=True)
class Call:
    """One elementwise operation with its result.

    ``is_masked``: an operand is random or a constant. ``is_learnt``: an operand is a weight.
    """

    node: Node
    kind: str
    result: Tensor
    is_masked: bool
    is_learnt: bool = False

    @property
    def name(self) -> str:
        """The name without the underscore of an in-place operation."""
        return plain_name(self.node.name)


@dataclass(frozen=True)
class Recognised:
    """The recognised kind of an operation, the details of a softmax or dropout, and the node that it reads."""

    kind: str
    details: Mapping[str, Any]
    source: int | None = None


def recognise(call: Call, earlier: Iterable[tuple[int, Tensor]]) -> Recognised:
    """Recognise what a call computes.

    ``earlier`` are earlier results of the same shape, each with its index, back to the last layer, nearest first.
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
            break  # the mask dropped nothing this time; earlier results have zeros of their own
    return Recognised(kind, {})


def _upper_bound(call: Call) -> object:
    """The upper bound of a clamp or a hardtanh; None if it has none."""
    args = call.node.args
    if call.name == "clamp_max":
        return args[1] if len(args) > 1 else None
    if call.name in CLAMPS:
        return call.node.kwargs.get("max", args[2] if len(args) > 2 else None)
    if call.name == "hardtanh":
        return call.node.kwargs.get("max_val", args[2] if len(args) > 2 else 1.0)
    return None


def _is_bounded(bound: object) -> bool:
    """Whether values can reach the bound; a bound that is a tensor counts as reachable."""
    if isinstance(bound, dict):
        return "tensor" in bound or bound.get("float") not in {"inf", None}
    return isinstance(bound, int | float) and bound < NO_BOUND


def _is_relu(before: Tensor, after: Tensor) -> bool:
    if not bool((before < 0).any()) or not bool((before > 0).any()):
        return False
    return allclose(after, before.clamp(min=0), rtol=1e-5, atol=1e-8)


def _is_distribution(values: Tensor) -> bool:
    """Whether the values of an (N, C) result are not negative and sum to 1 along one dimension."""
    if values.dim() != 2 or min(values.shape) < 2 or bool((values < 0).any()):
        return False
    return any(bool(((values.sum(dim) - 1).abs() < 1e-4).all()) for dim in (0, 1))


def _softmax_dim_of(before: Tensor, after: Tensor) -> int | None:
    """The dimension along which ``after`` is the softmax of ``before``; None if it is not a softmax."""
    dims = (dim for dim in (1, 0) if allclose(after, before.softmax(dim), rtol=1e-4, atol=1e-6))
    return next(dims, None)


def _is_multiple(before: Tensor, after: Tensor, tolerance: float) -> bool:
    """Whether all values were scaled by the same factor and none was dropped."""
    live = before != 0
    if not bool(live.any()) or bool((after[~live] != 0).any()):
        return False
    ratio = after[live] / before[live]
    return bool((ratio != 0).all()) and _are_alike(ratio, tolerance)


def _are_alike(ratios: Tensor, tolerance: float) -> bool:
    middle = ratios.median()
    return bool((ratios - middle).abs().max() <= tolerance * middle.abs())


def _dropped_fraction(before: Tensor, after: Tensor, tolerance: float) -> float | None:
    """The share of values that became zero, if all others were scaled by the same factor; otherwise None."""
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
    """The probability of a dropout, and whether it was called in training mode."""
    probability, training = (*node.args[1:3], None, None)[:2] if len(node.args) < 3 else node.args[1:3]
    probability = node.kwargs.get("p", probability)
    training = node.kwargs.get("train", training)
    number = float(probability) if isinstance(probability, int | float) else 0.5
    return {"probability": number, "is_active": True if training is None else bool(training)}


def has_chance(program: Program) -> bool:
    """Whether a program draws random numbers, so that two passes differ."""
    return any(
        node.kind is Kind.RANDOM or (node.kind is Kind.DROPOUT and dropout_settings(node)["is_active"])
        for node in program.nodes
    )


def softmax_dim(node: Node, dimensions: int) -> int:
    """The dimension of a softmax over a tensor with this many dimensions, counted from the front."""
    dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    if not isinstance(dim, int):
        return 0 if dimensions in {0, 1, 3} else 1  # nn.functional._get_softmax_dim
    return dim % dimensions if dimensions else 0


def is_elementwise(kind: Kind | str) -> bool:
    """Whether operations of this kind are recognised by their values."""
    return kind in {Kind.ARITHMETIC, Kind.ACTIVATION}
