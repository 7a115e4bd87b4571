"""How likely each mark is, given the signals of an answer: learned from answers of known marks, to all questions.

``track_record.csv`` has the signals of each sample answer as they were when nobody had told the marker its mark: its
author's answers were left out. ``nox -s track_record`` makes it anew. Gradient boosting learns from it once a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grader.answers.marker.finding import REVIEW_BELOW
from grader.answers.marker.samples import MARKS
from grader.answers.marker.signals import Signals

TRACK_RECORD = Path(__file__).with_name("track_record.csv")
COLUMNS = ("gold", *Signals._fields)
SURE = 0.72
"""Below this probability of the likeliest mark, a tutor decides."""
POSSIBLE = 0.07
"""From this probability of the full mark, a zero is left to a tutor."""


class Trust:
    """A model of the mark, fitted to rows of :data:`COLUMNS`, in which ``gold`` is the index of the mark."""

    def __init__(self, rows: NDArray[np.float64]) -> None:
        from sklearn.ensemble import GradientBoostingClassifier  # takes a second

        self._model = GradientBoostingClassifier(
            n_estimators=120,
            learning_rate=0.06,
            max_depth=4,
            min_samples_leaf=15,
            subsample=0.5,
            max_features=0.4,
            init="zero",  # the shares of the marks would be calculated anew for each answer
            random_state=0,
        ).fit(rows[:, 1:], rows[:, 0].astype(int))

    def probabilities(self, signals: Signals) -> tuple[float, ...]:
        """The probability of each of the marks."""
        from sklearn import config_context

        with config_context(assume_finite=True, skip_parameter_validation=True):  # half the time
            return tuple(self._model.predict_proba(np.array([signals], np.float32))[0].tolist())


@cache
def learned_trust() -> Trust:
    """The model of the track record."""
    return Trust(np.loadtxt(TRACK_RECORD, delimiter=",", skiprows=1))


def decided(probabilities: Sequence[float]) -> tuple[Decimal, float]:
    """The likeliest mark and the confidence (0..1) in it, below REVIEW_BELOW if a tutor decides."""
    at = int(np.argmax(probabilities))
    sure = probabilities[at]
    if sure < SURE or (at == 0 and probabilities[-1] >= POSSIBLE):
        return MARKS[at], min(REVIEW_BELOW * sure / SURE, REVIEW_BELOW - 0.01)
    return MARKS[at], REVIEW_BELOW + (1 - REVIEW_BELOW) * (sure - SURE) / (1 - SURE)
