"""Reads documents of every format that may contain Part 1 answers: notebooks, Word, PDF, HTML, text, scripts.

It runs and fetches nothing, and bounds size and time. A bad file gives a document with a problem.

May import: ``model``, ``source``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from grader.answers.documents.document import PICTURE, Block, Document, Kind, Unreadable
from grader.answers.documents.docx import read_word
from grader.answers.documents.html import read_page
from grader.answers.documents.notebook_document import notebook_document
from grader.answers.documents.pdf import read_pdf
from grader.answers.documents.script_comments import read_comments
from grader.answers.documents.text import opened, read_plain

__all__ = ["PICTURE", "Block", "Document", "Kind", "read_document"]

_READERS: dict[str, Callable[[Path], Document]] = {
    ".ipynb": notebook_document,
    ".md": read_plain,
    ".markdown": read_plain,
    ".txt": read_plain,
    ".html": read_page,
    ".htm": read_page,
    ".docx": read_word,
    ".pdf": read_pdf,
    ".py": read_comments,
}

_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
_PHOTOS = (b"ftypheic", b"ftypheix", b"ftypmif1")
"""How a photo in HEIF format begins, from its fifth byte on."""


def read_document(path: Path) -> Document:
    """The document at ``path``. Never raises for a student's file: ``problem`` then says what is wrong with it."""
    try:
        return _reader(path)(path)
    except Unreadable as problem:
        return Document(path.name, problem=str(problem))
    except (OSError, ValueError, LookupError, RecursionError, MemoryError, ArithmeticError) as error:
        # A file can be damaged in more ways than its reader knows; one document must not stop a cohort.
        return Document(path.name, problem=f"{path.name} could not be read ({type(error).__name__}).")


def _reader(path: Path) -> Callable[[Path], Document]:
    """The reader for the file, chosen by its first bytes where they are conclusive, else by its suffix."""
    with opened(path) as stream:
        start = stream.read(12)
    if start.startswith(b"%PDF"):
        return read_pdf
    if start.startswith(b"PK\x03\x04"):
        return read_word
    if start.startswith(b"{\\rtf"):
        raise Unreadable(f"{path.name} is an RTF file, which the grader cannot read, so a person must read it.")
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable(f"{path.name} is an old Word file or protected by a password, so a person must read it.")
    if start.startswith(_PICTURES) or start[4:12] in _PHOTOS:
        raise Unreadable(f"{path.name} is a picture, so a person must read it.")
    return _READERS.get(path.suffix.lower(), read_plain)
