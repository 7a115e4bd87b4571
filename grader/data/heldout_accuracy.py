"""Comparing a network's predictions with the held-out labels, which no other process has."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from grader.model.evidence import Training
from grader.model.images import CLASSES


@dataclass(frozen=True)
class Predictions:
    """Outputs for the first n held-out images, float32 of shape (n, 10), after training with ``seed``.

    There are no rows if training had a problem. ``filters`` are the filters of the first convolution, or None if there
    are no suitable ones (see :func:`grader.model.images.are_filters`).
    """

    seed: int
    log_probabilities: NDArray[np.float32]
    filters: NDArray[np.float32] | None = None


def with_accuracy(record: Training, predictions: Predictions, labels: NDArray[np.uint8]) -> Training:
    """The record with the number of correct predictions on held-out images, and the confusion matrix.

    The predictions are for all held-out images, or for the first of them.
    """
    count = len(predictions.log_probabilities)
    if record.problem is not None or not 0 < count <= len(labels):
        return record
    predicted, labels = predictions.log_probabilities.argmax(axis=1), labels[:count]
    confusion = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    return replace(
        record,
        correct=int((predicted == labels).sum()),
        total=len(labels),
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion),
    )
