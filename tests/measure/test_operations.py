"""Tests of classifying recorded operations: activations, dropouts, layers, and the path to the output."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from grader.measure.measurements import Subject, measure
from grader.model.evidence import Measurements, Operation
from grader.model.recorded import graph_of
from tests.support.network_samples import (
    RECORDED_SEED,
    Lab,
    Step,
    With,
    images,
    linear,
    measured,
    network,
    parameter,
    recording_of,
)

pytestmark = pytest.mark.slow


def words(found: Measurements) -> list[str]:
    return [f"{operation.kind}:{operation.name}" for operation in found.trace.operations]


def one_of_kind(found: Measurements, kind: str) -> Operation:
    (only,) = (operation for operation in found.trace.operations if operation.kind == kind)
    return only


# ---- what each operation is ------------------------------------------------------------------------------------------


def test_the_lab_network() -> None:
    found = measured(Lab())
    assert words(found) == [
        "conv:conv2d",
        "pool:max_pool2d",
        "relu:relu",
        "conv:conv2d",
        "dropout:dropout",
        "pool:max_pool2d",
        "relu:relu",
        "reshape:view",
        "linear:linear",
        "relu:relu",
        "dropout:dropout",
        "linear:linear",
        "log_softmax:log_softmax",
    ]
    trace = found.trace
    assert [operation.inputs for operation in trace.operations] == [(index,) for index in range(-1, 12)]
    assert (trace.batch, trace.output, trace.returned, trace.repairs, trace.remarks) == (4, 12, "Tensor", (), ())
    conv1 = trace.operations[0]
    assert (conv1.layer, conv1.parameters, conv1.is_registered) == ("conv1", 4 * 25 + 4, True)
    assert (conv1.shape_in, conv1.shape_out) == ((4, 1, 28, 28), (4, 4, 24, 24))
    assert (trace.operations[4].probability, trace.operations[4].is_active) == (0.5, True)
    assert trace.operations[-1].dim == 1
    assert all(operation.matters for operation in trace.operations)
    assert found.probe is not None
    assert [(run.batch, run.problem, run.shape) for run in found.probe.passes] == [
        (size, None, (size, 10)) for size in (1, 2, 3, 64, 100)
    ]
    scores = found.probe.scores
    assert scores is not None
    assert (scores.is_finite, scores.tail, scores.lead) == (True, ("log_softmax",), ())
    assert scores.sum_error < 1e-5 < scores.column_error
    assert found.modes is not None
    assert found.modes.train_difference > 0 == found.modes.eval_difference == found.modes.train_still
    assert found.gradients is not None
    assert [parameter.state for parameter in found.gradients.parameters] == ["ok"] * 8
    assert found.resources is not None
    assert 0 <= found.resources.forward_seconds < 1, "the clock of a virtual machine may stand still for so long"
    assert (found.doubts, found.is_trainable, found.is_worth_retrying) == ((), True, True)


def test_measuring_is_repeatable() -> None:
    recording = recording_of(Lab())
    graph = graph_of(recording).graph
    assert graph is not None
    first, again, other = (
        measure(Subject(graph, recording, 1, RECORDED_SEED), images(), seed=seed) for seed in (1, 1, 2)
    )
    assert first.trace == again.trace
    assert (first.probe, first.modes, first.gradients) == (again.probe, again.modes, again.gradients)
    assert first.trace != other.trace


class HandmadeRelu(torch.autograd.Function):
    """A ReLU as in the tutorials on autograd."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        context.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (x,) = context.saved_tensors
        return gradient * (x > 0)  # type: ignore[no-any-return]


def by_setitem(x: Tensor) -> Tensor:
    x = x.clone()
    x[x < 0] = 0
    return x


