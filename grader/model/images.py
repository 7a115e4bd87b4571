"""The small pictures in evidence, as text that JSON can hold: digits that a net got wrong, and its first filters.

They decorate a report and nothing is judged by them. How they are drawn belongs to ``report/``. The module needs only
the standard library.
"""

from __future__ import annotations

import math
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass

SIDE = 28
MOST_MISTAKES = 8
MOST_FILTERS = 32
MOST_CHANNELS = 3
"""Input channels that are averaged: a grey image repeated in three channels is still one picture."""
LARGEST_KERNEL = 11
ZERO = 128
"""The byte that stands for a weight of 0."""


@dataclass(frozen=True)
class Mistake:
    """A held-out image that the trained net took for another digit.

    ``image`` is base64 of 28 x 28 bytes, row by row from the top, 0 the background and 255 full ink. ``probability``
    (0..1) is what the net gave the digit that it ``predicted``. Raises ValueError for an image of any other size.
    """

    image: str
    digit: int
    predicted: int
    probability: float

    def __post_init__(self) -> None:
        if len(self.pixels) != SIDE * SIDE:
            raise ValueError(f"an image has {SIDE} x {SIDE} pixels")

    @property
    def pixels(self) -> bytes:
        """The image's 784 bytes."""
        return b64decode(self.image, validate=True)


@dataclass(frozen=True)
class Filters:
    """The weights of the convolution that runs first, after training: ``count`` filters of ``height`` x ``width``.

    Where it has several input channels, their mean. ``values`` is base64 of one byte a weight, filter by filter and row
    by row from the top; a weight is ``(byte - 128) * scale``, to half of ``scale``. Raises ValueError for filters
    that are too many or too large, or whose values are not as many as they should be.
    """

    count: int
    height: int
    width: int
    scale: float
    values: str

    def __post_init__(self) -> None:
        if not are_filters((self.count, self.height, self.width)) or not 0 <= self.scale < math.inf:
            raise ValueError("filters are few, small and of a finite scale")
        if len(b64decode(self.values, validate=True)) != self.count * self.height * self.width:
            raise ValueError("filters have one byte for each weight")

    @property
    def pictures(self) -> tuple[bytes, ...]:
        """The bytes of each filter."""
        values, size = b64decode(self.values), self.height * self.width
        return tuple(values[start : start + size] for start in range(0, len(values), size))


def are_filters(shape: Sequence[int]) -> bool:
    """Whether a tensor of this ``shape`` is (filters, height, width), and few and small enough to be shown."""
    if len(shape) != 3:
        return False
    count, height, width = shape
    return 1 <= count <= MOST_FILTERS and 1 <= height <= LARGEST_KERNEL and 1 <= width <= LARGEST_KERNEL
