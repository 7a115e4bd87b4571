"""The executed network: which operations of a trace are on the path from input to output, and which are layers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grader.checks.executed_network import executed_network, features, layer_word, size_word
from grader.model.evidence import Operation, Problem, Tracing
from tests.support import evidence_samples as samples
from tests.support.evidence_samples import CONV1, CONV2, DROPOUT, FC1, FC2, FLATTEN, LAYERS, LOG_SOFTMAX, POOL, RELU, op


def names(operations: tuple[Operation, ...]) -> list[str]:
    return [operation.layer or operation.name for operation in operations]


def test_the_lab_network_is_two_convolutions_and_two_fully_connected_layers() -> None:
    network = executed_network(samples.trace(*LAYERS))
    assert names(network.convs) == ["conv1", "conv2"]
    assert names(network.linears) == ["fc1", "fc2"]
    assert names(network.weighted) == ["conv1", "conv2", "fc1", "fc2"]
    assert network.is_complete
    assert network.unused == ()


def test_without_a_trace_the_network_is_empty() -> None:
    network = executed_network(None)
    assert (network.path, network.is_complete) == ((), False)


def test_a_trace_without_operations_counts_as_traced() -> None:
    network = executed_network(Tracing(Problem("forward", "it raises")))
    assert (network.path, network.is_complete) == ((), False)


def test_what_does_not_lead_to_the_output_is_not_on_the_path() -> None:
    aside = replace(DROPOUT, inputs=(0,))  # F.dropout(x) whose result nobody keeps
    network = executed_network(samples.trace(CONV1, aside, replace(RELU, inputs=(0,)), FLATTEN, FC1))
    assert names(network.path) == ["conv1", "relu", "view", "fc1"]
    assert names(network.unused) == ["drop"]


def test_both_branches_of_a_sum_are_on_the_path() -> None:
    add = op("arithmetic", "+", inputs=(0, 1))
    network = executed_network(samples.trace(CONV1, replace(RELU, inputs=(0,)), add))
    assert names(network.path) == ["conv1", "relu", "+"]


def test_an_operation_that_does_not_use_the_input_is_not_on_the_path() -> None:
    steps = samples.path(CONV1, op("arithmetic", "+", inputs=(0,)))
    constant = replace(steps[0], index=2, inputs=())
    both = replace(steps[1], index=3, inputs=(0, 2))
    network = executed_network(Tracing(None, 4, (steps[0], constant, both), 3, "Tensor"))
    assert [operation.index for operation in network.path] == [0, 3]


def test_returning_the_input_gives_an_empty_path() -> None:
    network = executed_network(samples.trace(CONV1, output=-1))
    assert network.path == ()
    assert names(network.unused) == ["conv1"]


def test_after_an_error_the_path_leads_to_the_last_operation() -> None:
    network = executed_network(samples.stopped(CONV1, RELU, CONV2, problem=Problem("forward", "no fc1")))
    assert names(network.convs) == ["conv1", "conv2"]
    assert not network.is_complete


def test_a_forward_pass_that_returns_nothing_is_complete() -> None:
    network = executed_network(samples.trace(*LAYERS, output=None, returned="NoneType"))
    assert network.is_complete
    assert len(network.path) == len(LAYERS)


@pytest.mark.parametrize(
    ("shape_out", "convs", "linears"),
    [((4, 50, 1, 1), ["conv1", "conv2"], ["fc1", "fc2"]), ((4, 50, 2, 2), ["conv1", "conv2", "fc1"], ["fc2"])],
    ids=["whole input", "a window"],
)
def test_a_convolution_over_its_whole_input_is_a_fully_connected_layer(
    shape_out: tuple[int, ...], convs: list[str], linears: list[str]
) -> None:
    third = op("conv", "conv2d", layer="fc1", shape_in=(4, 20, 4, 4), shape_out=shape_out)
    network = executed_network(samples.trace(CONV1, POOL, CONV2, third, RELU, FLATTEN, FC2, LOG_SOFTMAX))
    assert names(network.convs) == convs
    assert names(network.linears) == linears


def test_a_third_convolution_beside_two_fully_connected_layers_stays_a_convolution() -> None:
    third = op("conv", "conv2d", layer="conv3", shape_out=(4, 320, 1, 1))
    network = executed_network(samples.trace(CONV1, CONV2, third, FLATTEN, FC1, RELU, FC2))
    assert names(network.convs) == ["conv1", "conv2", "conv3"]


def test_between_excludes_both_ends() -> None:
    network = executed_network(samples.trace(*LAYERS))
    conv1, conv2 = network.convs
    assert names(network.between(conv1, conv2, "relu", "pool")) == ["max_pool2d", "relu"]
    assert len(network.between(None, None, "relu")) == 3
    assert network.between(network.linears[-1], None, "relu") == ()
    assert network.between(conv1, conv2, "conv") == ()


def test_words() -> None:
    assert features((4, 20, 4, 4)) == 320
    assert size_word((4, 20, 4, 4)) == "20 x 4 x 4"
    assert size_word((4,)) == "1"
    assert layer_word(CONV1) == "conv1"
    assert layer_word(RELU) == "relu"
    assert layer_word(op("linear", layer="an unregistered Linear")) == "an unregistered Linear"
