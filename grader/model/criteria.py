"""The marking scheme: criteria with their points, accuracy bands, and how a brief training run is done."""

from __future__ import annotations

from dataclasses import dataclass
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
    """Held-out accuracy of at least ``accuracy`` (0..1) earns ``fraction`` of the points."""

    accuracy: float
    fraction: Decimal


TRAINING_CPU_SECONDS = 27.0
"""For all training runs of one network together; with recording, a submission costs under a minute of one core. See
docs/threat-model.md. The reference network takes about a second for a run.
"""


@dataclass(frozen=True)
class TrainingPlan:
    """How a brief training run measures a net; see docs/calibration.md for where the numbers come from.

    ``stop_accuracy`` ends a run once the accuracy on the worker's validation images reaches it. ``margin`` is how close
    to a band (in accuracy, 0..1) a result counts as borderline; ``seeds`` are tried in order, the first alone unless it
    falls short. Every second run uses ``retry_learning_rate`` and ``retry_steps``: a small net behind a global average
    pool learns too slowly at the lab's own rate, and one with few units does better at it.
    """

    steps: int
    batch_size: int
    learning_rate: float
    retry_learning_rate: float
    retry_steps: int
    momentum: float
    seeds: tuple[int, ...]
    evaluate_every: int
    stop_accuracy: float
    margin: float
    bands: tuple[Band, ...]


@dataclass(frozen=True)
class Rubric:
    """Points and bands of a marking scheme. ``revision`` is a digest of its text, stored with every result."""

    title: str
    part1: tuple[Criterion, ...]
    part2: tuple[Criterion, ...]
    training: dict[str, TrainingPlan]
    """By data set: ``mnist`` and ``digits``."""
    revision: str
    max_parameters: int
    max_forward_seconds: float
    experiment: tuple[Criterion, ...] = ()
    """Empty where the experiment is looked at and not marked."""
