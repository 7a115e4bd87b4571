"""What a page shows of a training run: the surest mistakes among the held-out images, and the first filters."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grader.data.accuracy import Predictions
from grader.model.evidence import Training
from grader.model.images import MOST_MISTAKES, ZERO, Filters, Mistake


def with_pictures(
    judged: Training, predictions: Predictions, labels: NDArray[np.uint8], images: NDArray[np.uint8]
) -> Training:
    """The record, once its accuracy was counted, with the surest mistakes and the first filters.

    ``images`` (n, 28, 28) are the parent's own, in the order of the ``labels``.
    """
    if not judged.total:
        return judged
    return replace(
        judged,
        mistakes=surest_mistakes(predictions.log_probabilities, labels, images),
        filters=None if predictions.filters is None else quantised(predictions.filters),
    )


def surest_mistakes(
    outputs: NDArray[np.float32], labels: NDArray[np.uint8], images: NDArray[np.uint8]
) -> tuple[Mistake, ...]:
    """The wrongly classified images whose predicted digit has the highest probability, at most MOST_MISTAKES of them.

    Probabilities are the softmax of the outputs, as in training: for log-probabilities that changes nothing.
    """
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
    """The finite weights (n, height, width) in 8 bits each, on one scale for all."""
    count, height, width = filters.shape
    scale = float(np.abs(filters).max()) / (255 - ZERO)
    levels = np.rint(filters.astype(np.float64) / (scale or 1.0)) + ZERO
    return Filters(count, height, width, scale, b64encode(levels.astype(np.uint8).tobytes()).decode())
