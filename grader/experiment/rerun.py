"""Training one line of a student's table again: which line, how, and once for each network in a run.

No student code takes part: the lab's own network is built with the line's channels and kernel sizes.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from grader.experiment.plausibility import BRIEF_STEPS
from grader.experiment.reference_network import reference_script
from grader.model import TrainingPlan
from grader.model.evidence import Evidence
from grader.model.experiment import Rerun, Trial
from grader.storage.fingerprints import code_digest

MOST_WORK = 12_000_000
"""Multiplications for one image; more take over half a minute of one core. The lab's own network has a million."""
MOST_CHANNELS = 512
_SIDE = 28
_PER_DOUBLING = 0.2
"""Log-odds that twice as many epochs add; docs/calibration.md."""
_NEVER = 2.0
"""An accuracy that ends no run before its time."""
NOT_HERE = "No line was trained again, because that is done on MNIST alone."
TOO_LARGE = "No line was trained again, because these networks take too long."
NOT_FINISHED = "The line that was chosen could not be trained in the time allowed."

Observe = Callable[[str, TrainingPlan], Evidence]
"""Trains the net in a script by a plan, with the accuracy counted."""


def brief_plan(plan: TrainingPlan) -> TrainingPlan:
    """The run that the tolerance was measured with: the lab's own optimiser, one seed, and no early end."""
    return replace(
        plan,
        steps=BRIEF_STEPS,
        batch_size=64,
        learning_rate=0.01,
        momentum=0.9,
        seeds=(1,),
        evaluate_every=BRIEF_STEPS,
        stop_accuracy=_NEVER,
    )


def recipe_digest() -> str:
    """SHA-256 of the code that says what is trained, so that what other code had trained is not reused."""
    return code_digest("experiment.plausibility", "experiment.reference_network", "experiment.rerun")


def is_trainable(trial: Trial) -> bool:
    """Whether a line says all that a brief run needs, and the run is brief."""
    sizes = (*trial.network, trial.epochs)
    if min(sizes) < 1 or max(trial.network[:2]) > MOST_CHANNELS or max(trial.network[2:]) > _SIDE:
        return False
    return 0 <= trial.accuracy <= 1 and work(trial) <= MOST_WORK


def work(trial: Trial) -> int:
    """Multiplications of both convolutions for one image, whose sides are halved in between."""
    first = trial.channels1 * trial.kernel1**2 * _SIDE**2
    second = trial.channels1 * trial.channels2 * trial.kernel2**2 * (_SIDE // 2) ** 2
    return first + second


def chosen(trials: Sequence[Trial], reference: Sequence[Trial]) -> Trial | None:
    """The line whose accuracy lies furthest above what the ``reference`` has for the likest network and time.

    Without a reference it is the best claim. The first of several; None when no line can be trained briefly.
    """
    able = [one for one in trials if is_trainable(one)]
    return max(able, key=lambda one: _ahead(one, reference), default=None)


def _ahead(claim: Trial, reference: Sequence[Trial]) -> float:
    nearest = min(reference, key=lambda one: _distance(claim, one), default=None)
    if nearest is None:
        return _odds(claim.accuracy)
    doublings = math.log2(claim.epochs / max(nearest.epochs, 1))
    return _odds(claim.accuracy) - _odds(nearest.accuracy) - _PER_DOUBLING * doublings


def _distance(one: Trial, other: Trial) -> float:
    """Between two networks and their training times, by ratios: from 2 to 4 channels is as far as from 10 to 20."""
    sizes = zip((*one.network, one.epochs), (*other.network, other.epochs), strict=True)
    return sum(math.log(mine / max(theirs, 1)) ** 2 for mine, theirs in sizes)


def _odds(accuracy: float) -> float:
    """Log-odds, in which 0.98 is as far from 0.96 as 0.8 from 0.66; bounded at a ten-thousandth."""
    share = min(max(accuracy, 1e-4), 1 - 1e-4)
    return math.log(share / (1 - share))


@dataclass
class Reruns:
    """The brief runs of one run of the grader. Who asks for a network that is being trained waits for that run."""

    observe: Observe
    plan: TrainingPlan
    is_possible: bool
    """Whether the data is what the tolerance was measured on."""
    _known: dict[tuple[int, int, int, int], Future[Rerun]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, trials: Sequence[Trial], reference: Sequence[Trial]) -> Rerun:
        """The re-run of the line that was chosen of at least one, or why there is none."""
        if not self.is_possible:
            return Rerun(trials[0], problem=NOT_HERE)
        trial = chosen(trials, reference)
        if trial is None:
            return Rerun(trials[0], problem=TOO_LARGE)
        return replace(self._trained(trial), trial=trial)

    def _trained(self, trial: Trial) -> Rerun:
        with self._lock:
            known = self._known.get(trial.network)
            if known is None:
                mine = self._known[trial.network] = Future()
        if known is not None:
            return known.result()
        try:
            mine.set_result(self._train(trial))
        except BaseException as fault:  # those who wait must hear of it, whatever it is
            mine.set_exception(fault)
        return mine.result()

    def _train(self, trial: Trial) -> Rerun:
        evidence = self.observe(reference_script(*trial.network), self.plan)
        last = evidence.trainings[-1] if evidence.trainings else None
        if last is None or last.problem is not None or not last.total or last.steps < self.plan.steps:
            return Rerun(trial, problem=NOT_FINISHED)
        return Rerun(trial, last.correct, last.total, last.steps)
