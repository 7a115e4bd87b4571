"""Predicts a mark from an answer's similarity to sample answers of its part, without the ideas of the key.

Features are stems, pairs of stems and character n-grams, weighted by TF-IDF; a ridge regression learns from the samples
which features go with which mark. It understands negation poorly, so it never marks alone: it recognises wordings that
the key does not foresee, and casts doubt on marks by the rules (:mod:`grader.answers.marker.combination`).
"""

from __future__ import annotations

import math
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from grader.answers.marker.negation import FUNCTION_WORDS, NEGATORS
from grader.answers.marker.samples import MARKS, Sample
from grader.answers.marker.tokens import stem

if TYPE_CHECKING:
    from scipy.sparse import csr_array

WORD = re.compile(r"[^\W_]+")
PIECE = re.compile(r"[^\W_]+|[.,;:!?\n]")
DENIED = "not:"
REACH = 4
"""Words after a negation that count as denied, up to the next punctuation."""
PIECE_LENGTHS = (4, 5)
"""Characters of the n-grams; those in only one sample are left out."""
SHARPNESS = 8.0
"""Factor on the regression's scores before the softmax."""
PENALTY = 0.1
"""Of the ridge regression. Both were chosen on sets of answers by twelve authors, leaving out one author at a time."""
LEAST_KEYWORDS = 8
"""Words of the shortest keyword list; a terse answer has fewer."""
KNOWN_PAIRS = 0.35
"""Below this share of known word pairs, the answer is a keyword list. Measured: one in forty of 700 answers is below,
and 99 in a hundred of the lists made from words of right answers."""
MARKED = re.compile(r"[.,;:!?()\[\]=|<>/\n\u2192-]\s|[=|\n]")
LEAST_SAMPLES = 30
"""Of a part; fewer are too few to learn from."""
DECIDING_SHARE = 0.5
"""Share of the highest word weight from which a word is shown as one that counted."""
MOST_WORDS = 6

Features = Callable[[str], Sequence[str]]
Shares = tuple[float, ...]
"""The probability of each of the MARKS, by similarity alone; they add up to 1."""


