"""Repairing a graph, so that what lies behind a fault of its values can be measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grader.measure.repaired_graph import repaired
from grader.model.graph import Graph, GraphRefused
from grader.model.repair_kinds import CUT_GRADIENTS, DROPOUT, FRESH_WEIGHTS, IN_PLACE, OTHER_OUTPUTS
from tests.support.network_samples import SEED, Lab, With, graph_from, names, probes


def after(net: nn.Module, *kinds: str) -> Graph:
    return repaired(graph_from(net), kinds, probes, seed=SEED)


def ending(end: Callable[[Tensor], Tensor]) -> nn.Module:
    return With(lambda net, x: end(net.fc(x.flatten(1))), fc=nn.Linear(784, 10))


@pytest.mark.parametrize(
    "end",
    [
        lambda x: x,
        lambda x: F.softmax(x, dim=1),
        lambda x: F.log_softmax(x, dim=0),
        lambda x: F.log_softmax(F.softmax(x, dim=1), dim=1),
        lambda x: torch.sigmoid(x),
        lambda x: F.log_softmax(F.relu(x), dim=1),
        lambda x: F.log_softmax(F.dropout(x), dim=1),
    ],
)
def test_the_outputs_become_the_log_softmax_of_the_scores(end: Callable[[Tensor], Tensor]) -> None:
    graph = after(ending(end), OTHER_OUTPUTS)
    for program in (graph.training, graph.evaluation):
        assert names(program) == ["flatten", "linear", "log_softmax"]
        assert program.nodes[-1].args[1] == 1


def test_a_pooling_after_the_last_layer_stays() -> None:
    net = With(lambda net, x: net.conv(x).mean((2, 3)).sigmoid(), conv=nn.Conv2d(1, 10, 3))
    assert names(after(net, OTHER_OUTPUTS).training) == ["conv2d", "mean", "log_softmax"]


def test_a_network_without_scores_keeps_its_outputs() -> None:
    net = With(lambda net, x: x.flatten(1)[:, :10].softmax(1))
    assert after(net, OTHER_OUTPUTS) == graph_from(net)


@pytest.mark.parametrize(
    ("dropout", "training", "evaluation"),
    [
        (lambda x, on: F.dropout(x, 1.0, on), (0.5, True), (0.5, False)),
        (lambda x, on: F.dropout(x, on), (0.5, True), (0, True)),
        (lambda x, on: F.dropout(x, 0.0, on), (0.5, True), (0.0, False)),
        (lambda x, on: F.dropout(x, 0.2, False), (0.2, True), (0.2, False)),
        (lambda x, on: F.dropout(x, 0.3, on), (0.3, True), (0.3, False)),
    ],
    ids=["p=1", "training as p", "p=0", "off", "right"],
)
def test_a_dropout_without_use_gets_the_usual_rate(dropout: Any, training: Any, evaluation: Any) -> None:
    graph = after(With(lambda net, x: dropout(net.fc(x.flatten(1)), net.training), fc=nn.Linear(784, 10)), DROPOUT)
    (trained,), (evaluated,) = (
        [node.args[1:] for node in program.nodes if node.name == "dropout"]
        for program in (graph.training, graph.evaluation)
    )
    assert (trained, evaluated) == (training, evaluation)


def test_layers_made_in_forward_become_weights_of_the_net() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = F.relu(nn.Linear(784, 20)(x.flatten(1)))
        return F.log_softmax(net.fc(x), dim=1)

    net = With(forward, fc=nn.Linear(20, 10))
    graph = after(net, FRESH_WEIGHTS)
    for program in (graph.training, graph.evaluation):
        assert names(program) == ["flatten", "linear", "relu", "linear", "log_softmax"]
    made = [weight for weight in graph.weights if not weight.name]
    assert [(weight.shape, weight.is_registered, weight.is_fresh) for weight in made] == [
        ((20, 784), False, True),
        ((20,), False, True),
    ]
    kept = after(net, FRESH_WEIGHTS, CUT_GRADIENTS)
    assert all(weight.is_registered and weight.is_trainable and not weight.is_fresh for weight in kept.weights)


def test_layers_that_differ_between_the_modes_are_refused() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        size = 20 if net.training else 30
        found: Tensor = nn.Linear(size, 10)(nn.Linear(784, size)(x.flatten(1)))
        return found

    with pytest.raises(GraphRefused, match="other layers"):
        after(With(forward), FRESH_WEIGHTS)


def test_nothing_is_written_in_place_after_the_repair() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = torch.sigmoid(net.fc(x.flatten(1)))
        y = x * 2
        x += 1
        return F.log_softmax(x + y, dim=1)

    net = With(forward, fc=nn.Linear(784, 10))
    assert "add_" in names(graph_from(net).training)
    assert "add_" not in names(after(net, IN_PLACE).training)

    def through_a_view(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        x[:, 0].mul_(2)
        return F.log_softmax(x, dim=1)

    seen = With(through_a_view, fc=nn.Linear(784, 10))
    assert after(seen, IN_PLACE).training == graph_from(seen).training, "a copy would change the outputs"


def test_gradients_flow_through_everything_after_the_repair() -> None:
    net = Lab(between=lambda x: x.detach())
    net.conv1.requires_grad_(False)
    graph = after(net, CUT_GRADIENTS)
    assert "detach" not in names(graph.training)
    assert not any(source.is_cut for node in graph.training.nodes for source in node.sources())
    assert all(weight.is_trainable for weight in graph.weights)
