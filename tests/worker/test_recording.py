"""Recording: what a student's forward may do beside its operations, where tensors come from, and what is mended."""

from __future__ import annotations

import base64
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from grader.model.evidence import RecordedPass, Recording
from grader.model.graph import MOST_NODES, MOST_VALUES, SAMPLE, Graph, GraphRefused, Node, Source
from grader.model.operations import Kind
from grader.model.recorded import graph_of
from grader.worker.record.chosen import chosen_images, chosen_weight
from grader.worker.record.recording import Recorder
from grader.worker.record.registry import Registry
from grader.worker.stages import BATCHES
from tests.support.network_samples import RECORDED_SEED, Lab, Step, With, graph_from, names, recorded, recording_of

LAB = [
    "conv2d", "max_pool2d", "relu", "conv2d", "dropout", "max_pool2d", "relu", "view", "linear", "relu", "dropout",
    "linear", "log_softmax",
]  # fmt: skip


def linear(forward: Callable[[Any, Tensor], Any], **parts: Any) -> With:
    """A net with one layer ``fc`` of 784 inputs."""
    return With(forward, fc=nn.Linear(784, 10), **parts)


def first_pass(net: nn.Module) -> RecordedPass:
    return recording_of(net).passes[0]


def cut_of(graph: Graph) -> list[str]:
    """The operations that read something from which no gradient flows back."""
    return [one.name for one in graph.training.nodes if any(source.is_cut for source in one.sources())]


def numbers(values: str, dtype: str) -> list[Any]:
    return list(np.frombuffer(base64.b64decode(values), dtype).tolist())


# ---- the whole -------------------------------------------------------------------------------------------------------


def test_the_lab_network() -> None:
    recording = recording_of(Lab())
    assert [(one.mode, one.batch) for one in recording.passes] == [
        *(("train", batch) for batch in BATCHES),
        *(("eval", batch) for batch in BATCHES),
    ]
    for one in recording.passes:
        assert (one.problem, one.returned, one.shape, one.dtype) == (None, "Tensor", (one.batch, 10), "float32")
        assert names(one.program) == LAB
        assert one.program.output == Source("node", len(LAB) - 1)
    assert [one.layer for one in recording.passes[0].program.nodes if one.layer] == ["conv1", "conv2", "fc1", "fc2"]
    weights = recording.weights
    assert [one.name for one in weights] == [name for name, _ in Lab().named_parameters()]
    assert [one.number for one in weights] == list(range(8))
    assert all(one.is_registered and one.is_trainable and not one.is_fresh for one in weights)
    assert (weights[0].shape, weights[0].dtype) == ((4, 1, 5, 5), "float32")
    assert len(numbers(weights[4].sample, "<f4")) == SAMPLE < 20 * 128
    assert (recording.buffers, recording.constants, recording.repairs) == ((), (), ())
    assert recording.echo is not None
    assert len(recording.echo.gradients) == len(weights)
    assert min(recording.echo.gradients) > 0
    graph = graph_of(recording).graph
    assert graph is not None
    assert graph.batch == 0
    assert [one.args[1:] for one in graph.training.nodes if one.name == "dropout"] == [(0.5, True)] * 2
    assert [one.args[1:] for one in graph.evaluation.nodes if one.name == "dropout"] == [(0.5, False)] * 2


def test_recording_changes_no_result() -> None:
    net, images = Lab().eval(), chosen_images(3, seed=1)
    registry = Registry(net)
    recorder = Recorder(registry, images)
    with recorder.recording():
        result = net(images)
    assert torch.equal(result, net(images))
    assert len(recorder.nodes) == len(LAB), "and nothing is written down afterwards"
    assert recorder.program("text").output is None
    assert recorder.program(images).output == Source("input", 0)


def test_what_is_sampled_of_a_weight_is_some_of_its_values() -> None:
    net = linear(lambda net, x: net.fc(x.flatten(1)))
    weight, bias = net.get_submodule("fc").parameters()
    flat = weight.detach().flatten().clone()
    small = bias.detach().clone()
    recording = recording_of(net)
    sample = numbers(recording.weights[0].sample, "<f4")
    assert len(sample) == SAMPLE
    assert set(sample) < set(flat.tolist())
    assert sample != flat[:SAMPLE].tolist(), "not in order, for that could carry what was learnt"
    assert numbers(recording.weights[1].sample, "<f4") == small.tolist()


