"""Assigns the clauses of an answer to the topics that the key compares, and finds the clauses that deny.

Topics are the key's, such as deep and shallow learning. What a clause about a topic earns or costs is decided in
:mod:`grader.answers.marker.answer_marking`.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from grader.answers.marker import negation, tokens
from grader.answers.marker.patterns import Hit, Pattern, all_hits

RELATIVE = ("which", "where", "that")
"""Words that start a clause about the thing just named."""
TURNING = ("wherea", "while", "whilst")
"""Words that start a clause about the other of two topics."""


class Topics:
    """The topic that each token of an answer is about, clause by clause."""

    def __init__(self, topics: tuple[tuple[str, tuple[Pattern, ...]], ...], reading: tokens.Reading) -> None:
        self.stems = [token.stem for token in reading.tokens]
        self.clauses = reading.clauses()
        self.starts = [first for first, _ in self.clauses]
        self.breaks = [0, *accumulate(stem == tokens.BREAK for stem in self.stems)]
        """How many sentences end before each token."""
        self.names = [name for name, _ in topics]
        self.named = [
            (place, name)
            for name, patterns in topics
            for place in sorted({hit.first for hit in all_hits(patterns, reading)})
        ]

    def clause(self, place: int) -> int:
        """The number of the clause that contains a token."""
        return max(0, bisect_right(self.starts, place) - 1)

    def clauses_of(self, hit: Hit) -> range:
        """The numbers of the clauses from the first to the last of the words."""
        return range(self.clause(hit.first), self.clause(hit.last) + 1)

    def is_about(self, hit: Hit, wanted: str, *, is_earning: bool) -> bool:
        """Whether the words are about the topic ``wanted``. Words about no topic may earn, but cost nothing."""
        topic = self.topic(hit.last)
        return topic == wanted or (topic is None and is_earning)

    def topic(self, place: int) -> str | None:
        """The topic named nearest in the clause, else before it, else after it; None when the answer names none.

        A clause with "whereas" that names no topic is about the other of two topics; words after "rather than" that
        name no topic are about nothing (an empty name).
        """
        here = self.clause(place)
        inside = [(abs(at - place), name) for at, name in self.named if self.clause(at) == here]
        if inside:
            return min(inside)[1]
        if self.is_contrast(here):
            return ""
        opening = self.stems[self.clauses[here][0]]
        others = [(at, name) for at, name in self.named if opening in RELATIVE or not self.is_contrast(self.clause(at))]
        before = [(place - at, name) for at, name in others if at < place]
        after = [(at - place, name) for at, name in others if at > place]
        before_here = self._in_sentence(before, place, -1)
        near = before_here or self._in_sentence(after, place, 1) or before
        if near and near is before_here and opening in TURNING:
            return next((name for name in self.names if name != min(near)[1]), None)
        return min(near)[1] if near else None

    def _in_sentence(self, found: list[tuple[int, str]], place: int, step: int) -> list[tuple[int, str]]:
        return [(far, name) for far, name in found if self.breaks[place] == self.breaks[place + step * far]]

    def is_contrast(self, clause: int) -> bool:
        """Whether the clause starts with "rather than" or a similar contrast."""
        first, end = self.clauses[clause]
        return negation.is_contrast(self.stems[first], self.stems[first + 1] if first + 1 < end else "")

    def is_denied(self, hit: Hit) -> bool:
        """Whether there is a negation in the clause of the words."""
        return any(
            self.stems[place] in negation.DENYING and not negation.NOT_ONLY & set(self.stems[place + 1 : place + 2])
            for first, end in [self.clauses[self.clause(hit.first)]]
            for place in range(first, end)
        )
