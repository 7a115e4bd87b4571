"""Finds the ideas of the key that an answer states or denies, and the words that do so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from grader.answers.marker import negation, tokens
from grader.answers.marker.key_parts import Idea, ProsePart
from grader.answers.marker.patterns import Hit, all_hits
from grader.answers.marker.topics import Topics

_CLAUSE_STARTS = frozenset((tokens.BREAK, tokens.PAUSE, "and", "but", "becaus", "which", "so", "while", "though"))
_END = tokens.Token(tokens.BREAK, 0, 0)


@dataclass(frozen=True)
class Found:
    """The ideas that an answer states and the ideas that it denies, by name; ``hits`` are their words.

    ``opposing`` are the hits that count against the answer: they state an idea that costs, or deny one that earns.

    ``is_certain``: some of the earning words stand in a clause without a negation that may deny them.
    ``read`` has the numbers of all tokens of ideas and asides. ``base`` (0, 0.5 or 1) is what the stated ideas earn by
    the key's conditions before anything is taken off.
    """

    reading: tokens.Reading
    stated: dict[str, Idea]
    denied: dict[str, Idea]
    hits: tuple[Hit, ...]
    opposing: tuple[Hit, ...]
    read: frozenset[int]
    base: Decimal
    is_certain: bool

    @property
    def earning(self) -> tuple[Idea, ...]:
        """The stated ideas that earn something."""
        return tuple(idea for idea in self.stated.values() if not idea.costs)

    @property
    def wrong(self) -> tuple[Idea, ...]:
        """The stated ideas that cost something, in the order of the key."""
        return tuple(idea for idea in self.stated.values() if idea.costs)

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """The character offsets of the words that counted, in order and joined where they overlap."""
        return self._places_of(self.hits)

    @property
    def against(self) -> tuple[tuple[int, int], ...]:
        """The same of the words that counted against the answer."""
        return self._places_of(self.opposing)

    def _places_of(self, hits: Iterable[Hit]) -> tuple[tuple[int, int], ...]:
        placed = self.reading.tokens
        places = sorted((placed[first].start, placed[last].end) for hit in hits for first, last in hit.groups)
        joined: list[tuple[int, int]] = []
        for start, end in places:
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((start, end))
        return tuple(joined)

    def words_of(self, idea: Idea, text: str) -> str:
        """The words of ``text`` that state an idea; empty if they don't."""
        own = set(all_hits((*idea.patterns, *idea.opposite), self.reading))
        return next((words_in(hit, self.reading, text) for hit in self.hits if hit in own), "")

    @property
    def longest_unread_clause(self) -> int:
        """The number of words in the longest clause without a word that counted: it may say anything."""
        longest, words, is_read = 0, 0, False
        for place, token in enumerate((*self.reading.tokens, _END)):
            if token.stem in _CLAUSE_STARTS:
                longest = longest if is_read else max(longest, words)
                words, is_read = 0, False
            else:
                words += 1
                is_read = is_read or place in self.read
        return longest


def words_in(hit: Hit, reading: tokens.Reading, text: str) -> str:
    """The words of ``text`` that a pattern found."""
    placed = reading.tokens
    return " ... ".join(text[placed[first].start : placed[last].end] for first, last in sorted(hit.groups))


def find_ideas(asked: ProsePart, reading: tokens.Reading) -> Found:
    """The ideas of the part in an answer's tokens."""
    stated: dict[str, Idea] = {}
    denied: dict[str, Idea] = {}
    hits: list[Hit] = []
    opposing: list[Hit] = []
    topics = Topics(asked.topics, reading)
    is_certain = False
    for idea in (*asked.ideas, *asked.wrong):
        stating = all_hits(idea.patterns, reading)
        taking_back = map(topics.clauses_of, all_hits(idea.unless if stating else (), reading))
        taken_back = {clauses[0] for clauses in taking_back if len(clauses) == 1}
        for hit in stating:
            if not taken_back.isdisjoint(topics.clauses_of(hit)):
                continue
            if idea.about and not topics.is_about(hit, idea.about, is_earning=not idea.costs):
                continue
            is_denied = idea.is_deniable and (topics.is_denied(hit) if idea.about else _is_denied(reading, idea, hit))
            is_certain = is_certain or not (idea.costs or is_denied or _may_be_denied(reading, idea, hit))
            (denied if is_denied else stated).setdefault(idea.name, idea)
            hits.append(hit)
            opposing += [hit] if is_denied != bool(idea.costs) else []
        for hit in all_hits(idea.opposite, reading):
            if topics.is_denied(hit) and (not idea.about or topics.topic(hit.last) == idea.about):
                stated.setdefault(idea.name, idea)
                hits.append(hit)
                opposing += [hit] if idea.costs else []
                is_certain = True
    asides = all_hits(asked.asides, reading)
    return Found(
        reading,
        stated,
        {name: idea for name, idea in denied.items() if name not in stated},
        tuple(hits),
        tuple(opposing),
        _places([*hits, *asides]),
        asked.base(stated),
        is_certain,
    )


def _places(hits: Iterable[Hit]) -> frozenset[int]:
    return frozenset(place for hit in hits for first, last in hit.groups for place in range(first, last + 1))


def _may_be_denied(reading: tokens.Reading, idea: Idea, hit: Hit) -> bool:
    """Whether a negation in the clause may turn round the idea. In patterns that cannot be denied it is often meant."""
    only_after = not idea.is_deniable
    return not idea.about and negation.shares_clause_with_negation(reading, hit.first, hit.last, only_after=only_after)


def _is_denied(reading: tokens.Reading, idea: Idea, hit: Hit) -> bool:
    """Whether a negation precedes the words. "Not just X" states a right idea and denies a wrong one."""
    if idea.costs:
        return negation.is_denied(reading, hit.first, unless_followed=frozenset())
    return negation.is_denied(reading, hit.first)
