"""The XML parts of office documents, which are zip archives: Word's and OpenDocument's.

Document type declarations are refused, so entities cannot expand; unpacking stops at a limit.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from grader.answers.documents.document import Unreadable, locked
from grader.answers.documents.text import read_bytes

LARGEST_DOCUMENT = 50_000_000
"""Bytes of the file, pictures included."""
_LARGEST_PART = 5_000_000
"""Bytes of one unpacked XML part. Ten pages of answers have half a million."""
_MOST_ELEMENTS = 200_000
"""Per part."""
_MOST_FILES = 5_000
"""In the zip archive; listing them takes time before the first is read."""
_DEEPEST = 200
_STRICT = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
_LOOSE = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_MANIFEST = "META-INF/manifest.xml"
"""Of an OpenDocument file; it says what is encrypted."""


class _TooLarge(Exception):
    """A part of the package is too large."""


class _Builder(ElementTree.TreeBuilder):
    """Refuses document types, which no office program writes, elements nested too deep, and too many elements."""

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


@dataclass(frozen=True)
class Package:
    """An open office document. ``name`` is its file's."""

    name: str
    _archive: zipfile.ZipFile

    def part(self, name: str) -> ElementTree.Element | None:
        """The root of the part of that name; None where there is none."""
        data = self.content(name)
        if not data:
            return None
        parser = ElementTree.XMLParser(target=_Builder())
        parser.feed(data.replace(_STRICT, _LOOSE))
        root = parser.close()
        return root if isinstance(root, ElementTree.Element) else None

    def content(self, name: str) -> bytes:
        """The bytes of a part, empty where there is none."""
        try:
            member = self._archive.getinfo(name)
        except KeyError:
            return b""
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise ValueError("compression")  # the others unpack all at once
        with self._archive.open(name) as stream:
            data = stream.read(_LARGEST_PART + 1)
        if len(data) > _LARGEST_PART:
            raise _TooLarge
        return data


@contextmanager
def opened_package(path: Path) -> Iterator[Package]:
    """The office document at ``path``. What goes wrong while it is open becomes :class:`Unreadable`."""
    damaged = f"{path.name} is not a readable document; it may be damaged or protected."
    data = read_bytes(path, LARGEST_DOCUMENT)
    if data.count(b"PK\x01\x02") > _MOST_FILES:
        raise Unreadable(damaged)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            package = Package(path.name, archive)
            is_locked = any(member.flag_bits & 1 for member in archive.infolist())
            if is_locked or b"encryption-data" in package.content(_MANIFEST):
                raise locked(path.name)
            yield package
    except _TooLarge as error:
        raise Unreadable(f"{path.name} is far larger than answers are, so a person must read it.") from error
    except (OSError, ValueError, SyntaxError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise Unreadable(damaged) from error  # ElementTree.ParseError is a SyntaxError
    except (NotImplementedError, RuntimeError, MemoryError) as error:  # unknown compression or encryption
        raise Unreadable(damaged) from error


def outermost(holder: ElementTree.Element, tag: str) -> Iterator[ElementTree.Element]:
    """The elements below ``holder`` with that tag, without those nested in another of them."""
    waiting = [*reversed(holder)]
    while waiting:
        child = waiting.pop()
        if child.tag == tag:
            yield child
        else:
            waiting.extend(reversed(child))
