"""Measuring a recorded graph: its replay, what each operation is and does, what raises doubts, and what it costs."""

from __future__ import annotations

import base64
import math
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.utils._python_dispatch import TorchDispatchMode

from grader.measure.cost import cost_of
from grader.measure.look import Subject, look
from grader.measure.network import open_network
from grader.measure.replay import Replay, Values, values_of
from grader.measure.weights import chosen_state, fresh_state
from grader.model import Job
from grader.model.evidence import Evidence, Measurements, Operation, Problem
from grader.model.graph import Constant, Graph, GraphRefused, Node, Program, Weight
from grader.model.recorded import graph_of
from grader.sandbox import Wish, WorkerPool
from grader.selfcheck.records import record_from
from grader.submissions.discovery import discover
from grader.submissions.files import copy_submission
from grader.worker.record.chosen import chosen_images
from tests.support.network_samples import (
    INPUT,
    RECORDED_SEED,
    SEED,
    Lab,
    Step,
    With,
    doubts,
    graph_from,
    held,
    images,
    measured,
    network,
    node,
    plain,
    probes,
    program,
    recording_of,
    result,
)
from tests.support.places import TESTS

SUBMISSIONS, FILES = TESTS / "submissions", TESTS / "networks"


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As in a measuring process; small nets run faster so, too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def linear(forward: Callable[[Any, Tensor], Any], **parts: Any) -> With:
    """A net with one layer ``fc`` of 784 inputs."""
    return With(forward, fc=nn.Linear(784, 10), **parts)


def words(found: Measurements) -> list[str]:
    return [f"{one.kind}:{one.name}" for one in found.trace.operations]


def one_of_kind(found: Measurements, kind: str) -> Operation:
    (one,) = (one for one in found.trace.operations if one.kind == kind)
    return one


# ---- the replay ------------------------------------------------------------------------------------------------------


VALID = sorted(path.name for path in SUBMISSIONS.iterdir() if path.name.startswith("valid-"))
NETWORKS = sorted(path.stem for path in FILES.glob("*.py"))


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Evidence]:
    """Every valid sample and every public network, recorded as when it is graded."""
    jobs = {}
    for submission in discover(SUBMISSIONS, tmp_path_factory.mktemp("unpacked")):
        if submission.id in VALID:
            folder = tmp_path_factory.mktemp("work")
            copy_submission(submission, folder)
            jobs[submission.id] = Job(str(folder), submission.script or "", RECORDED_SEED)
    for name in NETWORKS:
        folder = tmp_path_factory.mktemp("work")
        shutil.copy(FILES / f"{name}.py", folder)
        jobs[name] = Job(str(folder), f"{name}.py", RECORDED_SEED)
    with WorkerPool(workers=2, isolation=Wish.OFF) as pool, ThreadPoolExecutor(2) as threads:
        return dict(zip(jobs, threads.map(pool.record, jobs.values()), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*VALID, *NETWORKS])
def test_a_replay_gives_what_the_program_gives(name: str, evidence: Mapping[str, Evidence]) -> None:
    assert evidence[name].ending.kind == "finished", evidence[name].ending
    recording = evidence[name].record
    assert recording is not None
    assert recording.echo is not None
    recorded = graph_of(recording)
    assert recorded.graph is not None
    if name != "micro_batches_joined":
        assert (recorded.doubts, recorded.graph.batch) == ((), 0)
    graph = recorded.graph
    outputs = Replay(graph).run(
        graph.evaluation, chosen_images(64, seed=RECORDED_SEED + 1), chosen_state(graph, seed=RECORDED_SEED)
    )
    own = np.frombuffer(base64.b64decode(recording.echo.outputs), "<f4").reshape(64, 10)
    assert outputs is not None
    assert float(np.abs(outputs.detach().float().numpy() - own).max()) < 1e-5 * max(1.0, float(np.abs(own).max()))
    cost_of(graph)


def test_a_replay_of_other_sizes_gives_what_the_module_gives() -> None:
    net = Lab().eval()
    graph = graph_from(net)  # which leaves chosen weights in the net
    state, replay = chosen_state(graph, seed=RECORDED_SEED), Replay(graph)
    for count in (1, 2, 7, 150):
        outputs = replay.run(graph.evaluation, probes(count), state)
        assert outputs is not None
        assert torch.allclose(outputs, net(probes(count)), atol=1e-6)


