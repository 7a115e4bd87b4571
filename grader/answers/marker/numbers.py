"""Marks an answer in numbers, place by place, and recognises usual slips."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction

from grader.answers.marker.finding import finding
from grader.answers.marker.four_numbers import Values, read_numbers
from grader.answers.marker.key_parts import NumericPart
from grader.model import AnswerFinding

PLACES = ("top left", "top right", "bottom left", "bottom right")
TRANSPOSED = "Rows and columns are swapped: read the blocks row by row."
ROUNDED = "The numbers are rounded; give them exactly."


def mark_numbers(asked: NumericPart, text: str) -> AnswerFinding:
    """The finding on numbers in positions: by the part, a quarter of the mark for each right one, or all or nothing."""
    wanted = tuple(map(Fraction, asked.values))
    slips = {values: say for values, say in _slips(asked) if values != wanted}
    reading = read_numbers(text, wanted, slips)
    values = reading.values
    slip = _slip(values, slips)
    if len(values) != len(wanted):
        return finding(Decimal(0), reading.confidence, slip or asked.missing, reading.spans)
    wrong = [place for place, found, right in zip(PLACES, values, wanted, strict=True) if found != right]
    right = len(wanted) - len(wrong)
    if not wrong:
        message = "All four numbers are right."
    elif not any(value is not None for value in values):
        message = asked.missing
    elif slip:
        message = slip
    elif _is_rounded(values, wanted):
        message = ROUNDED
    else:
        message = f"{right} of 4 numbers are right; look again at {', '.join(wrong)}."
    awarded = Decimal(right) / 4 if asked.is_partial else Decimal(not wrong)
    return finding(awarded, reading.confidence, message, reading.spans)


def _slips(asked: NumericPart) -> Iterator[tuple[Values, str]]:
    """The numbers that usual slips give, with a sentence for the student; of equal ones the last counts."""
    first, second, third, fourth = map(Fraction, asked.values)
    yield (first, third, second, fourth), TRANSPOSED
    for slip in asked.slips:
        yield tuple(map(Fraction, slip.values)), slip.say
    yield tuple(map(Fraction, asked.other)), asked.other_part


def _slip(values: Values, slips: Mapping[Values, str]) -> str:
    """The sentence on the slip that gives these numbers; of nine numbers, most have to agree."""
    given = tuple(value for value in values if value is not None)
    for numbers, say in slips.items():
        if len(numbers) == len(given):
            agreeing = sum(found == number for found, number in zip(given, numbers, strict=True))
            if agreeing == len(given) or (len(given) > len(PLACES) and agreeing * 2 > len(given)):
                return say
    return ""


def _is_rounded(values: Values, wanted: tuple[Fraction, ...]) -> bool:
    """Whether each number is the right one or a whole number next to it."""
    return all(
        found is not None and found in (right, math.floor(right), math.ceil(right))
        for found, right in zip(values, wanted, strict=True)
    )