# ---- what a forward may do beside ------------------------------------------------------------------------------------


class Chatty(Lab):
    """Does all that one does while looking for a fault."""

    def forward(self, x: Tensor) -> Tensor:
        assert x.dim() == 4
        assert x.shape[1:] == (1, 28, 28), f"not {x.shape}"
        print(x, x.mean().item(), float(x.max()), x.shape, len(x))
        if bool((x > 100).any()):
            raise ValueError("too large")
        y = super().forward(x)
        print(y[0].tolist(), y.argmax(1).detach().cpu().numpy(), f"{y.sum():.3f}", torch.isnan(y).any())
        self.last = y
        return y


def test_prints_items_and_asserts_do_not_disturb() -> None:
    found = recorded(Chatty())
    assert found.graph is not None
    assert (names(found.graph.training), found.doubts, found.graph.batch) == (LAB, (), 0)
    assert found.graph.constants == ()


def test_hooks_run_as_they_do() -> None:
    net = Lab(relu=lambda x: x)
    seen: list[str] = []
    for layer in (net.conv1, net.conv2, net.fc1):
        layer.register_forward_hook(lambda module, given, result: F.relu(result))
    net.fc2.register_forward_pre_hook(lambda module, given: seen.append("fc2"))
    graph = graph_from(net)
    assert names(graph.training).count("relu") == 3
    assert len(seen) > 2 * len(BATCHES) - 1


def test_a_hook_on_a_result_shows_in_the_gradients_alone() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        y = net.fc(x.flatten(1))
        if y.requires_grad:
            y.register_hook(lambda gradient: gradient * 0.5)
        return y  # type: ignore[no-any-return]

    plain, hooked = (recording_of(linear(one)) for one in (lambda net, x: net.fc(x.flatten(1)), forward))
    assert plain.passes == hooked.passes
    assert plain.echo is not None
    assert hooked.echo is not None
    assert hooked.echo.outputs == plain.echo.outputs
    assert hooked.echo.gradients == pytest.approx([one / 2 for one in plain.echo.gradients])


