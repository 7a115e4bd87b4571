"""The check of gradients: missing, blocked and zero gradients, unregistered layers, errors in the backward pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grader.model.evidence import Evidence, Problem
from tests.support import evidence_samples as samples
from tests.support.check_samples import HEAD, graded, only_failed, statuses, text_of, with_trace
from tests.support.evidence_samples import (
    HEALTHY,
    LAYERS,
    findings_of,
    op,
    trace,
)


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
