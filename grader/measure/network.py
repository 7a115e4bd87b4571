"""A recorded network under measurement: its replay, its anatomy in either mode, and passes with parts bypassed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from grader.measure.anatomy import Anatomy, anatomy
from grader.measure.replay import Replacement, Replay, State, Values
from grader.measure.weights import fresh_state
from grader.model.evidence import Problem
from grader.model.graph import Aside, Graph, Program
from grader.model.operations import Kind

SEEDS_TRIED = 8
"""Weights tried before a net counts as dead; one with a single channel is born dead nine times in a hundred."""
LIVELY_BATCHES = (16, 3)
"""Half-dead weights may tell some of 16 images apart, and none of three."""
CHANCES = 6
"""Passes in which a mask that is drawn by hand is looked for."""
TRACED = 4
"""Images in the passes whose operations are looked at."""

Probes = Callable[[int], Tensor]
"""Gives so many images."""


@dataclass
class Network:
    """One graph with fresh weights on which different images give different outputs, if there are such weights."""

    graph: Graph
    replay: Replay
    state: State
    probes: Probes
    training: Anatomy
    evaluation: Anatomy
    seed: int

    def size(self, wanted: int) -> int:
        """The number of images to run: the graph's own where it has one."""
        return self.graph.batch or wanted

    def train(
        self, images: Tensor, *, replaced: Mapping[int, Replacement] | None = None, keep: Values | None = None
    ) -> Tensor:
        """A pass in training mode; buffers stay as they are."""
        return self._run(self.graph.training, images, replaced, keep)

    def evaluate(
        self, images: Tensor, *, replaced: Mapping[int, Replacement] | None = None, keep: Values | None = None
    ) -> Tensor:
        """A pass in evaluation mode; buffers stay as they are."""
        return self._run(self.graph.evaluation, images, replaced, keep)

    def _run(
        self,
        program: Program,
        images: Tensor,
        replaced: Mapping[int, Replacement] | None,
        keep: Values | None = None,
    ) -> Tensor:
        """The output; of a program that has none, an empty tensor."""
        # Operations in place may write into what they are given.
        output = self.replay.run(program, images.clone(), self.state.for_a_pass(), replaced=replaced, keep=keep)
        return torch.empty(0) if output is None else output


def open_network(graph: Graph, probes: Probes, *, seed: int) -> Network:
    """The network with lively weights. Raises GraphRefused, or what torch raises, for a graph that cannot be run."""
    torch.manual_seed(seed)  # for chance in evaluation mode
    replay = Replay(graph)
    state = lively_state(replay, probes, seed=seed)
    nothing = Anatomy((), (), ())
    network = Network(graph, replay, state, probes, nothing, nothing, seed)
    network.training = _anatomy(network, graph.training, graph.aside)
    network.evaluation = _anatomy(network, graph.evaluation)
    return network


def _anatomy(network: Network, program: Program, aside: Sequence[Aside] = ()) -> Anatomy:
    if not program.nodes:
        return Anatomy((), (), ())
    count = network.size(TRACED)
    found: list[Anatomy] = []
    # A mask by hand may happen to drop nothing of few images.
    for seed in range(CHANCES if any(node.kind is Kind.RANDOM for node in program.nodes) else 1):
        values: Values = []
        torch.manual_seed(seed)
        with torch.no_grad():
            network._run(program, network.probes(count), None, values)
        found.append(anatomy(network.graph, program, values, count, aside))
    return max(found, key=lambda candidate: sum(operation.kind == "dropout" for operation in candidate.operations))


def lively_state(replay: Replay, probes: Probes, *, seed: int) -> State:
    """Fresh weights under which different images give different outputs.

    A net with one channel may be born with every ReLU dead; that is chance, and the next weights tell what it can do.
    When none of SEEDS_TRIED are better the first ones stay: then it is no chance.
    """
    first = fresh_state(replay.graph, seed=seed)
    state = first
    for number in range(1, SEEDS_TRIED + 1):
        if _is_lively(replay, state, probes):
            return state
        state = fresh_state(replay.graph, seed=seed + number)
    return first


def _is_lively(replay: Replay, state: State, probes: Probes) -> bool:
    graph = replay.graph
    if graph.evaluation.output is None:
        return True
    for count in (graph.batch,) if graph.batch else LIVELY_BATCHES:
        with torch.no_grad():
            outputs = replay.run(graph.evaluation, probes(count), state.for_a_pass())
        assert outputs is not None
        outputs = outputs.double()
        if not bool(((outputs - outputs[:1]).abs() > 1e-6 * max(1.0, float(outputs.abs().max()))).any()):
            return False
    return True


def bypassing(found: Anatomy, kinds: Collection[str], *, but: Collection[int] = ()) -> dict[int, Replacement]:
    """What lets operations of these kinds give on what they were given; ``but`` are indices of operations that work."""
    replaced: dict[int, Replacement] = {}
    for operation, node, source in zip(found.operations, found.nodes, found.bypasses, strict=True):
        if operation.kind in kinds and operation.index not in but and node >= 0 and source is not None:
            replaced[node] = _giving(source)
    return replaced


def _giving(source: tuple[int, int]) -> Replacement:
    node, part = source
    if node < 0:
        return lambda here: here.first()
    return lambda here: here.values[node][part]


def replay_problem(error: Exception) -> Problem:
    """What a replay that failed is in evidence."""
    text = str(error).strip().splitlines()
    return Problem("replay", text[0][:300] if text else "", type(error).__name__)
