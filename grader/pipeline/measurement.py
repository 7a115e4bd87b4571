"""Completes evidence from a recording: builds the graph, has it measured, and has each network trained once.

No process that ran student code takes part. The measuring processes exchange plain bytes with this one, which alone has
the labels of the held-out images.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from grader.checks.repairs import with_repairs
from grader.checks.training import accuracy_of, needs_another
from grader.data.heldout_accuracy import Predictions, with_accuracy
from grader.measure.service import wire
from grader.model import TRAINING_CPU_SECONDS, TrainingPlan
from grader.model.equality import digest
from grader.model.evidence import Ending, Evidence, Measurements, Training
from grader.model.graph import Graph, GraphRefused, Program
from grader.model.recorded import graph_of
from grader.model.weights import without_samples
from grader.sandbox import MeasurementFailed, OnStage
from grader.storage.once import Once

MEASURE_SECONDS = 40.0
"""Wall seconds for all measurements except training. The lab's own network takes 0.1 s."""
TRAINING_SECONDS = 120.0
"""Wall seconds for one run, besides its limit of CPU seconds, because a busy machine takes longer."""
FIRST_HELDOUT = 500
"""Held-out images on which a run that reached its stop accuracy is tested first."""
CLEAR = 0.1
"""If the accuracy on them is so far above the best band, the other 1,500 are not needed. For a network that would be
below the band on all 2,000, that is more than five standard errors (0.018), so less likely than one in a million.
"""

Finished = Callable[[Training, Predictions], Training]
"""Completes a training run from its predictions, with the accuracy and the images that a report shows."""


class MeasuringPool(Protocol):
    """Sends a request to a measuring process; implemented by :class:`grader.sandbox.WorkerPool`."""

    def measure(self, request: bytes, *, seconds: float) -> bytes: ...


