"""Trains one line of a student's table again: chooses the line, trains it briefly, and trains each network only once.

It runs no student code: it builds the lab's own network with the line's channels and kernel sizes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from grader.experiment.plausibility import BRIEF_STEPS
from grader.experiment.reference_network import reference_script
from grader.model import TrainingPlan
from grader.model.evidence import Evidence
from grader.model.experiment import Rerun, Trial
from grader.model.images import SIDE
from grader.storage.fingerprints import code_digest
from grader.storage.once import Once

MOST_WORK = 12_000_000
"""Multiplications per image; more take over half a minute on one core. The lab's own network has a million."""
MOST_CHANNELS = 512
_PER_DOUBLING = 0.2
"""Log-odds that twice as many epochs add; docs/calibration.md."""
TOO_LARGE = "No line was trained again, because these networks take too long to train."
NOT_FINISHED = "A line was chosen, but could not be trained again in the allowed time."

Observe = Callable[[str, TrainingPlan], Evidence]
"""Trains the network in a script by a plan, and counts right predictions."""


def brief_plan(plan: TrainingPlan) -> TrainingPlan:
    """The plan with which the tolerance was measured: the lab's own optimiser, one run, no early stop."""
    return replace(plan.without_early_stop(BRIEF_STEPS), batch_size=64, learning_rate=0.01, momentum=0.9, runs=1)


def recipe_digest() -> str:
    """SHA-256 of the code that decides what is trained, so that re-runs by other code are not reused."""
    return code_digest("experiment.plausibility", "experiment.reference_network", "experiment.rerun")


def is_trainable(trial: Trial) -> bool:
    """Whether a line has everything that a brief run needs, and the run would be brief."""
    sizes = (*trial.network, trial.epochs)
    if min(sizes) < 1 or max(trial.network[:2]) > MOST_CHANNELS or max(trial.network[2:]) > SIDE:
        return False
    return 0 <= trial.accuracy <= 1 and work(trial) <= MOST_WORK


def work(trial: Trial) -> int:
    """Multiplications of both convolutions per image, whose side is halved in between."""
    first = trial.channels1 * trial.kernel1**2 * SIDE**2
    second = trial.channels1 * trial.channels2 * trial.kernel2**2 * (SIDE // 2) ** 2
    return first + second


def chosen(trials: Sequence[Trial], reference: Sequence[Trial]) -> Trial | None:
    """The line whose accuracy is furthest above the most similar network and training time in ``reference``.

    Without a reference it is the highest accuracy. The first of equals; None when no line can be trained briefly.
    """
    trainable = [trial for trial in trials if is_trainable(trial)]
    return max(trainable, key=lambda trial: _ahead(trial, reference), default=None)


def _ahead(claim: Trial, reference: Sequence[Trial]) -> float:
    nearest = min(reference, key=lambda known: _distance(claim, known), default=None)
    if nearest is None:
        return _odds(claim.accuracy)
    doublings = math.log2(claim.epochs / max(nearest.epochs, 1))
    return _odds(claim.accuracy) - _odds(nearest.accuracy) - _PER_DOUBLING * doublings


def _distance(trial: Trial, other: Trial) -> float:
    """Squared distance of two networks and their epochs, by ratios: from 2 to 4 channels is as far as from 10 to 20."""
    sizes = zip((*trial.network, trial.epochs), (*other.network, other.epochs), strict=True)
    return sum(math.log(mine / max(theirs, 1)) ** 2 for mine, theirs in sizes)


def _odds(accuracy: float) -> float:
    """The log-odds of an accuracy, clamped to a ten-thousandth from 0 and 1."""
    share = min(max(accuracy, 1e-4), 1 - 1e-4)
    return math.log(share / (1 - share))


@dataclass
class Reruns:
    """The brief runs of one run of the grader. Methods may be called from many threads."""

    observe: Observe
    plan: TrainingPlan
    _trained: Once[tuple[int, int, int, int], Rerun] = field(default_factory=Once)

    def of(self, trials: Sequence[Trial], reference: Sequence[Trial]) -> tuple[Rerun, float]:
        """The re-run of the chosen line, or the reason why there is none, and the wall seconds that this call trained.

        ``trials`` is not empty. The seconds are 0 where another call trained the network.
        """
        trial = chosen(trials, reference)
        if trial is None:
            return Rerun(trials[0], problem=TOO_LARGE), 0.0
        start = time.perf_counter()
        rerun, is_own = self._trained.get(trial.network, lambda: self._train(trial))
        return replace(rerun, trial=trial), time.perf_counter() - start if is_own else 0.0

    def _train(self, trial: Trial) -> Rerun:
        evidence = self.observe(reference_script(*trial.network), self.plan)
        last = evidence.trainings[-1] if evidence.trainings else None
        if last is None or last.problem is not None or not last.total or last.steps < self.plan.steps:
            return Rerun(trial, problem=NOT_FINISHED)
        return Rerun(trial, last.correct, last.total, last.steps)
