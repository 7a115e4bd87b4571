"""The check of training: accuracy bands, seeds, and faults that explain a low accuracy."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from grader.checks.holds import flags_of
from grader.checks.training import accuracy_of, fraction_of, needs_another
from grader.model import Finding, Flag, Status
from grader.model.evidence import Ending, Evidence, Problem, Remark, Training
from grader.model.training import CANARY, ON_CPU
from tests.support import evidence_samples as samples
from tests.support.check_samples import ERROR, graded, moded, only_failed, probed, scored, statuses, with_trace
from tests.support.evidence_samples import (
    CONV1,
    DROPOUT,
    HEALTHY,
    LAYERS,
    PLAN,
    POOL,
    findings_of,
    training,
)

# ---- training.accuracy -----------------------------------------------------------------------------------------------


def trained(*accuracies: float, ending: Ending = samples.FINISHED) -> Finding:
    runs = tuple(training(accuracy, seed) for seed, accuracy in enumerate(accuracies, start=1))
    return findings_of(replace(HEALTHY, trainings=runs, ending=ending))["training.accuracy"]


@pytest.mark.parametrize(
    ("accuracies", "status", "fraction"),
    [
        ((0.97,), "passed", "1"),
        ((0.90,), "passed", "1"),
        ((0.2, 0.95), "passed", "1"),
        ((0.7, 0.71, 0.69), "partial", "0.5"),
        ((0.1, 0.12, 0.1), "failed", "0"),
        ((0.7, 0.7, 0.1), "needs_review", "0.5"),
        ((0.1, 0.1, 0.7), "needs_review", "0"),
        ((0.89, 0.85, 0.86), "needs_review", "0.5"),
        ((0.49, 0.485, 0.485), "needs_review", "0"),
        ((0.51, 0.515, 0.515), "needs_review", "0.5"),
    ],
)
def test_bands(accuracies: tuple[float, ...], status: str, fraction: str) -> None:
    finding = trained(*accuracies)
    assert (finding.status, finding.fraction) == (status, Decimal(fraction))


def test_messages_of_the_training_check() -> None:
    assert trained(0.97).message == "The network learns: 97.0% of the held-out images are correct after 100 steps."
    failed = trained(0.1, 0.12, 0.11)
    assert failed.message == (
        "After a short training run, only 11.0% (median of 3 runs, 10.0% to 12.0%) of the held-out images are correct."
    )
    assert trained(0.62, 0.97).message.startswith("The network learns: 97.0% (best of 2 runs, 62.0% to 97.0%) of the")
    assert failed.seen == "10.0%, 12.0%, 11.0% (3 seeds)"
    assert failed.expected == "at least 90% correct on held-out images after at most 100 steps"
    assert "close to the limit between two bands" in trained(0.89, 0.89, 0.89).message
    different = trained(0.7, 0.7, 0.1)
    assert different.message == "Training with different seeds gave different marks, so a tutor decides."
    assert failed.hint


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (Problem("nothing-to-train", ""), "no trainable parameters"),
        (Problem("training", "it broke", "RuntimeError"), "Training stops with an error: RuntimeError: it broke."),
    ],
)
def test_training_that_cannot_be_done(problem: Problem, words: str) -> None:
    finding = only_failed(replace(HEALTHY, trainings=(Training(problem, 1),)), "training.accuracy")
    assert words in finding.message


def test_a_network_too_slow_to_train_waits_for_a_tutor() -> None:
    slow = training(0.7, remarks=(Remark("stopped-by-time", "it took too long"),))
    finding = findings_of(replace(HEALTHY, trainings=(slow,)))["training.accuracy"]
    assert (finding.status, finding.fraction) == (Status.NEEDS_REVIEW, Decimal("0.5"))
    assert "too slow" in finding.message


def test_a_network_that_failed_two_complete_runs_is_not_too_slow() -> None:
    stopped = training(0.1, remarks=(Remark("stopped-by-time", "it took too long"),))
    finding = findings_of(replace(HEALTHY, trainings=(training(0.1), training(0.1), stopped)))["training.accuracy"]
    assert finding.status is Status.FAILED
    assert "too slow" not in finding.message


@pytest.mark.parametrize(("share", "fraction"), [(0.97, "1"), (0.7, "0.5"), (0.1, "0")])
def test_every_accuracy_waits_if_the_canary_was_outside_its_range(share: float, fraction: str) -> None:
    run = training(share, remarks=(Remark(CANARY, "outside the stored range"),))
    finding = findings_of(replace(HEALTHY, trainings=(run,)))["training.accuracy"]
    assert (finding.status, finding.fraction) == (Status.NEEDS_REVIEW, Decimal(fraction))
    assert finding.message.startswith("Waiting for a tutor: the grader's own test networks did not train as usual")


@pytest.mark.parametrize(
    ("share", "status"), [(0.97, Status.PASSED), (0.7, Status.NEEDS_REVIEW), (0.1, Status.NEEDS_REVIEW)]
)
def test_training_on_another_device_than_the_others_is_flagged_and_costs_nothing(share: float, status: Status) -> None:
    evidence = replace(HEALTHY, trainings=(training(share, remarks=(Remark(ON_CPU, "it ran on the CPU"),)),))
    assert findings_of(evidence)["training.accuracy"].status is status
    assert flags_of(evidence) == (Flag(ON_CPU, "it ran on the CPU"),)


def test_training_that_did_not_finish_waits_for_a_tutor() -> None:
    finding = trained(0.7, ending=Ending("unmeasured", "train", "deadline"))
    assert finding.status is Status.NEEDS_REVIEW
    assert finding.message == "The training run could not be measured completely (deadline)."


def test_a_crash_after_a_run_in_the_best_band_passes() -> None:
    assert trained(0.97, ending=Ending("signal", "train")).status is Status.PASSED


def test_a_crash_in_the_second_run_is_reported() -> None:
    finding = trained(0.1, ending=Ending("signal", "train"))
    assert finding.message == "The training run crashed the Python process."


@pytest.mark.parametrize(
    ("evidence", "cause"),
    [
        (scored(largest=3.0, sum_error=40.0, tail=()), "output.log_softmax"),
        (graded("none"), "behaviour.gradients"),
        (with_trace(*(operation for operation in LAYERS if operation.kind != "relu")), "structure.relu"),
        (with_trace(DROPOUT, *LAYERS), "structure.order"),
        (probed({64}), "forward.batch"),
    ],
)
@pytest.mark.parametrize("accuracy", [0.1, 0.89])
def test_low_accuracy_explained_by_another_fault_is_skipped(evidence: Evidence, cause: str, accuracy: float) -> None:
    spoilt = replace(evidence, trainings=(training(accuracy),))
    assert statuses(spoilt) == {cause: "failed", "training.accuracy": "skipped"}
    assert cause in findings_of(spoilt)["training.accuracy"].message


def test_low_accuracy_without_one_relu_is_skipped_too() -> None:
    spoilt = replace(with_trace(CONV1, POOL, *LAYERS[3:]), trainings=(training(0.1),))
    assert statuses(spoilt) == {"structure.relu": "partial", "training.accuracy": "skipped"}


def test_good_training_passes_despite_another_fault() -> None:
    assert findings_of(graded("none"))["training.accuracy"].status is Status.PASSED


def test_a_check_that_fails_because_of_another_fault_names_it() -> None:
    evidence = moded(probed(set(samples.BATCHES), row_error=0.2, score_row_error=0.2), train_still=2.0)
    assert statuses(evidence) == {"behaviour.dropout_train_eval": "failed", "forward.batch": "skipped"}
    assert findings_of(evidence)["forward.batch"].message == (
        "Not marked separately: the fault in behaviour.dropout_train_eval explains it."
    )


# ---- seeds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accuracies", "again"),
    [
        ((0.95,), False),
        ((0.9,), False),
        ((0.89,), True),
        ((0.1, 0.1), True),
        ((0.1, 0.95), False),
        ((0.1, 0.1, 0.1), False),
    ],
)
def test_a_network_below_the_best_band_is_trained_again(accuracies: tuple[float, ...], again: bool) -> None:
    assert needs_another([training(accuracy) for accuracy in accuracies], PLAN) == again


def test_a_problem_is_not_tried_again() -> None:
    assert not needs_another((Training(ERROR, 1),), PLAN)


def test_fractions() -> None:
    assert [fraction_of(accuracy, PLAN) for accuracy in (1.0, 0.9, 0.8999, 0.5, 0.49, 0.0)] == [
        Decimal(1),
        Decimal(1),
        Decimal("0.5"),
        Decimal("0.5"),
        Decimal(0),
        Decimal(0),
    ]
    assert accuracy_of(Training(None, 1)) == 0.0
    assert accuracy_of(training(0.25)) == 0.25
