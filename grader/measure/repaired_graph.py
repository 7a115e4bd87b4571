"""Repair a graph, so that what lies behind a fault can be measured: dropout with p=1, other outputs, cut gradients."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import torch

from grader.measure.network import TRACED, Probes, open_network
from grader.measure.replay import Replay, Values
from grader.measure.weights import fresh_state
from grader.model.evidence import WEIGHTED, Operation
from grader.model.graph import Graph, GraphRefused, Node, Program, Source, Weight, with_sources
from grader.model.images import CLASSES
from grader.model.operations import OPERATIONS, Kind, is_in_place, plain_name
from grader.model.pruning import gathered, pruned, uncut
from grader.model.recorded import data_dependent
from grader.model.repair_kinds import CUT_GRADIENTS, DROPOUT, FRESH_WEIGHTS, IN_PLACE, OTHER_OUTPUTS

USUAL_RATE = 0.5
_BEFORE_SCORES = frozenset({"norm", "pool", "reshape"})
"""Kinds of operation that may stand between the last layer and the scores."""


def repaired(graph: Graph, kinds: Collection[str], probes: Probes, *, seed: int) -> Graph:
    """The graph after repairs of these kinds (see :mod:`grader.model.repair_kinds`).

    Raises GraphRefused or torch's own errors if the graph cannot be run.
    """
    if DROPOUT in kinds:
        programs = [_with_usual_rate(graph.training, is_training=True), _with_usual_rate(graph.evaluation)]
        graph = replace(graph, training=programs[0], evaluation=programs[1])
    if FRESH_WEIGHTS in kinds:
        graph = _with_kept_weights(graph, probes, seed=seed)
    if CUT_GRADIENTS in kinds:
        weights = tuple(
            replace(weight, is_trainable=True, is_registered=True, is_fresh=False) for weight in graph.weights
        )
        graph = replace(graph, training=uncut(graph.training), evaluation=uncut(graph.evaluation), weights=weights)
    if IN_PLACE in kinds:
        graph = _without_writing(graph, probes, seed=seed)
    if OTHER_OUTPUTS in kinds:
        network = open_network(graph, probes, seed=seed)
        count = network.size(TRACED)
        ends = [_scores(found.operations, found.nodes, count) for found in (network.training, network.evaluation)]
        if None not in ends:
            programs = [
                _ending_in_log_softmax(program, end)
                for program, end in zip((graph.training, graph.evaluation), ends, strict=True)
            ]
            graph = gathered(programs, graph.weights, graph.buffers, graph.constants, batch=graph.batch)
    return graph


def _with_usual_rate(program: Program, *, is_training: bool = False) -> Program:
    """The program whose dropouts with p=1 have p=0.5; in training mode, also those with p=0 or switched off."""
    return replace(program, nodes=tuple(_usual(node, is_training=is_training) for node in program.nodes))


def _usual(node: Node, *, is_training: bool) -> Node:
    is_dropout = plain_name(node.name) in OPERATIONS and node.kind is Kind.DROPOUT and len(node.args) == 3
    if not is_dropout or not isinstance(node.args[1], (int, float)):
        return node
    data, rate, is_on = node.args
    if is_training:
        node = _as_new_tensor(node)  # with p=0, nothing was written
        return replace(node, args=(data, rate if 0 < rate < 1 else USUAL_RATE, True))
    return replace(node, args=(data, rate if rate < 1 else USUAL_RATE, is_on))


def _as_new_tensor(node: Node) -> Node:
    """The operation that gives a new tensor instead of writing into its first operand."""
    _, name, overload = node.op.split(".")
    if not is_in_place(name) or plain_name(name) not in OPERATIONS:
        return node
    return replace(node, op=f"aten.{plain_name(name)}.{overload}", storage=(-1,))


def _without_writing(graph: Graph, probes: Probes, *, seed: int) -> Graph:
    """The graph without operations in place; the graph itself if that changes its outputs."""
    changed = replace(
        graph,
        training=replace(graph.training, nodes=tuple(map(_as_new_tensor, graph.training.nodes))),
        evaluation=replace(graph.evaluation, nodes=tuple(map(_as_new_tensor, graph.evaluation.nodes))),
    )
    images = probes(graph.batch or TRACED)
    with torch.no_grad():
        before, after = (
            Replay(one).run(one.evaluation, images.clone(), fresh_state(one, seed=seed)) for one in (graph, changed)
        )
    is_same = before is not None and after is not None and torch.equal(before, after)
    return changed if is_same else graph


def _with_kept_weights(graph: Graph, probes: Probes, *, seed: int) -> Graph:
    """The graph whose layers read weights of the net in place of weights that are drawn in the pass."""
    weights = list(graph.weights)
    programs = []
    for program in (graph.training, graph.evaluation):
        values: Values = []
        with torch.no_grad():
            images = probes(graph.batch or TRACED)
            Replay(graph).run(program, images, fresh_state(graph, seed=seed), keep=values)
        shapes = [tuple(tuple(value.shape) for value in found) for found in values]
        programs.append(_KeptWeights(program, shapes, weights, len(graph.weights)).program())
    return replace(graph, training=programs[0], evaluation=programs[1], weights=tuple(weights), aside=())


class _KeptWeights:
    """Replaces the drawn weights of one program by ``weights`` from number ``first`` on, which both modes share."""

    def __init__(
        self, program: Program, shapes: Sequence[Sequence[tuple[int, ...]]], weights: list[Weight], first: int
    ) -> None:
        self._program, self._shapes, self._weights, self._first = program, shapes, weights, first
        self._depends = data_dependent(program.nodes)
        self._kept: dict[Source, Source] = {}

    def program(self) -> Program:
        nodes = tuple(
            with_sources(node, self._source)
            if node.name in OPERATIONS and node.kind in {Kind.CONV, Kind.PRODUCT}
            else node
            for node in self._program.nodes
        )
        return pruned(Program(nodes, self._program.output))[0]

    def _source(self, source: Source) -> Source:
        if source.kind != "node" or self._depends[source.index]:
            return source
        if source not in self._kept:
            index, shape = self._first + len(self._kept), self._shapes[source.index][source.part]
            if index == len(self._weights):
                self._weights.append(Weight("", shape, is_registered=False, is_fresh=True))
            if self._weights[index].shape != shape:
                raise GraphRefused("both modes create other layers")
            self._kept[source] = Source("parameter", index)
        return self._kept[source]


def _scores(operations: tuple[Operation, ...], nodes: tuple[int, ...], count: int) -> int | None:
    """The node that gives the scores, (N, 10): the last layer with weights, or what only normalises or reshapes it.

    None without such a node. A pooling or a reshape after the last layer may be needed to get there; an activation
    function is not.
    """
    weighted = [at for at, step in enumerate(operations) if step.kind in WEIGHTED and nodes[at] >= 0]
    if not weighted:
        return None
    following = {weighted[-1]}
    found = None
    for at in range(weighted[-1], len(operations)):
        step = operations[at]
        if at not in following:
            is_next = not following.isdisjoint(step.inputs)
            if not is_next or not (step.kind in _BEFORE_SCORES or step.parameters):
                continue
            following.add(at)
        if step.shape_out == (count, CLASSES) and nodes[at] >= 0:
            found = nodes[at]
    return found


def _ending_in_log_softmax(program: Program, scores: int | None) -> Program:
    assert scores is not None
    last = Node("aten.log_softmax.int", (Source("node", scores).packed(), 1), storage=(-1,))
    kept, _ = pruned(Program((*program.nodes[: scores + 1], last), Source("node", scores + 1)))
    return kept