class Doubled(torch.autograd.Function):
    """A function with a backward of its own."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return gradient * 2


def test_an_autograd_function_is_what_it_runs() -> None:
    assert "mul" in names(graph_from(Lab(between=Doubled.apply)).training)


# ---- where gradients end ---------------------------------------------------------------------------------------------


def within(context: Callable[[], Any]) -> Step:
    def step(x: Tensor) -> Tensor:
        with context():
            return x * 2

    return step


CUTS: dict[str, tuple[Step, str]] = {
    "data": (lambda x: x.data * 2, "mul"),
    "detach": (lambda x: x.detach() * 2, "mul"),
    "no_grad": (within(torch.no_grad), "linear"),
    "numpy": (lambda x: torch.from_numpy(x.detach().numpy()) * 2, "mul"),
    "numpy of another shape": (lambda x: torch.from_numpy(x.detach().numpy().reshape(-1, 4, 32)).flatten(1), "flatten"),
    "a list": (lambda x: torch.tensor(x.tolist()), "linear"),
    "double and back": (lambda x: torch.tensor(x.double().tolist(), dtype=torch.float32), "linear"),
}


@pytest.mark.parametrize("name", CUTS)
def test_a_gradient_that_ends_is_told(name: str) -> None:
    step, reader = CUTS[name]
    found = recorded(Lab(between=step))
    assert found.graph is not None
    assert (found.doubts, found.graph.constants) == ((), ())
    assert reader in cut_of(found.graph)
    assert [one.name for one in found.graph.weights[:4:2]] == ["conv1.weight", "conv2.weight"], "one lineage"


def test_without_a_cut_every_gradient_flows() -> None:
    assert cut_of(graph_from(Lab())) == []
    assert cut_of(graph_from(Lab(between=lambda x: (x * 2).requires_grad_()))) == []


# ---- weights ---------------------------------------------------------------------------------------------------------


def test_layers_in_a_plain_list_are_loose_and_not_fresh() -> None:
    hidden = [nn.Conv2d(1, 2, 5), nn.Linear(1152, 10)]
    graph = graph_from(With(lambda net, x: hidden[1](hidden[0](x).flatten(1))))
    assert [(one.name, one.is_registered, one.is_fresh, one.shape) for one in graph.weights] == [
        ("", False, False, (2, 1, 5, 5)),
        ("", False, False, (2,)),
        ("", False, False, (10, 1152)),
        ("", False, False, (10,)),
    ]
    assert [one.owner for one in graph.training.nodes] == ["unregistered", "", "unregistered"]


def test_layers_made_in_forward_are_fresh() -> None:
    graph = graph_from(
        With(lambda net, x: net.fc(nn.Conv2d(1, 2, 5)(x).flatten(1)), fc=nn.Linear(1152, 10)),
    )
    assert [one.name for one in graph.weights] == ["fc.weight", "fc.bias"]
    drawn = next(one for one in graph.training.nodes if one.name == "conv2d").args[1:3]
    assert [graph.training.nodes[one["tensor"][1]].kind for one in drawn] == [Kind.RANDOM] * 2
    assert next(one.owner for one in graph.training.nodes if one.name == "conv2d") == "fresh"


def test_loose_weights() -> None:
    weight = torch.randn(784, 10, requires_grad=True)
    kept = graph_from(With(lambda net, x: x.flatten(1) @ weight))
    assert [(one.is_registered, one.is_fresh, one.is_trainable) for one in kept.weights] == [(False, False, True)]
    stock = [torch.randn(784, 10, requires_grad=True) for _ in range(20)]
    others = graph_from(With(lambda net, x: x.flatten(1) @ stock.pop()))
    assert [(one.is_registered, one.is_fresh) for one in others.weights] == [(False, True)]
    drawn = graph_from(With(lambda net, x: x.flatten(1) @ torch.randn(784, 10, requires_grad=True)))
    assert (drawn.weights, names(drawn.training)) == ((), ["flatten", "randn", "matmul"])
    chance = np.random.default_rng(0)
    unseen = recorded(With(lambda net, x: x.flatten(1) @ torch.from_numpy(chance.random((784, 10), np.float32))))
    assert unseen.doubts[-1].id == "unseen-values"


def test_a_constant_in_place_of_a_weight_is_a_weight_that_does_not_learn() -> None:
    weight = torch.randn(784, 10)
    found = recorded(With(lambda net, x: x.flatten(1) @ weight))
    assert found.graph is not None
    (one,) = found.graph.weights
    assert (one.shape, one.is_trainable, one.is_registered, one.sample) == ((784, 10), False, False, "")
    assert found.graph.training.nodes[-1].args[1] == {"tensor": ["parameter", 0, 0, False]}
    assert found.doubts == ()


def test_a_weight_shared_by_two_layers_is_one_weight() -> None:
    first, second = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1)
    second.weight = first.weight
    net = linear(lambda net, x: net.fc(net.second(net.first(x)).flatten(1)), first=first, second=second)
    graph = graph_from(net)
    assert [one.name for one in graph.weights] == ["first.weight", "first.bias", "second.bias", "fc.weight", "fc.bias"]


def test_parametrized_weights_keep_their_names() -> None:
    net = linear(lambda net, x: net.fc(x.flatten(1)))
    parametrizations.weight_norm(net.get_submodule("fc"))
    graph = graph_from(net)
    assert all(one.is_registered and one.name.startswith("fc.") for one in graph.weights)
    assert "linear" in names(graph.training)


def test_a_dropout_without_a_place_in_the_net() -> None:
    kept = [nn.Dropout(0.5)]
    graph = graph_from(Lab(dropout=lambda x: kept[0](x)))
    owners = {(one.layer, one.owner) for one in graph.training.nodes if one.name == "dropout"}
    assert owners == {("an unregistered Dropout", "unregistered")}
    assert {one.args[2] for one in graph.evaluation.nodes if one.name == "dropout"} == {True}, "nobody tells it"


def test_a_dropout_made_in_forward_is_fresh() -> None:
    recording = recording_of(Lab(dropout=lambda x: nn.Dropout(0.5)(x)))
    owners = {one.owner for one in recording.passes[1].program.nodes if one.name == "dropout"}
    assert owners == {"fresh"}


def test_layers_inside_containers_have_dotted_names() -> None:
    body = nn.Sequential(nn.Conv2d(1, 2, 5), nn.ReLU(), nn.Sequential(nn.Flatten(), nn.Linear(1152, 10)))
    graph = graph_from(With(lambda net, x: net.body(x), body=body))
    assert [one.layer for one in graph.training.nodes] == ["body.0", "body.1", "body.2.0", "body.2.1"]


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
    assert [(one.name, one.layer) for one in graph.training.nodes] == [("relu", ""), ("flatten", ""), ("linear", "fc")]
    assert [(one.name, one.kind, one.layer, one.after) for one in graph.aside] == [
        ("linear", "linear", "block.inner.0", 0)
    ]


def test_after_an_exception_that_ends_the_pass_no_hook_is_left() -> None:
    one = first_pass(With(lambda net, x: net.block(x[:, 0, 0, :3]), block=Fails()))
    assert one.problem is not None
    assert (one.problem.kind, one.problem.exception, names(one.program)[-1]) == ("forward", "KeyError", "linear")
    assert one.program.output is None
    layers = [node.layer for node in first_pass(Lab()).program.nodes if node.layer]
    assert layers == ["conv1", "conv2", "fc1", "fc2"]


# ---- what a net brings along -----------------------------------------------------------------------------------------


def test_small_constants_cross_whole() -> None:
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
    assert [one.varies for one in found.graph.constants] == [False]
    assert found.doubts == ()


def test_a_large_constant_is_named_and_does_not_cross() -> None:
    table = torch.randn(784) if MOST_VALUES < 784 else torch.randn(10, 784)
    found = recorded(linear(lambda net, x: net.fc(x.flatten(1)) + (x.flatten(1).unsqueeze(1) * table).sum(2)))
    assert found.graph is not None
    (constant,) = found.graph.constants
    assert (constant.values, constant.count) == ("", 7840)
    assert [one.id for one in found.doubts] == ["large-constants"]


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
def test_values_that_nobody_saw_made_are_told(forward: Callable[[Any, Tensor], Tensor]) -> None:
    found = recorded(linear(forward))
    assert found.graph is not None
    assert {one.id for one in found.doubts} & {"unseen-values", "passes-differ"}


def test_buffers_and_what_is_written_into_them() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 5), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(1152, 10))
    recording = recording_of(net)
    assert [one.name for one in recording.buffers] == ["1.running_mean", "1.running_var", "1.num_batches_tracked"]
    assert numbers(recording.buffers[0].values, "<f4") == [0.0, 0.0]
    graph = graph_of(recording).graph
    assert graph is not None
    assert names(graph.training) == ["conv2d", "batch_norm", "flatten", "linear"], "counting batches changes nothing"
    assert [one.name for one in graph.buffers] == ["1.running_mean", "1.running_var"]


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


# ---- arguments -------------------------------------------------------------------------------------------------------


def arguments(net: nn.Module, op: str) -> list[tuple[Any, ...]]:
    return [one.args[1:] for one in graph_from(net).training.nodes if one.name == op]


def test_a_slice_to_the_end_is_one_that_json_can_tell() -> None:
    net = With(lambda net, x: net.fc(x[:, :, ::2, 1:].flatten(1)), fc=nn.Linear(14 * 27, 10))
    slices = arguments(net, "slice")
    assert len(slices) == 2
    assert all(abs(one) < 2**53 for given in slices for one in given if isinstance(one, int))


def test_infinity_has_a_word() -> None:
    net = linear(lambda net, x: net.fc(x.flatten(1)).masked_fill(torch.eye(10)[0] > 0, -math.inf))
    assert [one[1] for one in arguments(net, "masked_fill")] == [{"float": "-inf"}]


def test_types_and_places_have_words() -> None:
    net = linear(lambda net, x: net.fc(x.to(torch.float64).to(dtype=torch.float32, device="cpu").flatten(1)))
    words = [word for given in arguments(net, "to") for word in given]
    assert {"word": "float64"} in words
    zeros = [one.kwargs for one in graph_from(Lab(between=lambda x: x + torch.zeros(128))).training.nodes]
    assert {"device": {"word": "device"}, "pin_memory": False} in zeros or any(
        one.get("device") == {"word": "device"} for one in zeros
    )


def test_numbers_that_are_the_batch() -> None:
    net = linear(lambda net, x: net.fc(x.view(x.size(0), -1)) + torch.ones(x.size(0) * 2, 10)[: len(x)])
    graph = graph_from(net)
    assert graph.batch == 0
    given = {one.name: one.args for one in graph.training.nodes}
    assert given["view"][1] == [{"images": [1, 0]}, -1]
    assert given["ones"][0] == [{"images": [2, 0]}, 10]


def test_a_hard_coded_batch() -> None:
    recording = recording_of(linear(lambda net, x: net.fc(x.view(64, -1))))
    graph = graph_of(recording).graph
    assert graph is not None
    assert graph.batch == 64
    problems = {one.batch: one.problem for one in recording.passes if one.mode == "eval"}
    assert problems[64] is None
    assert problems[3] is not None
    other = recording_of(linear(lambda net, x: net.fc(x.view(50, 784))))
    assert [(one.mode, one.batch) for one in other.passes if one.shape == (one.batch, 10)] == [
        ("train", 50),
        ("eval", 50),
    ]


# ---- odd ends --------------------------------------------------------------------------------------------------------


def test_vmap_is_recorded_below() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        return torch.vmap(lambda one: net.fc(F.relu(one).flatten()))(x)  # type: ignore[no-any-return]

    found = recorded(linear(forward))
    assert found.graph is not None
    assert found.graph.batch == 0
    assert {"relu", "addmm"} & set(names(found.graph.training)) >= {"relu"}
    assert [one.name for one in found.graph.weights] == ["fc.weight", "fc.bias"] or len(found.graph.weights) == 2


def loops(x: Tensor) -> Tensor:
    for _ in range(MOST_NODES + 10):
        x = x.sin()
    return x


def swallows(x: Tensor) -> Tensor:
    for _ in range(MOST_NODES + 10):
        try:
            x = x.sin()
        except BaseException:
            continue
    return x


@pytest.mark.parametrize("step", [loops, swallows])
def test_too_many_operations_whatever_becomes_of_the_exception(step: Step) -> None:
    recording = recording_of(With(lambda net, x: step(x[:, 0, 0, :10])))
    (one,) = recording.passes
    assert one.problem is not None
    assert one.problem.kind == "too-many-operations"
    assert len(one.program.nodes) <= MOST_NODES
    with pytest.raises(GraphRefused, match="more than 3,000 operations"):
        graph_of(recording)


@pytest.mark.parametrize(
    ("wrap", "returned"), [(lambda x: (x, 1), "tuple"), (lambda x: {"scores": x}, "dict"), (lambda x: [x], "list")]
)
def test_the_first_tensor_of_what_is_returned_is_the_output(wrap: Callable[[Tensor], object], returned: str) -> None:
    one = first_pass(linear(lambda net, x: wrap(net.fc(x.flatten(1)))))
    assert (one.returned, one.program.output, one.shape) == (returned, Source("node", 1), ())


def test_a_missing_return_leaves_no_output() -> None:
    def forward(net: Any, x: Tensor) -> None:
        net.fc(x.flatten(1))

    one = first_pass(linear(forward))
    assert (one.returned, one.program.output, one.problem) == ("NoneType", None, None)
    assert names(one.program) == ["flatten", "linear"]


def test_what_cannot_be_mended_ends_the_pass_and_keeps_what_ran() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = F.relu(net.fc(x.flatten(1)))
        return net.fc3(x)  # type: ignore[no-any-return]

    one = first_pass(linear(forward))
    assert one.problem is not None
    assert (one.problem.kind, one.problem.exception) == ("forward", "AttributeError")
    assert (names(one.program), one.program.output, one.returned) == (["flatten", "linear", "relu"], None, "")


def test_layers_that_lead_nowhere_are_told_aside() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        F.dropout(x)
        net.spare(x)
        torch.tanh(x)
        return F.log_softmax(x, dim=1)

    graph = graph_from(linear(forward, spare=nn.Linear(10, 2)))
    assert names(graph.training) == ["flatten", "linear", "log_softmax"]
    assert [(one.name, one.kind, one.layer, one.after) for one in graph.aside] == [
        ("dropout", "dropout", "", 2),
        ("linear", "linear", "spare", 2),
    ]


def test_an_output_that_does_not_come_from_the_images() -> None:
    graph = graph_from(With(lambda net, x: torch.zeros(len(x), 10)))
    assert names(graph.training) == ["zeros"]


def test_modes_that_run_other_layers_are_told() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        return torch.tanh(x) if net.training else F.relu(x)

    found = recorded(linear(forward))
    assert [one.id for one in found.doubts] == ["modes-differ"]
    assert "tanh against relu" in found.doubts[0].message


def test_modes_may_differ_in_what_keeps_the_weights_small() -> None:
    def forward(net: Any, x: Tensor) -> Any:
        if net.training:
            with torch.no_grad():
                net.fc.weight.clamp_(-1, 1)
        return net.fc(x.flatten(1))

    assert recorded(linear(forward)).doubts == ()


def test_what_is_kept_from_the_first_pass_makes_no_difference() -> None:
    kept: list[Tensor] = []

    def forward(net: Any, x: Tensor) -> Any:
        if not kept:
            kept.append(torch.linspace(0.9, 1.1, 10))
        return net.fc(x.flatten(1)) * kept[0]

    assert recorded(linear(forward)).doubts == ()


def test_under_autocast_the_casts_are_recorded() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            x = net.fc(x.flatten(1))
        return x.float()

    found = recorded(linear(forward))
    assert found.doubts == ()
    assert found.graph is not None
    casts = [one for one in found.graph.training.nodes if "bfloat16" in str((one.args, one.kwargs))]
    assert len(casts) >= 2, "the images and the weights become numbers of fewer digits"


def test_an_operation_that_is_not_allowed_and_leads_nowhere_costs_nothing() -> None:
    def forward(net: Any, x: Tensor) -> Any:
        torch.fft.fft(x)
        return net.fc(x.flatten(1))

    assert names(graph_from(linear(forward)).training) == ["flatten", "linear"]


def test_an_argument_may_have_any_name() -> None:
    """A recording by hand must not look like one of the grader's own descriptions of a tensor."""
    one = Node("aten.relu.default", ({"tensor": ["input", 0]},), {"tensor": 5})
    assert list(one.sources()) == [Source("input", 0)]


