"""Writing a data set as raw files that workers map into memory. The held-out labels stay in the parent process."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from grader.data.dataset import DataSet, Images, Labels
from grader.model import DataFiles
from grader.model.images import SIDE

HELDOUT_IMAGES = 2000
"""The most held-out images to use: a fifth of the time for all 10,000, and a standard error below 1 % at 85 %."""

MNIST_MEAN, MNIST_STD = 0.1307, 0.3081
"""Of MNIST's training pixels, from the example that the lab's script is based on (pytorch/examples, mnist/main.py)."""


def write_worker_files(data: DataSet, folder: Path, *, order_seed: int) -> tuple[DataFiles, Labels]:
    """Write the images and the training labels to ``folder``; return the paths of the files, and the held-out labels.

    The held-out images are the same for every seed. ``order_seed`` decides their order, so that a submission cannot
    contain a list of the right answers. The returned labels are in that order and are not written to any file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = _spread(len(data.heldout_labels))
    order = chosen[np.random.default_rng(order_seed).permutation(len(chosen))]
    files = DataFiles(
        train_images=str(folder / "train-images.u8"),
        train_labels=str(folder / "train-labels.u8"),
        train_count=len(data.train_labels),
        heldout_images=str(folder / "heldout-images.u8"),
        heldout_count=len(order),
        mean=MNIST_MEAN,
        std=MNIST_STD,
    )
    data.train_images.tofile(files.train_images)
    data.train_labels.tofile(files.train_labels)
    data.heldout_images[order].tofile(files.heldout_images)
    return files, data.heldout_labels[order]


def heldout_images(files: DataFiles) -> Images:
    """The held-out images of ``files``, (n, 28, 28), in the order of the labels that were returned with it."""
    return np.fromfile(files.heldout_images, dtype=np.uint8).reshape(-1, SIDE, SIDE)


def _spread(count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Indices of at most HELDOUT_IMAGES images, evenly spread, because the first half of MNIST's test set is easier."""
    wanted = min(count, HELDOUT_IMAGES)
    return np.arange(wanted, dtype=np.int64) * count // max(wanted, 1)