RELUS: dict[str, Step] = {
    "function": F.relu,
    "method": lambda x: x.relu(),
    "module": nn.ReLU(),
    "in place": lambda x: F.relu(x, inplace=True),
    "underscore": torch.relu_,
    "clamp": lambda x: x.clamp(min=0),
    "clamp in place": lambda x: x.clamp_(0),
    "threshold": lambda x: F.threshold(x, 0, 0),
    "mask": lambda x: x * (x > 0),
    "float mask": lambda x: (x > 0).float() * x,
    "where": lambda x: torch.where(x > 0, x, torch.zeros_like(x)),
    "maximum": lambda x: torch.maximum(x, torch.tensor(0.0)),
    "max": lambda x: torch.max(x, torch.zeros_like(x)),
    "absolute": lambda x: (x + x.abs()) / 2,
    "setitem": by_setitem,
    "masked_fill": lambda x: x.masked_fill(x < 0, 0),
    "leaky without slope": lambda x: F.leaky_relu(x, 0.0),
    "hardtanh without bound": lambda x: F.hardtanh(x, 0.0, math.inf),
    "subtraction": lambda x: x - x.clamp(max=0),
    "added to the negative": lambda x: x + F.relu(-x),
    "autograd function": HandmadeRelu.apply,
}


@pytest.mark.parametrize("name", RELUS)
def test_every_way_to_write_a_relu_is_a_relu(name: str) -> None:
    found = network(Lab(relu=RELUS[name]))
    layers = found.weighted
    assert [layer.layer for layer in layers] == ["conv1", "conv2", "fc1", "fc2"]
    for layer, following in pairwise(layers):
        relus = found.between(layer, following, "relu")
        assert relus, layer
        assert all(relu.matters for relu in relus)
    assert found.between(None, None, "activation") == ()


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (F.leaky_relu, "leaky_relu"),
        (torch.tanh, "tanh"),
        (nn.Sigmoid(), "sigmoid"),
        (F.gelu, "gelu"),
        (F.relu6, "relu6"),
        (lambda x: x.clamp(0, 1), "clamp"),
        (nn.PReLU(), "prelu"),
        (F.elu, "elu"),
    ],
)
def test_another_activation_is_not_a_relu(step: Step, name: str) -> None:
    found = network(Lab(relu=step))
    assert found.between(None, None, "relu") == ()
    assert {operation.name for operation in found.between(None, None, "activation")} == {name}


@pytest.mark.parametrize("step", [torch.abs, torch.square, lambda x: x.clamp(min=-0.1), lambda x: x + 1])
def test_what_only_looks_like_a_relu_is_arithmetic(step: Step) -> None:
    assert network(Lab(relu=step)).between(None, None, "relu") == ()


# ---- dropout ---------------------------------------------------------------------------------------------------------


def dropped_by_setitem(x: Tensor) -> Tensor:
    x = x.clone()
    x[torch.rand_like(x) < 0.25] = 0
    return x / 0.75


HANDMADE_DROPOUTS: dict[str, Step] = {
    "bernoulli": lambda x: x * torch.bernoulli(torch.full_like(x, 0.75)) / 0.75,
    "rand": lambda x: x * (torch.rand_like(x) > 0.25) / 0.75,
    "rand of a shape": lambda x: x * (torch.rand(x.shape) > 0.25).float() / 0.75,
    "scaled mask": lambda x: x * ((torch.rand(x.shape) > 0.25).float() / 0.75),
    "where": lambda x: torch.where(torch.rand_like(x) < 0.25, torch.zeros_like(x), x / 0.75),
    "masked_fill": lambda x: x.masked_fill(torch.rand_like(x) < 0.25, 0.0) / 0.75,
    "uniform": lambda x: x * (torch.empty_like(x).uniform_() > 0.25),
    "setitem": dropped_by_setitem,
}


@pytest.mark.parametrize("name", HANDMADE_DROPOUTS)
def test_a_handmade_dropout_is_a_dropout(name: str) -> None:
    found = network(Lab(dropout=HANDMADE_DROPOUTS[name]))
    assert [layer.layer for layer in found.weighted] == ["conv1", "conv2", "fc1", "fc2"]
    for start, end in ((found.convs[1], found.linears[0]), (found.linears[0], found.linears[1])):
        dropouts = found.between(start, end, "dropout")
        assert dropouts, [operation.name for operation in found.between(start, end, "arithmetic")]
        assert dropouts[0].probability == pytest.approx(0.25, abs=0.12)
        assert dropouts[0].is_active is True
        assert dropouts[0].drops_some


