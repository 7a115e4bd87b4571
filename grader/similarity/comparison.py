"""Weighs what works share by how rare it is, and finds the pairs that share more than an honest cohort would.

**Weight.** Given that one student has a thing, another one who worked alone has it with the probability p with which
everybody else has it: with n works and m samples of the part, of which k works and s samples have it, p is (k - 1 + s)
/ (n - 1 + m). Sharing it says -log2 p bits (Shannon's information). The words of a passage count once each.

**Sources.** The answer to a part or the code can be taken as a whole from a book or the web, all accuracies come from
one seed, and all seconds from one kind of machine. So a source says at most the largest b for which its things of at
least b bits each have b bits together, however many they are.

**Surprise.** Honest students share things too. So how rare the bits of a source are among the honest is read off the
cohort's own pairs, nearly all of which are honest. Above a high quantile they fall off exponentially (peaks over a
threshold; Pickands 1975). Two quantiles give the slope; the few pairs with something to hide lie above both and move
neither. The surprise is -log2 of the share of pairs with such bits, and never more than the bits. Only what exceeds
-log2 ``COMMON`` counts, so that many small coincidences add up to nothing (after the truncated product method; Zaykin
et al. 2002). A pair's score is the sum over its sources.

**Line.** The same law for the scores gives the line: the score that the strongest of all pairs exceeds with the
probability ``CHANCE`` if all are honest. It is at least what two sources can say, each shared by two works only.

**Order.** Many copies are of the code or the table alone. So for the order, the rare things of these are summed,
up to ``LONGER`` times what counts for the line.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grader.similarity.things import CODE, Kind, Thing, Things, Work, phrases

Bits = npt.NDArray[np.float64]

CHANCE = 0.05
"""The probability that a cohort in which all are honest has any pair above the line."""
UPPER, LOWER = 0.01, 0.1
"""Shares of the pairs above the two quantiles that give the slope. Both are well above the share of copies: twenty
copies are 0.04 % of the pairs of 300 students."""
COMMON = 0.05
"""Share of the pairs that may share so much of a source, and of the works that may have a thing of the code or the
table, before it counts."""
STEPS = 4
"""Steps in a bit to which the rarity of a thing is rounded up."""
LONGER = 5
"""How many answers a long copy of code or figures is worth in the order of the pairs."""
LONG = frozenset({CODE, Kind.ACCURACY.value, Kind.SECONDS.value})
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
    """Two works by their places in the cohort, and the bits that count for the line. ``is_above`` the line."""

    first: int
    second: int
    bits: float
    is_above: bool
    shared: tuple[Shared, ...]
    """What they share, the most telling first."""


@dataclass(frozen=True)
class Comparison:
    """A cohort compared: the strongest pairs in their order, and groups of works that pairs above the line connect.

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
    """The ``most`` strongest pairs that share anything, and all others above the line.

    ``background`` are sample answers by part; the contents in ``given`` are from what students were given or told.
    """
    kept = [{thing: spans for thing, spans in work.things.items() if thing.content not in given} for work in works]
    weights = _weights(kept, background)
    rows, columns = np.triu_indices(len(works), 1)
    has_bulk = len(works) >= LEAST_WORKS
    order, bits = np.zeros(len(rows)), np.zeros(len(rows))
    for name, source in _sources(kept, weights):
        summed, capped = (_counted(of[rows, columns], has_bulk) for of in (source.summed, source.capped))
        bits += capped
        order += np.maximum(capped, np.minimum(summed, LONGER * capped)) if name in LONG else capped
    line = _line(bits, len(works)) if has_bulk else None
    is_above = np.zeros(len(bits), bool) if line is None else bits > line
    pairs = []
    for rank, at in enumerate(np.argsort(-order, kind="stable")):
        if rank >= most and not is_above[at]:
            continue
        if order[at] <= 0:
            break
        first, second = int(rows[at]), int(columns[at])
        shared = [
            Shared(thing, weights[thing][0], weights[thing][1])
            for thing in kept[first].keys() & kept[second].keys()
            if weights[thing][0] > 0
        ]
        shared.sort(key=lambda entry: (-entry.bits, entry.thing.place, entry.thing.content))
        pairs.append(Pair(first, second, float(bits[at]), bool(is_above[at]), tuple(shared)))
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


