"""scikit-learn's bundled handwritten digits, scaled to the size of MNIST images, for use without MNIST.

The zip for students contains them as a file in this folder, so that students do not need scikit-learn.
1,797 images of 8 x 8 pixels with values 0 to 16: https://archive.ics.uci.edu/dataset/80
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt

from grader.data.dataset import DataSet, Images
from grader.model import UsageFault

HELDOUT = 500
SPLIT_SEED = 0
SAMPLE = Path(__file__).with_name("digits.npy")
"""Exists only in the zip for students; :mod:`grader.selfcheck.handout` writes it."""
DRAWN = 20
"""Pixels on each side of the scaled digit. As in MNIST, it is centred in 28 x 28 pixels with a margin of 4 pixels."""


def load_digits(note: str) -> DataSet:
    """1,297 training images and 500 held-out images, the same ones each time. ``note`` becomes the data set's note."""
    table = np.load(SAMPLE).astype(np.float64) if SAMPLE.is_file() else bundled_table()
    images = _scaled(table[:, :-1].reshape(-1, 8, 8))
    labels = table[:, -1].astype(np.uint8)
    # RandomState, whose stream never changes between versions of numpy: thresholds were measured on this split.
    order = np.random.RandomState(SPLIT_SEED).permutation(len(labels))
    train, heldout = order[:-HELDOUT], order[-HELDOUT:]
    return DataSet(
        name="digits",
        train_images=images[train],
        train_labels=labels[train],
        heldout_images=images[heldout],
        heldout_labels=labels[heldout],
        note=note,
        fingerprint=hashlib.sha256(images[order].tobytes() + labels[order].tobytes()).hexdigest()[:12],
    )


def bundled_table() -> npt.NDArray[np.float64]:
    """scikit-learn's table of shape (1797, 65): 64 pixels and the digit. Raises UsageFault if it is not installed."""
    found = importlib.util.find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise UsageFault(
            "Without MNIST the grader needs scikit-learn, which is not installed. "
            "Install it, or give the folder that contains MNIST with --data."
        )
    # Read the file that sklearn.datasets.load_digits reads: importing scikit-learn takes 1 to 3 seconds, this 0.05.
    path = Path(found.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    if path.is_file():
        return np.loadtxt(path, delimiter=",")
    from sklearn.datasets import load_digits as sklearn_digits

    bundle = sklearn_digits()
    table: npt.NDArray[np.float64] = np.column_stack([bundle.data, bundle.target])
    return table


def _scaled(images: npt.NDArray[np.float64]) -> Images:
    """Scale (n, 8, 8) images of 0..16 to (n, 28, 28) of 0..255 by bilinear interpolation between pixel centres."""
    weights = _bilinear(8, DRAWN)
    drawn = np.rint(weights @ images @ weights.T * (255 / 16)).astype(np.uint8)
    margin = (28 - DRAWN) // 2
    return np.pad(drawn, ((0, 0), (margin, margin), (margin, margin)))


def _bilinear(source: int, target: int) -> npt.NDArray[np.float64]:
    """(target, source) weights; each row adds up to 1."""
    centres = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    weights: npt.NDArray[np.float64] = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(source)))
    return weights
