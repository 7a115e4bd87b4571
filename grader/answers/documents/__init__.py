"""Reads every document that may contain Part 1 answers: notebooks, .docx, .odt, .rtf, .pdf, .html, .tex, text, scripts.

It runs and fetches nothing, and bounds size and time. A bad file gives a document with a problem.

May import: ``model``, ``source``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from grader.answers.documents.document import PICTURE, Block, Document, Kind, Unreadable, foreign, locked, too_slow
from grader.answers.documents.docx import read_word
from grader.answers.documents.html import read_page
from grader.answers.documents.notebook_document import notebook_document
from grader.answers.documents.odt import read_writer
from grader.answers.documents.package import LARGEST_DOCUMENT, opened_package
from grader.answers.documents.pdf import read_pdf
from grader.answers.documents.rtf import read_rtf
from grader.answers.documents.script_comments import read_comments
from grader.answers.documents.tex import read_tex
from grader.answers.documents.text import opened, read_bytes, read_if_text, read_plain
from grader.answers.documents.time_limit import TooSlow, cpu_limit

__all__ = [
    "LONGEST_SECONDS",
    "PICTURE",
    "Block",
    "Document",
    "Kind",
    "missing_library",
    "read_document",
    "read_pdf_columns",
]

LONGEST_SECONDS = 4.0
"""CPU time to read a document and to find what is in it. The sheet takes under a second in every format."""


def _read_office(path: Path) -> Document:
    """The text of an office document, Word's or LibreOffice's."""
    with opened_package(path) as package:
        if (word := package.part("word/document.xml")) is not None:
            return read_word(package, word)
        if (writer := package.part("content.xml")) is not None:
            return read_writer(package, writer)
    raise foreign(path.name)


_READERS: dict[str, Callable[[Path], Document]] = {
    ".ipynb": notebook_document,
    ".html": read_page,
    ".htm": read_page,
    **dict.fromkeys((".docx", ".docm", ".odt"), _read_office),
    ".pdf": read_pdf,
    ".py": read_comments,
    ".pyw": read_comments,
    **dict.fromkeys((".md", ".markdown", ".txt", ".text", ".rst", ".rtf"), read_plain),
    ".tex": read_tex,
    "": read_if_text,
}
"""By suffix, for files whose first bytes do not tell their format, as those of real .rtf files do."""
_LIBRARIES: dict[Callable[[Path], Document], str] = {read_pdf: "pypdf", read_rtf: "striprtf"}
"""What a reader needs besides the standard library."""
_PAGES = (b"<!doctype html", b"<html")
_OLE = b"\xd0\xcf\x11\xe0"
"""How Word's old files begin, and new ones with a password."""
_LOCKED = "EncryptedPackage".encode("utf-16-le")
"""The name of the stream with the new file."""
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
_PHOTOS = (b"ftypheic", b"ftypheix", b"ftypmif1")
"""How a photo in HEIF format begins, from its fifth byte on."""


def read_document(path: Path) -> Document:
    """The document at ``path``. Never raises for a student's file: ``problem`` then says what is wrong with it."""
    return _read(path, lambda: _reader(path)(path))


def read_pdf_columns(path: Path) -> Document:
    """The PDF at ``path`` with the columns in which its lines are shown. Never raises for a student's file."""
    return _read(path, lambda: read_pdf(path, keeps_columns=True))


def missing_library(path: Path) -> str:
    """The library that reading the document at ``path`` needs and that is not installed; empty if there is none."""
    try:
        name = _LIBRARIES.get(_reader(path), "")
    except (Unreadable, OSError):
        return ""
    return name if name and importlib.util.find_spec(name) is None else ""


def _read(path: Path, read: Callable[[], Document]) -> Document:
    try:
        with cpu_limit(LONGEST_SECONDS):
            return read()
    except TooSlow:
        return too_slow(path.name)
    except Unreadable as problem:
        return Document(path.name, problem=str(problem))
    except (OSError, ValueError, LookupError, RecursionError, MemoryError, ArithmeticError) as error:
        # A file can be damaged in more ways than its reader knows; one document must not stop a cohort.
        return Document(path.name, problem=f"{path.name} could not be read ({type(error).__name__}).")


def _reader(path: Path) -> Callable[[Path], Document]:
    """The reader for the file, chosen by its first bytes where they are conclusive, else by its suffix."""
    with opened(path) as stream:
        start = stream.read(16)
    if start.startswith(b"%PDF"):
        return read_pdf
    reader = read_page if start.lower().startswith(_PAGES) else _READERS.get(path.suffix.lower())
    if reader is not None and start.startswith(b"PK\x03\x04"):
        return _read_office
    if start.startswith(b"{\\rtf"):
        return read_rtf
    if start.startswith(_PICTURES) or start[4:12] in _PHOTOS:
        raise Unreadable(f"{path.name} is a picture, so a person must read it.")
    if start.startswith(_OLE):
        if _LOCKED in read_bytes(path, LARGEST_DOCUMENT):
            raise locked(path.name)
        raise foreign(path.name, "is an old Word file")
    if reader is None:
        raise foreign(path.name)
    return reader
