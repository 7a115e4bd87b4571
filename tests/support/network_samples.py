"""Small networks for the tests of recording and measuring, recorded as in a submission's process."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grader.checks.executed_network import ExecutedNetwork, executed_network
from grader.measure.images import Images
from grader.measure.measurements import Subject, measure
from grader.model.evidence import Building, Measurements, Problem, Recording
from grader.model.graph import Graph, Node, Program, Source
from grader.model.recorded import Recorded, graph_of
from grader.worker.record.building import parameter_count
from grader.worker.record.net_recording import record_net
from grader.worker.record.net_repairs import Explain

Step = Callable[[Tensor], Tensor]
RECORDED_SEED, SEED = 3, 11


class Lab(nn.Module):
    """The lab's network, with a place for whatever a test is about."""

    def __init__(self, relu: Step = F.relu, dropout: Step | None = None, between: Step | None = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 5)
        self.conv2 = nn.Conv2d(4, 8, 5)
        self.fc1 = nn.Linear(128, 20)
        self.fc2 = nn.Linear(20, 10)
        self._steps = relu, dropout or self._dropout, between or (lambda x: x)

    def _dropout(self, x: Tensor) -> Tensor:
        return F.dropout(x, training=self.training)

    def forward(self, x: Tensor) -> Tensor:
        relu, dropout, between = self._steps
        x = relu(F.max_pool2d(self.conv1(x), 2))
        x = relu(F.max_pool2d(dropout(self.conv2(x)), 2))
        x = between(x.view(-1, 128))
        x = dropout(relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


class With(nn.Module):
    """A net with these parts whose ``forward`` is the function given."""

    def __init__(self, forward: Callable[[Any, Tensor], Any], **parts: nn.Module | nn.Parameter) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self._forward = forward

    def forward(self, x: Tensor) -> Any:
        return self._forward(self, x)


def linear(forward: Callable[[Any, Tensor], Any], **parts: Any) -> With:
    """A net with one layer ``fc`` of 784 inputs."""
    return With(forward, fc=nn.Linear(784, 10), **parts)


def parameter(*shape: int) -> nn.Parameter:
    """Random numbers of this shape, the same each time."""
    return nn.Parameter(torch.randn(*shape, generator=torch.Generator().manual_seed(0)))


def explain(kind: str, error: BaseException) -> Problem:
    """What a loader would make of an exception of the submission's."""
    return Problem(kind, str(error), type(error).__name__)


def recording_of(net: nn.Module, explain: Explain = explain) -> Recording:
    """The net recorded, on one thread as in a submission's process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return record_net(net, Building(None, parameter_count(net)), seed=RECORDED_SEED, explain=explain)
    finally:
        torch.set_num_threads(threads)


def recorded(net: nn.Module) -> Recorded:
    """The net's graph, and the doubts that its recording raises."""
    return graph_of(recording_of(net))


def graph_from(net: nn.Module) -> Graph:
    """The net's graph, which there has to be."""
    graph = recorded(net).graph
    assert graph is not None
    return graph


@cache
def images() -> Images:
    """Noisy images in which the place of a bright bar is the class: 1,500 to train on, and 230 held out."""
    train, labels = bars(1500, 1)
    return Images(train, labels, bars(230, 2)[0], 0.15, 0.2)


def bars(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """uint8 images (count, 28, 28) and their labels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (count,), generator=generator)
    found = torch.randint(60, (count, 28, 28), generator=generator, dtype=torch.uint8)
    for image, label in zip(found, labels.tolist(), strict=True):
        image[4 + 2 * label : 6 + 2 * label, 4:24] += 190
    return found, labels


def probes(count: int) -> Tensor:
    """So many probe images, always the same."""
    return images().probes(count, seed=SEED)


def measured(net: nn.Module, *, parameters: int | None = None) -> Measurements:
    """What a measuring process makes of the net's recording."""
    recording = recording_of(net)
    graph = graph_of(recording).graph
    count = parameter_count(net) if parameters is None else parameters
    return measure(Subject(graph or Graph(Program(), Program()), recording, count, RECORDED_SEED), images(), seed=SEED)


def network(net: nn.Module) -> ExecutedNetwork:
    """The executed network, as the checks read it."""
    trace = measured(net).trace
    assert trace.problem is None, trace.problem
    return executed_network(trace)


def doubts(net: nn.Module) -> set[str]:
    """The ids of all doubts about a net."""
    recording = recording_of(net)
    found = graph_of(recording)
    assert found.graph is not None
    seen = measure(Subject(found.graph, recording, parameter_count(net), RECORDED_SEED), images(), seed=SEED)
    return {doubt.id for doubt in (*found.doubts, *seen.doubts)}


def names(program: Program) -> list[str]:
    """The operations of a program by name."""
    return [node.name for node in program.nodes]


# ---- graphs by hand --------------------------------------------------------------------------------------------------

INPUT = {"tensor": ["input", 0, 0, False]}


def node(op: str, *args: Any, storage: Sequence[int] = (), **kwargs: Any) -> Node:
    """``aten.OP``; the overload is ``default`` unless it is named."""
    name = f"aten.{op}" if "." in op else f"aten.{op}.default"
    return Node(name, args, kwargs, tuple(storage) or (0,))


def result(index: int, part: int = 0, *, is_cut: bool = False) -> dict[str, Any]:
    """The result of a node, as an argument."""
    return {"tensor": ["node", index, part, is_cut]}


def held(kind: str, index: int) -> dict[str, Any]:
    """A parameter, buffer or constant, as an argument."""
    return {"tensor": [kind, index, 0, False]}


def program(*nodes: Node, output: int | None = -1) -> Program:
    """These nodes, each in memory of its own unless it says otherwise; the last one makes the output."""
    made = tuple(
        Node(node.op, node.args, node.kwargs, node.storage if node.storage != (0,) else (100 + place,))
        for place, node in enumerate(nodes)
    )
    at = len(nodes) - 1 if output == -1 else output
    return Program(made, None if at is None else Source("node", at))


def plain(record: Any) -> Any:
    """A record as it comes out of JSON."""
    return json.loads(json.dumps(asdict(record)))
