"""The small images of a student's page as PNG data URIs: misread digits, and the filters of the first convolution."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from grader.model.images import SIDE, Filters, Mistake

_GREY, _GREY_WITH_ALPHA = 0, 4
"""Colour types of PNG (ISO/IEC 15948, 11.2.2), with 8 bits for each value."""
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
    rows = [b"".join(digit[at : at + SIDE] for digit in digits) for at in range(0, SIDE * SIDE, SIDE)]
    return DigitStrip(
        sheet=_picture(rows, len(digits) * SIDE, _GREY, ""),
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
    grey, alpha = _laid_out(filters.pictures, *size), _laid_out(opaque, *size)
    rows = [bytearray(2 * len(line)) for line in grey]
    for row, line, opacity in zip(rows, grey, alpha, strict=True):
        row[::2], row[1::2] = line, opacity
    each = f"{filters.height} by {filters.width} weights"
    alt = f"{filters.count} filters of {each}" if filters.count > 1 else f"one filter of {each}"
    return _picture(rows, len(grey[0]), _GREY_WITH_ALPHA, alt)


def _laid_out(pictures: Sequence[bytes], width: int, height: int) -> list[bytes]:
    """The lines of pixels of pictures of ``width`` x ``height`` in rows, with 0 between and after them."""
    across = min(_ACROSS, len(pictures))
    gap = bytes(_GAP)
    lines: list[bytes] = []
    for start in range(0, len(pictures), across):
        beside = [*pictures[start : start + across], *[bytes(width * height)] * across][:across]
        if lines:
            lines += [bytes(len(lines[0]))] * _GAP
        lines += [gap.join(picture[at : at + width] for picture in beside) for at in range(0, width * height, width)]
    return lines


def _picture(rows: Sequence[bytes | bytearray], width: int, kind: int, alt: str) -> Picture:
    """The rows of ``width`` pixels as a PNG image. An image library would take three times as long, and start late."""
    chunks = {
        b"IHDR": struct.pack(">2I5B", width, len(rows), 8, kind, 0, 0, 0),
        b"IDAT": zlib.compress(b"".join(b"\0" + row for row in rows)),
        b"IEND": b"",
    }
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    )
    return Picture(f"data:image/png;base64,{b64encode(content).decode()}", width, len(rows), alt)
