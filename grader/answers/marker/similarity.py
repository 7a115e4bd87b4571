"""Predicts a mark from an answer's likeness to sample answers of its part, without the ideas of the key.

The features are stems, pairs of stems and parts of words, weighted by TF-IDF; a ridge regression learns from the
samples which features go with which mark. It understands negation poorly, so it never marks alone: it is one of the
signals (:mod:`grader.answers.marker.signals`).
"""

from __future__ import annotations

import math
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grader.answers.marker.negation import FUNCTION_WORDS, NEGATORS
from grader.answers.marker.samples import MARKS, Sample, same_text
from grader.answers.marker.tokens import stem

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Extract = Callable[[str], Sequence[str]]
"""Gives the features of an answer, with their repetitions."""
WORD = re.compile(r"[^\W_]+")
_PIECE = re.compile(r"[^\W_]+|[.,;:!?\n]")
_DENIED = "not:"
_REACH = 4
"""Words after a negation that count as denied, up to the next punctuation."""
_LENGTHS = (4, 5)
"""Characters of the parts of words; those in only one sample are left out."""
PENALTY = 0.3
"""Of the ridge regression, chosen on sets of answers by twelve authors, leaving out one author at a time."""
LEAST_SAMPLES = 8
"""Of a part; fewer are too few to learn from."""
_DECIDING_SHARE = 0.5
"""Share of the highest word weight from which a word is shown as one that counted."""
_MOST_WORDS = 6


