"""Selects the images of a training run for a page: its most confident mistakes, and the filters of its first layer."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grader.data.heldout_accuracy import Predictions
from grader.model.evidence import Training
from grader.model.images import MOST_MISTAKES, ZERO, Filters, Mistake


def with_pictures(
    training: Training, predictions: Predictions, labels: NDArray[np.uint8], images: NDArray[np.uint8]
) -> Training:
    """The training run, whose accuracy is known, with its most confident mistakes and its first filters.

    ``images`` (n, 28, 28) are this process's own, in the order of the ``labels`` (n,); the predictions may be fewer.
    """
    if not training.total:
        return training
    return replace(
        training,
        mistakes=surest_mistakes(predictions.log_probabilities, labels, images),
        filters=None if predictions.filters is None else quantised(predictions.filters),
    )


def surest_mistakes(
    outputs: NDArray[np.float32], labels: NDArray[np.uint8], images: NDArray[np.uint8]
) -> tuple[Mistake, ...]:
    """The misclassified images whose predicted digit has the highest probability, at most MOST_MISTAKES.

    Probabilities are the softmax of the outputs, as in training, which is the identity on log-probabilities.
    """
    labels = labels[: len(outputs)]
    predicted = outputs.argmax(axis=1)
    scores = np.nan_to_num(outputs.astype(np.float64), nan=-1e30, posinf=1e30, neginf=-1e30)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = (shares / shares.sum(axis=1, keepdims=True))[np.arange(len(labels)), predicted]
    wrong = np.flatnonzero(predicted != labels)
    surest = wrong[np.argsort(-probabilities[wrong], kind="stable")][:MOST_MISTAKES]
    return tuple(
        Mistake(
            b64encode(images[index].tobytes()).decode(),
            int(labels[index]),
            int(predicted[index]),
            round(float(probabilities[index]), 6),
        )
        for index in surest
    )


def quantised(filters: NDArray[np.float32]) -> Filters:
    """The filters (n, height, width) with 8 bits for each weight, on one scale for all. All weights are finite."""
    count, height, width = filters.shape
    scale = float(np.abs(filters).max()) / (255 - ZERO)
    levels = np.rint(filters.astype(np.float64) / (scale or 1.0)) + ZERO
    return Filters(count, height, width, scale, b64encode(levels.astype(np.uint8).tobytes()).decode())
