"""The 10,000 images of MNIST in this package, on which networks are measured if nobody names other images.

``mnist_train.npz`` has 800 images of each digit from MNIST's training images. ``mnist_heldout.npz`` has 200 of each
from MNIST's test images, on which no student trains. The zip for students contains only the first file.
``tests/measure/bundled_images.py`` makes both; mnist_licence.txt names the authors and the licence.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np

from grader.data.dataset import DataSet, Images, Labels
from grader.model import GraderFault

TRAIN = "mnist_train.npz"
HELDOUT = "mnist_heldout.npz"
SHA256 = {
    TRAIN: "b42086b4a3ec9bb69ede3d111b3fee2f816d0c79814f7155e1ad9af6933abd12",
    HELDOUT: "294850b96ade455dd4bf42957ef04f762a29001ebfb5a08f9b9cb3467946e3f4",
}
"""Of the images and then the labels in each file, as bytes; another version of zlib may compress them differently."""
NAME = "mnist-10k"
SELF_CHECK_HELDOUT = 2000
"""So many of the training images are held out in a self-check."""


def bundled_data() -> DataSet:
    """8,000 training images and 2,000 held-out images, with as many of each digit.

    Raises :class:`GraderFault` if a file is missing or damaged.
    """
    train, heldout = _read(TRAIN), _read(HELDOUT)
    return _data_set(*train, *heldout)


def self_check_data() -> DataSet:
    """The bundled training images only: 6,000 to train with and 2,000 held-out. Raises :class:`GraderFault`."""
    images, labels = _read(TRAIN)
    cut = len(labels) - SELF_CHECK_HELDOUT
    return _data_set(images[:cut], labels[:cut], images[cut:], labels[cut:])


def digest(images: Images, labels: Labels) -> str:
    """SHA-256 of images and labels, as in :data:`SHA256`."""
    return hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()


def _data_set(train_images: Images, train_labels: Labels, heldout_images: Images, heldout_labels: Labels) -> DataSet:
    fingerprint = hashlib.sha256("".join(SHA256.values()).encode()).hexdigest()[:12]
    return DataSet(NAME, train_images, train_labels, heldout_images, heldout_labels, fingerprint)


def _read(name: str) -> tuple[Images, Labels]:
    try:
        content = io.BytesIO(Path(__file__).with_name(name).read_bytes())
        with np.load(content, allow_pickle=False) as arrays:
            images, labels = arrays["images"], arrays["labels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise GraderFault(f"{name} is missing or damaged ({error}). Install the grader again.") from error
    if digest(images, labels) != SHA256[name]:
        raise GraderFault(f"{name} does not have the images that belong to this grader. Install the grader again.")
    return images, labels