def test_buffers_run_on_from_pass_to_pass() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 5), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(1152, 10))
    graph = graph_from(net)
    with torch.no_grad():
        net[1].reset_running_stats()  # type: ignore[operator]  # torch leaves it untyped
    state, replay = chosen_state(graph, seed=RECORDED_SEED), Replay(graph)
    net.train()
    for seed in (1, 2):
        net(chosen_images(16, seed=seed))
        replay.run(graph.training, chosen_images(16, seed=seed), state)
    assert torch.allclose(state.buffers[0], net[1].running_mean, atol=1e-6)  # type: ignore[arg-type]
    outputs = replay.run(graph.evaluation, probes(3), state)
    assert outputs is not None
    assert torch.allclose(outputs, net.eval()(probes(3)), atol=1e-5)
    assert not any(one.requires_grad for one in state.buffers)


def test_parts_of_a_pass_can_be_replaced_and_kept() -> None:
    graph = graph_from(linear(lambda net, x: F.relu_(net.fc(x.flatten(1)))))
    state, replay = fresh_state(graph, seed=1), Replay(graph)
    values: Values = []
    whole = replay.run(graph.training, probes(3), state, keep=values)
    without = replay.run(graph.training, probes(3), state, replaced={2: lambda here: here.values[1][0]})
    assert whole is not None
    assert without is not None
    assert torch.equal(without.clamp(min=0), whole)
    assert torch.equal(values[1][0], without), "kept as it was before it was written into"
    doubled = replay.run(graph.training, probes(3), state, replaced={2: lambda here: here.result() * 2})
    assert doubled is not None
    assert torch.equal(doubled, whole * 2)


def test_cut_gradients_stay_cut() -> None:
    graph = graph_from(Lab(between=lambda x: x.data))
    state = fresh_state(graph, seed=1)
    outputs = Replay(graph).run(graph.training, probes(3), state)
    assert outputs is not None
    outputs.sum().backward()  # type: ignore[no-untyped-call]
    assert [one.grad is None for one in state.weights] == [True] * 4 + [False] * 4


def test_room_that_nobody_filled_is_empty() -> None:
    for op in ("empty.memory_format", "new_empty", "empty_like"):
        first = [INPUT] if op != "empty.memory_format" else []
        given = [*first, [3, 4]] if op != "empty_like" else first
        graph = Graph(program(node(op, *given, device={"word": "device"})), Program())
        outputs = Replay(graph).run(graph.training, probes(2), fresh_state(graph, seed=1))
        assert outputs is not None
        assert not outputs.any()


# ---- weights to begin with -------------------------------------------------------------------------------------------


def test_fresh_weights_depend_on_the_seed_alone_and_are_torchs() -> None:
    graph = graph_from(Lab())
    first, again, other = (fresh_state(graph, seed=seed) for seed in (3, 3, 4))
    assert all(torch.equal(one, two) for one, two in zip(first.weights, again.weights, strict=True))
    assert not any(torch.equal(one, two) for one, two in zip(first.weights, other.weights, strict=True))
    for weight, own in zip(first.weights, Lab().parameters(), strict=True):
        assert weight.requires_grad
        assert float(weight.detach().std()) == pytest.approx(float(own.detach().std()), rel=0.8)


def test_weights_brought_along_are_no_ones_to_begin_with() -> None:
    net = Lab()
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(torch.arange(weight.numel()).view(weight.shape) / weight.numel())
    graph = graph_from(net)
    state = fresh_state(graph, seed=1)
    assert all(float(one.detach().abs().max()) <= 0.23 for one in state.weights)
    own = fresh_state(graph, seed=1, like_own=True)
    assert float(own.weights[0].detach().max()) > 0.9, "of like values, in another order"
    assert not torch.equal(own.weights[0].detach().flatten(), torch.arange(100) / 100)


def test_a_weight_of_no_layer_begins_as_it_is() -> None:
    net = linear(lambda net, x: net.fc(x.flatten(1)) * net.scale, scale=nn.Parameter(torch.arange(10.0)))
    graph = graph_from(net)
    place = next(at for at, one in enumerate(graph.weights) if one.name == "scale")
    assert fresh_state(graph, seed=1).weights[place].tolist() == list(range(10))


def test_frozen_weights_stay_frozen() -> None:
    net = Lab()
    net.conv1.weight.requires_grad_(False)
    graph = graph_from(net)
    assert [one.requires_grad for one in fresh_state(graph, seed=1).weights] == [False] + [True] * 7


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
    assert [one.inputs for one in trace.operations] == [(index,) for index in range(-1, 12)]
    assert (trace.batch, trace.output, trace.returned, trace.repairs, trace.remarks) == (4, 12, "Tensor", (), ())
    conv1 = trace.operations[0]
    assert (conv1.layer, conv1.parameters, conv1.is_registered) == ("conv1", 4 * 25 + 4, True)
    assert (conv1.shape_in, conv1.shape_out) == ((4, 1, 28, 28), (4, 4, 24, 24))
    assert (trace.operations[4].probability, trace.operations[4].is_active) == (0.5, True)
    assert trace.operations[-1].dim == 1
    assert all(one.matters for one in trace.operations)
    assert found.probe is not None
    assert [(one.batch, one.problem, one.shape) for one in found.probe.passes] == [
        (size, None, (size, 10)) for size in (1, 2, 3, 64, 100)
    ]
    scores = found.probe.scores
    assert scores is not None
    assert (scores.is_finite, scores.tail, scores.lead) == (True, ("log_softmax",), ())
    assert scores.sum_error < 1e-5 < scores.column_error
    assert found.modes is not None
    assert found.modes.train_difference > 0 == found.modes.eval_difference == found.modes.train_still
    assert found.gradients is not None
    assert [one.state for one in found.gradients.parameters] == ["ok"] * 8
    assert found.resources is not None
    assert 0 < found.resources.forward_seconds < 1
    assert (found.doubts, found.is_trainable, found.is_worth_retrying) == ((), True, True)


