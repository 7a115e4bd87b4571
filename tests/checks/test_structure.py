"""The structure checks: layers, activations and dropouts, and their order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from grader.model import Status
from grader.model.evidence import Behind, Measurements, Modes, Operation, Tracing
from grader.model.graph import Graph, Node, Program
from grader.model.repair_kinds import DROPOUT as DROPOUT_REPAIR
from tests.support import evidence_samples as samples
from tests.support.check_samples import HEAD, only_failed, only_partial, statuses, with_trace
from tests.support.evidence_samples import (
    CONV1,
    CONV2,
    DROPOUT,
    FC1,
    FC2,
    FLATTEN,
    HEALTHY,
    LAYERS,
    LOG_SOFTMAX,
    POOL,
    RELU,
    findings_of,
    op,
)

# ---- structure -------------------------------------------------------------------------------------------------------


def test_one_convolution() -> None:
    finding = only_failed(with_trace(CONV1, POOL, DROPOUT, RELU, FLATTEN, *LAYERS[8:]), "structure.conv")
    assert finding.message == "forward uses 1 convolution layer between input and output."
    assert finding.hint.startswith("__init__ creates conv2")
    assert (finding.expected, finding.seen) == ("2 convolution layers", "conv1: 1 x 28 x 28 -> 10 x 24 x 24")


def test_a_network_that_does_nothing_with_the_images_has_no_layers() -> None:
    findings = findings_of(replace(HEALTHY, trace=replace(samples.trace(), problem=None)))
    failed = {id for id, finding in findings.items() if finding.status is Status.FAILED}
    assert failed == {"structure.conv", "structure.linear"}
    assert {findings[f"structure.{name}"].cause for name in ("dropout_conv", "relu", "order")} == {"structure.conv"}


def test_no_convolution() -> None:
    findings = findings_of(with_trace(FLATTEN, FC1, RELU, DROPOUT, FC2, LOG_SOFTMAX))
    assert findings["structure.conv"].message.startswith("forward uses no convolution layer")
    assert findings["structure.conv"].seen == "none"
    assert findings["structure.dropout_conv"].status is Status.SKIPPED


def test_three_convolutions() -> None:
    third = replace(CONV2, layer="conv3")
    finding = only_failed(with_trace(CONV1, RELU, CONV2, RELU, third, DROPOUT, RELU, *LAYERS[7:]), "structure.conv")
    assert finding.message.startswith("forward uses 3 convolution layers")
    assert "exactly two" in finding.hint


def test_with_one_fully_connected_layer_its_dropout_is_skipped() -> None:
    evidence = with_trace(*HEAD, replace(FC1, shape_out=(4, 10)), LOG_SOFTMAX)
    assert statuses(evidence) == {"structure.linear": "failed", "structure.dropout_fc": "skipped"}
    finding = findings_of(evidence)["structure.linear"]
    assert finding.message == "forward uses 1 fully connected layer between input and output."
    assert finding.hint.startswith("__init__ creates fc2")


def test_three_fully_connected_layers() -> None:
    finding = only_failed(
        with_trace(*HEAD, FC1, RELU, DROPOUT, replace(FC2, layer="fc1b"), RELU, FC2, LOG_SOFTMAX), "structure.linear"
    )
    assert finding.message.startswith("forward uses 3 fully connected layers")


def test_a_missing_dropout_is_reported_with_the_place_of_another() -> None:
    finding = only_failed(
        with_trace(CONV1, DROPOUT, RELU, CONV2, POOL, RELU, FLATTEN, *LAYERS[8:]), "structure.dropout_conv"
    )
    assert finding.message == "There is no dropout between the second convolution and the first fully connected layer."
    assert "after the second convolution" in finding.hint
    assert finding.seen == "no dropout there, but a dropout after the first convolution (conv1)"


def test_a_missing_dropout_between_the_fully_connected_layers() -> None:
    finding = only_failed(with_trace(*HEAD, FC1, RELU, FC2, LOG_SOFTMAX), "structure.dropout_fc")
    assert "between the first and the second fully connected layer" in finding.message


def test_a_dropout_whose_result_is_not_used() -> None:
    aside = replace(DROPOUT, inputs=(9,))
    finding = only_failed(
        with_trace(*HEAD, FC1, RELU, aside, replace(FC2, inputs=(9,)), LOG_SOFTMAX), "structure.dropout_fc"
    )
    assert "its result is not used" in finding.message
    assert "x = F.dropout" in finding.hint


@pytest.mark.parametrize(
    ("idle", "message", "seen"),
    [
        (replace(DROPOUT, probability=0.0), "has p=0, so it has no effect", "drop with p=0"),
        (replace(DROPOUT, probability=1.0), "has p=1, so it sets every value to zero", "drop with p=1"),
        (replace(DROPOUT, is_active=False), "is off in training mode too", "drop with training=False"),
    ],
)
def test_a_dropout_without_effect(idle: Operation, message: str, seen: str) -> None:
    evidence = with_trace(*HEAD, FC1, RELU, idle, FC2, LOG_SOFTMAX)
    finding = findings_of(evidence)["structure.dropout_fc"]
    assert [id_ for id_, status in statuses(evidence).items() if status == "failed"] == ["structure.dropout_fc"]
    assert message in finding.message
    assert finding.seen == seen
    assert finding.hint


def test_two_dropouts_without_effect_fail_both_places_and_leave_no_behaviour_to_check() -> None:
    idle = replace(DROPOUT, probability=0.0)
    steps = [idle if operation.kind == "dropout" else operation for operation in LAYERS]
    evidence = replace(with_trace(*steps), modes=Modes(None))
    failed = dict.fromkeys(["structure.dropout_conv", "structure.dropout_fc"], "failed")
    assert statuses(evidence) == failed | {"behaviour.dropout_train_eval": "skipped"}
    behind = Behind((DROPOUT_REPAIR,), Measurements(Tracing(None), samples.PROBE, samples.MODES, samples.GRADIENTS))
    assert statuses(replace(evidence, behind=behind)) == failed, "behind the repair, dropout behaves"


def test_without_dropout_its_behaviour_is_skipped() -> None:
    evidence = replace(
        with_trace(*(operation for operation in LAYERS if operation.kind != "dropout")), modes=Modes(None)
    )
    assert statuses(evidence) == {
        "structure.dropout_conv": "failed",
        "structure.dropout_fc": "failed",
        "behaviour.dropout_train_eval": "skipped",
    }


def test_a_missing_relu_is_reported_with_its_layer() -> None:
    finding = only_partial(with_trace(CONV1, POOL, *LAYERS[3:]), "structure.relu")
    assert finding.fraction == Decimal(2) / 3
    assert finding.message == "There is no ReLU after the first convolution (conv1)."
    assert "F.relu" in finding.hint


def test_all_missing_relus_are_reported_together() -> None:
    finding = only_failed(
        with_trace(*(operation for operation in LAYERS if operation.kind != "relu")), "structure.relu"
    )
    assert finding.message.startswith("There is no ReLU after the first convolution (conv1)")
    assert "the second convolution (conv2) and the first fully connected layer (fc1)" in finding.message


def test_a_softmax_between_hidden_layers() -> None:
    steps = (*HEAD, FC1, RELU, op("softmax", "softmax"), DROPOUT, FC2, LOG_SOFTMAX)
    finding = findings_of(with_trace(*steps))["structure.relu"]
    assert finding.fraction == Decimal(2) / 3
    assert finding.message.startswith("forward applies softmax after the first fully connected layer (fc1)")
    assert "Replace it with F.relu" in finding.hint


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "leaky_relu"])
def test_another_activation(name: str) -> None:
    steps = [op("activation", name) if operation is RELU else operation for operation in LAYERS]
    finding = only_failed(with_trace(*steps), "structure.relu")
    assert (
        finding.message == f"forward applies {name} after the first convolution (conv1), where the lab asks for a ReLU."
    )
    assert f"instead of {name}" in finding.hint


def test_a_relu_on_the_output() -> None:
    finding = only_partial(with_trace(*LAYERS[:-1], RELU, LOG_SOFTMAX), "structure.relu")
    assert finding.fraction == Decimal(2) / 3
    assert (
        finding.message == "forward applies a ReLU to the output scores, after the second fully connected layer (fc2)."
    )


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((CONV1, RELU), {"structure.relu": "skipped"}),
        ((CONV1, POOL, RELU, CONV2, DROPOUT, POOL, RELU), {}),
        ((*HEAD, FC1, RELU), {}),
        ((*HEAD, FC1, RELU, DROPOUT), {}),
        ((*HEAD, FC1, RELU, LOG_SOFTMAX), {}),
        ((*HEAD, FC1, op("activation", "tanh")), {"structure.relu": "partial"}),
        ((*HEAD, FC1, DROPOUT, FC2, RELU), {"structure.relu": "partial"}),
    ],
    ids=["conv1", "conv2", "fc1", "dropout", "fc2 forgotten", "tanh", "fc2"],
)
def test_where_forward_ends_early_a_relu_after_its_last_layer_is_right(
    steps: tuple[Operation, ...], expected: dict[str, str]
) -> None:
    evidence = replace(with_trace(*steps), probe=replace(samples.PROBE, scores=None))
    found = {id: status for id, status in statuses(evidence).items() if id in {"structure.relu", "structure.order"}}
    assert found == expected
    assert "another layer follows" in findings_of(evidence)["structure.relu"].message or expected


def test_a_relu_whose_result_is_not_used() -> None:
    aside = replace(RELU, inputs=(9,))
    steps = (*HEAD, FC1, DROPOUT, aside, replace(FC2, inputs=(9,)), LOG_SOFTMAX)
    finding = only_partial(with_trace(*steps), "structure.relu")
    assert finding.message.endswith("(fc1), because the result of a ReLU is not used.")
    assert "x = F.relu(x)" in finding.hint


@pytest.mark.parametrize(("in_evaluation", "hint"), [(0, "training=self.training"), (1, "p=0.5")])
def test_the_mode_as_share_of_a_dropout(in_evaluation: int, hint: str) -> None:
    training, evaluation = (Program((Node("aten.dropout.default", (None, p, True)),)) for p in (1, in_evaluation))
    everything = replace(DROPOUT, probability=1.0, layer="", name="dropout")
    evidence = replace(with_trace(*HEAD, FC1, RELU, everything, FC2, LOG_SOFTMAX), graph=Graph(training, evaluation))
    finding = findings_of(evidence)["structure.dropout_fc"]
    assert ("gets self.training as p, the share that is dropped" in finding.message) == (in_evaluation == 0)
    assert f"The second argument of F.dropout is p: write F.dropout(x, {hint}" in finding.hint


def test_a_convolution_after_a_fully_connected_layer() -> None:
    evidence = with_trace(FLATTEN, FC1, RELU, CONV1, RELU, CONV2, DROPOUT, RELU, FC2, LOG_SOFTMAX)
    finding = findings_of(evidence)["structure.order"]
    assert finding.status is Status.FAILED
    assert finding.message == "forward applies a convolution after a fully connected layer."
    assert finding.seen == "fc1, conv1, conv2, fc2"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((DROPOUT, *LAYERS), "forward applies dropout to the input image, before the first layer."),
        ((*LAYERS[:-1], DROPOUT, LOG_SOFTMAX), "forward applies dropout to the output, after the last layer."),
        ((*LAYERS[:-2], LOG_SOFTMAX, FC2, LOG_SOFTMAX), "forward applies log-softmax before the last layer."),
    ],
    ids=["dropout first", "dropout last", "log-softmax early"],
)
def test_order(steps: tuple[Operation, ...], message: str) -> None:
    findings = findings_of(with_trace(*steps))
    assert findings["structure.order"].status is Status.FAILED
    assert findings["structure.order"].message == message
    assert findings["structure.order"].hint


def test_a_dropout_without_effect_does_not_break_the_order() -> None:
    assert statuses(with_trace(replace(DROPOUT, probability=0.0), *LAYERS)) == {}
