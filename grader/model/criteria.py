"""The rubric: criteria with their points, accuracy bands, and the plan of the brief training runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Criterion:
    """One line of the rubric: a check id (``structure.conv``) or a Part 1 part (``6a``), and its points."""

    id: str
    title: str
    points: Decimal

    def earned(self, fraction: Decimal) -> Decimal:
        """The points for a ``fraction`` (0..1) of this criterion, half a cent rounded up."""
        return (self.points * fraction).quantize(_CENT, ROUND_HALF_UP)


@dataclass(frozen=True)
class Band:
    """A held-out accuracy of at least ``accuracy`` (0..1) earns ``fraction`` (0..1) of the points."""

    accuracy: float
    fraction: Decimal


TRAINING_CPU_SECONDS = 27.0
"""Limit for all training runs of one network together. Together with recording, a submission takes less than a minute
of one core (docs/threat-model.md). The reference network takes about a second for each run.
"""


@dataclass(frozen=True)
class TrainingPlan:
    """How a network is trained briefly; docs/calibration.md has the sources of the numbers.

    A run ends when the accuracy on the worker's validation images reaches ``stop_accuracy``. A result within ``margin``
    (in accuracy, 0..1) of a band is borderline. A network that falls short is trained up to ``runs`` times, each time
    with another seed. Every second run uses ``retry_learning_rate`` and ``retry_steps``, because a small network after
    a global average pool learns too slowly at the lab's own rate, while one with few units learns better at it.
    """

    steps: int
    batch_size: int
    learning_rate: float
    retry_learning_rate: float
    retry_steps: int
    momentum: float
    runs: int
    evaluate_every: int
    stop_accuracy: float
    margin: float
    bands: tuple[Band, ...]

    def without_early_stop(self, steps: int) -> TrainingPlan:
        """The plan whose first run always takes ``steps`` steps: no run reaches its stop accuracy."""
        return replace(self, steps=steps, evaluate_every=steps, stop_accuracy=2.0)


@dataclass(frozen=True)
class Rubric:
    """Criteria, training plan and limits. ``revision`` is a digest of the rubric's text, stored with every run."""

    title: str
    part1: tuple[Criterion, ...]
    part2: tuple[Criterion, ...]
    training: TrainingPlan
    revision: str
    max_parameters: int
    max_forward_seconds: float
    experiment: tuple[Criterion, ...] = ()
    """Criteria of the experiment; empty if it carries no points."""
    repairs: Mapping[str, str] = field(default_factory=dict)
    """What kinds of repair do, other than to cost the item that the fault breaks: :mod:`grader.model.repair_kinds`."""
