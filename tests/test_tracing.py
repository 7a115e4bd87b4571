"""The trace of a forward pass: what it calls each operation, however it is spelt, and what it mends and remarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from grader.model.evidence import Operation, Problem, Tracing
from grader.network import Network, executed_network
from grader.worker import probing
from grader.worker.building import probe_images, working_batch
from grader.worker.tracing import MAX_OPERATIONS, Tracer

Step = Callable[[Tensor], Tensor]


class Lab(nn.Module):
    """The lab's network, with a place for whatever a test is about."""

    def __init__(self, relu: Step = F.relu, dropout: Step = F.dropout, between: Step | None = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 5)
        self.conv2 = nn.Conv2d(4, 8, 5)
        self.fc1 = nn.Linear(128, 20)
        self.fc2 = nn.Linear(20, 10)
        self._steps = relu, dropout, between or (lambda x: x)

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


def images(count: int) -> Tensor:
    return probe_images(count, seed=count, images=None, mean=0.13, std=0.31)


def explain(kind: str, error: BaseException) -> Problem:
    return Problem(kind, str(error), type(error).__name__)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As in a worker; small nets run faster so, too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def trace(net: nn.Module, *, runs: bool = True) -> Tracing:
    """As a worker does it: one pass to learn what there is, and one that is written down.

    A net that no batch size ``runs`` spares itself the search for one.
    """
    torch.manual_seed(0)
    working, tracer = working_batch(net, images) if runs else (0, None)
    known = tracer.unregistered if tracer is not None else []
    return probing.trace(net, images, working or 4, known, explain)[0]


def network(net: nn.Module) -> Network:
    record = trace(net)
    assert record.problem is None, record.problem
    return executed_network(record)


def words(record: Tracing) -> list[str]:
    return [f"{one.kind}:{one.name}" for one in record.operations]


def one_of_kind(record: Tracing, kind: str) -> Operation:
    found = [one for one in record.operations if one.kind == kind]
    assert len(found) == 1, words(record)
    return found[0]


# ---- the whole -------------------------------------------------------------------------------------------------------


def test_the_lab_network() -> None:
    record = trace(Lab())
    assert words(record) == [
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
    assert [one.inputs for one in record.operations] == [(index,) for index in range(-1, 12)]
    assert (record.batch, record.output, record.returned, record.repairs, record.remarks) == (4, 12, "Tensor", (), ())
    conv1 = record.operations[0]
    assert (conv1.layer, conv1.parameters, conv1.is_registered) == ("conv1", 4 * 25 + 4, True)
    assert (conv1.shape_in, conv1.shape_out) == ((4, 1, 28, 28), (4, 4, 24, 24))
    assert (record.operations[4].probability, record.operations[4].is_active) == (0.5, True)
    assert record.operations[-1].dim == 1


def test_tracing_changes_no_result() -> None:
    net, data = Lab(dropout=nn.Identity()).eval(), images(3)
    tracer = Tracer(net, data)
    with tracer.recording():
        traced = net(data)
    assert torch.equal(traced, net(data))
    assert tracer.index_of(traced) == len(tracer.operations) - 1
    assert tracer.index_of(data) == -1
    assert tracer.index_of(torch.ones(3)) is None
    assert tracer.index_of("text") is None


def test_nothing_is_written_down_outside_of_recording() -> None:
    net = Lab()
    tracer = Tracer(net, images(2))
    with tracer.recording():
        pass
    net(images(2))
    assert tracer.operations == []


def test_held_dropout_returns_its_input() -> None:
    net, data = Lab(), images(3)
    results = []
    for _ in range(2):
        tracer = Tracer(net, data, hold_dropout=True)
        with torch.no_grad(), tracer.recording():
            results.append(net(data))
        assert sum(one.kind == "dropout" for one in tracer.operations) == 2
    assert torch.equal(results[0], results[1])


# ---- ReLU ------------------------------------------------------------------------------------------------------------


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
    "autograd function": HandmadeRelu.apply,
}


