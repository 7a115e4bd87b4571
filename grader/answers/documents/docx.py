"""Reads Word documents (.docx): paragraphs with their list numbers, tables and text boxes.

python-docx gives neither list numbers nor text boxes, so this module parses the few parts that matter itself.
Document type declarations are refused, so entities cannot expand; unpacking stops at a limit.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

from grader.answers.documents.document import PICTURE, Block, Document, Kind, Unreadable, bounded, foreign
from grader.answers.documents.docx_numbering import ListNumbers, W, value_of
from grader.answers.documents.text import read_bytes

LARGEST_DOCUMENT = 50_000_000
"""Bytes of the file, pictures included."""
_LARGEST_PART = 5_000_000
"""Bytes of one unpacked XML part. Ten pages of answers have half a million."""
_MOST_ELEMENTS = 200_000
"""Per part."""
_MOST_FILES = 5_000
"""In the zip archive; listing them takes time before the first is read."""
_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_LOOSE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_O = "{urn:schemas-microsoft-com:office:office}"
_BOX = f"{W}txbxContent"
_DRAWN = frozenset({f"{W}drawing", f"{W}pict", f"{W}object"})
_SHOWN = re.compile(r"\{[^}]*\}(?:blip|imagedata|chart|contentPart|relIds|OLEObject)")
_DEEPEST = 200


class _TooLarge(Exception):
    """A part of the package is too large."""


class _Builder(ElementTree.TreeBuilder):
    """Refuses document types, which Word never writes, elements nested too deep, and too many elements."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._elements = 0

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError("document type")

    def start(self, tag: str, attrs: dict[str, str]) -> ElementTree.Element:
        self._depth += 1
        self._elements += 1
        if self._depth > _DEEPEST or self._elements > _MOST_ELEMENTS:
            raise _TooLarge
        return super().start(tag, attrs)

    def end(self, tag: str) -> ElementTree.Element:
        self._depth -= 1
        return super().end(tag)


def read_word(path: Path) -> Document:
    """The text of a .docx file in order; text boxes come after the paragraph that contains them."""
    damaged = f"{path.name} is not a readable Word document; it may be damaged or protected."
    try:
        data = read_bytes(path, LARGEST_DOCUMENT)
        if data.count(b"PK\x01\x02") > _MOST_FILES:
            raise Unreadable(damaged)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            body = _part(archive, "word/document.xml")
            if body is None:
                raise foreign(path.name)
            numbers = ListNumbers(_part(archive, "word/numbering.xml"), _part(archive, "word/styles.xml"))
    except _TooLarge as error:
        raise Unreadable(f"{path.name} is far larger than answers are, so a person must read it.") from error
    except (OSError, ValueError, SyntaxError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise Unreadable(damaged) from error  # ElementTree.ParseError is a SyntaxError
    except (NotImplementedError, RuntimeError, MemoryError) as error:  # unknown compression or encryption
        raise Unreadable(damaged) from error
    root = body.find(f"{W}body")
    hidden = _without_hidden(body)
    problem = f"{path.name} contains text that a reader of the page does not see; it was left out." if hidden else ""
    return bounded(path.name, _walk(root if root is not None else body, numbers), problem=problem)


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


def _part(archive: zipfile.ZipFile, name: str) -> ElementTree.Element | None:
    try:
        if archive.getinfo(name).compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise ValueError("compression")  # the others unpack all at once
        with archive.open(name) as stream:
            data = stream.read(_LARGEST_PART + 1)
    except KeyError:
        return None
    if len(data) > _LARGEST_PART:
        raise _TooLarge
    data = data.replace(_STRICT.encode(), _LOOSE.encode())
    parser = ElementTree.XMLParser(target=_Builder())
    parser.feed(data)
    root = parser.close()
    return root if isinstance(root, ElementTree.Element) else None


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


def _outermost(holder: ElementTree.Element, tag: str) -> Iterator[ElementTree.Element]:
    """The elements below ``holder`` with that tag, without those nested in another of them."""
    waiting = [*reversed(holder)]
    while waiting:
        child = waiting.pop()
        if child.tag == tag:
            yield child
        else:
            waiting.extend(reversed(child))


def _rows(table: ElementTree.Element, numbers: ListNumbers) -> Iterator[str]:
    for row in _outermost(table, f"{W}tr"):
        cells = []
        for cell in _outermost(row, f"{W}tc"):
            blocks = _walk(cell, numbers)
            cells.append(" ".join(f"{block.number} {block.text}".strip().replace("\n", " ") for block in blocks))
        yield " | ".join(cell for cell in cells if cell)


def _paragraph(paragraph: ElementTree.Element, numbers: ListNumbers) -> Iterator[Block]:
    number, level, style = numbers.next(paragraph)
    text = "".join(_text(paragraph))
    is_heading = re.match(r"heading|title|berschrift", style, re.IGNORECASE) is not None
    kind = Kind.HEADING if is_heading else Kind.ITEM if number else Kind.PARAGRAPH
    yield Block(text, kind, "", number if text.strip() else "", level)
    for box in _outermost(paragraph, _BOX):
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