@pytest.mark.parametrize(
    ("step", "probability", "is_active"),
    [
        (nn.Dropout(0.3), 0.3, True),
        (nn.Dropout2d(0.0), 0.0, True),
        (nn.AlphaDropout(0.2), 0.2, True),
        (lambda x: F.dropout(x, p=0.4, training=False), 0.4, False),
        (lambda x: F.dropout(x, 0.4, True), 0.4, True),
        (lambda x: torch.dropout(x, 0.6, True), 0.6, True),
    ],
)
@pytest.mark.filterwarnings("ignore:dropout2d")
def test_the_settings_of_a_dropout(step: Step, probability: float, is_active: bool) -> None:
    dropouts = network(Lab(dropout=step)).between(None, None, "dropout")
    assert len(dropouts) == 2
    for dropout in dropouts:
        assert (dropout.probability, dropout.is_active) == (probability, is_active)
        assert dropout.drops_some == (is_active and probability > 0)


@pytest.mark.parametrize(
    "step",
    [lambda x: x * torch.linspace(0.5, 1.5, x.shape[1]).view(-1, *[1] * (x.dim() - 2)), lambda x: x * 0.75],
    ids=["scaled by a constant", "scaled"],
)
def test_scaling_is_not_a_dropout(step: Step) -> None:
    assert network(Lab(dropout=step)).between(None, None, "dropout") == ()


# ---- layers ----------------------------------------------------------------------------------------------------------


PRODUCTS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "linear": lambda net, x: F.linear(x, net.weight.t(), net.bias),
    "at": lambda net, x: x @ net.weight + net.bias,
    "matmul": lambda net, x: torch.matmul(x, net.weight) + net.bias,
    "addmm": lambda net, x: torch.addmm(net.bias, x, net.weight),
    "einsum": lambda net, x: torch.einsum("ni,io->no", x, net.weight) + net.bias,
    "tensordot": lambda net, x: torch.tensordot(x, net.weight, dims=1) + net.bias,
    "transposed": lambda net, x: (net.weight.t() @ x.t()).t() + net.bias,
    "multiplied and summed": lambda net, x: (x.unsqueeze(2) * net.weight).sum(1) + net.bias,
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_way_to_write_a_fully_connected_layer(name: str) -> None:
    net = With(
        lambda net, x: PRODUCTS[name](net, x.flatten(1)), weight=parameter(784, 10), bias=nn.Parameter(torch.zeros(10))
    )
    (layer,) = network(net).weighted
    assert (layer.kind, layer.is_registered) == ("linear", True)
    assert layer.parameters >= 7840


def test_a_convolution_by_unfold_is_a_convolution() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        columns = F.unfold(x, 5)
        x = (net.weight.view(6, 25) @ columns).view(len(x), 6, 24, 24)
        return net.fc(x.flatten(1))  # type: ignore[no-any-return]

    found = network(With(forward, weight=parameter(6, 1, 5, 5), fc=nn.Linear(6 * 576, 10)))
    assert [(layer.kind, layer.parameters) for layer in found.weighted] == [("conv", 150), ("linear", 6 * 5760 + 10)]
    assert found.convs[0].is_registered


def test_images_times_images_is_not_a_layer() -> None:
    assert network(With(lambda net, x: (x @ x.transpose(2, 3)).flatten(1)[:, :10])).weighted == ()


def test_a_scale_is_not_a_layer() -> None:
    found = network(linear(lambda net, x: net.fc(x.flatten(1)) * net.scale, scale=nn.Parameter(torch.ones(10))))
    assert [layer.layer for layer in found.weighted] == ["fc"]


def test_weight_norm_keeps_a_layer_registered() -> None:
    found = network(
        With(
            lambda net, x: net.fc(net.conv(x).flatten(1)),
            conv=parametrizations.weight_norm(nn.Conv2d(1, 2, 5)),
            fc=parametrizations.weight_norm(nn.Linear(1152, 10)),
        )
    )
    assert [(layer.kind, layer.layer) for layer in found.weighted] == [("conv", "conv"), ("linear", "fc")]
    assert all(layer.is_registered and not layer.is_fresh and layer.parameters > 50 for layer in found.weighted)


def test_a_layer_used_twice_is_two_operations_of_one_layer() -> None:
    found = network(
        With(lambda net, x: net.fc(net.conv(net.conv(x)).flatten(1)), conv=nn.Conv2d(1, 1, 3), fc=nn.Linear(576, 10))
    )
    assert [conv.layer for conv in found.convs] == ["conv", "conv"]


