"""The small pictures of a student's page as PNG data URIs: digits that a net got wrong, and its first filters."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from grader.pictures import SIDE, Filters, Mistake

_GAP = 1
"""Pixels between filters, transparent."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _GREY_AND_ALPHA = 0, 4
"""Kinds of PNG, by the numbers of its standard."""
_CHANNELS = {_GREY: 1, _GREY_AND_ALPHA: 2}
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
    ink = mistake.pixels.translate(_INK_ON_PAPER)
    return _picture(
        _GREY,
        [ink[start : start + SIDE] for start in range(0, SIDE * SIDE, SIDE)],
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
    sheet = [bytearray(2 * (across * wide - _GAP)) for _ in range(down * high - _GAP)]
    for at, values in enumerate(filters.pictures):
        left, top = at % across * wide, at // across * high
        for row in range(filters.height):
            tile = bytearray(b"\xff" * 2 * filters.width)
            tile[::2] = values[row * filters.width : (row + 1) * filters.width]
            sheet[top + row][2 * left : 2 * (left + filters.width)] = tile
    each = f"{filters.height} by {filters.width} weights"
    return _picture(
        _GREY_AND_ALPHA, sheet, f"{filters.count} filters of {each}" if filters.count > 1 else f"one filter of {each}"
    )


def _picture(kind: int, rows: Sequence[bytes | bytearray], alt: str) -> Picture:
    """A PNG of 8 bits a channel, written here for a page has nine, and a library takes eight times as long for each."""
    width, height = len(rows[0]) // _CHANNELS[kind], len(rows)
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))  # each row says that it is not filtered
    image = _SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    return Picture(f"data:image/png;base64,{b64encode(image).decode()}", width, height, alt)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
