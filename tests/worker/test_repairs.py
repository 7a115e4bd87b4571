"""Recording a network that cannot run: which sizes are repaired, and that repairs are reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grader.model.evidence import RecordedPass, Recording
from grader.model.recorded import graph_of
from tests.support.network_samples import (
    Lab,
    Step,
    With,
    names,
    parameter,
    recording_of,
)

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


def repaired_pass(recording: Recording) -> RecordedPass:
    """The first pass of a net that was repaired, so that every pass gives scores."""
    assert recording.unrepaired
    assert all(run.shape == (run.batch, 10) and run.problem is None for run in recording.passes)
    return recording.passes[0]


@pytest.mark.parametrize(
    ("net", "kind", "layer", "expected", "seen"),
    [
        (with_sizes(fc1_in=100), "linear-size", "fc1", 100, 128),
        (with_sizes(conv2_in=3), "conv-channels", "conv2", 3, 4),
        (with_sizes(conv2_in=12), "conv-channels", "conv2", 12, 4),  # as many as the feature maps are wide
        (with_sizes(flatten=lambda x: x), "flatten-missing", "fc1", 128, 4),
        (with_sizes(flatten=lambda x: x.view(-1)), "flatten-batch", "fc1", 128, 8192 // 64 * 3),
        (with_sizes(flatten=lambda x: x.view(x.size(0), 100), fc1_in=100), "reshape-size", "", 100, 128),
        (with_sizes(flatten=lambda x: x.view(-1, 100)), "reshape-size", "", 100, 128),
        (with_sizes(flatten=lambda x: x.permute(0, 2, 3, 1).view(-1, 128)), "reshape-layout", "", 0, 0),
    ],
    ids=["fc1", "conv2", "conv2 as wide", "flatten", "flatten with rows", "view", "view with rows", "layout"],
)
def test_a_wrong_size_is_repaired_and_reported(net: nn.Module, kind: str, layer: str, expected: int, seen: int) -> None:
    recording = recording_of(net)
    repair = recording.repairs[0]
    assert (repair.kind, repair.layer, repair.expected, repair.seen) == (kind, layer, expected, seen)
    run = repaired_pass(recording)
    assert [node.layer for node in run.program.nodes if node.layer] == ["conv1", "conv2", "fc1", "fc2"] or (
        kind.startswith("flatten")
    ), "the layers after the fault are recorded too"
    assert names(run.program).count("relu") == 3
    assert run.program.output is not None
    assert all(run.problem is not None for run in recording.unrepaired if run.batch > 1)


@pytest.mark.parametrize(
    "product", [lambda net, x: x @ net.weight, lambda net, x: torch.addmm(net.bias, x, net.weight)], ids=["@", "addmm"]
)
def test_a_product_written_by_hand_is_repaired_too(product: Callable[[Any, Tensor], Tensor]) -> None:
    net = With(lambda net, x: product(net, x.flatten(1)), weight=parameter(700, 10), bias=parameter(10))
    recording = recording_of(net)
    assert [(repair.kind, repair.expected, repair.seen) for repair in recording.repairs] == [("linear-size", 700, 784)]
    assert names(repaired_pass(recording).program)[-1] in {"matmul", "addmm"}


def test_several_faults_are_all_repaired_and_layers_keep_their_names() -> None:
    recording = recording_of(with_sizes(conv2_in=3, fc1_in=100))
    assert [repair.kind for repair in recording.repairs] == ["conv-channels", "linear-size"]
    graph = graph_of(recording).graph
    assert graph is not None
    assert names(graph.training)[-1] == "log_softmax"
    by_name = {weight.name: weight for weight in graph.weights}
    assert by_name["fc1.weight"].shape == (20, 128)
    assert by_name["fc1.weight"].is_registered
    assert {node.expected for node in graph.training.nodes} == {None, 3, 100}


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
def test_a_move_to_the_gpu_stays_on_the_cpu_and_is_reported(move: Step) -> None:
    recording = recording_of(Lab(between=move))
    assert [repair.kind for repair in recording.repairs] == ["device"]
    assert all(run.problem is None for run in recording.passes)