@dataclass(frozen=True)
class _Source:
    """What each pair shares of a source, in bits (works, works)."""

    summed: Bits
    """The sum of what things say beyond those that ``COMMON`` of the works have; the plain sum of seconds."""
    capped: Bits
    """At most what the rarity allows."""


def _sources(kept: Sequence[Things], weights: Mapping[Thing, tuple[float, int]]) -> Iterator[tuple[str, _Source]]:
    """The sources of which two works have something. Things with the same holders are added at once, to save time."""
    holders: defaultdict[Thing, list[int]] = defaultdict(list)
    for number, things in enumerate(kept):
        for thing in things.keys() & weights.keys():
            holders[thing].append(number)
    together: defaultdict[str, defaultdict[tuple[float, tuple[int, ...]], float]]
    together = defaultdict(lambda: defaultdict(float))
    rare: defaultdict[str, defaultdict[tuple[int, ...], float]] = defaultdict(lambda: defaultdict(float))
    for thing, numbers in holders.items():
        bits = weights[thing][0]
        rarity = math.ceil(bits * thing.length * STEPS) / STEPS
        together[thing.source][rarity, tuple(numbers)] += bits
        if rarity > -math.log2(COMMON):
            rare[thing.source][tuple(numbers)] += bits + math.log2(COMMON) / thing.length
    for source, found in together.items():
        sums, capped, beyond = (np.zeros((len(kept), len(kept))) for _ in range(3))
        for same, bits in rare[source].items():
            beyond[np.ix_(same, same)] += bits
        by_rarity = sorted(found.items(), key=lambda entry: -entry[0][0])
        for rarity, entries in itertools.groupby(by_rarity, key=lambda entry: entry[0][0]):
            for (_, same), bits in entries:
                sums[np.ix_(same, same)] += bits
            np.maximum(capped, np.minimum(sums, rarity), out=capped)
        yield source, _Source(sums if source == Kind.SECONDS.value else beyond, capped)


@dataclass(frozen=True)
class _Tail:
    """The law of the largest values: the share ``below`` of them exceeds ``low``, and half as many per ``slope``."""

    low: float
    below: float
    slope: float

    @classmethod
    def of(cls, values: Bits, least: float = 1.0) -> _Tail:
        """The law that two quantiles give. A slope of 1 at least means that a bit never says more than a bit."""
        above = max(UPPER, LEAST_ABOVE / len(values))
        below = min(0.5, max(LOWER, 4 * above))
        high, low = (float(value) for value in np.quantile(values, [1 - above, 1 - below]))
        return cls(low, below, max(least, (high - low) / math.log2(below / above)))


def _surprise(sums: Bits) -> Bits:
    """-log2 of the share of pairs with at least such a sum, by the law of the tail above its lower quantile."""
    tail = _Tail.of(sums)
    ranks = np.searchsorted(np.sort(sums), sums, side="left")
    in_bulk = -np.log2(1 - ranks / len(sums))
    in_tail = -math.log2(tail.below) + (sums - tail.low) / tail.slope
    return np.minimum(sums, np.where(sums > tail.low, in_tail, in_bulk))


def _counted(values: Bits, has_bulk: bool) -> Bits:
    """The surprise of a source beyond what ``COMMON`` of the pairs have; the bits without a bulk of pairs."""
    return np.maximum(0.0, _surprise(values) + math.log2(COMMON)) if has_bulk else values


def _line(scores: Bits, works: int) -> float:
    """The line of a cohort with these scores of all its pairs."""
    tail, wanted = _Tail.of(scores, least=0.0), math.log2(len(scores) / CHANCE)
    two_sources = 2 * math.log2((works - 1) * COMMON)
    return max(two_sources, tail.low + tail.slope * (wanted + math.log2(tail.below)))


def _groups(pairs: Iterable[Pair]) -> tuple[tuple[int, ...], ...]:
    """The sets of works that pairs above the line connect, the largest first."""
    group_of: dict[int, set[int]] = {}
    for pair in pairs:
        if pair.is_above:
            joined = group_of.get(pair.first, {pair.first}) | group_of.get(pair.second, {pair.second})
            group_of |= dict.fromkeys(joined, joined)
    distinct = {id(group): tuple(sorted(group)) for group in group_of.values()}
    return tuple(sorted(distinct.values(), key=lambda group: (-len(group), group)))