def test_measuring_is_repeatable() -> None:
    recording = recording_of(Lab())
    graph = graph_of(recording).graph
    assert graph is not None
    first, again, other = (look(Subject(graph, recording, 1, RECORDED_SEED), images(), seed=one) for one in (1, 1, 2))
    assert first.trace == again.trace
    assert (first.probe, first.modes, first.gradients) == (again.probe, again.modes, again.gradients)
    assert first.trace != other.trace


class HandmadeRelu(torch.autograd.Function):
    """ReLU as the tutorials on autograd write it."""

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
def test_every_spelling_of_relu_is_a_relu(name: str) -> None:
    found = network(Lab(relu=RELUS[name]))
    layers = found.weighted
    assert [one.layer for one in layers] == ["conv1", "conv2", "fc1", "fc2"]
    for layer, following in pairwise(layers):
        relus = found.between(layer, following, "relu")
        assert relus, layer
        assert all(one.matters for one in relus)
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
def test_another_activation_is_no_relu(step: Step, name: str) -> None:
    found = network(Lab(relu=step))
    assert found.between(None, None, "relu") == ()
    assert {one.name for one in found.between(None, None, "activation")} == {name}


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
    assert [one.layer for one in found.weighted] == ["conv1", "conv2", "fc1", "fc2"]
    for start, end in ((found.convs[1], found.linears[0]), (found.linears[0], found.linears[1])):
        dropouts = found.between(start, end, "dropout")
        assert dropouts, [one.name for one in found.between(start, end, "arithmetic")]
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
def test_what_a_dropout_is_told(step: Step, probability: float, is_active: bool) -> None:
    dropouts = network(Lab(dropout=step)).between(None, None, "dropout")
    assert len(dropouts) == 2
    for one in dropouts:
        assert (one.probability, one.is_active) == (probability, is_active)
        assert one.drops_some == (is_active and probability > 0)


@pytest.mark.parametrize(
    "step",
    [lambda x: x * torch.linspace(0.5, 1.5, x.shape[1]).view(-1, *[1] * (x.dim() - 2)), lambda x: x * 0.75],
    ids=["scaled by a constant", "scaled"],
)
def test_scaling_is_no_dropout(step: Step) -> None:
    assert network(Lab(dropout=step)).between(None, None, "dropout") == ()


# ---- layers ----------------------------------------------------------------------------------------------------------


def parameter(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(*shape, generator=torch.Generator().manual_seed(0)))


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
def test_every_spelling_of_a_fully_connected_layer(name: str) -> None:
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
    assert [(one.kind, one.parameters) for one in found.weighted] == [("conv", 150), ("linear", 6 * 5760 + 10)]
    assert found.convs[0].is_registered


def test_images_times_images_is_no_layer() -> None:
    assert network(With(lambda net, x: (x @ x.transpose(2, 3)).flatten(1)[:, :10])).weighted == ()


def test_a_scale_is_no_layer() -> None:
    found = network(linear(lambda net, x: net.fc(x.flatten(1)) * net.scale, scale=nn.Parameter(torch.ones(10))))
    assert [one.layer for one in found.weighted] == ["fc"]


def test_weight_norm_keeps_a_layer_registered() -> None:
    found = network(
        With(
            lambda net, x: net.fc(net.conv(x).flatten(1)),
            conv=parametrizations.weight_norm(nn.Conv2d(1, 2, 5)),
            fc=parametrizations.weight_norm(nn.Linear(1152, 10)),
        )
    )
    assert [(one.kind, one.layer) for one in found.weighted] == [("conv", "conv"), ("linear", "fc")]
    assert all(one.is_registered and not one.is_fresh and one.parameters > 50 for one in found.weighted)


