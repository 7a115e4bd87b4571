"""How text in an OpenDocument file looks, by its styles and those around it: enough to say whether it is hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from xml.etree import ElementTree

from grader.answers.documents.odt_numbering import STYLE, TEXT

DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_FO = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
_SETTINGS = {
    "colour": f"{_FO}color",
    "ground": f"{_FO}background-color",
    "size": f"{_FO}font-size",
    "display": f"{TEXT}display",
}
_INVISIBLE = re.compile(r"0*[01]?(?:\.\d+)?pt")
"""A size of at most a point."""
_WHITE = "#ffffff"
_MOST_PARENTS = 20


@dataclass(frozen=True)
class Look:
    """The settings that are in force for a text, as the file writes them; empty where no style gives any."""

    colour: str = ""
    ground: str = ""
    size: str = ""
    display: str = ""

    @property
    def is_hidden(self) -> bool:
        """Whether the text is hidden, white on no ground, or at most a point high."""
        is_white = self.colour == _WHITE and self.ground in {"", _WHITE}
        return is_white or self.display == "none" or _INVISIBLE.fullmatch(self.size) is not None


class Looks:
    """The looks of a document's elements. ``roots`` are the document's parts that may define styles."""

    def __init__(self, roots: Sequence[ElementTree.Element]) -> None:
        self._styles = {style.get(f"{STYLE}name", ""): style for root in roots for style in root.iter(f"{STYLE}style")}
        self._known: dict[str, dict[str, str]] = {}

    def of(self, element: ElementTree.Element, outer: Look) -> Look:
        """The look of the text in ``element``, which stands in something that looks like ``outer``."""
        if element.tag.startswith(DRAW):  # text in a box does not take after the paragraph to which the box is fixed
            outer = Look(ground=outer.ground, display=outer.display)
        named = (element.get(f"{space}style-name") for space in (TEXT, TABLE, DRAW))
        name = next((name for name in named if name), "")
        return replace(outer, **self._settings(name)) if name in self._styles else outer

    def _settings(self, style_name: str) -> dict[str, str]:
        """What a style and those from which it inherits set."""
        if style_name not in self._known:
            settings: dict[str, str] = {}
            for style in self._with_parents(style_name):
                for properties in reversed(style):  # those of text come after those of its paragraph
                    given = {at: properties.get(name, "").lower() for at, name in _SETTINGS.items()}
                    if properties.get(f"{STYLE}use-window-font-color") == "true":
                        given["colour"] = "automatic"
                    settings = {at: value for at, value in given.items() if value not in {"", "transparent"}} | settings
            self._known[style_name] = settings
        return self._known[style_name]

    def _with_parents(self, name: str) -> Iterator[ElementTree.Element]:
        for _ in range(_MOST_PARENTS):
            if (style := self._styles.get(name)) is None:
                return
            yield style
            name = style.get(f"{STYLE}parent-style-name", "")
