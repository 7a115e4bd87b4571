"""Recording: other code in forward, gradients that are cut, and the state after a pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grader.model.graph import MOST_NODES, SAMPLE, Graph, GraphRefused, Node, Source
from grader.model.recorded import graph_of
from grader.worker.record.net_recording import RECORDED_BATCHES
from grader.worker.record.recording import Recorder
from grader.worker.record.registry import Registry
from grader.worker.record.seeded_values import chosen_images, chosen_weight
from tests.support.network_samples import (
    RECORDED_SEED,
    Lab,
    Step,
    With,
    graph_from,
    linear,
    names,
    recorded,
    recording_of,
)
from tests.support.recorded_parts import numbers

LAB = [
    "conv2d", "max_pool2d", "relu", "conv2d", "dropout", "max_pool2d", "relu", "view", "linear", "relu", "dropout",
    "linear", "log_softmax",
]  # fmt: skip


def cut_of(graph: Graph) -> list[str]:
    """The operations that read something from which no gradient flows back."""
    return [node.name for node in graph.training.nodes if any(source.is_cut for source in node.sources())]


# ---- the whole -------------------------------------------------------------------------------------------------------


def test_the_lab_network() -> None:
    recording = recording_of(Lab())
    assert [(run.mode, run.batch) for run in recording.passes] == [
        *(("train", batch) for batch in RECORDED_BATCHES),
        *(("eval", batch) for batch in RECORDED_BATCHES),
    ]
    for run in recording.passes:
        assert (run.problem, run.returned, run.shape, run.dtype) == (None, "Tensor", (run.batch, 10), "float32")
        assert names(run.program) == LAB
        assert run.program.output == Source("node", len(LAB) - 1)
    assert [node.layer for node in recording.passes[0].program.nodes if node.layer] == ["conv1", "conv2", "fc1", "fc2"]
    weights = recording.weights
    assert [weight.name for weight in weights] == [name for name, _ in Lab().named_parameters()]
    assert [weight.number for weight in weights] == list(range(8))
    assert all(weight.is_registered and weight.is_trainable and not weight.is_fresh for weight in weights)
    assert (weights[0].shape, weights[0].dtype) == ((4, 1, 5, 5), "float32")
    assert len(numbers(weights[4].sample, "<f4")) == SAMPLE < 20 * 128
    assert (recording.buffers, recording.constants, recording.repairs) == ((), (), ())
    assert recording.echo is not None
    assert len(recording.echo.gradients) == len(weights)
    assert min(recording.echo.gradients) > 0
    graph = graph_of(recording).graph
    assert graph is not None
    assert graph.batch == 0
    assert [node.args[1:] for node in graph.training.nodes if node.name == "dropout"] == [(0.5, True)] * 2
    assert [node.args[1:] for node in graph.evaluation.nodes if node.name == "dropout"] == [(0.5, False)] * 2


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


def test_the_sample_of_a_weight_contains_some_of_its_values() -> None:
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


def test_what_hooks_run_is_recorded() -> None:
    net = Lab(relu=lambda x: x)
    seen: list[str] = []
    for layer in (net.conv1, net.conv2, net.fc1):
        layer.register_forward_hook(lambda module, given, result: F.relu(result))
    net.fc2.register_forward_pre_hook(lambda module, given: seen.append("fc2"))
    graph = graph_from(net)
    assert names(graph.training).count("relu") == 3
    assert len(seen) > 2 * len(RECORDED_BATCHES) - 1


def test_a_hook_on_a_result_changes_only_the_gradients() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        y = net.fc(x.flatten(1))
        if y.requires_grad:
            y.register_hook(lambda gradient: gradient * 0.5)
        return y  # type: ignore[no-any-return]

    plain, hooked = (recording_of(linear(forward_of)) for forward_of in (lambda net, x: net.fc(x.flatten(1)), forward))
    assert plain.passes == hooked.passes
    assert plain.echo is not None
    assert hooked.echo is not None
    assert hooked.echo.outputs == plain.echo.outputs
    assert hooked.echo.gradients == pytest.approx([gradient / 2 for gradient in plain.echo.gradients])


class Doubled(torch.autograd.Function):
    """A function with a backward of its own."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return gradient * 2


def test_an_autograd_function_is_recorded_as_the_operations_it_runs() -> None:
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
def test_a_cut_gradient_is_recorded(name: str) -> None:
    step, reader = CUTS[name]
    found = recorded(Lab(between=step))
    assert found.graph is not None
    assert (found.doubts, found.graph.constants) == ((), ())
    assert reader in cut_of(found.graph)
    assert [weight.name for weight in found.graph.weights[:4:2]] == ["conv1.weight", "conv2.weight"], "one lineage"


