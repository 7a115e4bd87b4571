"""The check of the outputs: ways to compute a log-softmax, and outputs that are something else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from grader.model import Status
from tests.support import evidence_samples as samples
from tests.support.check_samples import only_failed, scored, statuses, text_of
from tests.support.evidence_samples import (
    HEALTHY,
    findings_of,
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"largest": 0.4, "smallest": 0.01, "sum_error": 0.6, "probability_error": 1e-7, "tail": ("softmax",)},
            ["are probabilities (softmax)", "F.log_softmax(x, dim=1)"],
        ),
        ({"sum_error": 0.5, "column_error": 1e-7}, ["is computed over the batch (dim=0)"]),
        ({"largest": 3.0, "sum_error": 40.0, "tail": ()}, ["plain scores, because forward does not apply log-softmax"]),
        ({"largest": 9.0, "sum_error": 40.0}, ["although forward calls log-softmax", "without changing it"]),
        ({"tail": ("softmax", "log_softmax")}, ["forward applies softmax before the log-softmax", "Remove softmax"]),
        ({"tail": ("sigmoid", "-", "logsumexp"), "lead": ("sigmoid",)}, ["forward applies sigmoid before"]),
    ],
)
def test_an_output_that_is_not_log_softmax_fails_only_that_check(changes: dict[str, Any], words: list[str]) -> None:
    finding = only_failed(scored(**changes), "output.log_softmax")
    assert all(word in text_of(finding) for word in words), text_of(finding)


def test_outputs_that_are_not_finite_fail_and_dropout_is_skipped() -> None:
    evidence = scored(is_finite=False)
    assert statuses(evidence) == {"output.log_softmax": "failed"}
    silent = replace(evidence, modes=replace(samples.MODES, train_difference=0.0))
    assert statuses(silent) == {"output.log_softmax": "failed", "behaviour.dropout_train_eval": "skipped"}
    finding = findings_of(evidence)["output.log_softmax"]
    assert "not finite (NaN or infinity)" in finding.message
    assert "log of zero" in finding.hint


@pytest.mark.parametrize(
    ("tail", "remark"),
    [
        (("log_softmax",), "The outputs are log-probabilities."),
        (("log_softmax", "log_softmax"), "the second log_softmax changes nothing"),
        (("softmax", "log"), "F.log_softmax does both steps at once"),
        (("logsumexp", "-"), "The outputs are log-probabilities."),
    ],
)
def test_every_way_to_compute_log_softmax_passes(tail: tuple[str, ...], remark: str) -> None:
    finding = findings_of(scored(tail=tail))["output.log_softmax"]
    assert finding.status is Status.PASSED
    assert remark in finding.message


def test_outputs_that_could_not_be_read_again_wait_for_a_tutor() -> None:
    probe = replace(samples.PROBE, scores=None)
    assert statuses(replace(HEALTHY, probe=probe)) == {"output.log_softmax": "needs_review"}
