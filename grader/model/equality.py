"""When two networks are the same: the digest of a graph."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from grader.model.graph import (
    FORMAT,
    Graph,
    Program,
)
from grader.model.operations import plain_name
from grader.model.weights import layer_bounds


def digest(graph: Graph) -> str:
    """SHA-256 of what the network computes: names, and writing in place where that changes nothing, aside.

    Two graphs with the same digest learn alike under the same plan and seed.
    """
    layers = layer_bounds(graph)
    parts = [
        [_canonical(program) for program in (graph.training, graph.evaluation)],
        [
            [one.shape, one.dtype, one.is_trainable, one.is_registered, "" if index in layers else one.sample]
            for index, one in enumerate(graph.weights)
        ],
        [[one.shape, one.dtype, one.values] for one in (*graph.buffers, *graph.constants)],
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
    """The nodes that write into memory which is read later by another name, so that it matters that they do."""
    last_read: dict[int, int] = {}
    for index, node in enumerate(program.nodes):
        for source in node.sources():
            if source.kind == "node":
                last_read[source.index] = index
    if program.output is not None and program.output.kind == "node":
        last_read[program.output.index] = len(program.nodes)
    shared: set[int] = set()
    last_read_at: dict[int, int] = {}
    """By memory: when a result that lies there, of any node so far, is read last."""
    for index, node in enumerate(program.nodes):
        if node.writes:
            first = next(node.sources(), None)
            is_of_a_node = first is not None and first.kind == "node"
            if not is_of_a_node or any(last_read_at.get(place, -1) > index for place in node.storage):
                shared.add(index)
        for place in node.storage:
            last_read_at[place] = max(last_read_at.get(place, -1), last_read.get(index, -1))
    return frozenset(shared)
