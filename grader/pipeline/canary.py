"""The canary: networks of the grader itself that are trained beside the first submissions of a cohort.

Their accuracies are held against ``grader/lab4/canary.csv``. If they differ, training on this machine is not what the
accuracy bands were measured with, and accuracies wait for a tutor. docs/calibration.md has the rate of false alarms.
"""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.resources import files
from statistics import mean

from grader.checks.endings import ENDINGS
from grader.checks.problem_text import cause
from grader.checks.training import accuracies_of
from grader.data import DataSet
from grader.experiment.reference_network import reference_script
from grader.model import UNKNOWN, Canary, TrainingPlan, UsageFault
from grader.model.evidence import Evidence, Remark
from grader.model.training import CANARY
from grader.sandbox import Stopped

RUNS = 3
"""Training runs of each network in a canary, each with another seed."""
LIMIT = 5.0
"""Standard deviations by which the mean of the runs may differ from the stored mean; docs/calibration.md."""
NOTHING_STORED = Canary("none, because nothing is stored for these images and this training plan")

Train = Callable[[str, TrainingPlan], Evidence]
"""Trains the network in a script by a plan, and counts right predictions."""


@dataclass(frozen=True)
class Stored:
    """A network of the canary, and its accuracies (0..1) on a data set after ``steps`` of a plan.

    ``mean`` and ``spread`` (standard deviation) are of single runs.
    """

    network: str
    sizes: tuple[int, int, int, int]
    """Channels and kernel sizes of the lab's network."""
    steps: int
    mean: float
    spread: float

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest mean of ``RUNS`` accuracies that raises no alarm."""
        width = LIMIT * self.spread / RUNS**0.5
        return self.mean - width, self.mean + width

    def plan(self, plan: TrainingPlan) -> TrainingPlan:
        """The plan with these steps, all at its own learning rate, and nothing that ends a run or the runs early."""
        whole = plan.without_early_stop(self.steps)
        return replace(whole, retry_steps=self.steps, retry_learning_rate=plan.learning_rate, runs=RUNS, bands=())


def stored_text() -> str:
    """The distributions in the package, as CSV."""
    return files("grader").joinpath("lab4", "canary.csv").read_text(encoding="utf-8")


def stored_for(data: DataSet, plan: TrainingPlan, text: str) -> tuple[Stored, ...]:
    """The networks in ``text`` that were measured with this data and this plan."""
    return tuple(
        Stored(
            row["network"],
            (int(row["channels1"]), int(row["channels2"]), int(row["kernel1"]), int(row["kernel2"])),
            int(row["steps"]),
            float(row["mean"]),
            float(row["spread"]),
        )
        for row in csv.DictReader(text.splitlines())
        if row["images"] == data.fingerprint
        and int(row["batch_size"]) == plan.batch_size
        and float(row["learning_rate"]) == plan.learning_rate
        and float(row["momentum"]) == plan.momentum
    )


def judged(found: Sequence[tuple[Stored, Evidence]]) -> Canary:
    """What the training runs of each network say about training in this run."""
    words, is_outside = [], False
    for stored, evidence in found:
        low, high = stored.bounds
        usual = f"{max(low, 0):.2f} to {min(high, 1):.2f}"
        reached = accuracies_of(evidence.trainings)
        if len(reached) < RUNS:
            words.append(f"the {stored.network} network could not be trained: {_reason(evidence, len(reached))}")
            is_outside = True
            continue
        average = mean(reached)
        is_outside |= not low <= average <= high
        words.append(
            f"the {stored.network} network reached {average:.2f} on average of {RUNS} runs, "
            f"{min(reached):.2f} to {max(reached):.2f} ({usual} is usual)"
        )
    return Canary(f"{'outside' if is_outside else 'within'} the stored range: {'; '.join(words)}", is_outside)


def _reason(evidence: Evidence, finished: int) -> str:
    """Why only so many runs of a network were ``finished``."""
    problem = next((run.problem for run in evidence.trainings if run.problem is not None), None)
    if problem is not None:
        return cause(problem)
    if evidence.ending.kind == "finished":
        return f"{finished} of {RUNS} runs were finished within the time limit"
    detail = f" ({evidence.ending.detail})" if evidence.ending.detail else ""
    return f"it {ENDINGS.get(evidence.ending.kind, 'stopped')}{detail}"


class CanaryRun:
    """The canary of one run of the grader. Methods may be called from many threads."""

    def __init__(self, train: Train, networks: Sequence[Stored], plan: TrainingPlan) -> None:
        self._train, self._networks, self._plan = train, networks, plan
        self._lock = threading.Lock()
        self._trained: list[Future[Evidence]] = []

    def start(self) -> None:
        """Start to train all networks beside the caller, unless that was done before."""
        with self._lock:
            if self._trained or not self._networks:
                return
            threads = ThreadPoolExecutor(1)  # the other workers begin with submissions
            self._trained = [
                threads.submit(self._train, reference_script(*stored.sizes), stored.plan(self._plan))
                for stored in self._networks
            ]
            threads.shutdown(wait=False)

    @property
    def is_under_way(self) -> bool:
        """Whether a network is still being trained."""
        return not all(future.done() for future in self._trained)

    def result(self) -> Canary:
        """The result, after the last training run. A fault of the grader while training counts as outside."""
        if not self._networks:
            return NOTHING_STORED
        try:
            trained = [future.result() for future in self._trained]
        except (Stopped, UsageFault):
            raise
        except Exception as fault:  # protects the cohort: what was observed is stored, and measured again later
            return Canary(f"outside the stored range: they could not be trained ({fault})"[:300], is_outside=True)
        return judged(list(zip(self._networks, trained, strict=True)))

    def so_far(self) -> Canary:
        """The result if it is known by now; else nothing."""
        if self._networks and (not self._trained or self.is_under_way):
            return UNKNOWN
        with suppress(Stopped, UsageFault):  # which end the run where its result is waited for
            return self.result()
        return UNKNOWN

    def checked(self, evidence: Evidence) -> Evidence:
        """The evidence, with a remark on each training run if training is not as it should be. Waits for the result."""
        if not evidence.trainings:
            return evidence
        result = self.result()
        if not result.is_outside:
            return evidence
        remark = Remark(CANARY, result.text)
        marked = tuple(replace(run, remarks=(*run.remarks, remark)) for run in evidence.trainings)
        return replace(evidence, trainings=marked)