@dataclass
class Measuring:
    """Measures the networks of one run. Methods may be called from many threads.

    ``recorded_seed`` is the seed of the weights and images that submissions were given; no submission knows ``seed``.
    """

    pool: MeasuringPool
    plan: TrainingPlan
    finished: Finished
    recorded_seed: int
    seed: int
    _trained: Once[str, tuple[Training, ...]] = field(default_factory=Once)

    def complete(self, evidence: Evidence, on_stage: OnStage) -> Evidence:
        """The evidence with the graph and all measurements; unchanged if nothing was recorded.

        If the network cannot be measured, the evidence ends as unrecorded or unmeasured, which costs no points.
        """
        recording = evidence.record
        if recording is None:
            return evidence
        evidence = replace(evidence, record=recording.without_programs())
        try:
            recorded = graph_of(recording)
        except GraphRefused as refusal:
            return replace(evidence, ending=Ending("unrecorded", "record", str(refusal)))
        except (TypeError, ValueError, KeyError, IndexError) as oddity:  # protects the cohort from a forged recording
            return replace(evidence, ending=Ending("unrecorded", "record", f"{type(oddity).__name__}: {oddity}"[:200]))
        graph = recorded.graph or Graph(Program(), Program())
        evidence = replace(evidence, graph=without_samples(graph), doubts=recorded.doubts)
        on_stage("measure")
        try:
            found = self._measure(evidence, graph)
        except MeasurementFailed as failure:
            return replace(evidence, ending=_unmeasured(failure, "measure"))
        if isinstance(found, wire.Refused):
            return replace(evidence, ending=Ending("unrecorded", "record", found.reason))
        evidence = evidence.with_measurements(found.measurements)
        try:
            evidence = self._with_repairs(evidence, graph)
        except MeasurementFailed as failure:
            return replace(evidence, ending=_unmeasured(failure, "measure"))
        measured = evidence.behind.measurements or found.measurements
        if not measured.is_trainable:
            return evidence
        on_stage("train")
        try:
            trainings, is_own = self.train(
                graph, is_worth_retrying=measured.is_worth_retrying, repairs=evidence.behind.repairs
            )
        except MeasurementFailed as failure:
            return replace(evidence, ending=_unmeasured(failure, "train"))
        spent = round(sum(training.seconds for training in trainings), 4) if is_own else 0.0
        return replace(evidence, trainings=trainings, seconds={**evidence.seconds, "train": spent})

    def _with_repairs(self, evidence: Evidence, graph: Graph) -> Evidence:
        """The evidence with what was measured behind faults that the graph shows. Raises MeasurementFailed."""

        def measured(repairs: tuple[str, ...]) -> Measurements | None:
            found = self._measure(evidence, graph, repairs)
            return None if isinstance(found, wire.Refused) else found.measurements

        return with_repairs(evidence, self.plan, measured)

    def _measure(self, evidence: Evidence, graph: Graph, repairs: tuple[str, ...] = ()) -> wire.Measured | wire.Refused:
        assert evidence.record is not None
        parameters = evidence.build.parameters if evidence.build is not None else 0
        request = wire.Measure(graph, evidence.record, parameters, self.recorded_seed, self.seed, repairs)
        reply, _ = wire.decode_reply(self.pool.measure(wire.encode(request), seconds=MEASURE_SECONDS))
        assert not isinstance(reply, wire.Trained)
        return reply

    def train(
        self, graph: Graph, *, is_worth_retrying: bool = True, repairs: tuple[str, ...] = ()
    ) -> tuple[tuple[Training, ...], bool]:
        """The training runs of a network, with as many seeds as needed, and whether they were made for this call.

        The network is trained after ``repairs`` of its graph. If another thread is training the same network, this call
        waits for it. Raises MeasurementFailed.
        """
        name = " ".join((digest(graph), *repairs))
        return self._trained.get(
            name, lambda: self._train(graph, name, is_worth_retrying=is_worth_retrying, repairs=repairs)
        )

    def _train(
        self, graph: Graph, name: str, *, is_worth_retrying: bool, repairs: tuple[str, ...]
    ) -> tuple[Training, ...]:
        trainings: list[Training] = []
        left, goes_on = TRAINING_CPU_SECONDS, True
        while goes_on and left > 0:
            plan, number = replace(self.plan, bands=()), len(trainings)
            seed = training_seed(self.seed, name, number)
            request = wire.Train(graph, plan, number, seed, self.seed, left, repairs, FIRST_HELDOUT)
            training = self._run(request)
            if training.total == FIRST_HELDOUT and accuracy_of(training) < self.plan.bands[0].accuracy + CLEAR:
                rest = msgspec.structs.replace(request, first_heldout=None, most_seconds=left - training.seconds)
                again = self._run(rest)
                training = replace(again, seconds=training.seconds + again.seconds)
            trainings.append(training)
            left -= training.seconds
            goes_on = is_worth_retrying and needs_another(trainings, self.plan)
        return tuple(trainings)

    def _run(self, request: wire.Train) -> Training:
        """One training run, with its accuracy. Raises MeasurementFailed."""
        seconds = request.most_seconds + TRAINING_SECONDS
        reply, arrays = wire.decode_reply(self.pool.measure(wire.encode(request), seconds=seconds))
        if not isinstance(reply, wire.Trained):
            raise MeasurementFailed(Ending("unmeasured", "train", getattr(reply, "reason", "")))
        return self.finished(reply.training, Predictions(request.seed, arrays["heldout"], arrays.get("filters")))


def training_seed(secret: int, network: str, number: int) -> int:
    """The seed, below a million, of training run ``number`` (from 0) of a network.

    It depends on ``secret``, a run's :attr:`Measuring.seed`, and on the ``network``, because a student's page shows it:
    it tells nothing about the seed of another network that is handed in later.
    """
    return int.from_bytes(hashlib.sha256(f"training {secret} {network} {number}".encode()).digest()) % 1_000_000


def counted(labels: NDArray[np.uint8]) -> Finished:
    """A function that adds only the accuracy, computed with the held-out labels."""
    return lambda training, predictions: with_accuracy(training, predictions, labels)


def _unmeasured(failure: MeasurementFailed, stage: str) -> Ending:
    ending = failure.ending
    kind = "fault" if ending.kind == "fault" else "unmeasured"
    return Ending(kind, stage, f"{ending.kind}: {ending.detail}" if ending.detail else ending.kind)
