"""Values that an answer puts in named places of a grid of two rows and two columns ("top left", "BR", "second row")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from grader.answers.marker.arithmetic import Item, Span

ROWS = {"top": 0, "upper": 0, "above": 0, "bottom": 1, "lower": 1, "below": 1}
SIDES = {"left": 0, "right": 1}
SHORT = re.compile(r"([tubl])([lr])")
JOINED = re.compile(r"(top|upper|bottom|lower)[_-]?(left|right)")
ORDINALS = {"first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3, "last": 3}
LINES = {"row": "row", "line": "row", "column": "side", "col": "side"}
CARRIED_ON = frozenset({"hand", "corner", "most", *LINES})
TWO = frozenset({"two", "2", "both"})


@dataclass(frozen=True)
class Place:
    """The cells that are named: one, a row, a column, or the first or last two. Items ``first`` to ``last`` name it."""

    cells: tuple[int, ...]
    first: int
    last: int


def places(items: Sequence[Item]) -> list[Place]:
    """The places that are named, in order. "left" after "top:" is the left cell of the top row."""
    found: list[Place] = []
    context_row: int | None = None
    context_side: int | None = None
    index = 0
    while index < len(items):
        row, side, cells, end = _named(items, index)
        if end == index:
            index += 1
            continue
        is_inside = (row is None and context_row is not None) or (side is None and context_side is not None)
        if cells or (row is not None and side is not None):
            context_row = context_side = None
        elif is_inside:
            if found and len(found[-1].cells) == 2 and not _has_value(items[found[-1].last + 1 : index]):
                found.pop()  # it was only the context
            row, side = context_row if row is None else row, context_side if side is None else side
        else:
            context_row, context_side = row, side
        found.append(Place(cells or _cells(row, side), index, end - 1))
        index = end
    return found


def _cells(row: int | None, side: int | None) -> tuple[int, ...]:
    rows = (0, 1) if row is None else (row,)
    sides = (0, 1) if side is None else (side,)
    return tuple(2 * row + side for row in rows for side in sides)


def _named(items: Sequence[Item], index: int) -> tuple[int | None, int | None, tuple[int, ...], int]:
    """The row, the side and the cells that the words from ``index`` name, and the index after them."""
    row = side = None
    cells: tuple[int, ...] = ()
    end = index
    while end < len(items):
        text = items[end].text
        after = items[end + 1].text if end + 1 < len(items) else ""
        short = SHORT.fullmatch(text) or JOINED.fullmatch(text)
        if text in ROWS and row is None:
            row = ROWS[text]
        elif text in SIDES and side is None:
            side = SIDES[text]
        elif short and end == index:
            row, side = int(short[1][0] in "bl"), int(short[2][0] == "r")
        elif text in ORDINALS and after in LINES and ORDINALS[text] in (0, 1, 3):
            number = min(ORDINALS[text], 1)
            row, side = (number, side) if LINES[after] == "row" else (row, number)
            end += 1
        elif text in ORDINALS and end == index:
            cells = (ORDINALS[text],)
            if after in TWO and ORDINALS[text] in (0, 3):
                cells = (0, 1) if not ORDINALS[text] else (2, 3)
                end += 1
            return None, None, cells, end + 1
        elif (
            text in LINES
            and end == index
            and end + 1 < len(items)
            and items[end + 1].is_plain
            and items[end + 1].value in (1, 2)
        ):
            number = int(items[end + 1].value or 0) - 1
            row, side = (number, side) if LINES[text] == "row" else (row, number)
            end += 1
        elif not (end > index and (text in CARRIED_ON or (text == "-" and after in (*ROWS, *SIDES, *CARRIED_ON)))):
            break
        end += 1
    return row, side, cells, end


def _has_value(items: Sequence[Item]) -> bool:
    return any(item.kind == "value" for item in items)


def in_places(items: Sequence[Item]) -> tuple[tuple[Fraction | None, ...], tuple[Span, ...]] | None:
    """The four values by named places and their offsets, or None where places and values don't fit together."""
    named = places(items)
    if not named:
        return None
    return _assigned(items, named, is_place_first=True) or _assigned(items, named, is_place_first=False)


def _assigned(
    items: Sequence[Item], named: Sequence[Place], *, is_place_first: bool
) -> tuple[tuple[Fraction | None, ...], tuple[Span, ...]] | None:
    values: list[Fraction | None] = [None] * 4
    spans: list[Span] = [(0, 0)] * 4
    taken: set[int] = set()
    for cells, group in _groups(items, named, is_place_first=is_place_first):
        if not group and len(taken) == 4:
            break
        if cells == (0, 2, 1, 3):
            return None  # "left" and "right" head a table, whose values come row by row
        if len(group) == 1:
            group = group * len(cells)
        if len(group) != len(cells) or taken.intersection(cells):
            return None
        for cell, item in zip(cells, group, strict=True):
            values[cell], spans[cell] = item.value, item.span
            taken.add(cell)
    return (tuple(values), tuple(spans[cell] for cell in sorted(taken))) if len(taken) > 1 else None


def _groups(
    items: Sequence[Item], named: Sequence[Place], *, is_place_first: bool
) -> list[tuple[tuple[int, ...], list[Item]]]:
    """Cells with the values beside them: the values up to the next place, or since the last one."""
    groups: list[tuple[tuple[int, ...], list[Item]]] = []
    ends = [place.first for place in named[1:]] + [len(items)]
    starts = [0] + [place.last + 1 for place in named[:-1]]
    pending: tuple[int, ...] = ()
    for number, place in enumerate(named):
        values = _counting(
            items[place.last + 1 : ends[number]] if is_place_first else items[starts[number] : place.first]
        )
        inside = named[number + 1].cells if number + 1 < len(named) else ()
        if not values and not is_place_first and len(inside) == 1 and set(inside) < set(place.cells):
            continue  # "at the top 4 (left) and 5 (right)"
        if is_place_first:
            pending += place.cells
            if values or number + 1 == len(named):
                groups.append((pending, values))
                pending = ()
        elif groups and not values:
            groups[-1] = (groups[-1][0] + place.cells, groups[-1][1])
        else:
            groups.append((place.cells, values))
    return groups


def _counting(items: Sequence[Item]) -> list[Item]:
    """The values that count: results, or what follows the only one; else those outside brackets."""
    values = [item for item in items if item.kind == "value"]
    results = [number for number, item in enumerate(values) if item.is_result]
    if len(results) > 1:
        return [values[number] for number in results]
    values = values[results[0] :] if results else values
    least = min((item.depth for item in values), default=0)
    return [item for item in values if item.depth == least]
