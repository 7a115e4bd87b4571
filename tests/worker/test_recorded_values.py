"""Recording: the sources of tensors (weights, buffers, constants, values without a recorded operation)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from grader.model.graph import MOST_VALUES
from grader.model.operations import Kind
from grader.model.recorded import graph_of
from tests.support.network_samples import (
    Lab,
    With,
    graph_from,
    linear,
    names,
    recorded,
    recording_of,
)
from tests.support.recorded_parts import first_pass, numbers

# ---- weights ---------------------------------------------------------------------------------------------------------


def test_layers_in_a_plain_list_are_unregistered_and_not_fresh() -> None:
    hidden = [nn.Conv2d(1, 2, 5), nn.Linear(1152, 10)]
    graph = graph_from(With(lambda net, x: hidden[1](hidden[0](x).flatten(1))))
    assert [(weight.name, weight.is_registered, weight.is_fresh, weight.shape) for weight in graph.weights] == [
        ("", False, False, (2, 1, 5, 5)),
        ("", False, False, (2,)),
        ("", False, False, (10, 1152)),
        ("", False, False, (10,)),
    ]
    assert [node.owner for node in graph.training.nodes] == ["unregistered", "", "unregistered"]


def test_layers_made_in_forward_are_fresh() -> None:
    graph = graph_from(
        With(lambda net, x: net.fc(nn.Conv2d(1, 2, 5)(x).flatten(1)), fc=nn.Linear(1152, 10)),
    )
    assert [weight.name for weight in graph.weights] == ["fc.weight", "fc.bias"]
    drawn = next(node for node in graph.training.nodes if node.name == "conv2d").args[1:3]
    assert [graph.training.nodes[argument["tensor"][1]].kind for argument in drawn] == [Kind.RANDOM] * 2
    assert next(node.owner for node in graph.training.nodes if node.name == "conv2d") == "fresh"


def test_unregistered_weights() -> None:
    weight = torch.randn(784, 10, requires_grad=True)
    kept = graph_from(With(lambda net, x: x.flatten(1) @ weight))
    assert [(weight.is_registered, weight.is_fresh, weight.is_trainable) for weight in kept.weights] == [
        (False, False, True)
    ]
    stock = [torch.randn(784, 10, requires_grad=True) for _ in range(20)]
    others = graph_from(With(lambda net, x: x.flatten(1) @ stock.pop()))
    assert [(weight.is_registered, weight.is_fresh) for weight in others.weights] == [(False, True)]
    drawn = graph_from(With(lambda net, x: x.flatten(1) @ torch.randn(784, 10, requires_grad=True)))
    assert (drawn.weights, names(drawn.training)) == ((), ["flatten", "randn", "matmul"])
    chance = np.random.default_rng(0)
    unseen = recorded(With(lambda net, x: x.flatten(1) @ torch.from_numpy(chance.random((784, 10), np.float32))))
    assert unseen.doubts[-1].id == "unseen-values"


def test_a_constant_in_place_of_a_weight_is_a_weight_that_does_not_learn() -> None:
    constant = torch.randn(784, 10)
    found = recorded(With(lambda net, x: x.flatten(1) @ constant))
    assert found.graph is not None
    (weight,) = found.graph.weights
    assert (weight.shape, weight.is_trainable, weight.is_registered, weight.sample) == ((784, 10), False, False, "")
    assert found.graph.training.nodes[-1].args[1] == {"tensor": ["parameter", 0, 0, False]}
    assert found.doubts == ()


def test_a_weight_shared_by_two_layers_is_one_weight() -> None:
    first, second = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1)
    second.weight = first.weight
    net = linear(lambda net, x: net.fc(net.second(net.first(x)).flatten(1)), first=first, second=second)
    graph = graph_from(net)
    assert [weight.name for weight in graph.weights] == [
        "first.weight",
        "first.bias",
        "second.bias",
        "fc.weight",
        "fc.bias",
    ]


def test_parametrized_weights_keep_their_names() -> None:
    net = linear(lambda net, x: net.fc(x.flatten(1)))
    parametrizations.weight_norm(net.get_submodule("fc"))
    graph = graph_from(net)
    assert all(weight.is_registered and weight.name.startswith("fc.") for weight in graph.weights)
    assert "linear" in names(graph.training)


def test_a_dropout_that_is_not_an_attribute_of_the_net_is_unregistered() -> None:
    kept = [nn.Dropout(0.5)]
    graph = graph_from(Lab(dropout=lambda x: kept[0](x)))
    owners = {(node.layer, node.owner) for node in graph.training.nodes if node.name == "dropout"}
    assert owners == {("an unregistered Dropout", "unregistered")}
    assert {node.args[2] for node in graph.evaluation.nodes if node.name == "dropout"} == {True}, "eval() misses it"


def test_a_dropout_created_in_forward_is_fresh() -> None:
    recording = recording_of(Lab(dropout=lambda x: nn.Dropout(0.5)(x)))
    owners = {node.owner for node in recording.passes[1].program.nodes if node.name == "dropout"}
    assert owners == {"fresh"}


def test_layers_inside_containers_have_dotted_names() -> None:
    body = nn.Sequential(nn.Conv2d(1, 2, 5), nn.ReLU(), nn.Sequential(nn.Flatten(), nn.Linear(1152, 10)))
    graph = graph_from(With(lambda net, x: net.body(x), body=body))
    assert [node.layer for node in graph.training.nodes] == ["body.0", "body.1", "body.2.0", "body.2.1"]


class Fails(nn.Module):
    """A module that raises inside another one."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 3))

    def forward(self, x: Tensor) -> Tensor:
        self.inner[0](x)
        raise KeyError("on purpose")


