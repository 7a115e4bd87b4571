"""Reading the IDX format of the MNIST files, with strict checks. Layout: https://yann.lecun.com/exdb/mnist/"""

from __future__ import annotations

import struct

import numpy as np

from grader.data.dataset import Images, Labels

IMAGES_MAGIC = 0x00000803
"""Unsigned bytes, three dimensions."""
LABELS_MAGIC = 0x00000801
"""Unsigned bytes, one dimension."""
SIDE = 28


def parse_images(content: bytes) -> Images:
    """The images of an idx3-ubyte file, (n, 28, 28), read-only. Raises :class:`ValueError` if the file is invalid."""
    count, rows, columns = _header(content, IMAGES_MAGIC, 3)
    if (rows, columns) != (SIDE, SIDE):
        raise ValueError(f"the images are {rows} x {columns} pixels, not {SIDE} x {SIDE}")
    return _body(content, 16, count * SIDE * SIDE).reshape(count, SIDE, SIDE)


def parse_labels(content: bytes) -> Labels:
    """The labels of an idx1-ubyte file, (n,), read-only. Raises :class:`ValueError` if the file is invalid."""
    (count,) = _header(content, LABELS_MAGIC, 1)
    labels = _body(content, 8, count)
    if labels.size and labels.max() > 9:
        raise ValueError(f"a label is {labels.max()}, not a digit")
    return labels


def _header(content: bytes, magic: int, dimensions: int) -> tuple[int, ...]:
    length = 4 * (1 + dimensions)
    if len(content) < length:
        raise ValueError(f"{len(content)} bytes are too few for a header of {length} bytes")
    found, *sizes = struct.unpack(f">{1 + dimensions}I", content[:length])
    if found != magic:
        raise ValueError(f"it starts with 0x{found:08x}, not 0x{magic:08x}")
    return tuple(sizes)


def _body(content: bytes, start: int, length: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    if len(content) != start + length:
        raise ValueError(f"the header says {start + length} bytes, but the file has {len(content)}")
    return np.frombuffer(content, dtype=np.uint8, offset=start)