@pytest.mark.parametrize("name", RELUS)
def test_every_spelling_of_relu_is_a_relu(name: str) -> None:
    found = network(Lab(relu=RELUS[name]))
    layers = found.weighted
    assert [one.layer for one in layers] == ["conv1", "conv2", "fc1", "fc2"]
    for layer, following in pairwise(layers):
        assert found.between(layer, following, "relu"), layer
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


def with_numpy(x: Tensor) -> Tensor:
    mask = np.random.default_rng(0).random(tuple(x.shape)) > 0.25
    return x * torch.from_numpy(mask.astype(np.float32)) / 0.75


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
    "numpy": with_numpy,
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
    for one in network(Lab(dropout=step)).between(None, None, "dropout"):
        assert (one.probability, one.is_active) == (probability, is_active)


@pytest.mark.parametrize(
    "step",
    [lambda x: x * torch.linspace(0.5, 1.5, x.shape[1]).view(-1, *[1] * (x.dim() - 2)), lambda x: x * 0.75],
    ids=["scaled by a constant", "scaled"],
)
def test_scaling_is_no_dropout(step: Step) -> None:
    assert network(Lab(dropout=step)).between(None, None, "dropout") == ()


# ---- weights ---------------------------------------------------------------------------------------------------------


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
    found = network(With(lambda net, x: (x @ x.transpose(2, 3)).flatten(1)))
    assert found.weighted == ()


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


def test_layers_inside_containers_have_dotted_names() -> None:
    body = nn.Sequential(nn.Conv2d(1, 2, 5), nn.ReLU(), nn.Flatten(), nn.Linear(1152, 10))
    found = network(With(lambda net, x: net.body(x), body=body))
    assert [one.layer for one in found.path] == ["body.0", "body.1", "body.2", "body.3"]


def test_the_parameters_used_are_known_by_name() -> None:
    net = With(lambda net, x: net.fc(x.flatten(1)), fc=nn.Linear(784, 10), spare=nn.Linear(2, 2))
    tracer = probing.trace(net, images, 4, (), explain)[1]
    assert tracer.used_parameters == {"fc.weight", "fc.bias"}


# ---- unregistered and fresh ------------------------------------------------------------------------------------------


def test_layers_in_a_plain_list_are_not_registered_and_not_fresh() -> None:
    hidden = [nn.Conv2d(1, 2, 5), nn.Linear(1152, 10)]
    found = network(With(lambda net, x: hidden[1](hidden[0](x).flatten(1))))
    assert [(one.kind, one.is_registered, one.is_fresh) for one in found.weighted] == [
        ("conv", False, False),
        ("linear", False, False),
    ]


def test_layers_made_in_forward_are_fresh() -> None:
    found = network(
        With(lambda net, x: net.fc(nn.Conv2d(1, 2, 5)(x).flatten(1)), fc=nn.Linear(1152, 10)),
    )
    assert [(one.is_registered, one.is_fresh) for one in found.weighted] == [(False, True), (True, False)]


def test_a_dropout_made_in_forward_is_fresh() -> None:
    found = network(Lab(dropout=lambda x: nn.Dropout(0.5)(x)))
    dropouts = found.between(None, None, "dropout")
    assert [(one.layer, one.is_registered, one.is_fresh) for one in dropouts] == [
        ("an unregistered Dropout", False, True)
    ] * 2


def test_a_dropout_in_a_plain_list_is_kept_out_of_reach_and_not_fresh() -> None:
    hidden = [nn.Dropout(0.5)]
    dropouts = network(Lab(dropout=lambda x: hidden[0](x))).between(None, None, "dropout")
    assert [(one.is_registered, one.is_fresh) for one in dropouts] == [(False, False)] * 2


def test_a_bare_weight_that_is_no_parameter_is_not_registered() -> None:
    weight = torch.randn(784, 10, requires_grad=True)
    (layer,) = network(With(lambda net, x: x.flatten(1) @ weight)).weighted
    assert (layer.is_registered, layer.is_fresh) == (False, False)


# ---- leaving the graph -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "name"), [(lambda x: x.detach(), "detach"), (lambda x: x.data, "data")], ids=["detach", "data"]
)
def test_a_detach_is_on_the_path(step: Step, name: str) -> None:
    found = network(Lab(between=step))
    assert [one.layer for one in found.weighted] == ["conv1", "conv2", "fc1", "fc2"]
    assert [one.name for one in found.between(None, None, "detach")] == [name]


