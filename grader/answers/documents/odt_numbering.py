"""The automatic list numbers of an OpenDocument text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from grader.answers.documents.list_levels import LONGEST_NUMBER, Level, numbered

TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
"""The namespace of text elements."""
STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
"""The namespace of styles."""
_ID = "{http://www.w3.org/XML/1998/namespace}id"
_OUTLINE = f"{TEXT}outline-style"
_MOST_LEVELS = 9


@dataclass
class OpenList:
    """A list that is being read, at one of its levels. ``counts`` are shared by its levels."""

    levels: dict[int, Level]
    counts: dict[int, int]
    level: int = 0
    _is_waiting: bool = False

    def start_item(self, item: ElementTree.Element) -> None:
        """The next paragraph has a number, the one that the item gives if it gives one."""
        self._is_waiting = True
        if start := item.get(f"{TEXT}start-value"):
            self.counts[self.level] = whole(start, 1) - 1

    def next(self) -> tuple[str, int]:
        """The next paragraph's number (empty: none) and level."""
        if not self._is_waiting:
            return "", self.level
        self._is_waiting = False
        return numbered(self.levels, self.counts, self.level), self.level


class ListNumbers:
    """Counts as LibreOffice does: a list begins anew unless it says that it continues another.

    ``roots`` are the document's parts that may define styles.
    """

    def __init__(self, roots: Sequence[ElementTree.Element]) -> None:
        self._styles: dict[str, dict[int, Level]] = {}
        self._counts: dict[str, dict[int, int]] = {}  # of the lists so far, by their ids and styles
        self._last: dict[int, int] = {}
        self._headings: dict[int, int] = {}
        for root in roots:
            for tag in (f"{TEXT}list-style", _OUTLINE):
                for style in root.iter(tag):
                    name = _OUTLINE if tag == _OUTLINE else style.get(f"{STYLE}name", "")
                    self._styles[name] = {whole(level.get(f"{TEXT}level", ""), 1) - 1: _level(level) for level in style}

    def opened(self, element: ElementTree.Element, outer: OpenList | None) -> OpenList:
        """The list that ``element`` begins, inside an item of ``outer`` or on its own."""
        style = element.get(f"{TEXT}style-name", "")
        if outer is not None:
            levels = self._styles.get(style, outer.levels)
            return OpenList(levels, outer.counts, min(outer.level + 1, _MOST_LEVELS - 1))
        before = element.get(f"{TEXT}continue-list", "")
        counts: dict[int, int] = {}
        if before or element.get(f"{TEXT}continue-numbering") == "true":
            counts = self._counts.get(before or style, self._last)
        self._last = self._counts[style] = self._counts[element.get(_ID, "")] = counts
        return OpenList(self._styles.get(style, {}), counts)

    def of_heading(self, heading: ElementTree.Element) -> tuple[str, int]:
        """The number of a heading outside lists, and level 0, at which headings are shown."""
        level = whole(heading.get(f"{TEXT}outline-level", ""), 1) - 1
        levels = self._styles.get(_OUTLINE, {})
        return (numbered(levels, self._headings, level) if level in levels else ""), 0


def _level(element: ElementTree.Element) -> Level:
    style = element.get(f"{STYLE}num-format", "")
    level = whole(element.get(f"{TEXT}level", ""), 1)
    shown = range(max(1, level - whole(element.get(f"{TEXT}display-levels", ""), 1) + 1), level + 1)
    prefix, suffix = element.get(f"{STYLE}num-prefix", ""), element.get(f"{STYLE}num-suffix", "")
    text = f"{prefix[:LONGEST_NUMBER]}{'.'.join(f'%{n}' for n in shown)}{suffix[:LONGEST_NUMBER]}"
    return Level(whole(element.get(f"{TEXT}start-value", ""), 1), style[:1], text)


def whole(text: str, default: int) -> int:
    """``text`` as a whole number; ``default`` where it is not one."""
    return int(text) if re.fullmatch(r"[0-9]{1,4}", text) else default
