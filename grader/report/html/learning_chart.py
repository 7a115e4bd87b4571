"""The learning curves of a student's page as coordinates, which the template turns into inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grader.model import Band
from grader.model.evidence import Training

DASHES = ("", "7 4", "2 3", "9 3 2 3", "1 5")
"""Dash patterns, one for each seed, so that the lines differ without colour."""


@dataclass(frozen=True)
class Frame:
    """The size of a chart, and where its axes begin and end in it."""

    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float


_FRAME = Frame(width=440, height=210, left=48, right=428, top=12, bottom=176)


@dataclass(frozen=True)
class Tick:
    """A labelled position on an axis, in drawing units."""

    at: float
    label: str


@dataclass(frozen=True)
class Curve:
    """The run of one seed: ``points`` is the ``points`` attribute of a polyline, the last of them (``x``, ``y``)."""

    seed: int
    points: str
    dash: str
    x: float
    y: float


@dataclass(frozen=True)
class LearningChart:
    """Validation accuracy by training step, with the rubric's bands as horizontal lines."""

    curves: tuple[Curve, ...]
    steps: tuple[Tick, ...]
    accuracies: tuple[Tick, ...]
    bands: tuple[Tick, ...]
    frame: Frame = _FRAME


def learning_chart(trainings: Sequence[Training], bands: Sequence[Band] = ()) -> LearningChart | None:
    """A chart of the curves of all seeds; None when no seed has at least two points."""
    runs = [(training, _points(training)) for training in trainings]
    runs = [(training, points) for training, points in runs if len(points) > 1]
    if not runs:
        return None
    last_step = max(step for _, points in runs for step, _ in points)
    across, down = _FRAME.right - _FRAME.left, _FRAME.bottom - _FRAME.top

    def x(step: float) -> float:
        return round(_FRAME.left + across * step / max(last_step, 1), 1)

    def y(accuracy: float) -> float:
        return round(_FRAME.bottom - down * min(max(accuracy, 0.0), 1.0), 1)

    return LearningChart(
        curves=tuple(
            Curve(
                seed=training.seed,
                points=" ".join(f"{x(step)},{y(accuracy)}" for step, accuracy in points),
                dash=DASHES[number % len(DASHES)],
                x=x(points[-1][0]),
                y=y(points[-1][1]),
            )
            for number, (training, points) in enumerate(runs)
        ),
        steps=tuple(Tick(x(step), str(step)) for step in (0, round(last_step / 2), last_step)),
        accuracies=tuple(Tick(y(percent / 100), f"{percent} %") for percent in (0, 25, 50, 75, 100)),
        bands=tuple(Tick(y(band.accuracy), f"{100 * band.accuracy:g} %") for band in bands),
    )


def _points(training: Training) -> list[tuple[int, float]]:
    return [(point.step, point.accuracy) for point in training.curve if math.isfinite(point.accuracy)]