def test_a_layer_used_twice_is_two_operations_of_one_layer() -> None:
    found = network(
        With(lambda net, x: net.fc(net.conv(net.conv(x)).flatten(1)), conv=nn.Conv2d(1, 1, 3), fc=nn.Linear(576, 10))
    )
    assert [one.layer for one in found.convs] == ["conv", "conv"]


def test_where_the_weights_of_a_layer_are() -> None:
    hidden = [nn.Conv2d(1, 2, 5), nn.Linear(1152, 10)]
    loose = network(With(lambda net, x: hidden[1](hidden[0](x).flatten(1))))
    assert [(one.is_registered, one.is_fresh) for one in loose.weighted] == [(False, False)] * 2
    fresh = network(With(lambda net, x: net.fc(nn.Conv2d(1, 2, 5)(x).flatten(1)), fc=nn.Linear(1152, 10)))
    assert [(one.is_registered, one.is_fresh) for one in fresh.weighted] == [(False, True), (True, False)]
    weight = torch.randn(784, 10)
    (constant,) = network(With(lambda net, x: x.flatten(1) @ weight)).weighted
    assert (constant.is_registered, constant.is_fresh) == (False, False)


def test_where_a_dropout_is() -> None:
    def owners(net: nn.Module) -> list[tuple[str, bool]]:
        return [(one.layer, one.is_registered) for one in network(net).between(None, None, "dropout")]

    kept = [nn.Dropout(0.5)]
    assert owners(Lab(dropout=lambda x: kept[0](x))) == [("an unregistered Dropout", False)] * 2
    assert owners(Lab(dropout=lambda x: nn.Dropout(0.5)(x))) == [("an unregistered Dropout", False)] * 2
    assert owners(Lab()) == [("", True)] * 2


@pytest.mark.parametrize(
    ("step", "name"), [(lambda x: x.detach(), "detach"), (lambda x: x.data, "data")], ids=["detach", "data"]
)
def test_a_detach_leaves_the_path_whole(step: Step, name: str) -> None:
    found = measured(Lab(between=step))
    assert found.gradients is not None
    states = {one.name: one.state for one in found.gradients.parameters}
    assert [states[f"{layer}.weight"] for layer in ("conv1", "conv2", "fc1", "fc2")] == ["none", "none", "ok", "ok"]
    path = network(Lab(between=step))
    assert [one.layer for one in path.weighted] == ["conv1", "conv2", "fc1", "fc2"]
    assert [one.name for one in path.between(None, None, "detach")] == ([name] if name == "detach" else [])


def test_a_result_thrown_away_is_not_on_the_path() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        F.dropout(x)
        return F.log_softmax(x, dim=1)

    found = network(linear(forward))
    assert [one.name for one in found.path] == ["flatten", "linear", "log_softmax"]
    assert [one.name for one in found.unused] == ["dropout"]


def test_in_place_operations_keep_the_line() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        x += 1
        x.mul_(2)
        F.relu_(x)
        return x

    found = measured(linear(forward))
    assert words(found) == ["reshape:flatten", "linear:linear", "arithmetic:+", "arithmetic:*", "relu:relu"]
    assert [one.inputs for one in found.trace.operations] == [(-1,), (0,), (1,), (2,), (3,)]


def test_a_residual_sum_reads_both_of_its_terms() -> None:
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
    assert [one.inputs for one in found.trace.operations] == [(-1,), (0,), (1,), (2,)]


# ---- what an operation does ------------------------------------------------------------------------------------------


def effects(net: nn.Module, kind: str) -> list[bool]:
    """Whether each operation of a kind matters, in order."""
    return [one.matters for one in measured(net).trace.operations if one.kind == kind]


@pytest.mark.parametrize(
    "relu",
    [
        lambda x: F.relu(x) - F.relu(-x),
        lambda x: F.relu(x) - F.relu(x.neg()).mul(1.0),
        lambda x: F.relu(x + 100) - 100,
        lambda x: x + 1e-7 * F.relu(x),
    ],
    ids=["undone", "undone with a factor", "never below zero", "next to nothing"],
)
def test_a_relu_that_changes_nothing_is_none(relu: Step) -> None:
    assert not any(effects(Lab(relu=relu), "relu"))


def test_relus_that_work_matter() -> None:
    assert effects(Lab(), "relu") == [True] * 3
    assert effects(Lab(dropout=lambda x: F.dropout(F.relu(x), 0.5)), "relu") == [True] * 5


@pytest.mark.parametrize("step", [nn.Dropout(1e-12), lambda x: x + 1e-9 * F.dropout(x)])
def test_a_dropout_that_drops_nothing_is_none(step: Step) -> None:
    dropouts = [one for one in measured(Lab(dropout=step)).trace.operations if one.kind == "dropout"]
    assert not any(one.drops_some for one in dropouts)
    assert effects(Lab(), "dropout") == [True] * 2


