"""A set of labelled digit images in memory, from any source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from grader.model.images import SIDE

Images = npt.NDArray[np.uint8]
"""Shape (n, 28, 28); 0 is background and 255 is full ink."""
Labels = npt.NDArray[np.uint8]
"""Shape (n,), the digits 0 to 9."""


@dataclass(frozen=True, eq=False)  # == on arrays gives no single bool; compare ``fingerprint`` instead
class DataSet:
    """Training and held-out images with their labels.

    ``fingerprint`` is a short SHA-256 of the content.
    """

    name: str
    """``mnist-10k`` for the bundled images, ``mnist`` for all of MNIST."""
    train_images: Images
    train_labels: Labels
    heldout_images: Images
    heldout_labels: Labels
    fingerprint: str

    @classmethod
    def unopened(cls, name: str) -> Self:
        """A data set without images, for a run that reuses earlier measurements and needs only its name."""
        images, labels = np.zeros((0, SIDE, SIDE), np.uint8), np.zeros(0, np.uint8)
        return cls(name, images, labels, images, labels, fingerprint="")