def test_no_grad_is_remarked() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = net.conv(x)
        return net.fc(x.flatten(1))  # type: ignore[no-any-return]

    record = trace(With(forward, conv=nn.Conv2d(1, 2, 5), fc=nn.Linear(1152, 10)))
    assert [(remark.id, remark.message) for remark in record.remarks] == [
        ("no-grad", "conv runs with gradients switched off")
    ]


def test_leaving_torch_is_remarked() -> None:
    record = trace(Lab(between=lambda x: torch.from_numpy(x.detach().numpy())))
    assert [remark.id for remark in record.remarks] == ["leaves-torch"]
    found = executed_network(record)
    assert [one.layer for one in found.weighted] == ["conv1", "conv2", "fc1", "fc2"], "one storage, so one lineage"


def test_a_result_thrown_away_is_not_on_the_path() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        F.dropout(x)
        return F.log_softmax(x, dim=1)

    found = network(With(forward, fc=nn.Linear(784, 10)))
    assert [one.name for one in found.path] == ["flatten", "linear", "log_softmax"]
    assert [one.name for one in found.unused] == ["dropout"]


def test_in_place_operations_keep_the_line() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        x += 1
        x.mul_(2)
        x[:, 0] = 0
        F.relu_(x)
        return x

    record = trace(With(forward, fc=nn.Linear(784, 10)))
    assert [one.name for one in executed_network(record).path][:2] == ["flatten", "linear"]
    assert record.output == len(record.operations) - 1
    assert record.operations[-1].kind == "relu"


def test_a_residual_sum_reads_both_of_its_terms() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        return x + net.again(x)  # type: ignore[no-any-return]

    record = trace(With(forward, fc=nn.Linear(784, 10), again=nn.Linear(10, 10)))
    assert one_of_kind(record, "arithmetic").inputs == (1, 2)


@pytest.mark.parametrize(
    ("step", "dim"), [(lambda x: F.log_softmax(x, dim=0), 0), (lambda x: x.log_softmax(-1), 1), (nn.LogSoftmax(1), 1)]
)
def test_the_dimension_of_a_log_softmax(step: Step, dim: int) -> None:
    record = trace(With(lambda net, x: step(net.fc(x.flatten(1))), fc=nn.Linear(784, 10)))
    assert one_of_kind(record, "log_softmax").dim == dim


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


@pytest.mark.parametrize(
    ("net", "kind", "layer", "expected", "seen"),
    [
        (with_sizes(fc1_in=100), "linear-size", "fc1", 100, 128),
        (with_sizes(conv2_in=3), "conv-channels", "conv2", 3, 4),
        (with_sizes(flatten=lambda x: x), "flatten-missing", "fc1", 128, 4),
        (with_sizes(flatten=lambda x: x.view(-1, 100)), "reshape-size", "", 100, 128),
        (with_sizes(flatten=lambda x: x.view(x.size(0), 100), fc1_in=100), "reshape-size", "", 100, 128),
        (with_sizes(flatten=lambda x: x.permute(0, 2, 3, 1).view(-1, 128)), "reshape-layout", "", 0, 0),
    ],
    ids=["fc1", "conv2", "flatten", "view", "view with rows", "layout"],
)
def test_a_wrong_size_is_mended_and_told(net: nn.Module, kind: str, layer: str, expected: int, seen: int) -> None:
    record = trace(net, runs=False)
    assert record.problem is None
    repair = record.repairs[0]
    assert (repair.kind, repair.layer, repair.expected, repair.seen) == (kind, layer, expected, seen)
    found = executed_network(record)
    assert [one.layer for one in found.weighted] == ["conv1", "conv2", "fc1", "fc2"], "what lies behind is seen too"
    assert len(found.between(None, None, "relu")) == 3
    with pytest.raises(RuntimeError):
        net(images(4))


