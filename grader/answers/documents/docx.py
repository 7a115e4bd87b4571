"""Reads Word documents (.docx): paragraphs with their list numbers, tables and text boxes.

python-docx gives neither list numbers nor text boxes, so this module parses the few parts that matter itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from xml.etree import ElementTree

from grader.answers.documents.document import HIDDEN, PICTURE, Block, Document, Kind, bounded
from grader.answers.documents.docx_numbering import ListNumbers, W, value_of
from grader.answers.documents.list_levels import with_shown_numbers
from grader.answers.documents.package import Package, outermost

_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_O = "{urn:schemas-microsoft-com:office:office}"
_BOX = f"{W}txbxContent"
_DRAWN = frozenset({f"{W}drawing", f"{W}pict", f"{W}object"})
_SHOWN = re.compile(r"\{[^}]*\}(?:blip|imagedata|chart|contentPart|relIds|OLEObject)")


def read_word(package: Package, body: ElementTree.Element) -> Document:
    """The text of a .docx file in order; text boxes come after the paragraph that contains them."""
    name = package.name
    numbers = ListNumbers(package.part("word/numbering.xml"), package.part("word/styles.xml"))
    root = body.find(f"{W}body")
    problem = HIDDEN.format(name) if _without_hidden(body) else ""
    blocks = _walk(root if root is not None else body, numbers)
    return bounded(name, with_shown_numbers(blocks), problem=problem)


def _without_hidden(body: ElementTree.Element) -> bool:
    """Remove the text of runs that are hidden, white, or at most a point high. Returns whether there were any."""
    found = False
    for run in body.iter(f"{W}r"):
        settings = run.find(f"{W}rPr")
        if settings is not None and _is_hidden(settings):
            texts = run.findall(f"{W}t")
            found = found or any(text.text and not text.text.isspace() for text in texts)
            for text in texts:
                text.text = ""
    return found


def _is_hidden(settings: ElementTree.Element) -> bool:
    for name in ("vanish", "webHidden"):
        mark = settings.find(f"{W}{name}")
        if mark is not None and mark.get(f"{W}val", "1") not in {"0", "false", "off"}:
            return True
    has_ground = settings.find(f"{W}shd") is not None or settings.find(f"{W}highlight") is not None
    is_white = value_of(settings, "color").upper() == "FFFFFF" and not has_ground
    return is_white or value_of(settings, "sz") in {"0", "1", "2"}


def _walk(holder: ElementTree.Element, numbers: ListNumbers) -> Iterator[Block]:
    for child in holder:
        if child.tag == f"{W}p":
            yield from _paragraph(child, numbers)
        elif child.tag == f"{W}tbl" and len(cells := list(islice(child.iter(f"{W}tc"), 2))) == 1:
            yield from _walk(cells[0], numbers)  # a frame
        elif child.tag == f"{W}tbl":
            yield Block("\n".join(_rows(child, numbers)), Kind.TABLE)
        elif child.tag not in {f"{W}sectPr", f"{W}del", f"{W}moveFrom", f"{_MC}Fallback"}:
            yield from _walk(child, numbers)  # content controls, insertions


def _rows(table: ElementTree.Element, numbers: ListNumbers) -> Iterator[str]:
    for row in outermost(table, f"{W}tr"):
        cells = []
        for cell in outermost(row, f"{W}tc"):
            blocks = _walk(cell, numbers)
            cells.append(" ".join(f"{block.number} {block.text}".strip().replace("\n", " ") for block in blocks))
        yield " | ".join(cell for cell in cells if cell)


def _paragraph(paragraph: ElementTree.Element, numbers: ListNumbers) -> Iterator[Block]:
    number, level, style = numbers.next(paragraph)
    text = "".join(_text(paragraph))
    is_heading = re.match(r"heading|title|berschrift", style, re.IGNORECASE) is not None
    kind = Kind.HEADING if is_heading else Kind.ITEM if number else Kind.PARAGRAPH
    yield Block(text, kind, "", number, level)
    for box in outermost(paragraph, _BOX):
        yield from _walk(box, numbers)


def _text(element: ElementTree.Element) -> Iterator[str]:
    for child in element:
        tag = child.tag
        if tag in {f"{W}t", f"{_M}t"}:
            yield child.text or ""
        elif tag == f"{W}tab":
            yield "\t"
        elif tag in {f"{W}br", f"{W}cr"}:
            yield "\n"
        elif tag == f"{W}noBreakHyphen":
            yield "-"
        elif tag == f"{_MC}Fallback":
            child.clear()  # the same text box again, for older programs
        elif tag in _DRAWN:
            inner = _inside(child)
            for element in inner:
                if element.tag == f"{_MC}Fallback":
                    element.clear()
            if _is_picture(inner):
                yield PICTURE
        elif tag not in {_BOX, f"{W}pPr", f"{W}del", f"{W}moveFrom", f"{W}rPr"}:
            yield from _text(child)


def _is_picture(inner: list[ElementTree.Element]) -> bool:
    """Whether a drawing of these elements shows more than text boxes. Word's horizontal lines do not count."""
    if any(element.get(f"{_O}hr") for element in inner):
        return False
    return any(_SHOWN.match(element.tag) for element in inner) or not any(element.tag == _BOX for element in inner)


def _inside(holder: ElementTree.Element) -> list[ElementTree.Element]:
    """The elements below ``holder``, except inside text boxes, which are read separately."""
    found, waiting = [], [*holder]
    while waiting:
        child = waiting.pop()
        found.append(child)
        if child.tag != _BOX:
            waiting.extend(child)
    return found
