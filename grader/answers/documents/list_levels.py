"""The numbers of multi-level lists, as Word and LibreOffice count them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from grader.answers.documents.document import Block, ordinal

LONGEST_NUMBER = 40
"""Characters of a list level's own text."""


@dataclass(frozen=True)
class Level:
    """How a level of a list is numbered. ``%1`` in ``text`` stands for the number of the first level."""

    start: int = 1
    style: str = "1"
    """As :func:`ordinal` takes it; empty for a bullet or for no number."""
    text: str = ""


def numbered(levels: Mapping[int, Level], counts: dict[int, int], level: int) -> str:
    """The number of the next paragraph at ``level``, from 0; empty for a bullet. Counts it in ``counts``."""
    counts[level] = counts.get(level, levels.get(level, Level()).start - 1) + 1
    for deeper in [index for index in counts if index > level]:
        del counts[deeper]
    own = levels.get(level, Level(text=f"%{level + 1}."))

    def shown(match: re.Match[str]) -> str:
        index = int(match.group(1)) - 1
        at = levels.get(index, Level())
        return ordinal(counts.get(index, at.start), at.style or "1")

    return re.sub(r"%([1-9])", shown, own.text) if own.style else ""


def with_shown_numbers(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks without the numbers of empty paragraphs, except where a deeper item follows: ``6.``, then ``a)``."""
    held: Block | None = None
    for block in blocks:
        if held is not None:
            yield held if block.number and block.level > held.level else replace(held, number="")
        held = block if block.number and not block.text.strip() else None
        if held is None:
            yield block
    if held is not None:
        yield replace(held, number="")
