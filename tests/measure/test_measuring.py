"""Tests of measuring a recorded graph: effects of operations, outputs, modes, gradients, doubts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from grader.measure.network import open_network
from grader.model.evidence import Measurements, Problem
from grader.selfcheck.records import record_from
from tests.support.network_samples import (
    Lab,
    Step,
    With,
    doubts,
    graph_from,
    linear,
    measured,
    network,
    parameter,
    plain,
    probes,
)

pytestmark = pytest.mark.slow

# ---- what an operation does ------------------------------------------------------------------------------------------


def effects(net: nn.Module, kind: str) -> list[bool]:
    """Whether each operation of a kind matters, in order."""
    return [operation.matters for operation in measured(net).trace.operations if operation.kind == kind]


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
def test_a_relu_that_changes_nothing_does_not_matter(relu: Step) -> None:
    assert not any(effects(Lab(relu=relu), "relu"))


def test_relus_that_work_matter() -> None:
    assert effects(Lab(), "relu") == [True] * 3
    assert effects(Lab(dropout=lambda x: F.dropout(F.relu(x), 0.5)), "relu") == [True] * 5


@pytest.mark.parametrize("step", [nn.Dropout(1e-12), lambda x: x + 1e-9 * F.dropout(x)])
def test_a_dropout_that_drops_nothing_does_not_matter(step: Step) -> None:
    dropouts = [operation for operation in measured(Lab(dropout=step)).trace.operations if operation.kind == "dropout"]
    assert not any(dropout.drops_some for dropout in dropouts)
    assert effects(Lab(), "dropout") == [True] * 2


def test_a_decoy_layer_beside_another_net_does_not_matter() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        real = (x.flatten(1).unsqueeze(1) * net.weight).sum(2)
        y = F.relu(F.max_pool2d(net.conv1(x), 2))
        return F.log_softmax(real + 1e-3 * net.fc(y.flatten(1)), dim=1)

    found = network(With(forward, weight=parameter(10, 784), conv1=nn.Conv2d(1, 2, 5), fc=nn.Linear(288, 10)))
    assert [(layer.kind, layer.name) for layer in found.weighted] == [("linear", "multiply and sum")]


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
def test_rows_that_depend_on_other_rows(step: Step, row_error: bool, score_row_error: bool) -> None:
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
def test_the_form_of_the_scores(step: Step, tail: tuple[str, ...], lead: tuple[str, ...] | None) -> None:
    found = measured(linear(lambda net, x: step(net.fc(x.flatten(1)))))
    assert found.probe is not None
    assert found.probe.scores is not None
    assert (found.probe.scores.tail, found.probe.scores.lead) == (tail, lead)


def test_scores_that_are_not_finite() -> None:
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
    assert [(run.batch, run.problem is None) for run in found.probe.passes] == [
        (1, False),
        (2, False),
        (3, False),
        (64, True),
        (100, False),
    ]
    assert found.trace.batch == 64
    other = measured(linear(lambda net, x: net.fc(x.view(50, 784))))
    assert other.probe is not None
    assert [run.batch for run in other.probe.passes if run.problem is None] == [50]
    assert other.is_trainable


def test_results_of_forward_other_than_a_tensor() -> None:
    found = measured(linear(lambda net, x: (net.fc(x.flatten(1)), 1)))
    assert [repair.kind for repair in found.trace.repairs] == ["returned-container"]
    assert found.probe is not None
    assert {(run.returned, run.shape[1]) for run in found.probe.passes} == {("Tensor", 10)}
    assert found.modes is not None


def test_a_net_is_measured_as_repaired() -> None:
    net = Lab()
    net.fc1 = nn.Linear(100, 20)
    found = measured(net)
    assert [repair.kind for repair in found.trace.repairs] == ["linear-size"]
    assert [operation.expected for operation in found.trace.operations if operation.kind == "linear"] == [100, None]
    assert found.probe is not None
    assert all(run.problem is None for run in found.probe.passes)
    assert found.gradients is not None
    assert {gradient.state for gradient in found.gradients.parameters} == {"ok"}
    assert found.is_trainable


def test_a_net_that_moves_to_the_gpu_is_measured_on_the_cpu() -> None:
    found = measured(Lab(between=lambda x: x.to("cuda")))
    assert [repair.kind for repair in found.trace.repairs] == ["device"]
    assert len(found.trace.operations) >= 13
    assert found.probe is not None
    assert found.is_trainable


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
def test_outputs_that_change_from_pass_to_pass(dropout: Step, differs: tuple[bool, ...]) -> None:
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
    return {parameter.name: parameter.state for parameter in found.parameters}


def test_gradients_that_are_missing_or_too_small() -> None:
    frozen = Lab()
    frozen.conv1.requires_grad_(False)
    assert states(frozen)["conv1.weight"] == "none"
    assert states(Lab(between=lambda x: x * 1e-20 + x.detach() * (1 - 1e-20)))["conv1.weight"] == "zero"
    assert states(Lab(between=lambda x: (x - x.detach()) * 1e-12 + x.detach()))["conv2.weight"] == "zero"
    assert states(Lab(between=lambda x: x * 0))["conv1.weight"] == "zero"
    assert set(states(Lab(relu=lambda x: F.relu(x) / 0)).values()) == {"nonfinite"}


def test_weights_that_start_dead_are_a_fault_and_a_last_layer_at_zero_is_not() -> None:
    dead = Lab()
    nn.init.zeros_(dead.conv1.weight)
    nn.init.constant_(dead.get_parameter("conv1.bias"), -1.0)
    assert states(dead)["conv1.weight"] == "zero"
    last = Lab()
    nn.init.zeros_(last.fc2.weight)
    assert set(states(last).values()) == {"ok"}


def test_unregistered_weights_are_listed() -> None:
    hidden = [nn.Linear(784, 10)]
    found = measured(With(lambda net, x: hidden[0](x.flatten(1)))).gradients
    assert found is not None
    assert (found.parameters, found.unregistered) == ((), ("a weight of shape 10 x 784", "a weight of shape 10"))


def test_a_failing_backward_pass_is_reported_without_a_doubt() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = torch.sigmoid(net.fc(x.flatten(1)))
        y = x * 2
        x += 1
        return x + y

    found = measured(linear(forward))
    assert found.gradients is not None
    assert found.gradients.problem is not None
    assert "inplace" in found.gradients.problem.message
    assert found.doubts == ()


# ---- doubts ----------------------------------------------------------------------------------------------------------


class Swapping(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Removes the ReLU after dispatch, where the recorder does not see it."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.relu.default:
            return args[0].clone()
        return func(*args, **(kwargs or {}))


class Disguised(Lab):
    """Runs something other than what is recorded; each test adds a way to hide it."""

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
def test_a_program_that_does_something_else_raises_a_doubt(beside: Callable[[Any, Tensor], Tensor]) -> None:
    assert doubts(Disguised(beside)) == {"program-differs"}


def test_using_a_value_as_a_python_number_raises_a_doubt() -> None:
    assert doubts(linear(lambda net, x: net.fc(x.flatten(1)) * float(net.fc.bias.detach().sum()))) & {
        "program-differs",
        "passes-differ",
    }


def test_python_that_branches_on_values_raises_a_doubt() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.fc(x.flatten(1))
        return torch.tanh(x) if bool(net.fc.bias[0] > 0.5) else x

    assert doubts(linear(forward)) == {"program-differs"}


def test_a_different_gradient_raises_a_doubt() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        y = F.relu(net.conv(x))
        if y.requires_grad:
            y.register_hook(lambda gradient: gradient * 1e-20)  # type: ignore[no-untyped-call]
        return net.fc(y.flatten(1))  # type: ignore[no-any-return]

    found = measured(With(forward, conv=nn.Conv2d(1, 2, 5), fc=nn.Linear(1152, 10)))
    assert [(doubt.id, doubt.check) for doubt in found.doubts] == [
        ("backward-differs", "behaviour.gradients"),
        ("backward-differs", "training.accuracy"),
    ]
    assert "conv.weight" in found.doubts[0].message


def test_a_random_net_raises_no_doubt() -> None:
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


def test_a_net_that_knows_the_digits_before_training_raises_a_doubt() -> None:
    places = torch.stack([(torch.arange(28) // 2 == 2 + digit).float() for digit in range(10)])

    def forward(net: Any, x: Tensor) -> Tensor:
        known = x.mean(3).flatten(1).unsqueeze(1).mul(places).sum(2)
        return known + 0 * net.fc(x.flatten(1))  # type: ignore[no-any-return]

    found = measured(linear(forward))
    assert [(doubt.id, doubt.check) for doubt in found.doubts] == [("trained-before", "training.accuracy")]
    assert "%" in found.doubts[0].message


# ---- crossing a pipe -------------------------------------------------------------------------------------------------


def test_measurements_are_unchanged_after_json() -> None:
    net = Lab()
    net.fc1 = nn.Linear(100, 20)
    for found in (measured(Lab()), measured(net), measured(With(lambda net, x: x))):
        assert msgspec.json.decode(msgspec.json.encode(found), type=Measurements) == found
        assert record_from(plain(found), Measurements) == found
    problem = replace(measured(With(lambda net, x: x)).trace, problem=Problem("forward"))
    assert asdict(problem)["problem"]["kind"] == "forward"


def test_a_network_is_opened_with_weights_that_distinguish_images() -> None:
    graph = graph_from(Lab())
    opened = open_network(graph, probes, seed=1)
    outputs = opened.evaluate(probes(3))
    assert float(outputs.detach().std(0).max()) > 1e-6
    assert opened.size(5) == 5
    evaluation, training = (
        [operation.kind for operation in mode.operations] for mode in (opened.evaluation, opened.training)
    )
    assert evaluation == training