def test_a_decoy_beside_another_net_is_no_layer() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        real = (x.flatten(1).unsqueeze(1) * net.weight).sum(2)
        y = F.relu(F.max_pool2d(net.conv1(x), 2))
        return F.log_softmax(real + 1e-3 * net.fc(y.flatten(1)), dim=1)

    found = network(With(forward, weight=parameter(10, 784), conv1=nn.Conv2d(1, 2, 5), fc=nn.Linear(288, 10)))
    assert [(one.kind, one.name) for one in found.weighted] == [("linear", "multiply and sum")]


def test_a_layer_times_zero_does_not_matter() -> None:
    net = linear(lambda net, x: net.fc(x.flatten(1)) + 0 * net.spare(x.flatten(1)), spare=nn.Linear(784, 10))
    assert effects(net, "linear") == [True, False]


# ---- outputs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "row_error", "score_row_error"),
    [
        (lambda x: x, False, False),
        (lambda x: x - x.mean(0), True, False),
        (lambda x: F.log_softmax(x, dim=0), True, False),
        (lambda x: x.t().reshape(x.shape), True, False),
        (lambda x: (x - x.mean(0)).log_softmax(1), True, True),
    ],
    ids=["none", "mean", "softmax over images", "mixed up", "mean and softmax"],
)
def test_rows_that_depend_on_their_neighbours(step: Step, row_error: bool, score_row_error: bool) -> None:
    found = measured(linear(lambda net, x: step(net.fc(x.flatten(1)))))
    assert found.probe is not None
    assert found.probe.row_error is not None
    assert (found.probe.row_error > 1e-3) == row_error
    assert found.probe.score_row_error is not None
    assert (found.probe.score_row_error > 1e-3) == score_row_error
    assert found.is_worth_retrying != row_error


@pytest.mark.parametrize(
    ("step", "tail", "lead"),
    [
        (lambda x: x, (), None),
        (lambda x: F.log_softmax(x, 1), ("log_softmax",), ()),
        (lambda x: F.softmax(x, 1).log(), ("softmax", "log"), ()),
        (lambda x: F.log_softmax(F.log_softmax(x, 1), 1), ("log_softmax", "log_softmax"), ()),
        (lambda x: F.log_softmax(F.softmax(x, 1), 1), ("softmax", "log_softmax"), ("softmax",)),
        (lambda x: F.log_softmax(F.relu(x), 1), ("relu", "log_softmax"), ("relu",)),
        (lambda x: F.softmax(x, 1), ("softmax",), None),
        (lambda x: x - x.logsumexp(1, keepdim=True), ("logsumexp", "-"), ()),
        (torch.sigmoid, ("sigmoid",), None),
    ],
)
def test_what_the_scores_look_like(step: Step, tail: tuple[str, ...], lead: tuple[str, ...] | None) -> None:
    found = measured(linear(lambda net, x: step(net.fc(x.flatten(1)))))
    assert found.probe is not None
    assert found.probe.scores is not None
    assert (found.probe.scores.tail, found.probe.scores.lead) == (tail, lead)


def test_scores_that_are_no_numbers() -> None:
    found = measured(linear(lambda net, x: net.fc(x.flatten(1)) / 0))
    assert found.probe is not None
    assert found.probe.scores is not None
    assert not found.probe.scores.is_finite
    assert not found.is_trainable


def test_a_constant_output() -> None:
    found = measured(linear(lambda net, x: net.fc(x.flatten(1) * 0)))
    assert found.probe is not None
    assert found.probe.constant_rows


def test_a_net_for_one_batch_size_is_measured_with_it() -> None:
    found = measured(linear(lambda net, x: net.fc(x.view(64, -1))))
    assert found.probe is not None
    assert [(one.batch, one.problem is None) for one in found.probe.passes] == [
        (1, False),
        (2, False),
        (3, False),
        (64, True),
        (100, False),
    ]
    assert found.trace.batch == 64
    other = measured(linear(lambda net, x: net.fc(x.view(50, 784))))
    assert other.probe is not None
    assert [one.batch for one in other.probe.passes if one.problem is None] == [50]
    assert other.is_trainable


def test_what_forward_returns_besides_a_tensor() -> None:
    found = measured(linear(lambda net, x: (net.fc(x.flatten(1)), 1)))
    assert found.trace.returned == "tuple"
    assert found.probe is not None
    assert {one.returned for one in found.probe.passes} == {"tuple"}
    assert found.modes is None


def test_a_repaired_net_is_looked_at_and_no_more() -> None:
    net = Lab()
    net.fc1 = nn.Linear(100, 20)
    found = measured(net)
    assert [one.kind for one in found.trace.repairs] == ["linear-size"]
    assert [one.expected for one in found.trace.operations if one.kind == "linear"] == [100, None]
    assert found.probe is not None
    assert all(one.problem is not None for one in found.probe.passes)
    assert (found.modes, found.is_trainable) == (None, False)