class Features:
    """A kind of features, weighted by TF-IDF as in scikit-learn, which fits the weights that they get.

    scikit-learn checks its input at each call, which takes ten times as long as the calculation for one answer.
    """

    def __init__(self, extract: Extract, answers: Sequence[str], *, least: int) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer  # takes a second, and most commands mark nothing

        self._extract = extract
        fitted = TfidfVectorizer(analyzer=extract, sublinear_tf=True, min_df=min(least, len(answers)))
        self.known: csr_matrix = fitted.fit_transform(answers)
        """The vectors of the answers: (answers, features)."""
        self.columns: Mapping[str, int] = fitted.vocabulary_
        self._rarity: NDArray[np.float64] = fitted.idf_

    def weighted(self, answer: str, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The product of an answer's vector with ``weights`` (features, n): (n,)."""
        counts = Counter(self._extract(answer))
        known = [(at, count) for feature, count in counts.items() if (at := self.columns.get(feature)) is not None]
        if not known:
            return np.zeros(weights.shape[1])
        found, times = np.array(known, np.intp).T
        values = (1 + np.log(times)) * self._rarity[found]
        product: NDArray[np.float64] = (values / math.sqrt(values @ values)) @ weights[found]
        return product


class PartModel:
    """What the samples of one part teach."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        from sklearn.kernel_ridge import KernelRidge
        from threadpoolctl import threadpool_limits

        self.samples = tuple(samples)
        self._marks: dict[str, set[Decimal]] = {}
        for sample in samples:
            self._marks.setdefault(same_text(sample.answer), set()).add(sample.gold)
        answers = [sample.answer for sample in samples]
        self._kinds = (Features(stems_and_pairs, answers, least=1), Features(_pieces, answers, least=2))
        given = np.array([[float(sample.gold == mark) for mark in MARKS] for sample in samples])
        self._base = given.mean(axis=0)
        alike = sum((kind.known @ kind.known.T).toarray() for kind in self._kinds)
        with threadpool_limits(1, "blas"):  # several threads take up to 100 times as long where cores are busy
            ridge = KernelRidge(alpha=PENALTY, kernel="precomputed").fit(alike, given - self._base)
        self._weights = [kind.known.T @ ridge.dual_coef_ for kind in self._kinds]

    def scores(self, answer: str) -> NDArray[np.float64]:
        """The (marks,) scores of an answer: about 1 for its mark and 0 for the others."""
        parts = (kind.weighted(answer, weights) for kind, weights in zip(self._kinds, self._weights, strict=True))
        scores: NDArray[np.float64] = self._base + sum(parts)
        return scores

    def known_mark(self, answer: str) -> Decimal | None:
        """The mark of a sample with the same text; None without one, or with several marks."""
        marks = self._marks.get(same_text(answer), set())
        return next(iter(marks)) if len(marks) == 1 else None

    def nearest(self, answer: str, count: int) -> list[tuple[float, Sample]]:
        """The samples most alike, with their cosine similarities (0..1); none that has nothing in common."""
        alike = np.mean([kind.weighted(answer, kind.known.T.toarray()) for kind in self._kinds], axis=0)
        best = np.argsort(-alike, kind="stable")[:count]
        return [(float(alike[at]), self.samples[at]) for at in best if alike[at] > 0]

    def deciding_words(self, answer: str, mark: int) -> tuple[tuple[int, int], ...]:
        """The character offsets of the words with the highest weights for the mark with this index."""
        weights, columns = self._weights[0], self._kinds[0].columns
        speaks = weights[:, mark] - np.delete(weights, mark, axis=1).mean(axis=1)
        rated = [
            (float(speaks[at]), word.span())
            for word in WORD.finditer(answer)
            if word.group().lower() not in FUNCTION_WORDS
            and (at := columns.get(stem(word.group().lower()))) is not None
        ]
        most = max((weight for weight, _ in rated), default=0.0)
        return tuple([place for weight, place in rated if most > 0 and weight >= _DECIDING_SHARE * most][:_MOST_WORDS])

    def is_against(self, word: str) -> bool:
        """Whether a deciding word speaks for no marks rather than for full marks."""
        weights = self._weights[0][self._kinds[0].columns[stem(word.lower())]]
        return bool(weights[0] > weights[-1])


_LEAST_TEXTS = 100
"""Samples, of all parts together, from which the pairs in them tell sentences from heaps of words."""


class OtherParts:
    """Tells whether an answer looks like one to another part: naive Bayes over the samples that earn something."""

    def __init__(self, samples: Mapping[str, Sequence[Sample]]) -> None:
        from sklearn.naive_bayes import MultinomialNB

        earning = [(part, sample.answer) for part, listed in samples.items() for sample in listed if sample.gold]
        self._parts: list[str] = sorted({part for part, _ in earning})
        self._knows_pairs = len(earning) >= _LEAST_TEXTS
        if earning:
            self._features = Features(stems_and_pairs, [answer for _, answer in earning], least=2)
        if len(self._parts) > 1:
            bayes = MultinomialNB(alpha=0.05).fit(self._features.known, [part for part, _ in earning])
            self._prior, self._weights = bayes.class_log_prior_, bayes.feature_log_prob_.T

    def known_pairs(self, answer: str) -> float:
        """The share of an answer's pairs of neighbouring stems that samples have: low in a heap of words.

        1 with too few samples, which lack most pairs of any answer.
        """
        pairs = [feature for feature in stems_and_pairs(answer) if " " in feature]
        if not pairs or not self._knows_pairs:
            return 1.0
        return sum(pair in self._features.columns for pair in pairs) / len(pairs)

    def margin(self, part: str, answer: str) -> float:
        """The log-odds of the part against the likeliest other part; 0 if the part has no samples."""
        if part not in self._parts or len(self._parts) < 2:
            return 0.0
        likely = self._prior + self._features.weighted(answer, self._weights)
        at = self._parts.index(part)
        return float(likely[at] - np.delete(likely, at).max())


class Similarity:
    """The models of all parts, each fitted to its samples at its first use."""

    def __init__(self, samples: Mapping[str, Sequence[Sample]]) -> None:
        self.samples = samples
        self._others: OtherParts | None = None
        self._learned: dict[str, PartModel] = {}
        self._lock = threading.Lock()

    def of(self, part: str) -> PartModel | None:
        """The model of ``part``; None when it has too few samples."""
        with self._lock:
            known = self.samples.get(part, ())
            if part not in self._learned and len(known) >= LEAST_SAMPLES:
                self._learned[part] = PartModel(known)
            return self._learned.get(part)

    @property
    def others(self) -> OtherParts:
        """What tells the parts apart."""
        with self._lock:
            if self._others is None:
                self._others = OtherParts(self.samples)
            return self._others


@lru_cache(maxsize=100)
def stems_and_pairs(answer: str) -> tuple[str, ...]:
    """The stems of an answer, then its pairs of neighbouring stems; a negated stem is a separate feature."""
    found, reach = [], 0
    for piece in _PIECE.findall(answer.lower().replace("n't", " not")):
        if not WORD.fullmatch(piece):
            reach = 0
            continue
        root = stem(piece)
        found.append(f"{_DENIED}{root}" if reach else root)
        reach = _REACH if root in NEGATORS else max(0, reach - 1)
    return (*found, *(f"{first} {second}" for first, second in pairwise(found)))


def _pieces(answer: str) -> list[str]:
    """The parts of words of an answer, with the space before and after each word."""
    return [piece for word in answer.lower().split() for piece in _pieces_of(word)]


@lru_cache(maxsize=20_000)
def _pieces_of(word: str) -> tuple[str, ...]:
    """The parts of a word; a shorter word is one part."""
    padded = f" {word} "
    return tuple(
        padded[start : start + length]
        for length in _LENGTHS
        if length <= len(padded) or length == _LENGTHS[0]
        for start in range(max(1, len(padded) - length + 1))
    )
