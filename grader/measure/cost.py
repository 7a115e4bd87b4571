"""Compute what a forward pass of a recorded network costs, from shapes only, on torch's meta device.

A network that has already run in the same process may as well run on the CPU. The meta device makes torch import its
compiler, which takes two seconds.
"""

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


def cost_of(graph: Graph, *, images: int = 64, device: str = "meta") -> Cost:
    """The cost of the more expensive of the two passes (training, evaluation).

    Raises GraphRefused if it is too much, or if an operation does not accept its arguments.
    """
    if device != "meta":
        try:
            return _most(graph, images, device)
        except GraphRefused:  # perhaps only for values of zero
            pass
    return _most(graph, images, "meta")


def _most(graph: Graph, images: int, device: str) -> Cost:
    count = graph.batch or images
    most = Cost(count, 0, 0)
    for program in (graph.training, graph.evaluation):
        if program.nodes:
            most = max(most, _cost(graph, program, count, device), key=lambda cost: cost.multiplications)
    return most


def _cost(graph: Graph, program: Program, count: int, device: str) -> Cost:
    state = State(
        [_zeros(weight.shape, weight.dtype, device) for weight in graph.weights],
        [_zeros(buffer.shape, buffer.dtype, device) for buffer in graph.buffers],
        [_zeros(constant.shape, constant.dtype, device) for constant in graph.constants],
    )
    values: Values = []
    sources = state.sources(torch.zeros(count, 1, SIDE, SIDE, device=device), values)
    multiplications = size = 0
    with torch.no_grad():
        for node in program.nodes:
            operands = [_operand(sources, source.kind, source.index, source.part) for source in node.sources()]
            # An operation that creates a tensor is bounded by its arguments, which were checked before.
            try:
                result = Step(node, device)(sources, count)
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


def _zeros(shape: Sequence[int], dtype: str, device: str) -> Tensor:
    return torch.zeros(tuple(shape), dtype=dtype_of(dtype), device=device)
