"""The chart of an experiment over the reference networks, as coordinates; a template turns them into SVG.

The horizontal axis is the number of channels (geometric mean of both convolutions). The vertical axis is the accuracy
on a logarithmic scale of the errors, so that 0.98 and 0.99 are as far apart as 0.90 and 0.95.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from grader.model.experiment import Trial
from grader.report.html.learning_chart import Frame, Tick

_FRAME = Frame(width=440, height=300, left=48, right=432, top=34, bottom=252)
_DASHES = ("6 4", "2 3", "9 3 2 3", "1 5")
_LEVELS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
"""Accuracies that get a horizontal line: each has about half the errors of the one before."""
_ALWAYS = (0.9, 0.99)
"""This part of the axis is always shown, so that a difference of a tenth of a percent does not look large."""
_MOST_DRAWN = 150
"""Networks in the chart. Nobody trains more; the limit bounds the search for free space."""
_SIDES = (("start", 7, 4), ("end", -7, 4), ("middle", 0, -9), ("middle", 0, 17), ("start", 6, -7), ("start", 6, 15))
"""Positions of a label beside a dot: text anchor, and the distance to the right and down."""
_LETTER = 6.6
"""Greatest width of a character, in drawing units, at a font size of 12."""
_LINE = 12.0
_GAP = 8.0
"""Least space between two labels of the horizontal axis."""
_START = 34.0
"""Space left of the lowest number of channels, for the labels of the reference lines."""
_END = 34.0
"""Space right of the highest number of channels, for the labels of the student's networks."""


@dataclass(frozen=True)
class Label:
    """A text and its position. ``anchor`` is SVG's text-anchor."""

    x: float
    y: float
    anchor: str
    text: str


@dataclass(frozen=True)
class Line:
    """Networks that differ only in their channels: the ``points`` of a polyline, empty for a single network."""

    points: str
    label: Label | None
    dash: str = ""


@dataclass(frozen=True)
class ExperimentChart:
    """The student's networks as dots and lines, and the reference networks as dashed lines.

    ``epochs`` is how long the reference networks were trained, 0 when none are drawn. ``description`` is for readers
    who cannot see the chart.
    """

    lines: tuple[Line, ...]
    dots: tuple[tuple[float, float], ...]
    reference: tuple[Line, ...]
    epochs: int
    channels: tuple[Tick, ...]
    accuracies: tuple[Tick, ...]
    description: str
    frame: Frame = _FRAME


def experiment_chart(trials: Sequence[Trial], reference: Sequence[Trial]) -> ExperimentChart | None:
    """``trials`` over the lines of ``reference`` with the nearest number of epochs; None when no trial can be drawn.

    Trials without channels or with an accuracy outside 0 to 1 are left out, and so are trials beyond ``_MOST_DRAWN``.
    """
    shown = [trial for trial in trials if _is_drawable(trial)][:_MOST_DRAWN]
    if not shown:
        return None
    lines, epochs = _reference_lines(reference, Counter(trial.epochs for trial in shown).most_common(1)[0][0])
    axes = _Axes.around([*shown, *(trial for line in lines for trial in line)])
    room = _FreeSpace([axes.place(trial) for trial in shown])
    names = _names_at_the_start(lines, axes, room)
    groups = _groups(shown)
    show_epochs = len({trial.epochs for trial in shown}) > 1
    return ExperimentChart(
        lines=tuple(
            Line(
                _polyline(group, axes),
                room.label([axes.place(trial) for trial in group], _name(group[0], show_epochs)),
            )
            for group in groups
        ),
        dots=tuple(dict.fromkeys(axes.place(trial) for trial in shown)),
        reference=tuple(
            Line(_polyline(line, axes), name, _DASHES[number % len(_DASHES)])
            for number, (line, name) in enumerate(zip(lines, names, strict=True))
        ),
        epochs=epochs,
        channels=_channel_ticks([*(trial for line in lines for trial in line), *shown], axes),
        accuracies=tuple(Tick(axes.y(level), f"{100 * level:g} %") for level in axes.levels),
        description=_description(shown, lines, epochs),
    )


