"""The brief training runs on a student's page: the band that each reached, and the mistakes of the best one.

For the curves see :mod:`grader.report.html.learning_chart`, for digits and filters :mod:`grader.report.html.images`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.model import Band
from grader.model.evidence import Training

if TYPE_CHECKING:
    from grader.report.html.images import DigitStrip, Picture

_OFTEN, _SOMETIMES = 0.05, 0.02
"""Shares of a digit's images from which a mistake is highlighted."""


@dataclass(frozen=True)
class Run:
    """The run of one seed. ``reached`` is its best band; None below all bands, or without a result."""

    training: Training
    reached: Band | None


@dataclass(frozen=True)
class Cell:
    """One cell of the confusion matrix. ``kind`` is right, often, sometimes, seldom or never."""

    count: int
    kind: str


@dataclass(frozen=True)
class Reading:
    """A row of the confusion matrix: ``cells`` by predicted digit; ``right`` of the ``total`` images are correct."""

    digit: int
    cells: tuple[Cell, ...]
    right: int
    total: int


@dataclass(frozen=True)
class Gallery:
    """The confusion matrix and the images of the best run.

    ``worst`` is the most frequent mistake as (digit, read as, count); None when there was no mistake.
    """

    seed: int
    readings: tuple[Reading, ...]
    worst: tuple[int, int, int] | None
    mistakes: DigitStrip | None
    filters: Picture | None


def runs(trainings: Iterable[Training], bands: Iterable[Band]) -> tuple[Run, ...]:
    """The runs in their order, each with the band that it reached."""
    best_first = sorted(bands, key=lambda band: -band.accuracy)
    return tuple(Run(training, _reached(training, best_first)) for training in trainings)


def _reached(training: Training, best_first: Sequence[Band]) -> Band | None:
    accuracy = training.correct / training.total if training.total else -1.0
    return next((band for band in best_first if accuracy >= band.accuracy), None)


def gallery(trainings: Sequence[Training]) -> Gallery | None:
    """The gallery of the run with the best accuracy; None when no run was measured."""
    measured = (training for training in trainings if training.total)
    best = max(measured, key=lambda training: training.correct / training.total, default=None)
    if best is None:
        return None
    from grader.report.html.images import (
        digit_strip,
        filter_sheet,
    )  # imports Pillow, which a blank script's page spares

    return Gallery(
        seed=best.seed,
        readings=tuple(_reading(digit, row) for digit, row in enumerate(best.confusion)),
        worst=_worst(best.confusion),
        mistakes=digit_strip(best.mistakes),
        filters=filter_sheet(best.filters) if best.filters else None,
    )


def _reading(digit: int, row: Sequence[int]) -> Reading:
    total = sum(row)
    shares = [count / total if total else 0.0 for count in row]
    cells = tuple(Cell(count, _kind(shares[column], column == digit)) for column, count in enumerate(row))
    return Reading(digit, cells, row[digit] if digit < len(row) else 0, total)


def _kind(share: float, is_right: bool) -> str:
    if is_right:
        return "right"
    if share >= _OFTEN:
        return "often"
    if share >= _SOMETIMES:
        return "sometimes"
    return "seldom" if share else "never"


def _worst(confusion: Sequence[Sequence[int]]) -> tuple[int, int, int] | None:
    mistakes = [
        (digit, column, count)
        for digit, row in enumerate(confusion)
        for column, count in enumerate(row)
        if column != digit and count
    ]
    return max(mistakes, key=lambda mistake: mistake[2], default=None)