def test_without_a_cut_every_gradient_flows() -> None:
    assert cut_of(graph_from(Lab())) == []
    assert cut_of(graph_from(Lab(between=lambda x: (x * 2).requires_grad_()))) == []


# ---- arguments -------------------------------------------------------------------------------------------------------


def arguments(net: nn.Module, op: str) -> list[tuple[Any, ...]]:
    return [node.args[1:] for node in graph_from(net).training.nodes if node.name == op]


def test_a_slice_to_the_end_fits_into_json() -> None:
    net = With(lambda net, x: net.fc(x[:, :, ::2, 1:].flatten(1)), fc=nn.Linear(14 * 27, 10))
    slices = arguments(net, "slice")
    # Before these two, torch 2.6 also runs a slice for each dimension that is taken completely.
    assert slices[-2:] == [(2, 0, 2**52, 2), (3, 1, 2**52)]
    assert all(abs(number) < 2**53 for given in slices for number in given if isinstance(number, int))


def test_infinity_is_written_as_text() -> None:
    net = linear(lambda net, x: net.fc(x.flatten(1)).masked_fill(torch.eye(10)[0] > 0, -math.inf))
    assert [values[1] for values in arguments(net, "masked_fill")] == [{"float": "-inf"}]


def test_dtypes_and_devices_are_written_as_words() -> None:
    net = linear(lambda net, x: net.fc(x.to(torch.float64).to(dtype=torch.float32, device="cpu").flatten(1)))
    words = [word for given in arguments(net, "to") for word in given]
    assert {"word": "float64"} in words
    zeros = [node.kwargs for node in graph_from(Lab(between=lambda x: x + torch.zeros(128))).training.nodes]
    assert {"device": {"word": "device"}, "pin_memory": False} in zeros or any(
        keywords.get("device") == {"word": "device"} for keywords in zeros
    )


def test_numbers_that_are_the_batch() -> None:
    net = linear(lambda net, x: net.fc(x.view(x.size(0), -1)) + torch.ones(x.size(0) * 2, 10)[: len(x)])
    graph = graph_from(net)
    assert graph.batch == 0
    given = {node.name: node.args for node in graph.training.nodes}
    assert given["view"][1] == [{"images": [1, 0]}, -1]
    assert given["ones"][0] == [{"images": [2, 0]}, 10]


def test_a_hard_coded_batch() -> None:
    recording = recording_of(linear(lambda net, x: net.fc(x.view(64, -1))))
    graph = graph_of(recording).graph
    assert graph is not None
    assert graph.batch == 64
    problems = {run.batch: run.problem for run in recording.passes if run.mode == "eval"}
    assert problems[64] is None
    assert problems[3] is not None
    other = recording_of(linear(lambda net, x: net.fc(x.view(50, 784))))
    assert [(run.mode, run.batch) for run in other.passes if run.shape == (run.batch, 10)] == [
        ("train", 50),
        ("eval", 50),
    ]


# ---- odd ends --------------------------------------------------------------------------------------------------------


def test_vmap_is_recorded_below_autograd() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        return torch.vmap(lambda image: net.fc(F.relu(image).flatten()))(x)  # type: ignore[no-any-return]

    found = recorded(linear(forward))
    assert found.graph is not None
    assert found.graph.batch == 0
    assert {"relu", "addmm"} & set(names(found.graph.training)) >= {"relu"}
    assert [weight.name for weight in found.graph.weights] == ["fc.weight", "fc.bias"] or len(found.graph.weights) == 2


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
def test_too_many_operations_even_if_forward_catches_the_exception(step: Step) -> None:
    recording = recording_of(With(lambda net, x: step(x[:, 0, 0, :10])))
    (run,) = recording.passes
    assert run.problem is not None
    assert run.problem.kind == "too-many-operations"
    assert len(run.program.nodes) <= MOST_NODES
    with pytest.raises(GraphRefused, match="more than 3,000 operations"):
        graph_of(recording)


