"""Validate a received graph before it is run: form, limits, allowed operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grader.model.graph import (
    DEEPEST_ARGUMENT,
    FORMAT,
    LARGEST_TENSOR,
    MOST_ARGUMENTS,
    MOST_DIMENSIONS,
    MOST_NODES,
    MOST_RESULTS,
    MOST_VALUES,
    Constant,
    Graph,
    GraphRefused,
    Program,
    Source,
    Weight,
    size_of,
)
from grader.model.operations import OPERATIONS


def validate_graph(graph: Graph) -> None:
    """Raise GraphRefused unless all parts of the graph are known, within limits, and refer to earlier results only.

    This cannot find out whether an operation accepts its arguments and how large its results are. That is examined on
    torch's meta device before the graph is run (:mod:`grader.measure.cost`).
    """
    if graph.format != FORMAT:
        raise GraphRefused(f"it is a graph of format {graph.format}, not {FORMAT}")
    validate_tensors(graph.weights, graph.buffers, graph.constants)
    held = (*graph.buffers, *graph.constants)
    if sum(tensor.count for tensor in held if tensor.values) > MOST_VALUES:
        raise GraphRefused(f"its constants and buffers have more than {MOST_VALUES:,} numbers")
    for program in (graph.training, graph.evaluation):
        validate_program(program, graph.weights, graph.buffers, graph.constants)
        for node in program.nodes:
            if node.op.split(".")[0] != "aten" or node.name not in OPERATIONS:
                raise GraphRefused(f"it runs {node.op[:60]}, which is not an allowed operation")


def validate_tensors(weights: Sequence[Weight], buffers: Sequence[Constant], constants: Sequence[Constant]) -> None:
    """Raise GraphRefused for a tensor with an invalid shape or too many values."""
    for shape in [*(tensor.shape for tensor in weights), *(tensor.shape for tensor in (*buffers, *constants))]:
        if len(shape) > MOST_DIMENSIONS or any(side < 0 for side in shape):
            raise GraphRefused("a tensor has no valid shape")
        if size_of(shape) > LARGEST_TENSOR:
            raise GraphRefused("a weight, a buffer or a constant is too large")


def validate_program(
    program: Program, weights: Sequence[Weight], buffers: Sequence[Constant], constants: Sequence[Constant]
) -> None:
    """Raise GraphRefused unless the program has the form of :mod:`grader.model.graph`, with any operations."""
    if len(program.nodes) > MOST_NODES:
        raise GraphRefused(f"one pass runs more than {MOST_NODES:,} operations")
    counts = {"parameter": len(weights), "buffer": len(buffers), "constant": len(constants)}
    for index, node in enumerate(program.nodes):
        if _validate_argument(list(node.args)) + _validate_argument(node.kwargs) > MOST_ARGUMENTS:
            raise GraphRefused(f"{node.name} has too many arguments")
        if len(node.storage) > MOST_RESULTS:
            raise GraphRefused(f"{node.name} gives too many results")
        for source in node.sources():
            _validate_source(source, index, program, counts)
    if program.output is not None:
        _validate_source(program.output, len(program.nodes), program, counts)


def _validate_source(source: Source, before: int, program: Program, counts: Mapping[str, int]) -> None:
    known = {"input": 1, "node": before, **counts}
    if source.kind not in known or not 0 <= source.index < known[source.kind]:
        raise GraphRefused("an operation reads a tensor that was not there before it")
    if source.kind == "node" and not 0 <= source.part < max(len(program.nodes[source.index].storage), 1):
        raise GraphRefused("an operation reads a result that its source does not have")


_FORMS: Mapping[str, list[type]] = {"tensor": [str, int, int, bool], "images": [int, int]}


def _validate_argument(value: Any, depth: int = 0) -> int:
    """The number of plain values in an argument; raises GraphRefused for an argument of unknown form."""
    if depth > DEEPEST_ARGUMENT:
        raise GraphRefused("an argument is nested too deeply")
    if isinstance(value, list):
        return sum(_validate_argument(item, depth + 1) for item in value)
    if not isinstance(value, dict):
        if value is not None and not isinstance(value, (bool, int, float, str)):
            raise GraphRefused("an argument is of no known form")
        return 1
    if depth == 0:
        return sum(_validate_argument(item, 1) for item in value.values())
    if len(value) != 1:
        raise GraphRefused("an argument is of no known form")
    ((form, content),) = value.items()
    if form in {"word", "float"}:
        is_known = isinstance(content, str)
    else:
        is_known = isinstance(content, list) and [type(item) for item in content] == _FORMS.get(form)
    if not is_known:
        raise GraphRefused("an argument is of no known form")
    return 1
