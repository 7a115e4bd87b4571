"""How much a self-check trains: as long as it can still tell something new, and never so long that a student waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from grader.checks import CHECKS, find
from grader.checks.case import undecided
from grader.checks.training import accuracy_of, fraction_of, needs_another
from grader.model import Finding, Rubric, Status, TrainingPlan
from grader.model.evidence import Evidence, Training
from grader.model.quantities import quantity
from grader.selfcheck.task import Order

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from grader.data.heldout_accuracy import Predictions

FIRST_SEED = 1
"""Seed of the first training run of a self-check. The grader takes seeds that nobody knows before."""
SECONDS = 7.0
"""CPU seconds for all training runs together. A correct network takes one."""
FIRST_SHARE = 0.6
"""The share of it that the first run may take, so that a network is also trained with the other learning rate."""
EXPLAINED_SECONDS = 2.5
"""The same for the only run of a network with a fault that explains why it may not learn."""
OVERFIT_SECONDS = 3.0
"""The same for one batch. Most networks take less than one."""
FEWEST_STEPS = 40
"""Steps after which a good network may have learned. A network too slow for them is not trained."""
STEP_COST, TEST_STEPS = 3.4, 15
"""What a training step costs in forward passes, and how many steps cost as much as the test at the end."""
_LEAST_SECONDS = 1.0
"""A run of less than this tells nothing."""
EXPLAIN = next(check.blames for check in CHECKS if check.id == "training.accuracy")
"""The checks whose faults explain why a network does not learn."""


class Effort:
    """Decides how much one network is trained. It has the held-out images and their labels."""

    def __init__(self, rubric: Rubric, labels: NDArray[np.uint8], images: NDArray[np.uint8]) -> None:
        self._rubric = rubric
        self._labels, self._images = labels, images

    def evaluated(self, record: Training, predictions: Predictions) -> Training:
        """The training record with its accuracy and the misread images."""
        from grader.data.heldout_accuracy import with_accuracy
        from grader.data.sample_images import with_pictures

        return with_pictures(with_accuracy(record, predictions, self._labels), predictions, self._labels, self._images)

    def next(self, evidence: Evidence) -> Order | None:
        """What to train next after this evidence; None if there is to be no more."""
        trainings, plan = evidence.trainings, self._rubric.training
        if any(run.problem is not None for run in trainings) or is_learning(trainings, plan) or is_too_slow(evidence):
            return None
        is_explained = explanation(checked(evidence, self._rubric)) is not None
        if trainings and is_explained:
            return None
        whole = SECONDS
        if is_explained:
            whole = EXPLAINED_SECONDS
        elif not trainings and steps_within(SECONDS * FIRST_SHARE, evidence) >= FEWEST_STEPS:
            whole = SECONDS * FIRST_SHARE
        left = whole - sum(run.seconds for run in trainings)
        if left >= _LEAST_SECONDS and (not trainings or needs_another(trainings, plan)):
            return Order("train", FIRST_SEED + len(trainings), left)
        return Order("overfit", FIRST_SEED, OVERFIT_SECONDS)


def is_too_slow(evidence: Evidence) -> bool:
    """Whether too few training steps fit into the time of a self-check."""
    return steps_within(SECONDS, evidence) < FEWEST_STEPS


def steps_within(seconds: float, evidence: Evidence) -> float:
    """About how many training steps fit into so many CPU seconds, as the measured forward pass suggests."""
    behind = evidence.behind.measurements
    measured = behind.resources if behind is not None and behind.resources is not None else evidence.resources
    forward = measured.forward_seconds if measured is not None else 0.0
    return seconds / (STEP_COST * max(forward, 1e-9)) - TEST_STEPS


def is_learning(trainings: Sequence[Training], plan: TrainingPlan) -> bool:
    """Whether a run earned all points."""
    return any(fraction_of(accuracy_of(run), plan) == 1 for run in trainings)


def checked(evidence: Evidence, rubric: Rubric) -> dict[str, Finding]:
    """The finding of each of the grader's checks."""
    return find(
        evidence,
        rubric.training,
        max_parameters=rubric.max_parameters,
        max_forward_seconds=rubric.max_forward_seconds,
        repairs=rubric.repairs,
    )


def explanation(findings: dict[str, Finding]) -> str | None:
    """The check with a fault that explains why a network does not learn."""
    return next((id for id in EXPLAIN if findings[id].status in (Status.FAILED, Status.PARTIAL)), None)


def trained_shortly(evidence: Evidence, finding: Finding, plan: TrainingPlan) -> Finding | None:
    """What becomes of the finding on the accuracy if a self-check trained less than the grader does; else None."""
    trainings = evidence.trainings
    if finding.status not in (Status.FAILED, Status.PARTIAL, Status.NEEDS_REVIEW):
        return None
    longer = "Your tutor's grader trains longer."
    if not trainings:
        message = f"This network is too slow for the short training of the self-check. {longer}"
        return undecided(message, proposed=finding.fraction) if is_too_slow(evidence) else None
    is_cut = any(remark.id == "stopped-by-time" for run in trainings for remark in run.remarks)
    if not is_cut and not needs_another(trainings, plan):
        return None
    steps, best = sum(run.steps for run in trainings), max(map(accuracy_of, trainings))
    message = f"After {quantity(steps, 'training step')}, {best:.1%} of the held-out images are correct. {longer}"
    return undecided(message, proposed=finding.fraction, hint=finding.hint, seen=f"{best:.1%}")
