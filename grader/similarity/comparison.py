"""Weighs what works share by how rare it is, and finds the pairs that share more than an honest cohort would.

**Weight.** Given that one student has a thing, another one who worked alone has it with the probability p with which
everybody else has it: with n works and m samples of the part, of which k works and s samples have it, p is (k - 1 + s)
/ (n - 1 + m). Sharing it says -log2 p bits (Shannon's information). The bits of a strand (the answers, the code, the
network, the experiment) are summed; the words of a passage count once each.

**Surprise.** Honest students share things too, because they sit in the same lectures and use the same libraries, and
these things hang together. So how rare a sum is among the honest is not computed from p, but read off the cohort's own
pairs, nearly all of which are honest. Above a high quantile, sums fall off exponentially (the method of peaks over a
threshold, with the exponential law; Pickands 1975). Two quantiles give the slope; the few pairs with something to hide
lie above both and move neither. The surprise is -log2 of the share of honest pairs with such a sum, and never more than
the sum itself. A pair's score is the sum of its surprises over the strands (Fisher's combination of tests).

**Line.** The same law for the scores gives the line: the score that the strongest of all pairs exceeds with the
probability ``CHANCE`` if all are honest. It is at least log2(pairs / CHANCE), which one strand alone must reach.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grader.similarity.things import Kind, Strand, Thing, Things, Work, phrases

Bits = npt.NDArray[np.float64]

CHANCE = 0.05
"""The probability that a cohort in which all are honest has any pair above the line."""
UPPER, LOWER = 0.01, 0.1
"""Shares of the pairs above the two quantiles that give the slope. Both are well above the share of copies: twenty
copies are 0.04 % of the pairs of 300 students."""
LEAST_ABOVE = 10
"""Pairs above the upper quantile, so that a few copies in a small cohort do not move it."""
LEAST_WORKS = 15
"""Works from which there are surprises and a line; the pairs of fewer, about a hundred, have no bulk to compare with.
Their score is the bits that they share."""


@dataclass(frozen=True)
class Shared:
    """A thing that both works of a pair have, with the bits that it says, and the number of works that have it."""

    thing: Thing
    bits: float
    holders: int


@dataclass(frozen=True)
class Pair:
    """Two works by their places in the cohort, and the bits that what they share says. ``is_above`` the line."""

    first: int
    second: int
    bits: float
    is_above: bool
    shared: tuple[Shared, ...]
    """What they share, the most telling first."""


@dataclass(frozen=True)
class Comparison:
    """A cohort compared: the strongest pairs, and groups of works that pairs above the line connect.

    ``line`` is in bits; None if the cohort is too small for one.
    """

    works: tuple[Work, ...]
    line: float | None
    pairs: tuple[Pair, ...]
    groups: tuple[tuple[int, ...], ...]


def compare(
    works: Sequence[Work],
    *,
    background: Mapping[str, Sequence[str]],
    given: frozenset[tuple[str, ...]],
    most: int = 25,
) -> Comparison:
    """The pairs above the line, and at least the ``most`` strongest pairs that share anything.

    ``background`` are sample answers by part; the contents in ``given`` are from what students were given or told.
    """
    kept = [{thing: spans for thing, spans in work.things.items() if thing.content not in given} for work in works]
    weights = _weights(kept, background)
    rows, columns = np.triu_indices(len(works), 1)
    strands = [_sums(kept, weights, strand)[rows, columns] for strand in Strand]
    has_bulk = len(works) >= LEAST_WORKS
    bits = np.sum([_surprise(sums) if has_bulk else sums for sums in strands], axis=0)
    line = _line(bits) if has_bulk else None
    count = max(most, int((bits > line).sum()) if line is not None else 0)
    pairs = []
    for at in np.argsort(-bits, kind="stable")[:count]:
        if bits[at] <= 0:
            break
        first, second = int(rows[at]), int(columns[at])
        shared = [
            Shared(thing, weights[thing][0], weights[thing][1])
            for thing in kept[first].keys() & kept[second].keys()
            if weights[thing][0] > 0
        ]
        shared.sort(key=lambda entry: (-entry.bits, entry.thing.place, entry.thing.content))
        pairs.append(Pair(first, second, float(bits[at]), line is not None and bool(bits[at] > line), tuple(shared)))
    return Comparison(tuple(works), line, tuple(pairs), _groups(pairs))


def _weights(kept: Sequence[Things], background: Mapping[str, Sequence[str]]) -> dict[Thing, tuple[float, int]]:
    """For each thing of two works or more: the bits that sharing it says, and how many works have it."""
    holders = Counter(thing for things in kept for thing in things)
    sampled: Counter[Thing] = Counter()
    words: Counter[tuple[str, str]] = Counter()
    for part, answers in background.items():
        for answer in answers:
            sampled.update(phrases(answer, part).keys())
            words.update({(part, word) for thing in phrases(answer, part) for word in thing.content})
    weights = {}
    for thing, count in holders.items():
        if count < 2:
            continue
        is_written = thing.kind in (Kind.WORDING, Kind.SPELLING)
        total = len(kept) - 1 + (len(background.get(thing.place, ())) if is_written else 0)
        having = count - 1
        if thing.kind is Kind.WORDING:
            having += sampled[thing]
        elif thing.kind is Kind.SPELLING:
            having += words[thing.place, thing.content[0]]
        weights[thing] = (max(0.0, -math.log2(having / total)) / thing.length, count)
    return weights


def _sums(kept: Sequence[Things], weights: Mapping[Thing, tuple[float, int]], strand: Strand) -> Bits:
    """The bits of each pair in a strand. Things with the same holders are added at once, which saves most of the time.

    Returns a symmetric matrix (works, works).
    """
    holders: defaultdict[Thing, list[int]] = defaultdict(list)
    for number, things in enumerate(kept):
        for thing in things:
            if thing.kind.strand is strand and thing in weights:
                holders[thing].append(number)
    together: defaultdict[tuple[int, ...], float] = defaultdict(float)
    for thing, numbers in holders.items():
        together[tuple(numbers)] += weights[thing][0]
    sums = np.zeros((len(kept), len(kept)))
    for same, bits in together.items():
        sums[np.ix_(same, same)] += bits
    return sums


@dataclass(frozen=True)
class _Tail:
    """The law of the largest values: the share ``below`` of them exceeds ``low``, and half as many per ``slope``."""

    low: float
    below: float
    slope: float

    @classmethod
    def of(cls, values: Bits) -> _Tail:
        """The law that two quantiles give. A slope is at least 1: a bit of information never says more than a bit."""
        above = max(UPPER, LEAST_ABOVE / len(values))
        below = min(0.5, max(LOWER, 4 * above))
        high, low = (float(value) for value in np.quantile(values, [1 - above, 1 - below]))
        return cls(low, below, max(1.0, (high - low) / math.log2(below / above)))


def _surprise(sums: Bits) -> Bits:
    """-log2 of the share of pairs with at least such a sum, by the law of the tail above its lower quantile."""
    tail = _Tail.of(sums)
    ranks = np.searchsorted(np.sort(sums), sums, side="left")
    in_bulk = -np.log2(1 - ranks / len(sums))
    in_tail = -math.log2(tail.below) + (sums - tail.low) / tail.slope
    return np.minimum(sums, np.where(sums > tail.low, in_tail, in_bulk))


def _line(scores: Bits) -> float:
    """The line of a cohort with these scores of all its pairs."""
    tail, wanted = _Tail.of(scores), math.log2(len(scores) / CHANCE)
    return max(wanted, tail.low + tail.slope * (wanted + math.log2(tail.below)))


def _groups(pairs: Iterable[Pair]) -> tuple[tuple[int, ...], ...]:
    """The sets of works that pairs above the line connect, the largest first."""
    group_of: dict[int, set[int]] = {}
    for pair in pairs:
        if pair.is_above:
            joined = group_of.get(pair.first, {pair.first}) | group_of.get(pair.second, {pair.second})
            group_of |= dict.fromkeys(joined, joined)
    distinct = {id(group): tuple(sorted(group)) for group in group_of.values()}
    return tuple(sorted(distinct.values(), key=lambda group: (-len(group), group)))