@pytest.mark.parametrize(
    ("wrap", "returned"), [(lambda x: (x, 1), "tuple"), (lambda x: {"scores": x}, "dict"), (lambda x: [x], "list")]
)
def test_the_scores_in_what_is_returned_are_the_output(wrap: Callable[[Tensor], object], returned: str) -> None:
    recording = recording_of(linear(lambda net, x: wrap(net.fc(x.flatten(1)))))
    run = recording.passes[0]
    assert (run.returned, run.program.output, run.shape) == ("Tensor", Source("node", 1), (64, 10))
    assert {run.returned for run in recording.unrepaired} == {returned}


def test_after_a_missing_return_the_last_scores_are_the_output() -> None:
    def forward(net: Any, x: Tensor) -> None:
        net.fc(x.flatten(1))

    recording = recording_of(linear(forward))
    run = recording.passes[0]
    assert (run.returned, run.program.output, run.problem) == ("Tensor", Source("node", 1), None)
    assert {run.returned for run in recording.unrepaired} == {"NoneType"}


def test_a_fault_without_repair_ends_the_pass_and_keeps_what_ran() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = F.relu(net.fc(x.flatten(1)))
        return x.nonsense()  # type: ignore[attr-defined,no-any-return]

    recording = recording_of(linear(forward))
    run = recording.passes[0]
    assert recording.unrepaired == ()
    assert run.problem is not None
    assert (run.problem.kind, run.problem.exception) == ("forward", "AttributeError")
    assert (names(run.program), run.program.output, run.returned) == (["flatten", "linear", "relu"], None, "")


def test_layers_whose_results_are_not_used_are_listed() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        F.dropout(x)
        net.spare(x)
        torch.tanh(x)
        return F.log_softmax(x, dim=1)

    graph = graph_from(linear(forward, spare=nn.Linear(10, 2)))
    assert names(graph.training) == ["flatten", "linear", "log_softmax"]
    assert [(layer.name, layer.kind, layer.layer, layer.after) for layer in graph.aside] == [
        ("dropout", "dropout", "", 2),
        ("linear", "linear", "spare", 2),
    ]


def test_an_output_that_does_not_come_from_the_images() -> None:
    graph = graph_from(With(lambda net, x: torch.zeros(len(x), 10)))
    assert names(graph.training) == ["zeros"]


def test_modes_that_run_different_layers_raise_a_doubt() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        return torch.tanh(x) if net.training else F.relu(x)

    found = recorded(linear(forward))
    assert [doubt.id for doubt in found.doubts] == ["modes-differ"]
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
    casts = [node for node in found.graph.training.nodes if "bfloat16" in str((node.args, node.kwargs))]
    assert len(casts) >= 2, "the images and the weights become numbers of fewer digits"


def test_an_operation_that_is_not_allowed_and_leads_nowhere_costs_nothing() -> None:
    def forward(net: Any, x: Tensor) -> Any:
        torch.fft.fft(x)
        return net.fc(x.flatten(1))

    assert names(graph_from(linear(forward)).training) == ["flatten", "linear"]


def test_an_argument_may_have_any_name() -> None:
    """A recording by hand must not look like one of the grader's own descriptions of a tensor."""
    node = Node("aten.relu.default", ({"tensor": ["input", 0]},), {"tensor": 5})
    assert list(node.sources()) == [Source("input", 0)]


def test_batch_sizes_that_run_different_layers_raise_a_doubt() -> None:
    found = recorded(linear(lambda net, x: net.fc(x.flatten(1)) if len(x) != 3 else net.fc(x.flatten(1)).tanh()))
    assert [doubt.id for doubt in found.doubts] == ["passes-differ"] * 2
    assert found.graph is not None
    assert found.graph.batch == 64


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


def test_unused_weights_have_no_gradient() -> None:
    net = linear(lambda net, x: net.fc(x.flatten(1)), spare=nn.Linear(2, 2))
    echo = recording_of(net).echo
    assert echo is not None
    assert [gradient > 0 for gradient in echo.gradients] == [True, True, False, False]
    assert set(echo.gradients[2:]) == {-1.0}


def test_a_net_without_scores_gives_no_echo() -> None:
    assert recording_of(With(lambda net, x: x.flatten(1))).echo is None
    assert recording_of(With(lambda net, x: x.flatten(1)[:, :10])).echo is not None


@pytest.fixture(autouse=True)
def _quiet(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    capsys.readouterr()


def test_name_kind_and_writes_of_a_node() -> None:
    node = Node("aten.relu_.default")
    assert (node.name, str(node.kind), node.writes) == ("relu_", "relu", True)
    assert not Node("aten.relu.default").writes
    assert Node("aten.add.out").writes
    assert Node("nonsense").name == ""
