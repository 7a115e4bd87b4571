"""The digest of a graph: two networks with the same digest are the same network."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from grader.model.graph import FORMAT, Graph, Program
from grader.model.operations import Kind, plain_name
from grader.model.weights import layer_bounds


def digest(graph: Graph) -> str:
    """SHA-256 of what the network computes. Names do not count, and neither do in-place operations without effect.

    Two graphs with the same digest give the same training run under the same plan and seed.
    """
    layers = layer_bounds(graph)
    parts = [
        [_canonical(program) for program in (graph.training, graph.evaluation)],
        [
            [
                weight.shape,
                weight.dtype,
                weight.is_trainable,
                weight.is_registered,
                "" if index in layers else weight.sample,
            ]
            for index, weight in enumerate(graph.weights)
        ],
        [[tensor.shape, tensor.dtype, tensor.values] for tensor in (*graph.buffers, *graph.constants)],
        graph.batch,
        FORMAT,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _canonical(program: Program) -> list[Any]:
    shared = _shared_writes(program)
    nodes = []
    for index, node in enumerate(program.nodes):
        library, name, overload = node.op.split(".")
        name = name if index in shared else plain_name(name)
        nodes.append([library, name, overload, node.args, node.kwargs])
    return [nodes, None if program.output is None else program.output.packed()]


def _shared_writes(program: Program) -> frozenset[int]:
    """The in-place nodes whose memory another node may read, so that writing in place has an effect."""
    readers: Counter[int] = Counter(
        source.index for node in program.nodes for source in node.sources() if source.kind == "node"
    )
    if program.output is not None and program.output.kind == "node":
        readers[program.output.index] += 1
    writing = (index for index, node in enumerate(program.nodes) if node.writes)
    return frozenset(index for index in writing if not _is_only_reader(program, index, readers))


def _is_only_reader(program: Program, index: int, readers: Mapping[int, int]) -> bool:
    """Whether a node is the only reader of the memory that it writes, also through views of it."""
    source = next(program.nodes[index].sources(), None)
    while source is not None and source.kind == "node":
        if readers[source.index] != 1:
            return False
        node = program.nodes[source.index]
        if node.kind not in {Kind.RESHAPE, Kind.DETACH}:
            return True
        source = next(node.sources(), None)
    return False  # the images, a weight or a buffer
