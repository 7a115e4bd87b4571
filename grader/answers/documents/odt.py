"""Reads OpenDocument texts (.odt): paragraphs with their list numbers, tables and text boxes.

odfdo gives no list numbers, so this module parses the two parts that matter itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from xml.etree import ElementTree

from grader.answers.documents.document import HIDDEN, PICTURE, Block, Document, Kind, bounded
from grader.answers.documents.list_levels import with_shown_numbers
from grader.answers.documents.odt_numbering import TEXT, ListNumbers, OpenList, whole
from grader.answers.documents.package import Package, outermost

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_FO = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
_BOX = f"{_DRAW}text-box"
_PARAGRAPHS = frozenset({f"{TEXT}p", f"{TEXT}h"})
_SKIPPED = frozenset(
    {
        f"{TEXT}tracked-changes",
        f"{TEXT}note",
        f"{TEXT}table-of-content",
        f"{TEXT}hidden-text",
        f"{TEXT}hidden-paragraph",
        f"{_OFFICE}annotation",
        f"{_OFFICE}forms",
    }
)
_SHOWN = frozenset(f"{_DRAW}{name}" for name in ("image", "object", "object-ole", "plugin", "path", "polygon"))
_MOST_SPACES = 40
_INVISIBLE = re.compile(r"0*[01]?(?:\.\d+)?pt")
"""A size of at most a point."""


def read_writer(package: Package, content: ElementTree.Element) -> Document:
    """The text of an .odt file in order; text boxes come after the paragraph that contains them."""
    roots = [root for root in (package.part("styles.xml"), content) if root is not None]
    reader = _Reader(ListNumbers(roots), _hidden_styles(roots))
    body = content.find(f"{_OFFICE}body/{_OFFICE}text")
    blocks = reader.walk(body if body is not None else content)
    document = bounded(package.name, with_shown_numbers(blocks))
    return replace(document, problem=HIDDEN.format(package.name)) if reader.hides else document


def _hidden_styles(roots: list[ElementTree.Element]) -> frozenset[str]:
    """The names of the styles whose text is hidden, white on no ground, or at most a point high."""
    hidden = set()
    for style in (style for root in roots for style in root.iter(f"{_STYLE}style")):
        settings = style.find(f"{_STYLE}text-properties")
        if settings is None:
            continue
        has_ground = settings.get(f"{_FO}background-color", "transparent") not in {"transparent", "#ffffff"}
        is_white = settings.get(f"{_FO}color", "").lower() == "#ffffff" and not has_ground
        is_small = _INVISIBLE.fullmatch(settings.get(f"{_FO}font-size", "")) is not None
        if is_white or is_small or settings.get(f"{TEXT}display") == "none":
            hidden.add(style.get(f"{_STYLE}name", ""))
    return frozenset(hidden)


class _Reader:
    """Walks through the elements. ``hides`` says, in the end, whether there was text that nobody sees."""

    def __init__(self, numbers: ListNumbers, hidden: frozenset[str]) -> None:
        self._numbers, self._hidden, self.hides = numbers, hidden, False

    def walk(self, holder: ElementTree.Element, inside: OpenList | None = None) -> Iterator[Block]:
        for child in holder:
            if child.tag in _PARAGRAPHS:
                yield from self._paragraph(child, inside)
            elif child.tag == f"{TEXT}list":
                yield from self.walk(child, self._numbers.opened(child, inside))
            elif child.tag == f"{TEXT}list-item" and inside is not None:
                inside.start_item(child)
                yield from self.walk(child, inside)
            elif (
                child.tag == f"{_TABLE}table" and len(cells := list(islice(child.iter(f"{_TABLE}table-cell"), 2))) == 1
            ):
                yield from self.walk(cells[0])  # a frame
            elif child.tag == f"{_TABLE}table":
                yield Block("\n".join(self._rows(child)), Kind.TABLE)
            elif child.tag not in _SKIPPED:
                yield from self.walk(child, inside)

    def _paragraph(self, paragraph: ElementTree.Element, inside: OpenList | None) -> Iterator[Block]:
        boxes: list[ElementTree.Element] = []
        text = "".join(self._text(paragraph, boxes))
        is_heading = paragraph.tag == f"{TEXT}h"
        number, level = inside.next() if inside else self._numbers.of_heading(paragraph) if is_heading else ("", 0)
        yield Block(text, Kind.HEADING if is_heading else Kind.ITEM if number else Kind.PARAGRAPH, "", number, level)
        for box in boxes:
            yield from self.walk(box)

    def _text(self, element: ElementTree.Element, boxes: list[ElementTree.Element]) -> Iterator[str]:
        """The text below an element that is shown; text boxes on the way are added to ``boxes``."""
        if element.get(f"{TEXT}style-name") in self._hidden:
            self.hides = self.hides or any(text.strip() for text in element.itertext())
            return
        yield _spaced(element.text)
        for child in element:
            if child.tag == _BOX:
                boxes.append(child)
            elif child.tag in _SHOWN:
                yield PICTURE
            elif child.tag == f"{_DRAW}frame":
                yield from self._frame(child, boxes)
            elif child.tag == f"{TEXT}s":
                yield " " * min(whole(child.get(f"{TEXT}c", ""), 1), _MOST_SPACES)
            elif child.tag == f"{TEXT}tab":
                yield "\t"
            elif child.tag == f"{TEXT}line-break":
                yield "\n"
            elif child.tag in {f"{TEXT}hidden-text", f"{TEXT}hidden-paragraph"}:
                self.hides = True
            elif child.tag not in _SKIPPED:
                yield from self._text(child, boxes)
            yield _spaced(child.tail)

    def _frame(self, frame: ElementTree.Element, boxes: list[ElementTree.Element]) -> Iterator[str]:
        """A frame shows the first of its children that a program can show; the rest are substitutes."""
        shown = next((child for child in frame if child.tag == _BOX or child.tag in _SHOWN), None)
        if shown is not None and shown.tag == _BOX:
            boxes.append(shown)
        elif shown is not None:
            yield PICTURE

    def _rows(self, table: ElementTree.Element) -> Iterator[str]:
        for row in outermost(table, f"{_TABLE}table-row"):
            cells = []
            for cell in outermost(row, f"{_TABLE}table-cell"):
                blocks = self.walk(cell)
                cells.append(" ".join(f"{block.number} {block.text}".strip().replace("\n", " ") for block in blocks))
            yield " | ".join(cell for cell in cells if cell)


def _spaced(text: str | None) -> str:
    """Text without the white space that only formats the file."""
    return re.sub(r"[ \t\r\n]+", " ", text or "")
