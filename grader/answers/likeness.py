"""A second reader, who has never seen the ideas of the key: an answer is compared with sample answers of its part.

Words (as stems, alone and in pairs) and pieces of words are weighed by how rare they are, and a ridge regression learns
from the samples which of them go with which mark. Alone it is no marker: it knows no negation and no roles. What it is
good for is to know again what was said before in other words, and to doubt (:mod:`grader.answers.weighing`).
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from grader.answers.language import FUNCTION_WORDS, NEGATORS, stem
from grader.answers.samples import MARKS, Sample

WORD = re.compile(r"[^\W_]+")
PIECE = re.compile(r"[^\W_]+|[.,;:!?\n]")
DENIED = "not:"
REACH = 4
"""Words behind a negation that it is taken to deny, up to the next punctuation."""
PIECE_LENGTHS = (4, 5)
"""Letters of the pieces of words; those that only one sample has are left out."""
SHARPNESS = 8.0
"""What the regression's scores are multiplied by before they become shares."""
PENALTY = 0.1
"""Of the ridge regression. Both were chosen on sets of answers by twelve authors, one left out at a time."""
LEAST_HEAP = 8
"""Words of a heap; a terse answer has fewer."""
HEAP = 0.35
"""Share of neighbours that are known below which words are a heap: of 700 answers one in forty lies below, of heaps of
the words of right answers all but one in a hundred."""
MARKED = re.compile(r"[.,;:!?()\[\]=|<>/\n\u2192-]\s|[=|\n]")
LEAST_SAMPLES = 30
"""Of a part; from fewer nothing is to be learned."""
TELLING = 0.5
"""Share of the most telling word's weight from which a word is shown as one that counted."""
MOST_WORDS = 6

Shares = tuple[float, ...]
"""How likely each of the MARKS is, by the samples alone; they add up to 1."""


@dataclass(frozen=True)
class Vocabulary:
    """One kind of features of an answer: the known ones, how rare each is, and how it speaks for each mark.

    ``columns`` numbers the features; ``rarity`` is (features,), the inverse document frequency, and ``weights`` is
    (features, marks).
    """

    features: Callable[[str], Sequence[str]]
    columns: Mapping[str, int]
    rarity: NDArray[np.float64]
    weights: NDArray[np.float64]

    def scores(self, text: str) -> NDArray[np.float64]:
        """The (marks,) scores of a text: what TfidfVectorizer makes of it, times the weights.

        A vectorizer takes milliseconds for a single text, most of them for checks of its arguments.
        """
        counts = Counter(at for feature in self.features(text) if (at := self.columns.get(feature)) is not None)
        if not counts:
            return np.zeros(len(MARKS))
        found = np.fromiter(counts, np.intp)
        values = (1 + np.log(np.fromiter(counts.values(), np.float64))) * self.rarity[found]
        scores: NDArray[np.float64] = values @ self.weights[found] / np.linalg.norm(values)
        return scores


@dataclass(frozen=True)
class PartLikeness:
    """What was learned about one part. ``base`` is (marks,): how often each mark was given."""

    stems: Vocabulary
    pieces: Vocabulary
    base: NDArray[np.float64]

    def shares(self, answer: str) -> Shares:
        """How likely each mark is for an answer."""
        scores = SHARPNESS * (self.base + self.stems.scores(_stems(answer)) + self.pieces.scores(answer.lower()))
        grown = np.exp(scores - scores.max())
        return tuple(float(share) for share in grown / grown.sum())

    def telling(self, answer: str, mark: int) -> tuple[tuple[int, int], ...]:
        """The places of the words that speak most for the mark with this number, as character offsets."""
        others = [other for other in range(len(MARKS)) if other != mark]
        weights = self.stems.weights
        rated = [
            (float(weights[at, mark] - weights[at, others].mean()), word.span())
            for word in WORD.finditer(answer)
            if word.group().lower() not in FUNCTION_WORDS
            and (at := self.stems.columns.get(stem(word.group().lower()))) is not None
        ]
        most = max((weight for weight, _ in rated), default=0.0)
        return tuple([place for weight, place in rated if most > 0 and weight >= TELLING * most][:MOST_WORDS])


class Likeness:
    """What the samples of each part teach, learned when it is first asked for."""

    def __init__(self, samples: Mapping[str, Sequence[Sample]]) -> None:
        self._samples = samples
        self._pairs: frozenset[tuple[str, str]] | None = None
        self._learned: dict[str, PartLikeness | None] = {}
        self._lock = threading.Lock()

    def of(self, part: str) -> PartLikeness | None:
        """What was learned about ``part``; None when its samples are too few."""
        with self._lock:
            if part not in self._learned:
                self._learned[part] = learned(self._samples.get(part, ()))
            return self._learned[part]


    def is_heap(self, answer: str) -> bool:
        """Whether the words of an answer hardly ever stand beside each other in what people say: a heap of key words.

        Only a text without any punctuation is taken for one.
        """
        words = _words(answer)
        if len(words) < LEAST_HEAP or MARKED.search(answer.strip().rstrip(".")) or not self._samples:
            return False
        with self._lock:
            if self._pairs is None:
                self._pairs = frozenset(
                    pair
                    for samples in self._samples.values()
                    for sample in samples
                    for pair in pairwise(_words(sample.answer))
                )
        known = sum(pair in self._pairs for pair in pairwise(words))
        return known < HEAP * (len(words) - 1)


def learned(samples: Sequence[Sample]) -> PartLikeness | None:
    """What the samples of one part teach; None when there are too few."""
    if len(samples) < LEAST_SAMPLES:
        return None
    # Imported here, for it takes a second, and most commands mark nothing.
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.metrics.pairwise import linear_kernel

    stems = TfidfVectorizer(token_pattern=r"\S+", lowercase=False, ngram_range=(1, 2), sublinear_tf=True)
    pieces = TfidfVectorizer(
        analyzer="char_wb", lowercase=False, ngram_range=PIECE_LENGTHS, min_df=2, sublinear_tf=True
    )
    by_stem = stems.fit_transform([_stems(sample.answer) for sample in samples])
    by_piece = pieces.fit_transform([sample.answer.lower() for sample in samples])
    given = np.array([[float(sample.gold == mark) for mark in MARKS] for sample in samples])
    base = given.mean(axis=0)
    alike = linear_kernel(by_stem) + linear_kernel(by_piece)
    ridge = KernelRidge(alpha=PENALTY, kernel="precomputed").fit(alike, given - base)
    return PartLikeness(
        stems=Vocabulary(stems.build_analyzer(), stems.vocabulary_, stems.idf_, by_stem.T @ ridge.dual_coef_),
        pieces=Vocabulary(pieces.build_analyzer(), pieces.vocabulary_, pieces.idf_, by_piece.T @ ridge.dual_coef_),
        base=base,
    )


def _words(answer: str) -> list[str]:
    return [stem(word) for word in WORD.findall(answer.lower())]


def _stems(answer: str) -> str:
    """The stems of an answer; those in the reach of a negation are words of their own."""
    found, reach = [], 0
    for piece in PIECE.findall(answer.lower().replace("n't", " not")):
        if not WORD.fullmatch(piece):
            reach = 0
            continue
        found.append(f"{DENIED}{stem(piece)}" if reach else stem(piece))
        reach = REACH if found[-1].removeprefix(DENIED) in NEGATORS else max(0, reach - 1)
    return " ".join(found)
