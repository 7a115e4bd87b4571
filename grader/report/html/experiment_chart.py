"""Coordinates of the drawing of an experiment over the reference surface; a template turns them into SVG.

Across go the channels, by the geometric mean of both convolutions; up goes the accuracy, by the share of images that
are still misread, so that 0.98 and 0.99 are as far apart as 0.90 and 0.95. Nothing is judged here.
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
"""Accuracies that get a line: each has about half the errors of the one before."""
_ALWAYS = (0.9, 0.99)
"""The part of the axis that is always shown: a difference of a tenth of a percent should not look like a cliff."""
_MOST_DRAWN = 150
"""More networks than anyone trains; it bounds the search for room."""
_SIDES = (("start", 7, 4), ("end", -7, 4), ("middle", 0, -9), ("middle", 0, 17), ("start", 6, -7), ("start", 6, 15))
"""Where a label can stand beside a dot: its anchor, and its distance across and down."""
_LETTER = 6.6
"""Units that a character of a label takes at most, at 12 units to the em."""
_LINE = 12.0
_GAP = 8.0
"""Between two labels of the axis below."""
_START = 34.0
"""Left of the lowest number of channels: room for the names of the reference's lines."""
_END = 34.0
"""Right of the highest: room for the kernels of what was tried."""


@dataclass(frozen=True)
class Label:
    """A text where there is room for it. ``anchor`` is SVG's text-anchor."""

    x: float
    y: float
    anchor: str
    text: str


@dataclass(frozen=True)
class Line:
    """Networks that differ in their channels only: the ``points`` of a polyline, empty for a single one."""

    points: str
    label: Label | None
    dash: str = ""


@dataclass(frozen=True)
class ExperimentChart:
    """The networks that were tried as dots, and joined to lines, over the reference as dashed lines.

    ``epochs`` is how long the reference was trained, 0 where none is drawn; ``description`` is for those who do not
    see the drawing.
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
    """``trials`` over the lines of ``reference`` that were trained for a like time; None when none can be drawn.

    A trial without channels or with an accuracy outside of 0 to 1 is left out, and so is what comes after very many.
    """
    shown = [trial for trial in trials if _is_drawable(trial)][:_MOST_DRAWN]
    if not shown:
        return None
    lines, epochs = _reference_lines(reference, Counter(trial.epochs for trial in shown).most_common(1)[0][0])
    axes = _Axes.around([*shown, *(trial for line in lines for trial in line)])
    room = _Room([axes.place(trial) for trial in shown])
    names = _names_at_the_start(lines, axes, room)
    groups = _groups(shown)
    show_epochs = len({trial.epochs for trial in shown}) > 1
    return ExperimentChart(
        lines=tuple(
            Line(_polyline(group, axes), room.label([axes.place(one) for one in group], _name(group[0], show_epochs)))
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
    """The drawing as a file of its own."""
    return str(_drawing()(chart, True)).strip() + "\n"


@functools.cache
def _drawing() -> Callable[[ExperimentChart, bool], Markup]:
    environment = Environment(loader=PackageLoader("grader.report.html"), autoescape=True, undefined=StrictUndefined)
    macros: Any = environment.get_template("experiment_chart.svg").module
    drawing: Callable[[ExperimentChart, bool], Markup] = macros.drawing
    return drawing


@dataclass(frozen=True)
class _Axes:
    """What the drawing reaches over: binary logarithms of channels, and the accuracies that get a line."""

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


class _Room:
    """What is taken of the drawing, so that no label hides another or a dot."""

    def __init__(self, dots: Iterable[tuple[float, float]]) -> None:
        self._taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in dots]

    def label(self, dots: Sequence[tuple[float, float]], text: str) -> Label | None:
        """A label beside the last of ``dots`` or else an earlier one; None where there is no room for it."""
        for (x, y), (anchor, across, down) in product(reversed(dots), _SIDES):
            label = Label(round(x + across, 1), round(y + down, 1), anchor, text)
            if self.take(label):
                return label
        return None

    def take(self, label: Label) -> bool:
        """Whether ``label`` lies inside the drawing and hides nothing; if so, its place is taken."""
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
    """How often the share of misread images was halved, from all of them on."""
    return -math.log2(1 - accuracy)


def _groups(trials: Sequence[Trial]) -> list[list[Trial]]:
    """Trials with the same kernels and epochs, by their channels."""

    def kind(trial: Trial) -> tuple[int, int, int]:
        return trial.kernel1, trial.kernel2, trial.epochs

    ordered = sorted(trials, key=lambda trial: (kind(trial), _channels(trial), trial.channels1, trial.accuracy))
    return [list(some) for _, some in groupby(ordered, key=kind)]


def _reference_lines(reference: Sequence[Trial], epochs: int) -> tuple[list[list[Trial]], int]:
    """The lines of the reference for the number of epochs nearest to ``epochs`` that has any, and that number."""
    lines = [group for group in _groups(reference) if len({_channels(trial) for trial in group}) > 1]
    if not lines:
        return [], 0
    nearest = min((line[0].epochs for line in lines), key=lambda one: (abs(math.log(one / max(epochs, 1))), one))
    return [line for line in lines if line[0].epochs == nearest], nearest


def _names_at_the_start(lines: Sequence[Sequence[Trial]], axes: _Axes, room: _Room) -> list[Label | None]:
    """The kernels of each reference line, left of it, pushed apart where lines start close together."""
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
    """Numbers of channels below the drawing, the first of ``trials`` first, as long as there is room."""
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
        told = f"One network was tried: {_told(best)}."
    else:
        told = f"{len(shown)} networks were tried, from {_told(worst)} to {_told(best)}."
    if not lines:
        return told
    accuracies = [trial.accuracy for line in lines for trial in line]
    many = "epoch" if epochs == 1 else "epochs"
    return (
        f"{told} The reference networks reach {100 * min(accuracies):.1f} % to {100 * max(accuracies):.1f} % "
        f"after {epochs} {many}."
    )


def _told(trial: Trial) -> str:
    return (
        f"{100 * trial.accuracy:.1f} % with {trial.channels1} and {trial.channels2} channels "
        f"and kernels of {_name(trial, False)}"
    )
