"""Simplify recorded passes: remove dead operations, merge passes of several batch sizes, renumber by first use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from grader.model.graph import Constant, Graph, Node, Program, Weight, with_sources


def pruned(program: Program) -> tuple[Program, tuple[int, ...]]:  # noqa: C901  # a rule for each way to matter
    """The program without the operations on which its output does not depend, and the indices of the kept nodes.

    An operation that writes into memory is kept if a kept operation reads this memory: later in the pass or, for a
    buffer, in the next pass.
    """
    if program.output is None:
        return program, tuple(range(len(program.nodes)))
    nodes = program.nodes
    reads = [tuple(node.sources()) for node in nodes]
    writers: dict[int, list[int]] = {}
    buffer_writers: dict[int, list[int]] = {}
    for index, node in enumerate(nodes):
        if node.writes:
            for place in node.storage:
                writers.setdefault(place, []).append(index)
            for source in reads[index]:
                if source.kind == "buffer":
                    buffer_writers.setdefault(source.index, []).append(index)
    wanted: set[int] = set()
    waiting = [program.output.index] if program.output.kind == "node" else []
    while waiting:
        index = waiting.pop()
        if index in wanted:
            continue
        wanted.add(index)
        places = set(nodes[index].storage)
        for source in reads[index]:
            if source.kind == "node":
                waiting.append(source.index)
                places.update(nodes[source.index].storage)
            elif source.kind == "buffer":
                waiting.extend(buffer_writers.pop(source.index, ()))
        for place in places:
            waiting.extend(writers.pop(place, ()))
    order = {("node", old): new for new, old in enumerate(sorted(wanted))}
    output = replace(program.output, index=order.get((program.output.kind, program.output.index), program.output.index))
    return Program(tuple(_renamed(nodes[old], order) for _, old in order), output), tuple(old for _, old in order)


def generalised(passes: Mapping[int, Program]) -> Program | None:
    """One program for any batch size, from pruned programs by batch size; None if they differ in more than sizes.

    Numbers that depend on the batch size become ``{"images": [factor, offset]}``.
    """
    sizes = sorted(passes, reverse=True)
    if len(sizes) < 2:
        return None
    first, others = passes[sizes[0]], [passes[size] for size in sizes[1:]]
    if any(len(other.nodes) != len(first.nodes) or other.output != first.output for other in others):
        return None
    nodes = []
    try:
        for index, node in enumerate(first.nodes):
            same = [other.nodes[index] for other in others]
            if any(other.op != node.op for other in same):
                return None
            args = _merged([list(variant.args) for variant in (node, *same)], sizes)
            kwargs = _merged([variant.kwargs for variant in (node, *same)], sizes)
            nodes.append(replace(node, args=tuple(args), kwargs=kwargs))
    except _Differs:
        return None
    return Program(tuple(nodes), first.output)


class _Differs(Exception):
    pass


def _merged(values: Sequence[Any], sizes: Sequence[int]) -> Any:
    first = values[0]
    if any(type(value) is not type(first) for value in values):
        raise _Differs
    if isinstance(first, dict):
        if any(value.keys() != first.keys() for value in values):
            raise _Differs
        return {key: _merged([value[key] for value in values], sizes) for key in first}
    if isinstance(first, list):
        if any(len(value) != len(first) for value in values):
            raise _Differs
        return [_merged(list(items), sizes) for items in zip(*values, strict=True)]
    if all(value == first for value in values):
        return first
    if isinstance(first, int) and not isinstance(first, bool):
        factor, rest = divmod(first - values[-1], sizes[0] - sizes[-1])
        offset = first - factor * sizes[0]
        if (
            factor
            and not rest
            and all(value == factor * size + offset for value, size in zip(values, sizes, strict=True))
        ):
            return {"images": [factor, offset]}
    raise _Differs


def gathered(
    programs: Sequence[Program],
    weights: Sequence[Weight],
    buffers: Sequence[Constant],
    constants: Sequence[Constant],
    *,
    batch: int,
) -> Graph:
    """The graph of a training and an evaluation program, with the tensors that they use, numbered by first use."""
    found: dict[str, dict[int, None]] = {"parameter": {}, "buffer": {}, "constant": {}}
    for program in programs:
        for node in program.nodes:
            for source in node.sources():
                if source.kind in found:
                    found[source.kind].setdefault(source.index)
    renamed = {(kind, old): new for kind, used in found.items() for new, old in enumerate(used)}
    training, evaluation = (
        Program(tuple(_renamed(node, renamed) for node in program.nodes), program.output) for program in programs
    )
    return Graph(
        training,
        evaluation,
        tuple(weights[index] for index in found["parameter"]),
        tuple(buffers[index] for index in found["buffer"]),
        tuple(constants[index] for index in found["constant"]),
        batch,
    )


def _renamed(node: Node, renamed: Mapping[tuple[str, int], int]) -> Node:
    return with_sources(
        node, lambda source: replace(source, index=renamed.get((source.kind, source.index), source.index))
    )


def uncut(program: Program) -> Program:
    """The program with all gradients flowing back, without ``detach`` and the like."""
    nodes = tuple(
        with_sources(
            replace(node, op="aten.alias.default") if node.op == "aten.detach.default" else node,
            lambda source: replace(source, is_cut=False),
        )
        for node in program.nodes
    )
    return Program(nodes, None if program.output is None else replace(program.output, is_cut=False))
