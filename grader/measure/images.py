"""The images that networks are measured on: MNIST in memory, and probes made of its digits and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grader.model import DataFiles
from grader.model.images import SIDE

PROBED_DIGITS = 2000


@dataclass(frozen=True)
class Images:
    """The data set as tensors on the CPU: uint8 images (n, 28, 28) and int64 labels (n,) of those to train on."""

    train: Tensor
    labels: Tensor
    heldout: Tensor
    mean: float
    std: float

    def normalised(self, batch: Tensor, device: str = "cpu") -> Tensor:
        """uint8 (n, 28, 28) to normalised float32 (n, 1, 28, 28)."""
        return batch.to(device).float().div_(255).sub_(self.mean).div_(self.std).unsqueeze(1)

    def probes(self, count: int, *, seed: int) -> Tensor:
        """Normalised (count, 1, 28, 28) float32 probes: blends of random digits with noise, new for each seed.

        Digits keep the activations in the range that the net is meant for; noise makes every pixel matter.
        """
        generator = torch.Generator().manual_seed(seed + count)
        noise = torch.rand(count, 1, SIDE, SIDE, generator=generator)
        picks = torch.randint(min(len(self.train), PROBED_DIGITS), (count,), generator=generator)
        digits = self.train[picks].float().div(255).unsqueeze(1)
        return (digits.mul(0.8) + noise.mul(0.2) - self.mean) / self.std


def load_images(files: DataFiles) -> Images:
    """Map the arrays; nothing is copied, so that all measuring processes share one set of pages."""
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
