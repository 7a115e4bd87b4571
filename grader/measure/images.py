"""The images on which networks are measured: MNIST in memory, and probe images made from digits and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grader.model import DataFiles

PROBED_DIGITS = 2000
SIDE = 28


@dataclass(frozen=True)
class Images:
    """The data set as CPU tensors: uint8 images (n, 28, 28), and int64 labels (n,) for the training images only."""

    train: Tensor
    labels: Tensor
    heldout: Tensor
    mean: float
    std: float

    def normalised(self, batch: Tensor, device: str = "cpu") -> Tensor:
        """Convert uint8 images (n, 28, 28) to normalised float32 (n, 1, 28, 28)."""
        return batch.to(device).float().div_(255).sub_(self.mean).div_(self.std).unsqueeze(1)

    def probes(self, count: int, *, seed: int) -> Tensor:
        """Normalised probe images (count, 1, 28, 28), float32: random digits mixed with noise, different for each seed.

        The digits keep the activations in their usual range; the noise makes every pixel matter.
        """
        generator = torch.Generator().manual_seed(seed + count)
        noise = torch.rand(count, 1, SIDE, SIDE, generator=generator)
        picks = torch.randint(min(len(self.train), PROBED_DIGITS), (count,), generator=generator)
        digits = self.train[picks].float().div(255).unsqueeze(1)
        return (digits.mul(0.8) + noise.mul(0.2) - self.mean) / self.std


def load_images(files: DataFiles) -> Images:
    """Memory-map the arrays without copying them, so that all measuring processes share the same pages."""
    pixels = SIDE * SIDE
    train = np.memmap(files.train_images, dtype=np.uint8, mode="c", shape=(files.train_count, pixels))
    heldout = np.memmap(files.heldout_images, dtype=np.uint8, mode="c", shape=(files.heldout_count, pixels))
    labels = np.fromfile(files.train_labels, dtype=np.uint8, count=files.train_count)
    return Images(
        torch.from_numpy(train).view(-1, SIDE, SIDE),
        torch.from_numpy(labels.astype(np.int64)),
        torch.from_numpy(heldout).view(-1, SIDE, SIDE),
        files.mean,
        files.std,
    )
