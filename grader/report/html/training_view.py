"""What the brief training runs say to a student: the band that each reached, and what the best of them mixed up.

Curves are drawn in :mod:`grader.report.html.learning_chart`, digits and filters in :mod:`grader.report.html.images`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.model import Band
from grader.model.evidence import Training
from grader.report.html.images import DigitStrip, Picture, digit_strip, filter_sheet

_OFTEN, _SOMETIMES = 0.05, 0.02
"""Shares of a digit's images from which on a mistake is set off."""


@dataclass(frozen=True)
class Run:
    """One seed's run. ``reached`` is the best band at or below its accuracy; None below all, or without a result."""

    training: Training
    reached: Band | None


@dataclass(frozen=True)
class Cell:
    """Images of one digit that were read as one digit. ``kind`` is right, often, sometimes, seldom or never."""

    count: int
    kind: str


@dataclass(frozen=True)
class Reading:
    """How the images of ``digit`` were read: ``cells`` by what they were taken for, ``right`` of ``total`` rightly."""

    digit: int
    cells: tuple[Cell, ...]
    right: int
    total: int


@dataclass(frozen=True)
class Gallery:
    """What the best run left to look at.

    ``worst`` is the commonest mistake as (digit, read as, how often); None when there was none.
    """

    seed: int
    readings: tuple[Reading, ...]
    worst: tuple[int, int, int] | None
    mistakes: DigitStrip | None
    filters: Picture | None


def runs(trainings: Iterable[Training], bands: Iterable[Band]) -> tuple[Run, ...]:
    """The runs in the order of their seeds, each with the band that it reached."""
    from_best = sorted(bands, key=lambda band: -band.accuracy)
    return tuple(
        Run(one, next((band for band in from_best if one.total and one.correct / one.total >= band.accuracy), None))
        for one in trainings
    )


def gallery(trainings: Sequence[Training]) -> Gallery | None:
    """The pictures of the run that read most digits; None when no run was measured."""
    best = max((one for one in trainings if one.total), key=lambda one: one.correct / one.total, default=None)
    if best is None:
        return None
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