def standalone_svg(chart: ExperimentChart) -> str:
    """The chart as a separate SVG file."""
    return str(_drawing()(chart, True)).strip() + "\n"


@functools.cache
def _drawing() -> Callable[[ExperimentChart, bool], Markup]:
    environment = Environment(loader=PackageLoader("grader.report.html"), autoescape=True, undefined=StrictUndefined)
    macros: Any = environment.get_template("experiment_chart.svg").module
    drawing: Callable[[ExperimentChart, bool], Markup] = macros.drawing
    return drawing


@dataclass(frozen=True)
class _Axes:
    """The range of the chart: binary logarithms of channels, and the accuracies that get a line."""

    low: float
    high: float
    levels: tuple[float, ...]

    @classmethod
    def around(cls, trials: Sequence[Trial]) -> _Axes:
        places = [_channels(trial) for trial in trials]
        bottom = min(_ALWAYS[0], *(trial.accuracy for trial in trials))
        top = max(_ALWAYS[1], *(trial.accuracy for trial in trials))
        first = max(level for level in _LEVELS if level <= bottom)
        last = min((level for level in _LEVELS if level >= top), default=_LEVELS[-1])
        levels = tuple(level for level in _LEVELS if first <= level <= last)
        return cls(min(places), max(places), levels)

    def x(self, trial: Trial) -> float:
        left, right = _FRAME.left + _START, _FRAME.right - _END
        share = (_channels(trial) - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(left + (right - left) * share, 1)

    def y(self, accuracy: float) -> float:
        bottom, top = _halvings(self.levels[0]), _halvings(self.levels[-1])
        share = (_halvings(min(accuracy, self.levels[-1])) - bottom) / (top - bottom)
        return round(_FRAME.bottom - (_FRAME.bottom - _FRAME.top) * share, 1)

    def place(self, trial: Trial) -> tuple[float, float]:
        return self.x(trial), self.y(trial.accuracy)


class _FreeSpace:
    """The occupied parts of the chart, so that no label covers another or a dot."""

    def __init__(self, dots: Iterable[tuple[float, float]]) -> None:
        self._taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in dots]

    def label(self, dots: Sequence[tuple[float, float]], text: str) -> Label | None:
        """A label beside the last of ``dots``, or else beside an earlier one; None when there is no space for it."""
        for (x, y), (anchor, across, down) in product(reversed(dots), _SIDES):
            label = Label(round(x + across, 1), round(y + down, 1), anchor, text)
            if self.take(label):
                return label
        return None

    def take(self, label: Label) -> bool:
        """Occupy the place of ``label`` and return True, if it is inside the chart and covers nothing."""
        width = _LETTER * len(label.text)
        left = label.x - {"start": 0.0, "middle": width / 2, "end": width}[label.anchor]
        box = (left, label.y - _LINE + 2, left + width, label.y + 2)
        if box[0] < _FRAME.left or box[2] > _FRAME.width or box[1] < _FRAME.top - 8 or box[3] > _FRAME.bottom:
            return False
        if any(box[0] < x2 and x1 < box[2] and box[1] < y2 and y1 < box[3] for x1, y1, x2, y2 in self._taken):
            return False
        self._taken.append(box)
        return True


def _is_drawable(trial: Trial) -> bool:
    return min(trial.network) > 0 and math.isfinite(trial.accuracy) and 0 <= trial.accuracy <= 1


def _channels(trial: Trial) -> float:
    return (math.log2(trial.channels1) + math.log2(trial.channels2)) / 2


def _halvings(accuracy: float) -> float:
    """How often the share of misread images was halved, starting from 1."""
    return -math.log2(1 - accuracy)


