"""A second reader, who has never seen the ideas of the key: an answer is compared with sample answers of its part.

Words (as stems, alone and in pairs) and pieces of words are weighed by how rare they are, and a ridge regression learns
from the samples which of them go with which mark. Alone it is no marker: it knows no negation and no roles. What it is
good for is to know again what was said before in other words, and to doubt (:mod:`grader.answers.weighing`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grader.answers.language import stem
from grader.answers.samples import MARKS, Sample

if TYPE_CHECKING:
    from sklearn.pipeline import FeatureUnion

WORD = re.compile(r"[^\W_]+")
SHARPNESS = 6.0
"""What the regression's scores are multiplied by before they become shares."""
PENALTY = 0.1
"""Of the ridge regression. Both were chosen on sets of answers by eight authors, one left out at a time."""
LEAST_SAMPLES = 30
"""Of a part; from fewer nothing is to be learned."""
TELLING = 0.5
"""Share of the most telling word's weight from which a word is shown as one that counted."""
MOST_WORDS = 6

Shares = tuple[float, ...]
"""How likely each of the MARKS is, by the samples alone; they add up to 1."""


@dataclass(frozen=True)
class PartLikeness:
    """What was learned about one part: ``weights`` is (features, marks), ``base`` (marks,)."""

    features: FeatureUnion
    weights: NDArray[np.float64]
    base: NDArray[np.float64]
    words: dict[str, int]
    """Stems, alone and in pairs, and the features that they are."""

    def shares(self, answer: str) -> Shares:
        """How likely each mark is for an answer."""
        row = self.features.transform([_row(answer)])
        scores = SHARPNESS * (self.base + np.asarray(row @ self.weights).ravel())
        grown = np.exp(scores - scores.max())
        return tuple(float(share) for share in grown / grown.sum())

    def telling(self, answer: str, mark: int) -> tuple[tuple[int, int], ...]:
        """The places of the words that speak most for the mark with this number, as character offsets."""
        others = [other for other in range(len(MARKS)) if other != mark]
        rated = [
            (float(self.weights[at, mark] - self.weights[at, others].mean()), word.span())
            for word in WORD.finditer(answer)
            if (at := self.words.get(stem(word.group().lower()))) is not None and len(word.group()) > 2
        ]
        most = max((weight for weight, _ in rated), default=0.0)
        return tuple([place for weight, place in rated if most > 0 and weight >= TELLING * most][:MOST_WORDS])


class Likeness:
    """What the samples of each part teach, learned when it is first asked for."""

    def __init__(self, samples: Mapping[str, Sequence[Sample]]) -> None:
        self._samples = samples
        self._learned: dict[str, PartLikeness | None] = {}
        self._lock = threading.Lock()

    def of(self, part: str) -> PartLikeness | None:
        """What was learned about ``part``; None when its samples are too few."""
        with self._lock:
            if part not in self._learned:
                self._learned[part] = learned(self._samples.get(part, ()))
            return self._learned[part]


def learned(samples: Sequence[Sample]) -> PartLikeness | None:
    """What the samples of one part teach; None when there are too few."""
    if len(samples) < LEAST_SAMPLES:
        return None
    # Imported here, for it takes a second, and most commands mark nothing.
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.pipeline import make_union

    stems = TfidfVectorizer(preprocessor=_stems, token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True)
    pieces = TfidfVectorizer(preprocessor=_written, analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    features = make_union(stems, pieces)
    table = features.fit_transform([_row(sample.answer) for sample in samples])
    given = np.array([[float(sample.gold == mark) for mark in MARKS] for sample in samples])
    base = given.mean(axis=0)
    ridge = KernelRidge(alpha=PENALTY, kernel="linear").fit(table, given - base)
    return PartLikeness(features, table.T @ ridge.dual_coef_, base, dict(stems.vocabulary_))


def _row(answer: str) -> tuple[str, str]:
    """An answer as its stems, and as it is written, in small letters."""
    small = answer.lower()
    return " ".join(map(stem, WORD.findall(small))), small


def _stems(row: tuple[str, str]) -> str:
    return row[0]


def _written(row: tuple[str, str]) -> str:
    return row[1]