@pytest.mark.parametrize(
    "product", [lambda net, x: x @ net.weight, lambda net, x: torch.addmm(net.bias, x, net.weight)], ids=["@", "addmm"]
)
def test_a_product_written_by_hand_is_mended_too(product: Callable[[Any, Tensor], Tensor]) -> None:
    net = With(lambda net, x: product(net, x.flatten(1)), weight=parameter(700, 10), bias=parameter(10))
    record = trace(net, runs=False)
    assert record.problem is None
    assert [(one.kind, one.expected, one.seen) for one in record.repairs] == [("linear-size", 700, 784)]


def test_several_faults_are_all_mended() -> None:
    record = trace(with_sizes(conv2_in=3, fc1_in=100), runs=False)
    assert [one.kind for one in record.repairs] == ["conv-channels", "linear-size"]
    assert record.operations[-1].kind == "log_softmax"


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
    record = trace(Lab(between=move))
    assert record.problem is None
    assert [one.kind for one in record.repairs] == ["device"]
    assert [one.layer for one in executed_network(record).weighted] == ["conv1", "conv2", "fc1", "fc2"]


def test_what_cannot_be_mended_ends_the_trace_and_keeps_what_ran() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = F.relu(net.conv(x))
        return net.fc3(x)  # type: ignore[no-any-return]

    record = trace(With(forward, conv=nn.Conv2d(1, 2, 5)))
    assert record.problem is not None
    assert (record.problem.kind, record.problem.exception) == ("forward", "AttributeError")
    assert words(record) == ["conv:conv2d", "relu:relu"]
    assert (record.output, record.returned) == (None, "")


# ---- odd ends --------------------------------------------------------------------------------------------------------


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

    record = trace(With(forward, block=Fails(), fc=nn.Linear(784, 10)))
    assert record.problem is None
    assert [(one.kind, one.layer) for one in executed_network(record).path] == [
        ("relu", ""),
        ("reshape", ""),
        ("linear", "fc"),
    ]
    assert [one.layer for one in record.operations if one.kind == "linear"] == ["block.inner.0", "fc"]


def test_after_an_exception_that_ends_the_pass_no_hook_is_left() -> None:
    assert trace(With(lambda net, x: net.block(x[:, 0, 0, :3]), block=Fails())).problem is not None
    record = trace(Lab())
    assert record.problem is None
    assert [one.layer for one in record.operations if one.layer] == ["conv1", "conv2", "fc1", "fc2"]


@pytest.mark.parametrize(
    ("wrap", "returned"), [(lambda x: (x, 1), "tuple"), (lambda x: {"scores": x}, "dict"), (lambda x: [x], "list")]
)
def test_the_first_tensor_of_what_is_returned_is_the_output(wrap: Callable[[Tensor], object], returned: str) -> None:
    record = trace(With(lambda net, x: wrap(net.fc(x.flatten(1))), fc=nn.Linear(784, 10)))
    assert (record.returned, record.output) == (returned, 1)


def test_a_missing_return_leaves_no_output() -> None:
    def forward(net: Any, x: Tensor) -> None:
        net.fc(x.flatten(1))

    record = trace(With(forward, fc=nn.Linear(784, 10)))
    assert (record.returned, record.output, record.problem) == ("NoneType", None, None)
    assert [one.kind for one in record.operations] == ["reshape", "linear"]


def test_an_output_that_does_not_come_from_the_images() -> None:
    record = trace(With(lambda net, x: torch.zeros(len(x), 10)))
    assert (record.output, record.operations) == (None, ())


def test_a_pass_of_hundreds_of_activations_is_given_up() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = x[:, 0, 0, :2]
        for _ in range(MAX_OPERATIONS):
            x = x.sin()
        return x

    record = trace(With(forward))
    assert record.problem is not None
    assert record.problem.kind == "too-many-operations"
    assert 100 < len(record.operations) <= 400, "the first of them are kept"


def test_a_net_that_takes_one_batch_size_is_traced_with_it() -> None:
    record = trace(With(lambda net, x: net.fc(x.view(64, -1)), fc=nn.Linear(784, 10)))
    assert (record.problem, record.batch) == (None, 64)
    assert record.repairs == ()
