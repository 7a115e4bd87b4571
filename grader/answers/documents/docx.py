"""Word documents (.docx): paragraphs, automatic list numbers, tables and text boxes.

The package python-docx gives neither the numbers nor the text boxes, so the few parts that matter are read here.
Document type declarations are refused, so no entity can grow; nothing is unpacked beyond a limit.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from grader.answers.documents.document import PICTURE, Block, Document, Kind, Unreadable, bounded, ordinal
from grader.answers.documents.text import read_bytes

LARGEST_DOCUMENT = 50_000_000
"""Bytes of the file. Pictures travel along."""
_LARGEST_PART = 5_000_000
"""Bytes of one unpacked XML part. Ten pages of answers have half a million."""
_MOST_ELEMENTS = 200_000
"""Of one part."""
_MOST_FILES = 5_000
"""In the package, each of which costs time before the first is read."""
_LONGEST_NUMBER = 40
"""Characters of a list level's own text."""
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_LOOSE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_O = "{urn:schemas-microsoft-com:office:office}"
_BOX = f"{_W}txbxContent"
_DRAWN = frozenset({f"{_W}drawing", f"{_W}pict", f"{_W}object"})
_SHOWN = re.compile(r"\{[^}]*\}(?:blip|imagedata|chart|contentPart|relIds|OLEObject)")
_STYLES = {"lowerLetter": "a", "upperLetter": "A", "lowerRoman": "i", "upperRoman": "I"}
_DEEPEST = 200


class _TooLarge(Exception):
    """A part of the package has more in it than can be held."""


