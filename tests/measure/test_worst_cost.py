"""Tests of the highest cost of a submission: the limits add up to less than a minute of one core, and they hold."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grader.measure.cost import MOST_MULTIPLICATIONS, cost_of
from grader.measure.measurements import Subject, measure
from grader.measure.training import attempt_of, train
from grader.model import TRAINING_CPU_SECONDS
from grader.model.graph import Graph, GraphRefused
from grader.model.recorded import graph_of
from grader.rubric.loading import load_rubric
from grader.sandbox.limits import STAGE_SECONDS
from tests.support.network_samples import RECORDED_SEED, SEED, graph_from, images, probes, recording_of

pytestmark = pytest.mark.slow

MEASURING_SECONDS = 10.0
"""CPU seconds for everything except training, at the highest cost allowed; measured below."""
A_MINUTE = 60.0


class Wide(nn.Module):
    """A network of nearly the highest cost allowed; most of it is the second convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 64, 3), nn.Conv2d(64, channels, 3)
        self.fc1, self.fc2 = nn.Linear(channels * 144, 50), nn.Linear(50, 10)
        self.drop = nn.Dropout()

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv2(F.relu(self.conv1(x)))), 2)
        x = self.drop(F.relu(self.fc1(self.drop(x).flatten(1))))
        return F.log_softmax(self.fc2(x), dim=1)


def wider(graph: Graph, channels: int) -> Graph:
    """The graph with ``channels`` channels in its second convolution, made without running it."""
    shapes = {"conv2.weight": (channels, 64, 3, 3), "conv2.bias": (channels,), "fc1.weight": (50, channels * 144)}
    weights = (replace(weight, shape=shapes.get(weight.name, weight.shape)) for weight in graph.weights)
    return replace(graph, weights=tuple(weights))


@pytest.fixture(scope="module")
def costly() -> Subject:
    recording = recording_of(Wide(480))
    graph = graph_of(recording).graph
    assert graph is not None
    cost = cost_of(graph)
    assert 0.8 < cost.multiplications * 64 / cost.images / MOST_MULTIPLICATIONS < 1
    return Subject(graph, recording, 4_000_000, RECORDED_SEED)


def test_the_limits_add_up_to_under_a_minute_of_one_core() -> None:
    assert sum(STAGE_SECONDS.values()) + MEASURING_SECONDS + TRAINING_CPU_SECONDS < A_MINUTE


@pytest.mark.usefixtures("costly")  # the first cost in a process takes longer, for imports
def test_a_higher_cost_is_refused_before_it_runs() -> None:
    graph = wider(graph_from(Wide(4)), 2000)
    start = time.process_time()
    with pytest.raises(GraphRefused, match="multiplications"):
        cost_of(graph)
    assert time.process_time() - start < 1


@pytest.mark.slow
def test_measuring_the_costliest_network_keeps_to_its_time(costly: Subject) -> None:
    torch.set_num_threads(1)
    start = time.process_time()
    found = measure(costly, images(), seed=SEED)
    assert time.process_time() - start < MEASURING_SECONDS
    assert found.is_trainable


@pytest.mark.slow
def test_training_the_costliest_network_keeps_to_its_time(costly: Subject) -> None:
    torch.set_num_threads(1)
    plan = replace(load_rubric().training, stop_accuracy=2.0)
    allowed = 6.0
    start = time.process_time()
    attempt = attempt_of(plan, 0, seed=1)
    record, outputs = train(costly.graph, images(), plan, attempt, probes=probes, most_seconds=allowed)
    assert time.process_time() - start < allowed * 1.1
    assert [remark.id for remark in record.remarks] == ["stopped-by-time"]
    assert len(outputs.heldout) == len(images().heldout), "what was learnt by then is measured"
