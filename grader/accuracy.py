"""Counting a net's predictions against labels that its process never had."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from grader.evidence import Training

CLASSES = 10


@dataclass(frozen=True)
class Predictions:
    """Log-probabilities of the held-out images, float32 of shape (n, 10), after training with ``seed``.

    ``untrained`` are those of the first images before training. There are no rows of either when training had a
    problem. They may hold NaN or infinities, for a net that diverged has earned them. ``filters`` are the net's first
    ones, finite and few (see :func:`grader.pictures.are_filters`), if it has any to show.
    """

    seed: int
    log_probabilities: NDArray[np.float32]
    untrained: NDArray[np.float32]
    filters: NDArray[np.float32] | None = None


def with_accuracy(record: Training, predictions: Predictions, labels: NDArray[np.uint8]) -> Training:
    """The record with the held-out predictions counted, after training and before it, and the confusion matrix."""
    if record.problem is not None or len(predictions.log_probabilities) != len(labels):
        return record
    predicted = predictions.log_probabilities.argmax(axis=1)
    confusion = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    untrained = predictions.untrained.argmax(axis=1)
    return replace(
        record,
        correct=int((predicted == labels).sum()),
        total=len(labels),
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion),
        untrained_correct=int((untrained == labels[: len(untrained)]).sum()),
        untrained_total=len(untrained),
    )
