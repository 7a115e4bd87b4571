"""What is said of layers, activations and dropouts, and of their order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grader.model import Status
from grader.model.evidence import Modes, Operation
from tests.support.check_samples import HEAD, only_failed, statuses, with_trace
from tests.support.evidence_samples import (
    CONV1,
    CONV2,
    DROPOUT,
    FC1,
    FC2,
    FLATTEN,
    LAYERS,
    LOG_SOFTMAX,
    POOL,
    RELU,
    judged,
    op,
)

# ---- structure -------------------------------------------------------------------------------------------------------


def test_one_convolution() -> None:
    finding = only_failed(with_trace(CONV1, POOL, DROPOUT, RELU, FLATTEN, *LAYERS[8:]), "structure.conv")
    assert finding.message == "1 convolution layer is executed between input and output."
    assert finding.hint.startswith("conv2 is declared")
    assert (finding.expected, finding.seen) == ("2 convolution layers", "conv1: 1 x 28 x 28 -> 10 x 24 x 24")


def test_no_convolution() -> None:
    findings = judged(with_trace(FLATTEN, FC1, RELU, DROPOUT, FC2, LOG_SOFTMAX))
    assert findings["structure.conv"].message.startswith("0 convolution layers are executed")
    assert findings["structure.conv"].seen == "none"
    assert findings["structure.dropout_conv"].status is Status.SKIPPED


def test_three_convolutions() -> None:
    third = replace(CONV2, layer="conv3")
    finding = only_failed(with_trace(CONV1, RELU, CONV2, RELU, third, DROPOUT, RELU, *LAYERS[7:]), "structure.conv")
    assert finding.message.startswith("3 convolution layers are executed")
    assert "exactly two" in finding.hint


def test_one_fully_connected_layer_leaves_no_place_for_its_dropout() -> None:
    evidence = with_trace(*HEAD, replace(FC1, shape_out=(4, 10)), LOG_SOFTMAX)
    assert statuses(evidence) == {"structure.linear": "failed", "structure.dropout_fc": "skipped"}
    finding = judged(evidence)["structure.linear"]
    assert finding.message == "1 fully connected layer is executed between input and output."
    assert finding.hint.startswith("fc2 is declared")


def test_three_fully_connected_layers() -> None:
    finding = only_failed(
        with_trace(*HEAD, FC1, RELU, DROPOUT, replace(FC2, layer="fc1b"), RELU, FC2, LOG_SOFTMAX), "structure.linear"
    )
    assert finding.message.startswith("3 fully connected layers are executed")


def test_a_missing_dropout_says_where_the_others_stand() -> None:
    finding = only_failed(
        with_trace(CONV1, DROPOUT, RELU, CONV2, POOL, RELU, FLATTEN, *LAYERS[8:]), "structure.dropout_conv"
    )
    assert finding.message == "No dropout lies between the second convolution and the first fully connected layer."
    assert "after the second convolution" in finding.hint
    assert finding.seen == "no dropout there; one stands behind the first convolution (conv1)"


def test_a_missing_dropout_between_the_fully_connected_layers() -> None:
    finding = only_failed(with_trace(*HEAD, FC1, RELU, FC2, LOG_SOFTMAX), "structure.dropout_fc")
    assert "between the first and the second fully connected layer" in finding.message


def test_a_dropout_whose_result_is_thrown_away() -> None:
    aside = replace(DROPOUT, inputs=(9,))
    finding = only_failed(
        with_trace(*HEAD, FC1, RELU, aside, replace(FC2, inputs=(9,)), LOG_SOFTMAX), "structure.dropout_fc"
    )
    assert "its result is not used" in finding.message
    assert "x = F.dropout" in finding.hint


@pytest.mark.parametrize(
    ("idle", "message", "seen"),
    [
        (replace(DROPOUT, probability=0.0), "has p=0, so it never drops anything", "drop with p=0"),
        (replace(DROPOUT, probability=1.0), "has p=1, so it zeroes everything", "drop with p=1"),
        (replace(DROPOUT, is_active=False), "is switched off during training as well", "drop with training=False"),
    ],
)
def test_an_idle_dropout(idle: Operation, message: str, seen: str) -> None:
    evidence = with_trace(*HEAD, FC1, RELU, idle, FC2, LOG_SOFTMAX)
    finding = judged(evidence)["structure.dropout_fc"]
    assert [id_ for id_, status in statuses(evidence).items() if status == "failed"] == ["structure.dropout_fc"]
    assert message in finding.message
    assert finding.seen == seen
    assert finding.hint


def test_two_idle_dropouts_fail_both_places_and_the_behaviour() -> None:
    idle = replace(DROPOUT, probability=0.0)
    steps = [idle if one.kind == "dropout" else one for one in LAYERS]
    evidence = replace(with_trace(*steps), modes=Modes(None))
    failed = ["structure.dropout_conv", "structure.dropout_fc", "behaviour.dropout_train_eval"]
    assert statuses(evidence) == dict.fromkeys(failed, "failed")
    assert "drops nothing in training mode" in judged(evidence)["behaviour.dropout_train_eval"].message


def test_no_dropout_at_all_leaves_nothing_to_compare() -> None:
    evidence = replace(with_trace(*(one for one in LAYERS if one.kind != "dropout")), modes=Modes(None))
    assert statuses(evidence) == {
        "structure.dropout_conv": "failed",
        "structure.dropout_fc": "failed",
        "behaviour.dropout_train_eval": "skipped",
    }


def test_a_missing_relu_is_named_by_its_layer() -> None:
    finding = only_failed(with_trace(CONV1, POOL, *LAYERS[3:]), "structure.relu")
    assert finding.message == "No ReLU follows the first convolution (conv1)."
    assert "F.relu" in finding.hint


def test_all_missing_relus_are_told_at_once() -> None:
    finding = only_failed(with_trace(*(one for one in LAYERS if one.kind != "relu")), "structure.relu")
    assert finding.message.startswith("No ReLU follows the first convolution (conv1)")
    assert "the second convolution (conv2) and the first fully connected layer (fc1)" in finding.message


def test_a_softmax_between_hidden_layers() -> None:
    steps = (*HEAD, FC1, RELU, op("softmax", "softmax"), DROPOUT, FC2, LOG_SOFTMAX)
    finding = judged(with_trace(*steps))["structure.relu"]
    assert finding.status is Status.FAILED
    assert finding.message.startswith("A softmax is used after the first fully connected layer (fc1)")
    assert "Take the softmax out" in finding.hint


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "leaky_relu"])
def test_another_activation(name: str) -> None:
    steps = [op("activation", name) if one is RELU else one for one in LAYERS]
    finding = only_failed(with_trace(*steps), "structure.relu")
    assert finding.message == f"{name} is used behind the first convolution (conv1), where the lab asks for a ReLU."
    assert f"instead of {name}" in finding.hint


def test_a_relu_on_the_output() -> None:
    finding = only_failed(with_trace(*LAYERS[:-1], RELU, LOG_SOFTMAX), "structure.relu")
    assert finding.message == "A ReLU is applied to the output scores, behind the second fully connected layer (fc2)."


def test_a_convolution_after_a_fully_connected_layer() -> None:
    evidence = with_trace(FLATTEN, FC1, RELU, CONV1, RELU, CONV2, DROPOUT, RELU, FC2, LOG_SOFTMAX)
    finding = judged(evidence)["structure.order"]
    assert finding.status is Status.FAILED
    assert finding.message == "A convolution is executed after a fully connected layer."
    assert finding.seen == "fc1, conv1, conv2, fc2"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((DROPOUT, *LAYERS), "A dropout is applied to the input image, before the first layer."),
        ((*LAYERS[:-1], DROPOUT, LOG_SOFTMAX), "A dropout is applied behind the last layer, to the output."),
        ((*LAYERS[:-2], LOG_SOFTMAX, FC2, LOG_SOFTMAX), "A log-softmax is applied before the last layer."),
    ],
    ids=["dropout first", "dropout last", "log-softmax early"],
)
def test_order(steps: tuple[Operation, ...], message: str) -> None:
    findings = judged(with_trace(*steps))
    assert findings["structure.order"].status is Status.FAILED
    assert findings["structure.order"].message == message
    assert findings["structure.order"].hint


def test_a_dropout_that_stands_elsewhere_and_never_drops_is_no_fault_of_order() -> None:
    assert statuses(with_trace(replace(DROPOUT, probability=0.0), *LAYERS)) == {}
