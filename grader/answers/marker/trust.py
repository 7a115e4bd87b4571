"""How likely each mark is, given the signals of an answer: learned from answers of known marks, to all questions.

``track_record.csv`` has the signals of each sample answer as they were when nobody had told the marker its mark: its
author's answers were left out. Gradient boosting learned decision trees from it, which are in ``trust_trees.csv``, so
that no run has to learn them again. ``nox -s track_record`` makes both files.
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
TREES = Path(__file__).with_name("trust_trees.csv")
DEPTH = 4
NODES, LEAVES = 2**DEPTH - 1, 2**DEPTH
TREE_COLUMNS = (
    *(f"signal_{node}" for node in range(NODES)),
    *(f"most_{node}" for node in range(NODES)),
    *(f"leaf_{leaf}" for leaf in range(LEAVES)),
)
"""Of a tree: each node's signal, and the most of it with which the left branch is taken; what each leaf adds.

The nodes are numbered row by row from the root, so those below ``node`` are ``2 * node + 1`` and ``2 * node + 2``.
"""
SURE = 0.72
"""Below this probability of the likeliest mark, a tutor decides."""
POSSIBLE = 0.07
"""From this probability of the full mark, a zero is left to a tutor."""


class Trust:
    """A model of the mark: rows of :data:`TREE_COLUMNS`, one for each mark in turn, round after round."""

    def __init__(self, rows: NDArray[np.float64]) -> None:
        self._signals = rows[:, :NODES].astype(np.intp)
        self._most = rows[:, NODES : 2 * NODES]
        self._leaves = rows[:, 2 * NODES :]
        self._trees = np.arange(len(rows))

    def probabilities(self, signals: Signals) -> tuple[float, ...]:
        """The probability of each of the marks: the softmax of what the trees of each mark add up to."""
        values = np.array(signals, np.float32)  # the precision in which scikit-learn compares them
        node = np.zeros_like(self._trees)
        for _ in range(DEPTH):
            is_right = values[self._signals[self._trees, node]] > self._most[self._trees, node]
            node = 2 * node + 1 + is_right
        added = self._leaves[self._trees, node - NODES].reshape(-1, len(MARKS))
        sums = added.cumsum(axis=0)[-1]  # one after another, as scikit-learn adds them
        shares = np.exp(sums - sums.max())
        return tuple((shares / shares.sum()).tolist())


@cache
def learned_trust() -> Trust:
    """The model that was learned from the track record."""
    return Trust(np.loadtxt(TREES, delimiter=",", skiprows=1))


def decided(probabilities: Sequence[float]) -> tuple[Decimal, float]:
    """The likeliest mark and the confidence (0..1) in it, below REVIEW_BELOW if a tutor decides."""
    at = int(np.argmax(probabilities))
    sure = probabilities[at]
    if sure < SURE or (at == 0 and probabilities[-1] >= POSSIBLE):
        return MARKS[at], min(REVIEW_BELOW * sure / SURE, REVIEW_BELOW - 0.01)
    return MARKS[at], REVIEW_BELOW + (1 - REVIEW_BELOW) * (sure - SURE) / (1 - SURE)
