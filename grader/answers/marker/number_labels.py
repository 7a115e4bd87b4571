"""Numbers that count the blocks, rows or lines of an answer and are no values: "1) 4 2) 5", "block 1: 4"."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from grader.answers.marker.arithmetic import Item


def without_labels(read: Sequence[Item], count: int) -> list[Item]:
    """The values without labels, if they are ``count`` values then; else none."""
    values = [(place, item) for place, item in enumerate(read) if item.kind == "value"]
    for kind in (_is_marked, _starts_line, _word_before):
        marks: dict[str, list[int]] = {}
        for place, item in values:
            mark = kind(read, place) if item.is_plain or item.text == "()" else ""
            if mark:
                marks.setdefault(mark, []).append(place)
        labels = {
            place for places in marks.values() if is_chain([read[place].value for place in places]) for place in places
        }
        kept = [item for place, item in values if place not in labels]
        if labels and len(kept) == count:
            return kept
    return []


def is_chain(values: Sequence[Fraction | None]) -> bool:
    """Whether the values count: 1, 2, ... or 0, 1, ..."""
    first = values[0] if values else None
    return (
        first is not None
        and first in (0, 1)
        and len(values) > 1
        and list(values) == [first + step for step in range(len(values))]
    )


def _is_marked(read: Sequence[Item], place: int) -> str:
    """Whether a sign such as ")" or ":" follows the number, or brackets surround it."""
    is_marked = read[place].text == "()" or (place + 1 < len(read) and read[place + 1].kind == "stop")
    return "marked" if is_marked else ""


def _starts_line(read: Sequence[Item], place: int) -> str:
    return "line" if not place or read[place - 1].kind == "line" else ""


def _word_before(read: Sequence[Item], place: int) -> str:
    return read[place - 1].text if place and read[place - 1].kind == "word" else ""
