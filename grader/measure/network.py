"""A recorded network that can be run: its replay, its classified operations in both modes, and passes with bypasses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from grader.measure.classified_program import ClassifiedProgram, classify
from grader.measure.replay import Replacement, Replay, State, Values
from grader.measure.weights import fresh_state
from grader.model.evidence import Problem
from grader.model.graph import Aside, Graph, Program
from grader.model.operations import Kind

SEEDS_TRIED = 8
"""Sets of initial weights that are tried; a net with a single channel starts with dead ReLUs in 9 of 100 cases."""
RESPONSE_BATCHES = (16, 3)
"""Partly dead weights may give different outputs for some of 16 images, but the same for three."""
CHANCES = 16
"""Passes in which a hand-written dropout mask is looked for. One that drops a map in a hundred drops none in 16 passes
of four images with 20 maps in three of a million runs.
"""
TRACED = 4
"""Images in the passes whose operations are classified."""

Probes = Callable[[int], Tensor]
"""Returns the given number of probe images."""


@dataclass
class RunnableNetwork:
    """One graph with initial weights for which different images give different outputs, if such weights were found."""

    graph: Graph
    replay: Replay
    state: State
    probes: Probes
    training: ClassifiedProgram
    evaluation: ClassifiedProgram
    seed: int

    def size(self, wanted: int) -> int:
        """The batch size to run: the fixed one of the graph, otherwise ``wanted``."""
        return self.graph.batch or wanted

    def train(
        self, images: Tensor, *, replaced: Mapping[int, Replacement] | None = None, keep: Values | None = None
    ) -> Tensor:
        """Run a pass in training mode; the buffers stay unchanged."""
        return self._run(self.graph.training, images, replaced, keep)

    def evaluate(
        self, images: Tensor, *, replaced: Mapping[int, Replacement] | None = None, keep: Values | None = None
    ) -> Tensor:
        """Run a pass in evaluation mode; the buffers stay unchanged."""
        return self._run(self.graph.evaluation, images, replaced, keep)

    def _run(
        self,
        program: Program,
        images: Tensor,
        replaced: Mapping[int, Replacement] | None,
        keep: Values | None = None,
    ) -> Tensor:
        """The output; an empty tensor for a program without an output."""
        # In-place operations may write into the images.
        output = self.replay.run(program, images.clone(), self.state.for_a_pass(), replaced=replaced, keep=keep)
        return torch.empty(0) if output is None else output


def open_network(graph: Graph, probes: Probes, *, seed: int) -> RunnableNetwork:
    """The network with responsive weights. Raises GraphRefused or torch's own errors if the graph cannot be run."""
    torch.manual_seed(seed)  # for random numbers in evaluation mode
    replay = Replay(graph)
    state = responsive_state(replay, probes, seed=seed)
    nothing = ClassifiedProgram((), (), ())
    network = RunnableNetwork(graph, replay, state, probes, nothing, nothing, seed)
    network.training = _classified(network, graph.training, graph.aside)
    network.evaluation = _classified(network, graph.evaluation)
    return network


def _classified(network: RunnableNetwork, program: Program, aside: Sequence[Aside] = ()) -> ClassifiedProgram:
    if not program.nodes:
        return ClassifiedProgram((), (), ())
    count = network.size(TRACED)
    found: list[ClassifiedProgram] = []
    # With few images, a hand-written dropout mask may drop nothing by chance.
    for seed in range(CHANCES if any(node.kind is Kind.RANDOM for node in program.nodes) else 1):
        values: Values = []
        torch.manual_seed(seed)
        with torch.no_grad():
            network._run(program, network.probes(count), None, values)
        found.append(classify(network.graph, program, values, count, aside))
    return max(found, key=_dropouts_seen)


def _dropouts_seen(found: ClassifiedProgram) -> tuple[int, int]:
    """How many dropouts were recognised, and how many of them dropped something."""
    dropouts = [operation for operation in found.operations if operation.kind == "dropout"]
    return len(dropouts), sum((operation.probability or 0) > 0 for operation in dropouts)


def responsive_state(replay: Replay, probes: Probes, *, seed: int) -> State:
    """Initial weights for which different images give different outputs.

    A net with one channel may start with all ReLUs dead by chance; then other weights show what it can do. If none of
    SEEDS_TRIED sets of weights is better, it is not chance, and the first set is returned.
    """
    first = fresh_state(replay.graph, seed=seed)
    state = first
    for number in range(1, SEEDS_TRIED + 1):
        if _is_responsive(replay, state, probes):
            return state
        state = fresh_state(replay.graph, seed=seed + number)
    return first


def _is_responsive(replay: Replay, state: State, probes: Probes) -> bool:
    graph = replay.graph
    if graph.evaluation.output is None:
        return True
    for count in (graph.batch,) if graph.batch else RESPONSE_BATCHES:
        with torch.no_grad():
            outputs = replay.run(graph.evaluation, probes(count), state.for_a_pass())
        assert outputs is not None
        outputs = outputs.double()
        if not bool(((outputs - outputs[:1]).abs() > 1e-6 * max(1.0, float(outputs.abs().max()))).any()):
            return False
    return True


def bypassing(found: ClassifiedProgram, kinds: Collection[str], *, but: Collection[int] = ()) -> dict[int, Replacement]:
    """Replacements that make operations of these kinds return their input, except the operations in ``but``."""
    replaced: dict[int, Replacement] = {}
    for operation, node, source in zip(found.operations, found.nodes, found.bypasses, strict=True):
        if operation.kind in kinds and operation.index not in but and node >= 0 and source is not None:
            replaced[node] = _returning(source)
    return replaced


def _returning(source: tuple[int, int]) -> Replacement:
    node, part = source
    if node < 0:
        return lambda call: call.first()
    return lambda call: call.values[node][part]


def torch_problem(kind: str, error: Exception) -> Problem:
    """The problem of this kind for an error of torch, with the first line of its message."""
    text = str(error).strip().splitlines()
    return Problem(kind, text[0][:300] if text else "", type(error).__name__)
