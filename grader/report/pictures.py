"""The small pictures of a student's page as PNG data URIs: digits that a net got wrong, and its first filters."""

from __future__ import annotations

import io
from base64 import b64encode
from dataclasses import dataclass

from PIL import Image

from grader.pictures import SIDE, Filters, Mistake

_GAP = 1
"""Pixels between filters, transparent."""
_INK_ON_PAPER = bytes(range(255, -1, -1))
_ACROSS = 8
"""Filters in a row of the sheet."""


@dataclass(frozen=True)
class Picture:
    """An image with its size in its own pixels, for a page to enlarge, and the words that stand for it."""

    source: str
    width: int
    height: int
    alt: str


def digit_picture(mistake: Mistake) -> Picture:
    """The digit in dark ink on white paper, as it was written."""
    return _picture(
        Image.frombytes("L", (SIDE, SIDE), mistake.pixels.translate(_INK_ON_PAPER)),
        f"a {mistake.digit} read as {mistake.predicted} with {percent_sure(mistake)} %",
    )


def percent_sure(mistake: Mistake) -> int:
    """What the net gave the wrong digit, in whole percent; never 100 while it was less."""
    return int(100 * mistake.probability + 1e-9)


def filter_sheet(filters: Filters) -> Picture:
    """All filters side by side in rows: black is the most negative weight, mid-grey zero, white the most positive."""
    across = min(_ACROSS, filters.count)
    down = -(-filters.count // across)
    wide, high = filters.width + _GAP, filters.height + _GAP
    sheet = Image.new("LA", (across * wide - _GAP, down * high - _GAP))
    for at, values in enumerate(filters.pictures):
        tile = Image.frombytes("L", (filters.width, filters.height), values)
        tile.putalpha(255)
        sheet.paste(tile, (at % across * wide, at // across * high))
    each = f"{filters.height} by {filters.width} weights"
    return _picture(sheet, f"{filters.count} filters of {each}" if filters.count > 1 else f"one filter of {each}")


def _picture(image: Image.Image, alt: str) -> Picture:
    file = io.BytesIO()
    image.save(file, "PNG")
    return Picture(f"data:image/png;base64,{b64encode(file.getvalue()).decode()}", *image.size, alt)