def test_after_an_exception_that_forward_catches_layers_have_their_own_names() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        try:
            net.block(x[:, 0, 0, :3])
        except KeyError:
            x = F.relu(x)
        return net.fc(x.flatten(1))  # type: ignore[no-any-return]

    graph = graph_from(linear(forward, block=Fails()))
    assert [(node.name, node.layer) for node in graph.training.nodes] == [
        ("relu", ""),
        ("flatten", ""),
        ("linear", "fc"),
    ]
    assert [(layer.name, layer.kind, layer.layer, layer.after) for layer in graph.aside] == [
        ("linear", "linear", "block.inner.0", 0)
    ]


def test_after_an_exception_that_ends_the_pass_no_hook_is_left() -> None:
    run = first_pass(With(lambda net, x: net.block(x[:, 0, 0, :3]), block=Fails()))
    assert run.problem is not None
    assert (run.problem.kind, run.problem.exception, names(run.program)[-1]) == ("forward", "KeyError", "linear")
    assert run.program.output is None
    layers = [node.layer for node in first_pass(Lab()).program.nodes if node.layer]
    assert layers == ["conv1", "conv2", "fc1", "fc2"]


# ---- what a net brings along -----------------------------------------------------------------------------------------


def test_small_constants_are_sent_completely() -> None:
    scale = torch.tensor([0.5, 2.0])
    net = linear(lambda net, x: net.fc((x * scale[0] + scale[1]).flatten(1)))
    found = recorded(net)
    assert found.graph is not None
    (constant,) = found.graph.constants
    assert (constant.shape, constant.dtype, constant.varies) == ((2,), "float32", False)
    assert numbers(constant.values, "<f4") == [0.5, 2.0]
    assert found.doubts == ()


def test_constants_made_in_forward_are_the_same_each_time() -> None:
    found = recorded(linear(lambda net, x: net.fc(x.flatten(1)) * torch.tensor([1.0] * 9 + [2.0])))
    assert found.graph is not None
    assert [constant.varies for constant in found.graph.constants] == [False]
    assert found.doubts == ()


def test_a_large_constant_is_reported_and_not_sent() -> None:
    table = torch.randn(784) if MOST_VALUES < 784 else torch.randn(10, 784)
    found = recorded(linear(lambda net, x: net.fc(x.flatten(1)) + (x.flatten(1).unsqueeze(1) * table).sum(2)))
    assert found.graph is not None
    (constant,) = found.graph.constants
    assert (constant.values, constant.count) == ("", 7840)
    assert [doubt.id for doubt in found.doubts] == ["large-constants"]


def by_numpy(net: Any, x: Tensor) -> Tensor:
    scores: Tensor = net.fc(x.flatten(1))
    return scores + torch.from_numpy(np.tanh(x.detach().numpy().reshape(len(x), -1)[:, :10]))


def in_a_thread(net: Any, x: Tensor) -> Tensor:
    found: list[Tensor] = []
    thread = threading.Thread(target=lambda: found.append(torch.tanh(x.flatten(1)[:, :10])))
    thread.start()
    thread.join()
    return net.fc(x.flatten(1)) + found[0]  # type: ignore[no-any-return]


def by_chance(net: Any, x: Tensor) -> Tensor:
    scores: Tensor = net.fc(x.flatten(1))
    return scores + torch.from_numpy(np.random.default_rng().random(10, dtype=np.float32))


@pytest.mark.parametrize("forward", [by_numpy, in_a_thread, by_chance])
def test_values_without_a_recorded_operation_raise_a_doubt(forward: Callable[[Any, Tensor], Tensor]) -> None:
    found = recorded(linear(forward))
    assert found.graph is not None
    assert {doubt.id for doubt in found.doubts} & {"unseen-values", "passes-differ"}


def test_buffers_and_what_is_written_into_them() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 5), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(1152, 10))
    recording = recording_of(net)
    assert [buffer.name for buffer in recording.buffers] == ["1.running_mean", "1.running_var", "1.num_batches_tracked"]
    assert numbers(recording.buffers[0].values, "<f4") == [0.0, 0.0]
    graph = graph_of(recording).graph
    assert graph is not None
    assert names(graph.training) == ["conv2d", "batch_norm", "flatten", "linear"], "counting batches changes nothing"
    assert [buffer.name for buffer in graph.buffers] == ["1.running_mean", "1.running_var"]


def test_buffers_are_put_back_before_the_echo() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(784, 10)
            self.register_buffer("seen", torch.zeros(1))
            self.at_last = 0.0

        def forward(self, x: Tensor) -> Tensor:
            self.at_last = float(self.seen)  # type: ignore[arg-type]
            self.seen.add_(1)  # type: ignore[operator]
            return self.fc(x.flatten(1))  # type: ignore[no-any-return]

    net = Counting()
    recording_of(net)
    assert (float(net.seen), net.at_last) == (1.0, 0.0)  # type: ignore[arg-type]
