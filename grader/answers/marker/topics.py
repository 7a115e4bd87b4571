"""Which of the things that an answer tells apart each of its clauses speaks of, and whether the clause denies.

The topics themselves are the key's. What being about a topic earns or costs is not decided here.
"""

from __future__ import annotations

from grader.answers.marker import tokens
from grader.answers.marker.patterns import Hit, Pattern, all_hits

RELATIVE = ("which", "where", "that")
"""Words that begin a clause about what was named just before."""
TURNING = ("wherea", "while", "whilst")
"""Words that begin a clause about the other of two topics."""


class Topics:
    """Which topic of a part each place of an answer speaks of, clause by clause."""

    def __init__(self, topics: tuple[tuple[str, tuple[Pattern, ...]], ...], reading: tokens.Reading) -> None:
        self.stems = [token.stem for token in reading.tokens]
        self.clauses = reading.clauses()
        self.names = [name for name, _ in topics]
        self.named = [
            (place, name)
            for name, patterns in topics
            for place in sorted({hit.first for hit in all_hits(patterns, reading)})
        ]

    def clause(self, place: int) -> int:
        """The number of the clause that holds a token."""
        return max(0, sum(first <= place for first, _ in self.clauses) - 1)

    def is_in_one_clause(self, hit: Hit) -> bool:
        """Whether no clause ends between the words."""
        return self.clause(hit.first) == self.clause(hit.last)

    def share_a_clause(self, one: Hit, other: Hit) -> bool:
        """Whether the two stand, at least in part, in the same clause."""
        return self.clause(one.first) <= self.clause(other.last) and self.clause(other.first) <= self.clause(one.last)

    def is_about(self, hit: Hit, wanted: str, *, is_earning: bool) -> bool:
        """Whether the words are said of the topic ``wanted``. What names no topic may earn, but costs nothing."""
        topic = self.topic(hit.last)
        return topic == wanted or (topic is None and is_earning)

    def topic(self, place: int) -> str | None:
        """The topic named nearest in the clause, else before it, else later in the answer; None when there is none.

        A clause with "whereas" that names none is about the other topic than the one before; words after "rather
        than" that name none are about nothing (an empty name).
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
        return [
            (far, name)
            for far, name in found
            if tokens.BREAK not in self.stems[min(place, place + step * far) : max(place, place + step * far)]
        ]

    def is_contrast(self, clause: int) -> bool:
        """Whether the clause begins with "rather than" or the like."""
        first, end = self.clauses[clause]
        return tokens.is_contrast(self.stems[first], self.stems[first + 1] if first + 1 < end else "")

    def is_denied(self, hit: Hit) -> bool:
        """Whether a negation stands in the clause of the words."""
        return any(
            self.stems[place] in tokens.DENYING and not tokens.NOT_ONLY & set(self.stems[place + 1 : place + 2])
            for first, end in [self.clauses[self.clause(hit.first)]]
            for place in range(first, end)
        )