class _Builder(ElementTree.TreeBuilder):
    """Refuses a document type, which Word never writes, a depth that would end the stack, and more than can be held."""

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
    """A .docx file's text in order, text boxes after the paragraph that holds them."""
    damaged = f"{path.name} is not a Word document that can be read; it may be damaged or protected."
    try:
        data = read_bytes(path, LARGEST_DOCUMENT)
        if data.count(b"PK\x01\x02") > _MOST_FILES:
            raise Unreadable(damaged)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            body = _part(archive, "word/document.xml")
            if body is None:
                raise Unreadable(f"{path.name} is a zip archive, but no Word document.")
            numbers = _Numbers(_part(archive, "word/numbering.xml"), _part(archive, "word/styles.xml"))
    except _TooLarge as error:
        raise Unreadable(f"{path.name} is far larger than answers are, so a person must read it.") from error
    except (OSError, ValueError, SyntaxError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise Unreadable(damaged) from error  # ElementTree.ParseError is a SyntaxError
    except (NotImplementedError, RuntimeError, MemoryError) as error:  # compression or encryption that is not known
        raise Unreadable(damaged) from error
    root = body.find(f"{_W}body")
    hidden = _without_hidden(body)
    problem = f"{path.name} holds text that a reader of the page does not see; it was left out." if hidden else ""
    return bounded(path.name, _walk(root if root is not None else body, numbers), problem=problem)


def _without_hidden(body: ElementTree.Element) -> bool:
    """Takes the text out of runs that are hidden, white on nothing or a point high. Returns whether there were any."""
    found = False
    for run in body.iter(f"{_W}r"):
        settings = run.find(f"{_W}rPr")
        if settings is not None and _is_hidden(settings):
            texts = run.findall(f"{_W}t")
            found = found or any(text.text and not text.text.isspace() for text in texts)
            for text in texts:
                text.text = ""
    return found


def _is_hidden(settings: ElementTree.Element) -> bool:
    for name in ("vanish", "webHidden"):
        mark = settings.find(f"{_W}{name}")
        if mark is not None and mark.get(f"{_W}val", "1") not in {"0", "false", "off"}:
            return True
    has_ground = settings.find(f"{_W}shd") is not None or settings.find(f"{_W}highlight") is not None
    is_white = _value(settings, "color").upper() == "FFFFFF" and not has_ground
    return is_white or _value(settings, "sz") in {"0", "1", "2"}


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


def _walk(holder: ElementTree.Element, numbers: _Numbers) -> Iterator[Block]:
    for child in holder:
        if child.tag == f"{_W}p":
            yield from _paragraph(child, numbers)
        elif child.tag == f"{_W}tbl":
            yield Block("\n".join(_rows(child, numbers)), Kind.TABLE)
        elif child.tag not in {f"{_W}sectPr", f"{_W}del", f"{_W}moveFrom", f"{_MC}Fallback"}:
            yield from _walk(child, numbers)  # content controls, insertions


def _outermost(holder: ElementTree.Element, tag: str) -> Iterator[ElementTree.Element]:
    """The elements of a name that are in no other of that name below ``holder``."""
    waiting = [*reversed(holder)]
    while waiting:
        child = waiting.pop()
        if child.tag == tag:
            yield child
        else:
            waiting.extend(reversed(child))


def _rows(table: ElementTree.Element, numbers: _Numbers) -> Iterator[str]:
    for row in _outermost(table, f"{_W}tr"):
        cells = []
        for cell in _outermost(row, f"{_W}tc"):
            blocks = _walk(cell, numbers)
            cells.append(" ".join(f"{block.number} {block.text}".strip().replace("\n", " ") for block in blocks))
        yield " | ".join(cell for cell in cells if cell)


def _paragraph(paragraph: ElementTree.Element, numbers: _Numbers) -> Iterator[Block]:
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
        if tag in {f"{_W}t", f"{_M}t"}:
            yield child.text or ""
        elif tag == f"{_W}tab":
            yield "\t"
        elif tag in {f"{_W}br", f"{_W}cr"}:
            yield "\n"
        elif tag == f"{_W}noBreakHyphen":
            yield "-"
        elif tag == f"{_MC}Fallback":
            child.clear()  # the same text box once more, for older programs
        elif tag in _DRAWN:
            inner = _inside(child)
            for element in inner:
                if element.tag == f"{_MC}Fallback":
                    element.clear()
            if _is_picture(inner):
                yield PICTURE
        elif tag not in {_BOX, f"{_W}pPr", f"{_W}del", f"{_W}moveFrom", f"{_W}rPr"}:
            yield from _text(child)


def _is_picture(inner: list[ElementTree.Element]) -> bool:
    """Whether a drawing of these shows more than a text box. A ruled line, as Word draws it, shows nothing."""
    if any(element.get(f"{_O}hr") for element in inner):
        return False
    return any(_SHOWN.match(element.tag) for element in inner) or not any(element.tag == _BOX for element in inner)


def _inside(holder: ElementTree.Element) -> list[ElementTree.Element]:
    """The elements below, without what stands in text boxes: that is walked for itself."""
    found, waiting = [], [*holder]
    while waiting:
        child = waiting.pop()
        found.append(child)
        if child.tag != _BOX:
            waiting.extend(child)
    return found


@dataclass(frozen=True)
class _Level:
    start: int = 1
    style: str = "1"
    """Empty for a bullet or for no number at all."""
    text: str = ""


@dataclass
class _Numbers:
    """Counts list paragraphs as Word does: lists of one definition share their counters until one is restarted."""

    numbering: ElementTree.Element | None
    styles: ElementTree.Element | None
    _levels: dict[str, dict[int, _Level]] = field(default_factory=dict)
    _lists: dict[str, tuple[str, dict[int, int]]] = field(default_factory=dict)
    _counts: dict[str, dict[int, int]] = field(default_factory=dict)
    _started: set[str] = field(default_factory=set)
    _style_elements: dict[str, ElementTree.Element] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for definition in self.numbering.findall(f"{_W}abstractNum") if self.numbering is not None else []:
            levels = {_int(level, "ilvl"): _level(level) for level in definition.findall(f"{_W}lvl")}
            self._levels[definition.get(f"{_W}abstractNumId", "")] = levels
        for entry in self.numbering.findall(f"{_W}num") if self.numbering is not None else []:
            starts = {}
            for override in entry.findall(f"{_W}lvlOverride"):
                start = override.find(f"{_W}startOverride")
                if start is not None:
                    starts[_int(override, "ilvl")] = _int(start, "val")
            self._lists[entry.get(f"{_W}numId", "")] = (_value(entry, "abstractNumId"), starts)
        for style in self.styles.findall(f"{_W}style") if self.styles is not None else []:
            self._style_elements[style.get(f"{_W}styleId", "")] = style

    def next(self, paragraph: ElementTree.Element) -> tuple[str, int, str]:
        """The paragraph's number as shown (empty: none), its level and the name of its style."""
        settings = paragraph.find(f"{_W}pPr")
        style = _value(settings, "pStyle")
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
        counts[level] = counts.get(level, levels.get(level, _Level()).start - 1) + 1
        for deeper in [index for index in counts if index > level]:
            del counts[deeper]
        own = levels.get(level, _Level(text=f"%{level + 1}."))
        if not own.style:
            return "", level, style

        def shown(match: re.Match[str]) -> str:
            index = int(match.group(1)) - 1
            at = levels.get(index, _Level())
            return ordinal(counts.get(index, at.start), at.style or "1")

        return re.sub(r"%([1-9])", shown, own.text), level, style

    def _place(self, settings: ElementTree.Element | None, style: str) -> tuple[str, int]:
        """The list and level that the paragraph, its style, or a style that this one is based on, gives."""
        level = -1
        for _ in range(10):
            numbering = settings.find(f"{_W}numPr") if settings is not None else None
            if numbering is not None:
                given = numbering.find(f"{_W}ilvl")
                level = _int(given, "val") if given is not None and level < 0 else level
                if numbering.find(f"{_W}numId") is not None:
                    return _value(numbering, "numId"), max(level, 0)
            element = self._style_elements.get(style)
            if element is None:
                break
            settings, style = element.find(f"{_W}pPr"), _value(element, "basedOn")
        return "", 0


def _level(element: ElementTree.Element) -> _Level:
    form = _value(element, "numFmt") or "decimal"
    style = "" if form in {"bullet", "none"} else _STYLES.get(form, "1")
    start = element.find(f"{_W}start")
    return _Level(_int(start, "val") if start is not None else 1, style, _value(element, "lvlText")[:_LONGEST_NUMBER])


def _value(holder: ElementTree.Element | None, name: str) -> str:
    child = holder.find(f"{_W}{name}") if holder is not None else None
    return child.get(f"{_W}val", "") if child is not None else ""


def _int(element: ElementTree.Element, name: str) -> int:
    value = element.get(f"{_W}{name}", "0")
    return int(value) if re.fullmatch(r"-?[0-9]{1,6}", value) else 0
