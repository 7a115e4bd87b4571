"""Make the bundled images again: ``python -m tests.measure.bundled_images FOLDER``, with all of MNIST in FOLDER.

Training images come from MNIST's training images and held-out images from its test images, because students train on
the former only. Both files have as many images of each digit, and so has each prefix of ten images: validation and
probe images are taken from one end. The choice is random, because the first half of MNIST's test images is easier.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from grader.data import bundled, resolve_data
from grader.data.dataset import Images, Labels
from grader.model.images import CLASSES

SEED = 0
EACH = {bundled.TRAIN: 800, bundled.HELDOUT: 200}
"""Images of each digit."""


def chosen(images: Images, labels: Labels, each: int) -> tuple[Images, Labels]:
    """``each`` random images of each digit, in the order 0 to 9, 0 to 9 and so on, the same ones each time."""
    random = np.random.RandomState(SEED)  # its stream never changes between versions of numpy
    places = [random.permutation(np.flatnonzero(labels == digit))[:each] for digit in range(CLASSES)]
    order = np.stack(places, axis=1).ravel()
    return images[order], labels[order]


def main() -> None:
    """Write both files, and print the SHA-256 of their content."""
    data = resolve_data(sys.argv[1], environment={}, cache=Path(), download=None)
    sources = {
        bundled.TRAIN: (data.train_images, data.train_labels),
        bundled.HELDOUT: (data.heldout_images, data.heldout_labels),
    }
    for name, (all_images, all_labels) in sources.items():
        images, labels = chosen(all_images, all_labels, EACH[name])
        path = Path(bundled.__file__).with_name(name)
        np.savez_compressed(path, images=images, labels=labels)
        print(f"{name}: {path.stat().st_size:,} bytes, content {bundled.digest(images, labels)}")


if __name__ == "__main__":
    main()
