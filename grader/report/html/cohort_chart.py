"""The cohort page's chart of accuracies as coordinates, and the counts in the table beside it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from grader.model import Band
from grader.report.html.learning_chart import Frame, Tick

_FRAME = Frame(width=440, height=190, left=34, right=430, top=22, bottom=156)
_WIDTHS = (0.0025, 0.005, 0.01, 0.02, 0.025)
"""Widths of a bar, in accuracy; the first that needs at most ``_MOST_BARS`` bars is used."""
_MOST_BARS = 40
_MOST_BELOW = 0.05
"""Share of the students that may be left out at the low end, so that failed networks don't squeeze all others into one
bar."""
_EDGE = 1e-9
"""Keeps 0.97 in the bar that begins at 0.97 despite rounding in binary fractions."""


@dataclass(frozen=True)
class Bar:
    """One bar, in drawing units, with a label such as ``97 to 98 %: 12``."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class BandCount:
    """How many networks reached this band but no better one. ``low`` is None for those below all bands."""

    low: float | None
    fraction: Decimal
    count: int


@dataclass(frozen=True)
class AccuracyChart:
    """A histogram of the students' accuracies, with the rubric's bands as vertical lines."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    bands: tuple[Tick, ...]
    highest: int
    below: int
    """Number of students whose accuracy is below the range of the chart."""
    frame: Frame = _FRAME


def accuracy_chart(accuracies: Sequence[float], bands: Iterable[Band]) -> AccuracyChart | None:
    """A histogram up to 1 that shows every band and all but a few of the accuracies; None without accuracies."""
    if not accuracies:
        return None
    lines = sorted(band.accuracy for band in bands)
    least = sorted(accuracies)[int(_MOST_BELOW * len(accuracies))]
    start = math.floor(10 * min(least, *lines, 0.9)) / 10
    step = next((width for width in _WIDTHS if (1 - start) / width <= _MOST_BARS + _EDGE), _WIDTHS[-1])
    last = round((1 - start) / step) - 1
    counts = Counter(min(int((accuracy - start) / step + _EDGE), last) for accuracy in accuracies if accuracy >= start)
    highest = max(counts.values())
    across, down = _FRAME.right - _FRAME.left, _FRAME.bottom - _FRAME.top

    def x(accuracy: float) -> float:
        return round(_FRAME.left + across * (accuracy - start) / (1 - start), 1)

    def bar(number: int, count: int) -> Bar:
        low, high = start + number * step, start + (number + 1) * step
        tall = round(max(down * count / highest, 1.5), 1)
        label = f"{percent(low)} to {percent(high)} %: {count}"
        return Bar(x(low), round(_FRAME.bottom - tall, 1), round(x(high) - x(low) - 1, 1), tall, label)

    return AccuracyChart(
        bars=tuple(bar(number, count) for number, count in sorted(counts.items())),
        ticks=tuple(Tick(x(at), f"{percent(at)} %") for at in (start, (start + 1) / 2, 1.0)),
        bands=tuple(Tick(x(line), f"{percent(line)} %") for line in lines),
        highest=highest,
        below=len(accuracies) - counts.total(),
    )


def band_counts(accuracies: Iterable[float], bands: Iterable[Band]) -> tuple[BandCount, ...]:
    """Counts by band, the best band first; the last entry counts those that reached no band."""
    ordered = sorted(bands, key=lambda band: -band.accuracy)
    counts = Counter(
        next((band.accuracy for band in ordered if accuracy >= band.accuracy), None) for accuracy in accuracies
    )
    reached = [BandCount(band.accuracy, band.fraction, counts[band.accuracy]) for band in ordered]
    return (*reached, BandCount(None, Decimal(0), counts[None]))


def percent(accuracy: float) -> str:
    """``97`` or ``97.5``, without the percent sign."""
    return f"{100 * accuracy:.4g}"