def test_a_net_that_goes_to_the_gpu_is_traced_and_no_more() -> None:
    found = measured(Lab(between=lambda x: x.to("cuda")))
    assert [one.kind for one in found.trace.repairs] == ["device"]
    assert len(found.trace.operations) >= 13
    assert (found.probe, found.is_trainable) == (None, False)


# ---- modes and gradients ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dropout", "differs"),
    [
        (lambda x: F.dropout(x, 0.5, True), (True, True, False, False)),
        (nn.Identity(), (False, False, False, False)),
        (lambda x: x + torch.randn_like(x), (True, True, True, True)),
    ],
    ids=["always on", "none", "noise"],
)
def test_what_changes_from_pass_to_pass(dropout: Step, differs: tuple[bool, ...]) -> None:
    found = measured(Lab(dropout=dropout)).modes
    assert found is not None
    assert (
        found.train_difference > 0,
        found.eval_difference > 0,
        found.train_still > 0,
        found.eval_still > 0,
    ) == differs


def states(net: nn.Module) -> dict[str, str]:
    found = measured(net).gradients
    assert found is not None
    return {one.name: one.state for one in found.parameters}


def test_gradients_that_are_missing_or_too_small() -> None:
    frozen = Lab()
    frozen.conv1.requires_grad_(False)
    assert states(frozen)["conv1.weight"] == "none"
    assert states(Lab(between=lambda x: x * 1e-20 + x.detach() * (1 - 1e-20)))["conv1.weight"] == "zero"
    assert states(Lab(between=lambda x: (x - x.detach()) * 1e-12 + x.detach()))["conv2.weight"] == "zero"
    assert states(Lab(between=lambda x: x * 0))["conv1.weight"] == "zero"
    assert set(states(Lab(relu=lambda x: F.relu(x) / 0)).values()) == {"nonfinite"}


def test_weights_that_start_dead_are_a_fault_and_a_last_layer_at_zero_is_none() -> None:
    dead = Lab()
    nn.init.zeros_(dead.conv1.weight)
    nn.init.constant_(dead.get_parameter("conv1.bias"), -1.0)
    assert states(dead)["conv1.weight"] == "zero"
    last = Lab()
    nn.init.zeros_(last.fc2.weight)
    assert set(states(last).values()) == {"ok"}


def test_weights_out_of_the_nets_reach_are_named() -> None:
    hidden = [nn.Linear(784, 10)]
    found = measured(With(lambda net, x: hidden[0](x.flatten(1)))).gradients
    assert found is not None
    assert (found.parameters, found.unregistered) == ((), ("a weight of shape 10 x 784", "a weight of shape 10"))


def test_a_backward_pass_that_fails_is_told_without_suspicion() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = torch.sigmoid(net.fc(x.flatten(1)))
        y = x * 2
        x += 1
        return x + y

    found = measured(linear(forward))
    assert found.gradients is not None
    assert found.gradients.problem is not None
    assert "inplace" in found.gradients.problem.message
    assert (found.doubts, found.is_trainable) == ((), False)


# ---- doubts ----------------------------------------------------------------------------------------------------------


class Swapping(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Takes the ReLU out where no recorder that stands before dispatch can see it."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.relu.default:
            return args[0].clone()
        return func(*args, **(kwargs or {}))


class Disguised(Lab):
    """Something else runs than what is recorded; a test adds what should keep that from being noticed."""

    def __init__(self, beside: Callable[[Any, Tensor], Tensor] = lambda net, x: x) -> None:
        super().__init__()
        self.beside = beside

    def forward(self, x: Tensor) -> Tensor:
        with Swapping():  # type: ignore[no-untyped-call]  # torch leaves it untyped
            x = super().forward(x)
        return self.beside(self, x)


def with_chance(net: Any, x: Tensor) -> Tensor:
    return x + 0 * torch.rand(1)


class Remembering:
    """Fails on weights other than the first ones."""

    first: Tensor | None = None

    def __call__(self, net: Any, x: Tensor) -> Tensor:
        weight = net.conv1.weight.detach()
        if self.first is None:
            self.first = weight.clone()
        if not torch.equal(weight, self.first):
            raise RuntimeError("not these")
        return x


@pytest.mark.parametrize("beside", [lambda net, x: x, with_chance, Remembering()], ids=["plainly", "chance", "fails"])
def test_a_program_that_does_something_else_is_told(beside: Callable[[Any, Tensor], Tensor]) -> None:
    assert doubts(Disguised(beside)) == {"program-differs"}


def test_a_value_read_out_and_used_is_told() -> None:
    assert doubts(linear(lambda net, x: net.fc(x.flatten(1)) * float(net.fc.bias.detach().sum()))) & {
        "program-differs",
        "passes-differ",
    }


def test_python_that_branches_on_values_is_told() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        return torch.tanh(x) if bool(net.fc.bias[0] > 0.5) else x

    assert doubts(linear(forward)) == {"program-differs"}


def test_another_gradient_is_told() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        y = F.relu(net.conv(x))
        if y.requires_grad:
            y.register_hook(lambda gradient: gradient * 1e-20)  # type: ignore[no-untyped-call]
        return net.fc(y.flatten(1))  # type: ignore[no-any-return]

    found = measured(With(forward, conv=nn.Conv2d(1, 2, 5), fc=nn.Linear(1152, 10)))
    assert [(one.id, one.check) for one in found.doubts] == [
        ("backward-differs", "behaviour.gradients"),
        ("backward-differs", "training.accuracy"),
    ]
    assert "conv.weight" in found.doubts[0].message


def test_a_net_of_chance_is_not_suspected() -> None:
    assert doubts(Lab(dropout=lambda x: F.dropout(x, 0.5, True))) == set()
    assert doubts(Lab(dropout=lambda x: x * (torch.rand_like(x) > 0.25))) == set()
    assert doubts(Lab(between=lambda x: x + 0.01 * torch.randn_like(x))) == set()
    assert doubts(nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.BatchNorm1d(10))) == set()