def _groups(trials: Sequence[Trial]) -> list[list[Trial]]:
    """Trials grouped by kernels and epochs, ordered by their channels."""

    def kind(trial: Trial) -> tuple[int, int, int]:
        return trial.kernel1, trial.kernel2, trial.epochs

    ordered = sorted(trials, key=lambda trial: (kind(trial), _channels(trial), trial.channels1, trial.accuracy))
    return [list(some) for _, some in groupby(ordered, key=kind)]


def _reference_lines(reference: Sequence[Trial], epochs: int) -> tuple[list[list[Trial]], int]:
    """The lines of the reference whose number of epochs is nearest to ``epochs``, and that number."""
    lines = [group for group in _groups(reference) if len({_channels(trial) for trial in group}) > 1]
    if not lines:
        return [], 0
    nearest = min((line[0].epochs for line in lines), key=lambda known: (abs(math.log(known / max(epochs, 1))), known))
    return [line for line in lines if line[0].epochs == nearest], nearest


def _names_at_the_start(lines: Sequence[Sequence[Trial]], axes: _Axes, room: _FreeSpace) -> list[Label | None]:
    """Labels with the kernels, left of each reference line, moved apart where lines start close together."""
    starts = sorted(range(len(lines)), key=lambda number: axes.y(lines[number][0].accuracy))
    names: list[Label | None] = [None] * len(lines)
    lowest = -math.inf
    for number in starts:
        x, y = axes.place(lines[number][0])
        lowest = max(y + 4, lowest + _LINE)
        label = Label(round(x - 6, 1), round(lowest, 1), "end", _name(lines[number][0], False))
        if room.take(label):
            names[number] = label
    return names


def _polyline(trials: Sequence[Trial], axes: _Axes) -> str:
    places = dict.fromkeys(axes.place(trial) for trial in trials)
    return " ".join(f"{x},{y}" for x, y in places) if len(places) > 1 else ""


def _channel_ticks(trials: Sequence[Trial], axes: _Axes) -> tuple[Tick, ...]:
    """Labels of the horizontal axis; earlier ``trials`` come first while there is space."""
    ticks: list[Tick] = []
    for trial in trials:
        new = Tick(axes.x(trial), f"{trial.channels1} → {trial.channels2}")
        is_inside = new.at + _LETTER / 2 * len(new.label) <= _FRAME.width
        if is_inside and all(
            abs(new.at - tick.at) >= _LETTER / 2 * len(new.label + tick.label) + _GAP for tick in ticks
        ):
            ticks.append(new)
    return tuple(sorted(ticks, key=lambda tick: tick.at))


def _name(trial: Trial, show_epochs: bool) -> str:
    kernels = f"{trial.kernel1}×{trial.kernel1}" if trial.kernel1 == trial.kernel2 else _both(trial)
    return f"{kernels}, {trial.epochs} ep." if show_epochs and trial.epochs else kernels


def _both(trial: Trial) -> str:
    return f"{trial.kernel1}×{trial.kernel1} + {trial.kernel2}×{trial.kernel2}"


def _description(shown: Sequence[Trial], lines: Sequence[Sequence[Trial]], epochs: int) -> str:
    worst, best = (choose(shown, key=lambda trial: trial.accuracy) for choose in (min, max))
    if len(shown) == 1:
        tried = f"One network was tried: {_result(best)}."
    else:
        tried = f"{len(shown)} networks were tried, from {_result(worst)} to {_result(best)}."
    if not lines:
        return tried
    accuracies = [trial.accuracy for line in lines for trial in line]
    many = "epoch" if epochs == 1 else "epochs"
    return (
        f"{tried} The reference networks reach {100 * min(accuracies):.1f} % to {100 * max(accuracies):.1f} % "
        f"after {epochs} {many}."
    )


def _result(trial: Trial) -> str:
    return (
        f"{100 * trial.accuracy:.1f} % with {trial.channels1} and {trial.channels2} channels "
        f"and kernels of {_name(trial, False)}"
    )
