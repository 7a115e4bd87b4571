"""The small images of a student's page as PNG data URIs: misread digits, and the filters of the first convolution."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from grader.model.images import SIDE, Filters, Mistake

_GAP = 1
"""Pixels between filters, transparent."""
_INK_ON_PAPER = bytes(range(255, -1, -1))
_ACROSS = 8
"""Filters in a row of the sheet."""


@dataclass(frozen=True)
class Picture:
    """An image with its size in pixels, which a page enlarges, and its alternative text."""

    source: str
    width: int
    height: int
    alt: str


@dataclass(frozen=True)
class DigitStrip:
    """Digits side by side in one image, each ``side`` x ``side`` pixels, with an alternative text for each.

    They share one image because separate images would take most of the time that rendering a page takes.
    """

    sheet: Picture
    side: int
    alts: tuple[str, ...]


def digit_strip(mistakes: Sequence[Mistake]) -> DigitStrip | None:
    """The digits in dark ink on white paper; None when there are none."""
    if not mistakes:
        return None
    digits = [mistake.pixels.translate(_INK_ON_PAPER) for mistake in mistakes]
    rows = b"".join(digit[at : at + SIDE] for at in range(0, SIDE * SIDE, SIDE) for digit in digits)
    strip = Image.frombytes("L", (len(digits) * SIDE, SIDE), rows)
    return DigitStrip(
        sheet=_picture(strip, ""),
        side=SIDE,
        alts=tuple(
            f"{mistake.digit} read as {mistake.predicted}, {percent_sure(mistake)}\u00a0% sure" for mistake in mistakes
        ),
    )


def percent_sure(mistake: Mistake) -> int:
    """The probability of the wrong digit, in percent, rounded down: 100 only for a probability of 1."""
    return int(100 * mistake.probability + 1e-9)


def filter_sheet(filters: Filters) -> Picture:
    """All filters in rows: black is the most negative weight, mid-grey is zero, white is the most positive."""
    size = (filters.width, filters.height)
    opaque = [b"\xff" * (filters.width * filters.height)] * filters.count
    sheet = Image.merge("LA", (_laid_out(filters.pictures, *size), _laid_out(opaque, *size)))
    each = f"{filters.height} by {filters.width} weights"
    return _picture(sheet, f"{filters.count} filters of {each}" if filters.count > 1 else f"one filter of {each}")


def _laid_out(pictures: Sequence[bytes], width: int, height: int) -> Image.Image:
    """Pictures of ``width`` x ``height`` in rows, with 0 between them and in the empty places of the last row."""
    across = min(_ACROSS, len(pictures))
    gap = bytes(_GAP)
    lines: list[bytes] = []
    for start in range(0, len(pictures), across):
        beside = [*pictures[start : start + across], *[bytes(width * height)] * across][:across]
        if lines:
            lines += [bytes(len(lines[0]))] * _GAP
        lines += [gap.join(picture[at : at + width] for picture in beside) for at in range(0, width * height, width)]
    return Image.frombytes("L", (len(lines[0]), len(lines)), b"".join(lines))


def _picture(image: Image.Image, alt: str) -> Picture:
    file = io.BytesIO()
    image.save(file, "PNG")
    return Picture(f"data:image/png;base64,{b64encode(file.getvalue()).decode()}", *image.size, alt)
