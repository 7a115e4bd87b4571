"""A set of labelled digit images in memory, whichever source it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from grader.model.images import SIDE

Images = npt.NDArray[np.uint8]
"""(n, 28, 28), 0 the background and 255 full ink."""
Labels = npt.NDArray[np.uint8]
"""(n,), the digits 0 to 9."""


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth value; ``fingerprint`` tells sets apart
class DataSet:
    """Training and held-out images with their labels.

    ``note`` is a banner for the tutor: why this is not MNIST, or what was wrong with the cached copy. It is empty for
    MNIST that was found as it should be. ``fingerprint`` is a short SHA-256 of the content.
    """

    name: str
    """``mnist`` or ``digits``."""
    train_images: Images
    train_labels: Labels
    heldout_images: Images
    heldout_labels: Labels
    note: str
    fingerprint: str

    @classmethod
    def unopened(cls, name: str, note: str) -> Self:
        """What is known of a set on which nets were measured before, where none is to be measured again."""
        images, labels = np.zeros((0, SIDE, SIDE), np.uint8), np.zeros(0, np.uint8)
        return cls(name, images, labels, images, labels, note, fingerprint="")
