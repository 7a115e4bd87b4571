"""Compute what a forward pass of a recorded network costs, from shapes only, on torch's meta device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grader.measure.replay import State, Step, Values, dtype_of, results_in
from grader.model.graph import Graph, GraphRefused, Node, Program, size_of
from grader.model.images import SIDE
from grader.model.operations import Kind

MOST_MULTIPLICATIONS = 12_000_000_000
"""Limit for one pass over 64 images. The lab's network needs about 50 million; one core does 20 billion per second."""
MOST_BYTES = 3 << 30
"""Limit for all results of one pass over 64 images together."""


@dataclass(frozen=True)
class Cost:
    """The cost of one pass over ``images`` images: multiplications, and bytes of all results."""

    images: int
    multiplications: int
    bytes: int


def cost_of(graph: Graph, *, images: int = 64) -> Cost:
    """The cost of the more expensive of the two passes (training, evaluation).

    Raises GraphRefused if it is too much, or if an operation does not accept its arguments.
    """
    count = graph.batch or images
    most = Cost(count, 0, 0)
    for program in (graph.training, graph.evaluation):
        if program.nodes:
            most = max(most, _cost(graph, program, count), key=lambda cost: cost.multiplications)
    return most


def _cost(graph: Graph, program: Program, count: int) -> Cost:
    state = State(
        [_meta(weight.shape, weight.dtype) for weight in graph.weights],
        [_meta(buffer.shape, buffer.dtype) for buffer in graph.buffers],
        [_meta(constant.shape, constant.dtype) for constant in graph.constants],
    )
    values: Values = []
    sources = state.sources(torch.empty(count, 1, SIDE, SIDE, device="meta"), values)
    multiplications = size = 0
    with torch.no_grad():
        for node in program.nodes:
            operands = [_operand(sources, source.kind, source.index, source.part) for source in node.sources()]
            # An operation that creates a tensor is bounded by its arguments, which were checked before.
            try:
                result = Step(node, "meta")(sources, count)
            except NotImplementedError:
                raise GraphRefused(f"the cost of {node.name} is not known") from None
            except Exception as error:
                raise GraphRefused(f"{node.name} cannot be run: {str(error).splitlines()[0][:120]}") from None
            found = results_in(result)
            values.append(found)
            made = sum(tensor.numel() for tensor in found if isinstance(tensor, Tensor))
            size += sum(tensor.numel() * tensor.element_size() for tensor in found if isinstance(tensor, Tensor))
            multiplications += made * _factor(node, operands)
            if multiplications * 64 > MOST_MULTIPLICATIONS * count or size * 64 > MOST_BYTES * max(count, 64):
                raise GraphRefused("one pass would take too many multiplications or too much memory")
    return Cost(count, multiplications, size)


def _operand(sources: Mapping[str, Any], kind: str, index: int, part: int) -> Tensor:
    value: Tensor = sources[kind][index][part] if kind == "node" else sources[kind][index]
    return value


def _factor(node: Node, operands: Sequence[Tensor]) -> int:
    """Multiplications per value of the result."""
    if node.kind is Kind.CONV and len(operands) > 1:
        return max(1, size_of(operands[1].shape[1:]))
    if node.kind is Kind.PRODUCT and operands and operands[0].dim():
        inner = operands[1] if node.name.startswith(("addm", "addb", "badd")) and len(operands) > 1 else operands[0]
        return max(1, inner.shape[-1]) if inner.dim() else 1
    return 1


def _meta(shape: Sequence[int], dtype: str) -> Tensor:
    return torch.empty(tuple(shape), dtype=dtype_of(dtype), device="meta")