@dataclass(frozen=True)
class Vocabulary:
    """A kind of features: the function that extracts them, the known ones, and their weights.

    ``columns`` numbers the features; ``rarity`` is (features,), the smoothed inverse document frequency.
    """

    features: Features
    columns: Mapping[str, int]
    rarity: NDArray[np.float64]

    @classmethod
    def of(cls, answers: Sequence[str], features: Features, *, least: int) -> Self:
        """The features that occur in at least ``least`` of the answers."""
        spread = Counter(feature for answer in answers for feature in set(features(answer)))
        known = [(feature, count) for feature, count in spread.items() if count >= least]
        columns = {feature: column for column, (feature, _) in enumerate(known)}
        return cls(features, columns, np.log((1 + len(answers)) / (1 + np.array([count for _, count in known]))) + 1)

    def vector(self, answer: str) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The columns of the known features in an answer, and their TF-IDF values, as a unit vector or empty.

        Term frequency is sublinear: 1 + log(count).
        """
        counts = Counter(self.features(answer))
        known = [(at, count) for feature, count in counts.items() if (at := self.columns.get(feature)) is not None]
        if not known:
            return np.zeros(0, np.intp), np.zeros(0)
        found, times = np.array(known, np.intp).T
        values = (1 + np.log(times)) * self.rarity[found]
        return found, values / math.sqrt(values @ values)

    def matrix(self, answers: Sequence[str]) -> csr_array:
        """The vectors of the answers as the rows of a sparse matrix (answers, features)."""
        from scipy.sparse import csr_array  # takes a quarter of a second, and most commands mark nothing

        found, values = zip(*map(self.vector, answers), strict=True)
        ends = np.cumsum([0, *map(len, found)])
        return csr_array((np.concatenate(values), np.concatenate(found), ends), (len(answers), len(self.columns)))


@dataclass(frozen=True)
class FeatureWeights:
    """A vocabulary, and the weight of each feature for each mark: ``weights`` is (features, marks)."""

    vocabulary: Vocabulary
    weights: NDArray[np.float64]

    def scores(self, answer: str) -> NDArray[np.float64]:
        """The (marks,) scores of an answer."""
        found, values = self.vocabulary.vector(answer)
        scores: NDArray[np.float64] = values @ self.weights[found]
        return scores


@dataclass(frozen=True)
class PartModel:
    """The model of a part. ``base`` is (marks,): the share of samples with each mark."""

    stems: FeatureWeights
    pieces: FeatureWeights
    base: NDArray[np.float64]

    def shares(self, answer: str) -> Shares:
        """The probability of each mark for an answer."""
        scores = SHARPNESS * (self.base + self.stems.scores(answer) + self.pieces.scores(answer))
        grown = np.exp(scores - scores.max())
        return tuple((grown / grown.sum()).tolist())

    def deciding_words(self, answer: str, mark: int) -> tuple[tuple[int, int], ...]:
        """The character offsets of the words with the highest weights for the mark with this index."""
        weights = self.stems.weights
        speaks = weights[:, mark] - np.delete(weights, mark, axis=1).mean(axis=1)
        rated = [
            (float(speaks[at]), word.span())
            for word in WORD.finditer(answer)
            if word.group().lower() not in FUNCTION_WORDS
            and (at := self.stems.vocabulary.columns.get(stem(word.group().lower()))) is not None
        ]
        most = max((weight for weight, _ in rated), default=0.0)
        return tuple([place for weight, place in rated if most > 0 and weight >= DECIDING_SHARE * most][:MOST_WORDS])


class Similarity:
    """The models of all parts, each fitted to its samples at its first use."""

    def __init__(self, samples: Mapping[str, Sequence[Sample]]) -> None:
        self._samples = samples
        self._pairs: frozenset[tuple[str, str]] | None = None
        self._learned: dict[str, PartModel | None] = {}
        self._lock = threading.Lock()

    def of(self, part: str) -> PartModel | None:
        """The model of ``part``; None when it has too few samples."""
        with self._lock:
            if part not in self._learned:
                self._learned[part] = learned(self._samples.get(part, ()))
            return self._learned[part]

    def has_rare_word_pairs(self, answer: str) -> bool:
        """Whether hardly any pair of neighbouring words occurs in the samples, as in a list of keywords.

        False for a text with punctuation.
        """
        words = _words(answer)
        if len(words) < LEAST_KEYWORDS or MARKED.search(answer.strip().rstrip(".")) or not self._samples:
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
        return known < KNOWN_PAIRS * (len(words) - 1)


def learned(samples: Sequence[Sample]) -> PartModel | None:
    """The model that fits the samples of a part; None when there are too few."""
    if len(samples) < LEAST_SAMPLES:
        return None
    answers = [sample.answer for sample in samples]
    vocabularies = (Vocabulary.of(answers, _stems_and_pairs, least=1), Vocabulary.of(answers, _pieces, least=2))
    by_stem, by_piece = (vocabulary.matrix(answers) for vocabulary in vocabularies)
    given = np.array([[float(sample.gold == mark) for mark in MARKS] for sample in samples])
    base = given.mean(axis=0)
    alike = (by_stem @ by_stem.T + by_piece @ by_piece.T).toarray()
    dual = np.linalg.solve(alike + PENALTY * np.eye(len(samples)), given - base)  # kernel ridge regression
    stems, pieces = map(FeatureWeights, vocabularies, (by_stem.T @ dual, by_piece.T @ dual))
    return PartModel(stems, pieces, base)


def _words(answer: str) -> list[str]:
    return [stem(word) for word in WORD.findall(answer.lower())]


def _stems_and_pairs(answer: str) -> list[str]:
    """The stems of an answer, then its pairs of neighbouring stems; a negated stem is a separate feature."""
    found, reach = [], 0
    for piece in PIECE.findall(answer.lower().replace("n't", " not")):
        if not WORD.fullmatch(piece):
            reach = 0
            continue
        root = stem(piece)
        found.append(f"{DENIED}{root}" if reach else root)
        reach = REACH if root in NEGATORS else max(0, reach - 1)
    return found + [f"{first} {second}" for first, second in pairwise(found)]


def _pieces(answer: str) -> list[str]:
    """The character n-grams of PIECE_LENGTHS in the words of an answer, with the space before and after each word."""
    return [piece for word in answer.lower().split() for piece in _pieces_of(word)]


@lru_cache(maxsize=20_000)
def _pieces_of(word: str) -> tuple[str, ...]:
    """The n-grams of a word; a shorter word is one n-gram."""
    padded = f" {word} "
    return tuple(
        padded[start : start + length]
        for length in PIECE_LENGTHS
        if length <= len(padded) or length == PIECE_LENGTHS[0]
        for start in range(max(1, len(padded) - length + 1))
    )
