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
from grader.answers.documents.odt_looks import DRAW, TABLE, Look, Looks
from grader.answers.documents.odt_numbering import TEXT, ListNumbers, OpenList, whole
from grader.answers.documents.package import Package, outermost

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_BOX = f"{DRAW}text-box"
_PARAGRAPHS = frozenset({f"{TEXT}p", f"{TEXT}h"})
_SKIPPED = frozenset(
    {
        f"{TEXT}tracked-changes",
        f"{TEXT}note",
        f"{TEXT}table-of-content",
        f"{_OFFICE}annotation",
        f"{_OFFICE}forms",
    }
)
_HIDDEN = frozenset({f"{TEXT}hidden-text", f"{TEXT}hidden-paragraph"})
_SHOWN = frozenset(f"{DRAW}{name}" for name in ("image", "object", "object-ole", "plugin", "path", "polygon"))
_MOST_SPACES = 40


def read_writer(package: Package, content: ElementTree.Element) -> Document:
    """The text of an .odt file in order; text boxes come after the paragraph that contains them."""
    roots = [root for root in (package.part("styles.xml"), content) if root is not None]
    reader = _Reader(ListNumbers(roots), Looks(roots))
    body = content.find(f"{_OFFICE}body/{_OFFICE}text")
    blocks = reader.walk(body if body is not None else content)
    document = bounded(package.name, with_shown_numbers(blocks))
    return replace(document, problem=HIDDEN.format(package.name)) if reader.hides else document


class _Reader:
    """Walks through the elements. ``hides`` says, in the end, whether there was text that nobody sees."""

    def __init__(self, numbers: ListNumbers, looks: Looks) -> None:
        self._numbers, self._looks, self.hides = numbers, looks, False

    def walk(
        self, holder: ElementTree.Element, inside: OpenList | None = None, outer: Look | None = None
    ) -> Iterator[Block]:
        """The blocks below ``holder``, which stands in a list and in something that looks like ``outer``."""
        look = self._looks.of(holder, outer or Look())
        for child in holder:
            if child.tag in _PARAGRAPHS:
                yield from self._paragraph(child, inside, look)
            elif child.tag == f"{TEXT}list":
                yield from self.walk(child, self._numbers.opened(child, inside), look)
            elif child.tag == f"{TEXT}list-item" and inside is not None:
                inside.start_item(child)
                yield from self.walk(child, inside, look)
            elif child.tag == f"{TABLE}table" and len(cells := list(islice(child.iter(f"{TABLE}table-cell"), 2))) == 1:
                yield from self.walk(cells[0], None, self._looks.of(child, look))  # a frame
            elif child.tag == f"{TABLE}table":
                yield Block("\n".join(self._rows(child, self._looks.of(child, look))), Kind.TABLE)
            elif not self._is_left_out(child):
                yield from self.walk(child, inside, look)

    def _paragraph(self, paragraph: ElementTree.Element, inside: OpenList | None, outer: Look) -> Iterator[Block]:
        boxes: list[tuple[ElementTree.Element, Look]] = []
        text = "".join(self._text(paragraph, boxes, outer))
        is_heading = paragraph.tag == f"{TEXT}h"
        number, level = inside.next() if inside else self._numbers.of_heading(paragraph) if is_heading else ("", 0)
        yield Block(text, Kind.HEADING if is_heading else Kind.ITEM if number else Kind.PARAGRAPH, "", number, level)
        for box, look in boxes:
            yield from self.walk(box, None, look)

    def _text(
        self, element: ElementTree.Element, boxes: list[tuple[ElementTree.Element, Look]], outer: Look
    ) -> Iterator[str]:
        """The text below an element that is shown; text boxes on the way are added to ``boxes``, with their looks."""
        look = self._looks.of(element, outer)
        yield self._seen(element.text, look)
        for child in element:
            if child.tag == _BOX:
                boxes.append((child, look))
            elif child.tag in _SHOWN:
                yield PICTURE
            elif child.tag == f"{DRAW}frame":
                # A frame shows the first of its children that a program can show; the rest are substitutes.
                shown = next((inner for inner in child if inner.tag == _BOX or inner.tag in _SHOWN), None)
                if shown is not None and shown.tag == _BOX:
                    boxes.append((shown, self._looks.of(child, look)))
                elif shown is not None:
                    yield PICTURE
            elif child.tag == f"{TEXT}s":
                yield " " * min(whole(child.get(f"{TEXT}c", ""), 1), _MOST_SPACES)
            elif child.tag == f"{TEXT}tab":
                yield "\t"
            elif child.tag == f"{TEXT}line-break":
                yield "\n"
            elif not self._is_left_out(child):
                yield from self._text(child, boxes, look)
            yield self._seen(child.tail, look)

    def _seen(self, text: str | None, look: Look) -> str:
        """Text that looks so, without the white space that only formats the file; nothing if it is hidden."""
        if text and look.is_hidden:
            self.hides = self.hides or bool(text.strip())
            return ""
        return re.sub(r"[ \t\r\n]+", " ", text or "")

    def _is_left_out(self, element: ElementTree.Element) -> bool:
        """Whether an element is no part of the text, or is not shown, as a section may be."""
        is_hidden = element.tag in _HIDDEN or element.get(f"{TEXT}display") in {"none", "condition"}
        self.hides = self.hides or (is_hidden and any(text.strip() for text in element.itertext()))
        return is_hidden or element.tag in _SKIPPED

    def _rows(self, table: ElementTree.Element, look: Look) -> Iterator[str]:
        for row in outermost(table, f"{TABLE}table-row"):
            of_row = self._looks.of(row, look)
            cells = []
            for cell in outermost(row, f"{TABLE}table-cell"):
                blocks = self.walk(cell, None, of_row)
                cells.append(" ".join(f"{block.number} {block.text}".strip().replace("\n", " ") for block in blocks))
            yield " | ".join(cell for cell in cells if cell)
