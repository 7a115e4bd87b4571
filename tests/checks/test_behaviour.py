"""The behaviour checks: dropout in both modes, gradients, size and speed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from grader.model import Status
from grader.model.evidence import Evidence, Operation, Problem
from tests.support import evidence_samples as samples
from tests.support.check_samples import ERROR, HEAD, graded, moded, only_failed, statuses, text_of, with_trace
from tests.support.evidence_samples import (
    DROPOUT,
    HEALTHY,
    LAYERS,
    MAX_PARAMETERS,
    findings_of,
    op,
    trace,
    until,
)


@pytest.mark.parametrize(
    ("dropout", "modes", "words"),
    [
        (
            op("dropout", probability=0.5),
            {"eval_difference": 1.0},
            ["stays on in evaluation mode", "training=self.training"],
        ),
        (
            replace(DROPOUT, is_registered=False, is_fresh=True),
            {"eval_difference": 1.0},
            ["created inside forward", "Create it in __init__"],
        ),
        (
            replace(DROPOUT, is_registered=False),
            {"eval_difference": 1.0},
            ["so net.eval() does not turn it off", "nn.ModuleList"],
        ),
        (DROPOUT, {"eval_difference": 1.0, "eval_still": 1.0}, ["outputs are random in evaluation mode"]),
        (DROPOUT, {"train_still": 2.0}, ["something other than dropout"]),
        (
            DROPOUT,
            {"problem": ERROR},
            ["The forward pass raises an error in training or evaluation mode in task1_cnn.py"],
        ),
    ],
)
def test_wrong_behaviour_of_dropout(dropout: Operation, modes: dict[str, Any], words: list[str]) -> None:
    steps = [replace(dropout, is_active=True) if operation is DROPOUT else operation for operation in LAYERS]
    finding = only_failed(moded(with_trace(*steps), **modes), "behaviour.dropout_train_eval")
    assert all(word in text_of(finding) for word in words), text_of(finding)


def test_a_handmade_dropout_may_be_random_when_torch_dropout_is_fixed() -> None:
    steps = [replace(operation, name="*") if operation.kind == "dropout" else operation for operation in LAYERS]
    assert statuses(moded(with_trace(*steps), train_still=1.0)) == {}


def test_rounding_differences_between_passes_are_ignored() -> None:
    assert statuses(moded(eval_difference=1e-7)) == {}


def test_constant_outputs_skip_the_dropout_behaviour() -> None:
    probe = replace(samples.PROBE, constant_rows=True)
    assert statuses(moded(replace(HEALTHY, probe=probe), train_difference=0.0)) == {
        "behaviour.dropout_train_eval": "skipped"
    }


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (graded("none", is_trainable=False), ["The parameters of conv1 are frozen", "requires_grad = False"]),
        (graded("none"), ["No gradient reaches conv1", "without .detach(), .data, .numpy()"]),
        (graded("zero"), ["The gradient of conv1 is zero everywhere"]),
        (graded("nonfinite"), ["The gradient of conv1 is not finite"]),
        (graded("none", ("conv1.w", "conv2.w", "fc1.w", "fc2.w")), ["reaches conv1", "conv2", "fc1"]),
    ],
    ids=["frozen", "cut off", "zero", "not finite", "many"],
)
def test_a_gradient_that_is_missing(evidence: Evidence, words: list[str]) -> None:
    finding = only_failed(evidence, "behaviour.gradients")
    assert all(word in text_of(finding) for word in words), text_of(finding)


def test_the_operation_that_blocks_the_gradient_is_named() -> None:
    steps = (*HEAD, op("detach", "data"), *LAYERS[8:])
    finding = only_failed(replace(graded("none"), trace=trace(*steps)), "behaviour.gradients")
    assert finding.seen == ".data"
    assert "without .detach(), .data, .numpy()" in finding.hint
    assert "use torch.no_grad() only around the evaluation" in finding.hint


def test_layers_that_are_not_registered() -> None:
    steps = [replace(operation, is_registered=operation.kind != "linear") for operation in LAYERS]
    finding = only_failed(with_trace(*steps), "behaviour.gradients")
    assert finding.message.startswith("A fully connected layer is not registered in Net")
    assert "nn.ModuleList" in finding.hint


def test_layers_created_in_each_forward_pass() -> None:
    steps = [
        replace(operation, is_registered=False, is_fresh=True) if operation.kind == "conv" else operation
        for operation in LAYERS
    ]
    evidence = replace(with_trace(*steps), trainings=())
    assert statuses(evidence) == {
        "behaviour.gradients": "failed",
        "forward.batch": "skipped",
        "behaviour.dropout_train_eval": "skipped",
        "training.accuracy": "skipped",
    }
    assert findings_of(evidence)["behaviour.gradients"].message.startswith(
        "A convolution layer is created in each forward pass"
    )


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            Problem("backward", "one of the variables has been modified by an inplace operation", "RuntimeError"),
            ["changes a tensor in place", "x = x + y instead of x += y"],
        ),
        (
            Problem("backward", "something else", "RuntimeError"),
            ["The backward pass raises an error: RuntimeError: something"],
        ),
    ],
)
def test_an_error_in_the_backward_pass(problem: Problem, words: list[str]) -> None:
    gradients = replace(samples.GRADIENTS, problem=problem)
    evidence = replace(HEALTHY, gradients=gradients, trainings=())
    finding = findings_of(evidence)["behaviour.gradients"]
    assert statuses(evidence) == {"behaviour.gradients": "failed", "training.accuracy": "skipped"}
    assert all(word in text_of(finding) for word in words), text_of(finding)


def test_a_network_that_uses_no_parameter() -> None:
    gradients = replace(samples.GRADIENTS, parameters=())
    finding = only_failed(replace(HEALTHY, gradients=gradients), "behaviour.gradients")
    assert finding.message == "The forward pass uses no trainable parameter."


# ---- resources -------------------------------------------------------------------------------------------------------


def test_too_many_parameters_fail_without_a_forward_pass() -> None:
    build = replace(samples.BUILD, parameters=60_000_000)
    evidence = replace(until("trace", "finished"), build=build)
    findings = findings_of(evidence)
    assert [id_ for id_, finding in findings.items() if finding.status is Status.FAILED] == ["resources"]
    assert findings["resources"].message == "Net has too many parameters: 60,000,000."
    assert findings["forward.shape"].message == "Not checked, because Net has too many parameters to run."


@pytest.mark.parametrize(("parameters", "status"), [(MAX_PARAMETERS - 1, "passed"), (MAX_PARAMETERS, "failed")])
def test_as_many_parameters_as_the_limit_are_too_many(parameters: int, status: str) -> None:
    build = replace(samples.BUILD, parameters=parameters)
    assert findings_of(replace(HEALTHY, build=build))["resources"].status == status


@pytest.mark.parametrize(("seconds", "status"), [(0.999, "passed"), (1.0, "failed")])
def test_the_time_limit_of_a_forward_pass(seconds: float, status: str) -> None:
    resources = replace(samples.RESOURCES, forward_seconds=seconds)
    finding = findings_of(replace(HEALTHY, resources=resources))["resources"]
    assert finding.status == status
    assert finding.seen == f"21,840 parameters, {1000 * seconds:.0f} ms"


def test_a_forward_pass_that_could_not_be_timed_is_skipped() -> None:
    resources = replace(samples.RESOURCES, problem=ERROR)
    assert statuses(replace(HEALTHY, resources=resources)) == {"resources": "skipped"}
