"""The automatic list numbers of a Word document."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.etree import ElementTree

from grader.answers.documents.list_levels import LONGEST_NUMBER, Level, numbered

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
"""The namespace of Word's elements."""
_STYLES = {"lowerLetter": "a", "upperLetter": "A", "lowerRoman": "i", "upperRoman": "I"}


@dataclass
class ListNumbers:
    """Counts list paragraphs as Word does: lists of one definition share their counters until one is restarted.

    ``numbering`` and ``styles`` are the roots of the document's parts of these names; None where it has none.
    """

    numbering: ElementTree.Element | None
    styles: ElementTree.Element | None
    _levels: dict[str, dict[int, Level]] = field(default_factory=dict)
    _lists: dict[str, tuple[str, dict[int, int]]] = field(default_factory=dict)
    _counts: dict[str, dict[int, int]] = field(default_factory=dict)
    _started: set[str] = field(default_factory=set)
    _style_elements: dict[str, ElementTree.Element] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for definition in self.numbering.findall(f"{W}abstractNum") if self.numbering is not None else []:
            levels = {int_of(level, "ilvl"): _level(level) for level in definition.findall(f"{W}lvl")}
            self._levels[definition.get(f"{W}abstractNumId", "")] = levels
        for entry in self.numbering.findall(f"{W}num") if self.numbering is not None else []:
            starts = {}
            for override in entry.findall(f"{W}lvlOverride"):
                start = override.find(f"{W}startOverride")
                if start is not None:
                    starts[int_of(override, "ilvl")] = int_of(start, "val")
            self._lists[entry.get(f"{W}numId", "")] = (value_of(entry, "abstractNumId"), starts)
        for style in self.styles.findall(f"{W}style") if self.styles is not None else []:
            self._style_elements[style.get(f"{W}styleId", "")] = style

    def next(self, paragraph: ElementTree.Element) -> tuple[str, int, str]:
        """The paragraph's number as Word shows it (empty: none), its level and the name of its style."""
        settings = paragraph.find(f"{W}pPr")
        style = value_of(settings, "pStyle")
        identity, level = self._place(settings, style)
        if identity not in self._lists or not 0 <= level <= 8:
            return "", 0, style
        definition, starts = self._lists[identity]
        levels = self._levels.get(definition, {})
        counts = self._counts.setdefault(definition, {})
        if identity not in self._started:
            self._started.add(identity)
            for index, start in starts.items():
                counts[index] = start - 1
        return numbered(levels, counts, level), level, style

    def _place(self, settings: ElementTree.Element | None, style: str) -> tuple[str, int]:
        """The list and level given by the paragraph, by its style, or by a style that this style is based on."""
        level = -1
        for _ in range(10):
            numbering = settings.find(f"{W}numPr") if settings is not None else None
            if numbering is not None:
                given = numbering.find(f"{W}ilvl")
                level = int_of(given, "val") if given is not None and level < 0 else level
                if numbering.find(f"{W}numId") is not None:
                    return value_of(numbering, "numId"), max(level, 0)
            element = self._style_elements.get(style)
            if element is None:
                break
            settings, style = element.find(f"{W}pPr"), value_of(element, "basedOn")
        return "", 0


def _level(element: ElementTree.Element) -> Level:
    form = value_of(element, "numFmt") or "decimal"
    style = "" if form in {"bullet", "none"} else _STYLES.get(form, "1")
    start = element.find(f"{W}start")
    return Level(int_of(start, "val") if start is not None else 1, style, value_of(element, "lvlText")[:LONGEST_NUMBER])


def value_of(holder: ElementTree.Element | None, name: str) -> str:
    """The value of the child of that name; empty where there is none."""
    child = holder.find(f"{W}{name}") if holder is not None else None
    return child.get(f"{W}val", "") if child is not None else ""


def int_of(element: ElementTree.Element, name: str) -> int:
    """The attribute of that name as a whole number; 0 where it is not one."""
    value = element.get(f"{W}{name}", "0")
    return int(value) if re.fullmatch(r"-?[0-9]{1,6}", value) else 0