def test_other_doubts() -> None:
    assert doubts(linear(lambda net, x: net.fc(x.flatten(1)) if len(x) != 3 else net.fc(x.flatten(1)).relu())) == {
        "passes-differ"
    }

    def other_modes(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        return torch.tanh(x) if net.training else x

    assert doubts(linear(other_modes)) == {"modes-differ"}
    table = torch.randn(10, 784)
    assert "large-constants" in doubts(
        linear(lambda net, x: net.fc(x.flatten(1)) + (x.flatten(1).unsqueeze(1) * table).sum(2))
    )

    def in_a_thread(net: Any, x: Tensor) -> Tensor:
        found: list[Tensor] = []
        thread = threading.Thread(target=lambda: found.append(torch.tanh(x.flatten(1)[:, :10])))
        thread.start()
        thread.join()
        return net.fc(x.flatten(1)) + found[0]  # type: ignore[no-any-return]

    assert doubts(linear(in_a_thread)) == {"passes-differ", "program-differs"}
    drawn = np.random.default_rng(0)
    assert "unseen-values" in doubts(
        linear(lambda net, x: net.fc(x.flatten(1)) + torch.from_numpy(drawn.random(10, np.float32)))
    )


def test_a_net_that_knows_the_digits_before_is_told() -> None:
    places = torch.stack([(torch.arange(28) // 2 == 2 + digit).float() for digit in range(10)])

    def forward(net: Any, x: Tensor) -> Tensor:
        known = x.mean(3).flatten(1).unsqueeze(1).mul(places).sum(2)
        return known + 0 * net.fc(x.flatten(1))  # type: ignore[no-any-return]

    found = measured(linear(forward))
    assert [(one.id, one.check) for one in found.doubts] == [("trained-before", "training.accuracy")]
    assert "%" in found.doubts[0].message


# ---- what it costs, before anything runs -----------------------------------------------------------------------------


def of(*nodes: Node, **parts: Any) -> Graph:
    """A graph that runs these nodes in both modes."""
    one = program(*nodes)
    return Graph(one, one, **parts)


PLACE: dict[str, Any] = {"dtype": {"word": "float32"}, "device": {"word": "device"}}
BIG = Weight("", (20_000, 1, 28, 28))


@pytest.mark.parametrize(
    "graph",
    [
        of(node("constant_pad_nd", INPUT, [100_000, 100_000, 100_000, 100_000])),
        of(
            node("expand", INPUT := {"tensor": ["input", 0, 0, False]}, [20_000, 64, 1, 28, 28]),
            node("clone", result(0)),
        ),
        of(node("repeat", INPUT, [10_000, 1, 100, 100])),
        of(node("arange", 10**14, **PLACE)),
        of(node("full", [10**7, 10**7], 1, **PLACE)),
        of(node("zeros", [2**40], **PLACE)),
        of(node("new_empty", INPUT, [2**40])),
        of(node("tile", INPUT, [1000, 1000, 1, 1])),
        of(node("eye", 10**6, **PLACE)),
        of(node("upsample_nearest2d", INPUT, [100_000, 100_000])),
        of(node("one_hot", INPUT, 10**9)),
        of(node("conv2d", INPUT, held("parameter", 0), None, [1, 1], [14, 14]), weights=(BIG,)),
        of(node("linear", INPUT, held("parameter", 0)), weights=(Weight("", (10_000_000, 28)),)),
        of(*[node("repeat", INPUT, [20, 1, 1, 1])] * 2999),
        of(
            node("repeat", INPUT, [1, 64, 1, 1]),
            *[node("conv2d", result(0), held("parameter", 0), None, [1, 1], [2, 2])] * 200,
            weights=(Weight("", (64, 64, 5, 5)),),
        ),
    ],
)
def test_what_costs_too_much_is_refused_unrun(graph: Graph) -> None:
    with pytest.raises(GraphRefused, match=r"too many multiplications|too much memory|cannot be run|not known"):
        cost_of(graph)


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (of(node("conv2d.nonsense", INPUT)), "this torch has no operation aten.conv2d.nonsense"),
        (of(node("relu")), "relu cannot be run"),
        (of(node("relu", "text")), "relu cannot be run"),
        (of(node("relu", INPUT, 1, 2, 3)), "relu cannot be run"),
        (of(node("relu", INPUT, nonsense=1)), "relu cannot be run"),
        (of(node("view", INPUT, [7, 7])), "view cannot be run"),
        (of(node("linear", INPUT, held("parameter", 0)), weights=(Weight("", (3, 5)),)), "linear cannot be run"),
        (of(node("to.dtype", INPUT, {"word": "quint8"})), "it uses the type quint8"),
        (of(node("to.dtype", INPUT, {"word": "nn"})), "it uses the type nn"),
        (of(node("relu", INPUT), constants=(Constant("", (2,), "complex64"),)), "it uses the type complex64"),
        (of(node("relu", INPUT), weights=(Weight("", (2,), "object"),)), "it uses the type object"),
        (of(node("relu", INPUT), weights=(Weight("", (2,), "strided"),)), "it uses the type strided"),
    ],
)
def test_arguments_that_no_operation_takes_are_refused(graph: Graph, reason: str) -> None:
    with pytest.raises(GraphRefused) as refusal:
        cost_of(graph)
    assert reason in str(refusal.value) or "cannot be run" in reason


def test_the_cost_of_the_lab_network() -> None:
    cost = cost_of(graph_from(Lab()))
    assert cost.images == 64
    per_image = 4 * 24 * 24 * 25 + 8 * 8 * 8 * 100 + 128 * 20 + 20 * 10
    assert per_image < cost.multiplications / 64 < 1.3 * per_image
    assert 0 < cost.bytes < 10_000_000


def test_values_that_do_not_fit_are_refused() -> None:
    four = base64.b64encode(np.arange(4, dtype="<f4").tobytes()).decode()
    assert values_of(four, (2, 2), "float32").tolist() == [[0, 1], [2, 3]]
    assert values_of("", (2,), "int64").tolist() == [0, 0]
    for text, shape, dtype in (
        (four, (3,), "float32"),
        (four, (2,), "float16"),
        ("!!", (1,), "float32"),
        (four[:5], (1,), "int64"),
    ):
        with pytest.raises(GraphRefused):
            values_of(text, shape, dtype)


def test_a_graph_that_lies_about_its_sample_is_refused() -> None:
    graph = of(node("mul.Tensor", INPUT, held("parameter", 0)), weights=(Weight("", (1,), sample="AAA"),))
    with pytest.raises(GraphRefused):
        fresh_state(graph, seed=1)


def test_a_graph_without_a_pass_is_looked_at() -> None:
    recording = recording_of(With(lambda net, x: net.nothing(x)))
    found = look(Subject(Graph(Program(), Program()), recording, 0, RECORDED_SEED), images(), seed=SEED)
    assert found.trace.problem is not None
    assert (found.trace.problem.exception, found.trace.operations, found.is_trainable) == ("AttributeError", (), False)


# ---- crossing a pipe -------------------------------------------------------------------------------------------------


def test_measurements_survive_json_either_way() -> None:
    net = Lab()
    net.fc1 = nn.Linear(100, 20)
    for found in (measured(Lab()), measured(net), measured(With(lambda net, x: x))):
        assert msgspec.json.decode(msgspec.json.encode(found), type=Measurements) == found
        assert record_from(plain(found), Measurements) == found
    problem = replace(measured(With(lambda net, x: x)).trace, problem=Problem("forward"))
    assert asdict(problem)["problem"]["kind"] == "forward"


def test_a_network_is_opened_with_weights_that_tell_images_apart() -> None:
    graph = graph_from(Lab())
    opened = open_network(graph, probes, seed=1)
    outputs = opened.evaluate(probes(3))
    assert float(outputs.detach().std(0).max()) > 1e-6
    assert opened.size(5) == 5
    assert [one.kind for one in opened.evaluation.operations] == [one.kind for one in opened.training.operations]
