"""The small images in evidence, encoded for JSON: misread digits, and the filters of the first convolution.

They are only shown, and no check uses them. For how they are drawn see ``grader/report/html/images.py``.
"""

from __future__ import annotations

import math
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass

SIDE = 28
CLASSES = 10
"""The digits 0 to 9."""
MOST_MISTAKES = 8
MOST_FILTERS = 32
MOST_CHANNELS = 3
"""Most input channels, which are averaged: a grey image may be repeated in three channels."""
LARGEST_KERNEL = 11
ZERO = 128
"""The byte for a weight of 0."""


@dataclass(frozen=True)
class Mistake:
    """A held-out image that the trained network misread.

    ``image`` is base64 of 28 x 28 bytes, row by row from the top; 0 is background, 255 full ink. ``probability``
    (0..1) is that of the ``predicted`` digit. Raises ValueError for an image of another size.
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
    """The weights of the first convolution after training: ``count`` filters of ``height`` x ``width``.

    Several input channels are averaged. ``values`` is base64 with one byte for each weight, filter by filter and row by
    row from the top; a weight is ``(byte - 128) * scale``, with an error of at most half of ``scale``. Raises
    ValueError for too many or too large filters, or a wrong number of values.
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
