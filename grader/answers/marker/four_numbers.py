"""Chooses the four numbers that an answer means, from every way in which it can be read.

Each way gives a candidate with a weight (0..1) for how plausible it is. The heaviest wins; the confidence falls with
the weight of the best candidate that would earn another mark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from grader.answers.marker.arithmetic import Item, Span, items
from grader.answers.marker.grid_places import in_places, places
from grader.answers.marker.negation import FUNCTION_WORDS, NEGATORS
from grader.answers.marker.number_labels import is_chain, without_labels
from grader.answers.marker.number_tokens import UNLIKELY, Notation, notations
from grader.answers.marker.tokens import stem

Values = tuple[Fraction | None, ...]
COUNT = 4
CERTAIN = 0.95
TAKEN_FROM = ("of", "from", "among", "between")
CORRECTIONS = NEGATORS | frozenset(map(stem, ["wait", "sorry", "actually", "correction", "instead", "or"]))
"""Words after which an answer may give other values than before."""


@dataclass(frozen=True)
class Reading:
    """The numbers in order (None: not given), the confidence, and their offsets in the text.

    There are four numbers; or nine, where the answer has a grid of nine.
    """

    values: Values
    confidence: float
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """One way to read the answer; ``is_unlikely`` unless all its values are right."""

    values: Values
    weight: float
    spans: tuple[Span, ...] = ()
    is_placed: bool = False
    is_unlikely: bool = False


def read_numbers(text: str, wanted: Sequence[Fraction], slips: Iterable[Values] = ()) -> Reading:
    """The numbers of an answer. Of two lists of four, one that is a known slip is less likely the answer.

    ``wanted`` also decides how much two readings differ: only by the mark that they would earn.
    """
    known = set(slips)
    found = [
        replace(way, weight=way.weight * weight, is_unlikely=way.is_unlikely or weight <= UNLIKELY)
        for notation, weight in notations(text, may_have_decimals=any(value.denominator > 1 for value in wanted))
        for way in _ways(items(text, notation), known)
    ]
    if not found:
        return Reading((None,) * COUNT, 0.4 if any(letter.isdigit() for letter in text) else 0.65)
    found = [_favoured(way, wanted) for way in found]
    best = max(found, key=lambda way: (way.weight, _right(way.values, wanted)))
    rival = max((way.weight for way in found if _right(way.values, wanted) != _right(best.values, wanted)), default=0.0)
    sure = CERTAIN * best.weight / (best.weight + rival)
    if not any(way.is_placed for way in found) and len(places(items(text, Notation()))) >= COUNT:
        sure = min(sure, 0.55)  # the places that are named don't fit the values
    return Reading(best.values, min(sure, _most(best, text, wanted)), best.spans)


def _most(best: Candidate, text: str, wanted: Sequence[Fraction]) -> float:
    """The confidence that a reading has at most: less with fewer than four values, or values that may be corrected."""
    given = [value for value in best.values if value is not None]
    if best.weight <= UNLIKELY or _is_corrected(items(text, Notation())):
        return 0.4
    if len(given) < COUNT and None not in best.values[: len(given)]:
        if len(given) == 1 and (len(text.split()) < 4 or (given[0] not in wanted and text.isascii())):
            return 0.7
        if _most_in_order(given, wanted) > _right(best.values, wanted):
            return 0.55  # the missing one is not the last
        return 0.75 if len(given) > 1 else 0.5
    return CERTAIN


def _most_in_order(given: Sequence[Fraction], wanted: Sequence[Fraction]) -> int:
    """The most values that are right if some are left out (the longest common subsequence)."""
    best = [0] * (len(wanted) + 1)
    for value in given:
        before = best
        best = [0]
        for number, right in enumerate(wanted):
            best.append(before[number] + 1 if value == right else max(best[number], before[number + 1]))
    return best[-1]


def _is_corrected(read: Sequence[Item]) -> bool:
    """Whether a word such as "or" or "no" stands between two values, with nothing else between it and the second."""
    is_after_value = is_open = False
    for item in read:
        if item.kind == "value":
            if is_open:
                return True
            is_after_value = True
        elif item.kind == "word":
            is_open = is_after_value and stem(item.text) in CORRECTIONS
    return False


def _right(values: Values, wanted: Sequence[Fraction]) -> int:
    return sum(found == value for found, value in zip(values, wanted, strict=False)) if len(values) == COUNT else 0


def _favoured(way: Candidate, wanted: Sequence[Fraction]) -> Candidate:
    """An unlikely reading whose values are all right is hardly an accident."""
    given = [value for value in way.values if value is not None]
    is_right = way.is_unlikely and len(given) > 1 and _right(way.values, wanted) == len(given)
    return replace(way, weight=min(0.7, way.weight * 4)) if is_right else way


def _ways(read: list[Item], slips: set[Values]) -> Iterator[Candidate]:
    """The candidates of one notation."""
    values = [item for item in read if item.kind == "value"]
    if not values:
        return
    where = in_places(read)
    is_placed = where is not None and None not in where[0]
    if where:
        yield Candidate(where[0], 1.0 if is_placed else 0.6, where[1], is_placed=True)
    for way in _in_order(read, values, slips):
        yield replace(way, weight=way.weight * 0.4) if is_placed else way


def _in_order(read: list[Item], values: list[Item], slips: set[Values]) -> Iterator[Candidate]:
    """The candidates of one notation without named places."""
    yield from _four([item for item in values if item.is_result], 1.0)
    least = min(item.depth for item in values)
    yield from _four([item for item in values if item.depth == least], 0.95)
    yield from _four(without_labels(read, COUNT), 0.95)
    yield from _four(_doubled(read), 0.85)
    for step in (1, -1):
        yield from (replace(way, is_unlikely=True) for way in _four(_without_counts(read, step), 0.2))
    yield from _four(_of_lines(read, -1), 0.85)
    first = _of_lines(read, 0)
    yield from _four(first, 0.1 if is_chain([item.value for item in first]) else 0.55)
    yield from _of_runs(read, least, slips)
    sizes = [len(run) for run, _ in _runs(read)]
    yield from _four(values, 0.6 if sizes in ([1, 3], [3, 1]) else 0.9)
    if len(values) == 1 and len(values[0].arguments) == COUNT:
        yield Candidate(values[0].arguments, 0.9, (values[0].span,))
    elif len(values) < COUNT:
        yield Candidate(_padded(values), 0.3, _spans(values), is_unlikely=True)
        yield from _digits(values)
    elif len(values) > COUNT:
        yield Candidate((None,) * COUNT, 0.1, _spans(values))


def _four(values: Sequence[Item], weight: float) -> Iterator[Candidate]:
    if len(values) == COUNT:
        is_odd = any((value.value or 0) < 0 for value in values)  # dashes are more likely than minus signs
        yield Candidate(_padded(values), weight / 3 if is_odd else weight, _spans(values))


def _spans(values: Iterable[Item]) -> tuple[Span, ...]:
    return tuple(value.span for value in values)


def _padded(values: Sequence[Item]) -> Values:
    return tuple([*(item.value for item in values), *[None] * COUNT][:COUNT])


def _runs(read: Sequence[Item]) -> list[tuple[list[Item], bool]]:
    """The values that only commas, line ends and brackets separate, and whether a result is taken from them."""
    runs: list[tuple[list[Item], bool]] = [([], False)]
    before = ""
    for item in read:
        run, is_working = runs[-1]
        if item.kind == "value":
            if not run and len(runs) > 1 and item.is_result:
                runs[-2] = (runs[-2][0], True)
            is_working = before in TAKEN_FROM if not run else is_working or item.is_result
            run.append(item)
            runs[-1] = (run, is_working)
        elif item.kind in ("word", "equals", "stop"):
            before = item.text
            if run:
                runs[-1] = (run, is_working or before == ":")
                runs.append(([], False))
    return [(run, is_working) for run, is_working in runs if run]


def _of_runs(read: Sequence[Item], least: int, slips: set[Values]) -> Iterator[Candidate]:
    runs = _runs(read)
    fours = [(run, is_working) for run, is_working in runs if len(run) == COUNT]
    for number, (run, is_working) in enumerate(fours, start=1):
        is_slip = len(fours) > 1 and _padded(run) in slips
        is_aside = min(item.depth for item in run) > least
        yield from _four(run, 0.3 if is_slip or is_working or is_aside else 1.0 if number == len(fours) else 0.7)
    if not fours:
        yield from _four(_after_colon(read), 0.75)
    pairs = [run for run, _ in runs if len(run) == 2]
    if len(pairs) == 2 and not fours:
        yield from _four([*pairs[0], *pairs[1]], 0.9)
    last = runs[-1][0]
    if len(last) == 20:
        yield from _four(last[16:], 0.8)
    if len(last) == 9:
        yield Candidate(tuple(item.value for item in last), 0.3 if len(runs) > 1 else 0.9, _spans(last))


def _of_lines(read: Sequence[Item], which: Literal[0, -1]) -> list[Item]:
    """The first or last value of each line with several, where a sign other than a comma sets it off, as in a table."""
    chosen: list[Item] = []
    line: list[Item] = []
    for item in [*read, Item("line", "", (0, 0))]:
        if item.kind != "line":
            line.append(item)
            continue
        places = [place for place, part in enumerate(line) if part.kind == "value"]
        if len(places) > 1:
            between = line[places[0] + 1 : places[1]] if which == 0 else line[places[-2] + 1 : places[-1]]
            if any(part.text == "|" or part.kind in ("word", "equals", "stop") for part in between):
                chosen.append(line[places[which]])
        line = []
    return chosen


def _without_counts(read: Sequence[Item], step: int) -> list[Item]:
    """The values without whole numbers directly before (or after, -1) a content word: "4 blocks", "stride 2"."""
    kept = []
    for place, item in enumerate(read):
        beside = read[place + step : place + step + 1] if place + step >= 0 else []
        is_count = (
            item.is_plain and beside and beside[0].kind == "word" and beside[0].text not in FUNCTION_WORDS - {"of"}
        )
        if item.kind == "value" and not is_count:
            kept.append(item)
    return kept


def _after_colon(read: Sequence[Item]) -> list[Item]:
    """The values after the last colon or full stop."""
    last = max((place for place, item in enumerate(read) if item.kind == "stop"), default=0)
    return [item for item in read[last:] if item.kind == "value"]


def _doubled(read: Sequence[Item]) -> list[Item]:
    """The values, where the one beside each "both", "each" or "twice" counts twice."""
    values = [place for place, item in enumerate(read) if item.kind == "value"]
    marks = [place for place, item in enumerate(read) if item.text in ("both", "each", "twice")]
    if not marks or len(values) not in (2, 3):
        return []
    nearest = {
        min(values, key=lambda value: (read[mark].text == "twice" and value > mark, abs(value - mark)))
        for mark in marks
    }
    return [read[place] for place in values for _ in range(2 if place in nearest else 1)]


def _digits(values: Sequence[Item]) -> Iterator[Candidate]:
    """A number of four digits may be four numbers."""
    number = values[0].value
    if len(values) == 1 and values[0].is_plain and number is not None and 10**3 <= number < 10**4:
        yield Candidate(tuple(map(Fraction, str(number))), 0.3, _spans(values), is_unlikely=True)
