"""The check of how dropout behaves in training and evaluation mode."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from grader.model.evidence import Operation
from tests.support import evidence_samples as samples
from tests.support.check_samples import ERROR, graded, moded, only_failed, statuses, text_of, with_trace
from tests.support.evidence_samples import (
    DROPOUT,
    HEALTHY,
    LAYERS,
    op,
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
    silent = moded(replace(HEALTHY, probe=replace(samples.PROBE, constant_rows=True)), train_difference=0.0)
    assert statuses(silent) == {"behaviour.dropout_train_eval": "needs_review"}, "nothing explains them"
    dead = replace(silent, gradients=graded("zero").gradients)
    assert statuses(dead) == {"behaviour.gradients": "failed", "behaviour.dropout_train_eval": "skipped"}