def test_sizes_that_run_other_layers_are_told() -> None:
    found = recorded(linear(lambda net, x: net.fc(x.flatten(1)) if len(x) != 3 else net.fc(x.flatten(1)).tanh()))
    assert [one.id for one in found.doubts] == ["passes-differ"] * 2
    assert found.graph is not None
    assert found.graph.batch == 64


# ---- mending ---------------------------------------------------------------------------------------------------------


def with_sizes(conv2_in: int = 4, fc1_in: int = 128, flatten: Step = lambda x: x.flatten(1)) -> nn.Module:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = F.relu(F.max_pool2d(net.conv1(x), 2))
        x = F.relu(F.max_pool2d(net.conv2(x), 2))
        return F.log_softmax(net.fc2(F.relu(net.fc1(flatten(x)))), dim=1)

    return With(
        forward,
        conv1=nn.Conv2d(1, 4, 5),
        conv2=nn.Conv2d(conv2_in, 8, 5),
        fc1=nn.Linear(fc1_in, 20),
        fc2=nn.Linear(20, 10),
    )


def mended_pass(recording: Recording) -> RecordedPass:
    (one,) = [one for one in recording.passes if one.is_repaired]
    return one


@pytest.mark.parametrize(
    ("net", "kind", "layer", "expected", "seen"),
    [
        (with_sizes(fc1_in=100), "linear-size", "fc1", 100, 128),
        (with_sizes(conv2_in=3), "conv-channels", "conv2", 3, 4),
        (with_sizes(flatten=lambda x: x), "flatten-missing", "fc1", 128, 4),
        (with_sizes(flatten=lambda x: x.view(-1)), "flatten-batch", "fc1", 128, 8192 // 64 * 3),
        (with_sizes(flatten=lambda x: x.view(x.size(0), 100), fc1_in=100), "reshape-size", "", 100, 128),
        (with_sizes(flatten=lambda x: x.view(-1, 100)), "reshape-size", "", 100, 128),
        (with_sizes(flatten=lambda x: x.permute(0, 2, 3, 1).view(-1, 128)), "reshape-layout", "", 0, 0),
    ],
    ids=["fc1", "conv2", "flatten", "flatten with rows", "view", "view with rows", "layout"],
)
def test_a_wrong_size_is_mended_and_told(net: nn.Module, kind: str, layer: str, expected: int, seen: int) -> None:
    recording = recording_of(net)
    repair = recording.repairs[0]
    assert (repair.kind, repair.layer, repair.expected, repair.seen) == (kind, layer, expected, seen)
    one = mended_pass(recording)
    assert one.problem is None
    assert [node.layer for node in one.program.nodes if node.layer] == ["conv1", "conv2", "fc1", "fc2"] or (
        kind.startswith("flatten")
    ), "what lies behind is seen too"
    assert names(one.program).count("relu") == 3
    assert one.program.output is not None
    assert all(one.problem is not None for one in recording.passes if not one.is_repaired)


def parameter(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(*shape, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize(
    "product", [lambda net, x: x @ net.weight, lambda net, x: torch.addmm(net.bias, x, net.weight)], ids=["@", "addmm"]
)
def test_a_product_written_by_hand_is_mended_too(product: Callable[[Any, Tensor], Tensor]) -> None:
    net = With(lambda net, x: product(net, x.flatten(1)), weight=parameter(700, 10), bias=parameter(10))
    recording = recording_of(net)
    assert [(one.kind, one.expected, one.seen) for one in recording.repairs] == [("linear-size", 700, 784)]
    assert mended_pass(recording).problem is None


def test_several_faults_are_all_mended_and_their_layers_keep_their_names() -> None:
    recording = recording_of(with_sizes(conv2_in=3, fc1_in=100))
    assert [one.kind for one in recording.repairs] == ["conv-channels", "linear-size"]
    graph = graph_of(recording).graph
    assert graph is not None
    assert names(graph.training)[-1] == "log_softmax"
    by_name = {one.name: one for one in graph.weights}
    assert by_name["fc1.weight"].shape == (20, 128)
    assert by_name["fc1.weight"].is_registered
    assert {one.expected for one in graph.training.nodes} == {None, 3, 100}


@pytest.mark.parametrize(
    "move",
    [
        lambda x: x.cuda(),
        lambda x: x.to("cuda"),
        lambda x: x.to("cuda:0"),
        lambda x: x.to(device=torch.device("cuda")),
        lambda x: x + torch.zeros(1, device="cuda"),
    ],
    ids=["cuda", "to", "to an index", "to a device", "made there"],
)
def test_a_move_to_the_gpu_is_kept_on_the_cpu_and_told(move: Step) -> None:
    recording = recording_of(Lab(between=move))
    assert [one.kind for one in recording.repairs] == ["device"]
    assert all(one.problem is None for one in recording.passes)


# ---- the echo --------------------------------------------------------------------------------------------------------


def test_the_echo_is_the_answer_to_chosen_weights_and_images() -> None:
    net = Lab()
    recording = recording_of(net)
    assert recording.echo is not None
    fresh = Lab().eval()
    with torch.no_grad():
        for number, weight in enumerate(fresh.parameters()):
            weight.copy_(chosen_weight(tuple(weight.shape), number, seed=RECORDED_SEED))
        outputs = fresh(chosen_images(64, seed=RECORDED_SEED + 1))
    assert numbers(recording.echo.outputs, "<f4") == pytest.approx(outputs.flatten().tolist(), abs=1e-5)


def test_weights_that_take_no_part_have_no_gradient() -> None:
    net = linear(lambda net, x: net.fc(x.flatten(1)), spare=nn.Linear(2, 2))
    echo = recording_of(net).echo
    assert echo is not None
    assert [one > 0 for one in echo.gradients] == [True, True, False, False]
    assert set(echo.gradients[2:]) == {-1.0}


def test_a_net_without_scores_gives_no_echo() -> None:
    assert recording_of(With(lambda net, x: x.flatten(1))).echo is None
    assert recording_of(With(lambda net, x: x.flatten(1)[:, :10])).echo is not None


@pytest.fixture(autouse=True)
def _quiet(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    capsys.readouterr()


def test_nodes_say_what_they_are() -> None:
    one = Node("aten.relu_.default")
    assert (one.name, str(one.kind), one.writes) == ("relu_", "relu", True)
    assert not Node("aten.relu.default").writes
    assert Node("aten.add.out").writes
    assert Node("nonsense").name == ""
