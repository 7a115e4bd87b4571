"""What is known about an answer before it gets a mark: the ideas found in it, and its likeness to the samples.

The signals mean the same for every question, so how far each can be trusted is learned from the answers to all
questions together (:mod:`grader.answers.marker.trust`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from grader.answers.marker import negation
from grader.answers.marker.ideas import Found
from grader.answers.marker.key_parts import FULL, HALF, ProsePart
from grader.answers.marker.samples import MARKS
from grader.answers.marker.similarity import WORD, OtherParts, Similarity

_LOOSE_PAIRS, _LOOSE_WORDS = 0.5, 0.2
"""Below these shares of known pairs and of function words, words do not make a sentence."""
_SHORTEST_HEAP = 5
"""Words; a terse answer has fewer."""


class Signals(NamedTuple):
    """The signals of one answer. Counts are cut off where more makes no difference."""

    none_score: float
    """Scores of the three marks by likeness to the part's samples."""
    half_score: float
    full_score: float
    margin: float
    """Log-odds that it answers this part and no other."""
    earns_full: float
    """By the ideas and the conditions of the key, as in the next one."""
    earns_half: float
    costs_all: float
    """States an idea that costs the whole mark."""
    costs_half: float
    denies_right: float
    denies_wrong: float
    may_be_denied: float
    """All that it states stands in clauses with a negation."""
    ideas: float
    """The number of ideas that it states."""
    read_share: float
    """Share of the words that belong to an idea or an aside."""
    unread_clause: float
    """Words of the longest clause without any of them."""
    topic_words: float
    words: float
    """The logarithm of their number plus one."""
    sentences: float
    commas: float
    function_words: float
    """Share of the words; low in a list of keywords."""
    negations: float
    hedges: float
    is_open: float
    """Whether it offers alternatives without choosing."""
    is_list: float
    known_pairs: float
    """Share of the pairs of words that samples have."""

    @property
    def is_heap(self) -> bool:
        """Whether it is a heap of words rather than a sentence, which must not earn anything by its words alone."""
        is_loose = self.known_pairs < _LOOSE_PAIRS and self.function_words < _LOOSE_WORDS
        return bool(self.is_list) or (is_loose and self.words >= math.log1p(_SHORTEST_HEAP))


def signals_of(
    asked: ProsePart, text: str, found: Found, similarity: Similarity, others: OtherParts | None = None
) -> Signals:
    """The signals of an answer to ``asked``; ``text`` and ``found`` are without what does not belong to it.

    ``others`` tells the parts apart, if it is not that of ``similarity``.
    """
    reading = found.reading
    stems = [token.stem for token in reading.tokens]
    words = WORD.findall(text.lower())
    model = similarity.of(asked.part)
    none, half, full = model.scores(text).tolist() if model else [1 / len(MARKS)] * len(MARKS)
    return Signals(
        none_score=none,
        half_score=half,
        full_score=full,
        margin=(others or similarity.others).margin(asked.part, text),
        earns_full=found.base == FULL,
        earns_half=found.base == HALF,
        costs_all=any(idea.costs == FULL for idea in found.wrong),
        costs_half=any(idea.costs == HALF for idea in found.wrong),
        denies_right=any(not idea.costs for idea in found.denied.values()),
        denies_wrong=any(idea.costs for idea in found.denied.values()),
        may_be_denied=bool(found.base) and not found.is_certain,
        ideas=min(5, len(found.earning)),
        read_share=len(found.read) / max(1, len(stems)),
        unread_clause=min(15, found.longest_unread_clause),
        topic_words=min(8, sum(stem in asked.vocabulary for stem in stems)),
        words=math.log1p(len(words)),
        sentences=min(6, sum(1 for _ in reading.sentences())),
        commas=min(8, text.count(",")),
        function_words=sum(word in negation.FUNCTION_WORDS for word in words) / max(1, len(words)),
        negations=min(4, sum(stem in negation.NEGATORS for stem in stems)),
        hedges=negation.has_hedge(reading),
        is_open=negation.leaves_open(reading),
        known_pairs=(others or similarity.others).known_pairs(text),
        is_list=negation.is_list_of_words(text, reading),
    )