def test_where_the_weights_of_a_layer_are() -> None:
    hidden = [nn.Conv2d(1, 2, 5), nn.Linear(1152, 10)]
    loose = network(With(lambda net, x: hidden[1](hidden[0](x).flatten(1))))
    assert [(layer.is_registered, layer.is_fresh) for layer in loose.weighted] == [(False, False)] * 2
    fresh = network(With(lambda net, x: net.fc(nn.Conv2d(1, 2, 5)(x).flatten(1)), fc=nn.Linear(1152, 10)))
    assert [(layer.is_registered, layer.is_fresh) for layer in fresh.weighted] == [(False, True), (True, False)]
    weight = torch.randn(784, 10)
    (constant,) = network(With(lambda net, x: x.flatten(1) @ weight)).weighted
    assert (constant.is_registered, constant.is_fresh) == (False, False)


def test_where_a_dropout_is() -> None:
    def owners(net: nn.Module) -> list[tuple[str, bool]]:
        return [(operation.layer, operation.is_registered) for operation in network(net).between(None, None, "dropout")]

    kept = [nn.Dropout(0.5)]
    assert owners(Lab(dropout=lambda x: kept[0](x))) == [("an unregistered Dropout", False)] * 2
    assert owners(Lab(dropout=lambda x: nn.Dropout(0.5)(x))) == [("an unregistered Dropout", False)] * 2
    assert owners(Lab()) == [("", True)] * 2


@pytest.mark.parametrize(
    ("step", "name"), [(lambda x: x.detach(), "detach"), (lambda x: x.data, "data")], ids=["detach", "data"]
)
def test_a_detach_does_not_break_the_path(step: Step, name: str) -> None:
    found = measured(Lab(between=step))
    assert found.gradients is not None
    states = {parameter.name: parameter.state for parameter in found.gradients.parameters}
    assert [states[f"{layer}.weight"] for layer in ("conv1", "conv2", "fc1", "fc2")] == ["none", "none", "ok", "ok"]
    path = network(Lab(between=step))
    assert [layer.layer for layer in path.weighted] == ["conv1", "conv2", "fc1", "fc2"]
    assert [operation.name for operation in path.between(None, None, "detach")] == ([name] if name == "detach" else [])


def test_a_result_that_is_not_used_is_not_on_the_path() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        F.dropout(x)
        return F.log_softmax(x, dim=1)

    found = network(linear(forward))
    assert [operation.name for operation in found.path] == ["flatten", "linear", "log_softmax"]
    assert [operation.name for operation in found.unused] == ["dropout"]


def test_in_place_operations_are_followed() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        x += 1
        x.mul_(2)
        F.relu_(x)
        return x

    found = measured(linear(forward))
    assert words(found) == ["reshape:flatten", "linear:linear", "arithmetic:+", "arithmetic:*", "relu:relu"]
    assert [operation.inputs for operation in found.trace.operations] == [(-1,), (0,), (1,), (2,), (3,)]


def test_a_residual_sum_has_both_terms_as_inputs() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        return x + net.again(x)  # type: ignore[no-any-return]

    assert one_of_kind(measured(linear(forward, again=nn.Linear(10, 10))), "arithmetic").inputs == (1, 2)


@pytest.mark.parametrize(
    ("step", "dim"), [(lambda x: F.log_softmax(x, dim=0), 0), (lambda x: x.log_softmax(-1), 1), (nn.LogSoftmax(1), 1)]
)
def test_the_dimension_of_a_log_softmax(step: Step, dim: int) -> None:
    assert one_of_kind(measured(linear(lambda net, x: step(net.fc(x.flatten(1))))), "log_softmax").dim == dim


def test_hundreds_of_small_steps_are_left_out_between_layers() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        for _ in range(600):
            x = x + 0.001
        return F.log_softmax(net.again(F.relu(x)), dim=1)

    found = measured(linear(forward, again=nn.Linear(10, 10)))
    assert words(found) == ["linear:linear", "relu:relu", "linear:linear", "log_softmax:log_softmax"]
    assert [operation.inputs for operation in found.trace.operations] == [(-1,), (0,), (1,), (2,)]
