"""Reads the text layer of PDF files with pypdf, a page at a time, as far as time allows."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from grader.answers.documents.document import Document, Unreadable, bounded, locked
from grader.answers.documents.text import read_bytes, split
from grader.answers.documents.time_limit import TooSlow
from grader.model import GraderFault

LARGEST_PDF = 50_000_000
"""Bytes."""
MOST_PAGES = 40
_MOST_CHARACTERS = 1_000_000
_BROKEN = re.compile(r"\b([A-Za-z]{2,})[-\u00ad\u2010] ?\n(?=[a-z]{2})")
"""A word that is hyphenated at the end of a line."""
_OWN_HYPHEN = frozenset(
    {"max", "mean", "average", "non", "self", "one", "two", "over", "pre", "multi", "down", "high", "low"}
)
"""First halves that keep their hyphen at the end of a line: ``max-pooling``."""
_NUMBER = re.compile(r"\d+")
_MOST_HEADS = 3
_SMALLEST_PICTURE = 33
"""Pixels of a side; bullets and rules are smaller."""
_FEWEST_WORDS = 8
"""Of a page with a picture that is more than a scan."""
_MARKS = frozenset({"/FreeText", "/Ink", "/Stamp", "/Text"})
"""Annotations with content of their own."""
_MOST_OBJECTS = 200
"""Objects of a page that are searched for pictures or annotations."""


@dataclass(frozen=True)
class _Page:
    """``has_marks`` says that the page has annotations: typed notes, ink, filled form fields."""

    text: str
    has_picture: bool
    has_marks: bool

    @property
    def is_scan(self) -> bool:
        """Whether it shows a picture with hardly a word: a program for scans adds its name, or a page's number."""
        return self.has_picture and len(self.text.split()) < _FEWEST_WORDS


def read_pdf(path: Path, *, keeps_columns: bool = False) -> Document:
    """The text of at most ``MOST_PAGES`` pages. Raises :class:`Unreadable` for a scan, which is not an empty answer.

    With ``keeps_columns``, lines begin in the column in which they are shown: right for code, but not for prose.
    """
    name = path.name
    data = read_bytes(path, LARGEST_PDF)
    if b"%PDF" not in data[:1024]:
        raise Unreadable(f"{name} is not a readable PDF; it may be damaged.")
    pages: list[_Page] = []
    is_whole = False
    try:
        pages.extend(_pages(data, name, "layout" if keeps_columns else "plain"))  # those before a fault are kept
        is_whole = True
    except TooSlow:
        if not pages:
            raise
    except (Unreadable, GraderFault):
        raise
    except Exception as damage:  # pypdf can raise anything on a damaged file
        if not pages:
            raise Unreadable(f"{name} is not a readable PDF; it may be damaged.") from damage
    scans = [number for number, page in enumerate(pages, 1) if page.is_scan]
    if len(scans) == len(pages) or not any(page.text.strip() for page in pages):
        raise Unreadable(f"{name} is a scan (its pages are pictures without text), so a person must read it.")
    problem = ""
    if scans:
        problem = f"{name} has scanned pages ({', '.join(map(str, scans))}), so a person must read it."
    elif not is_whole:
        problem = f"{name} could not be read to its end, so only its start was read."
    elif any(page.has_marks for page in pages):
        problem = f"{name} has notes or handwriting on its pages, which only a person can read."
    elif len(pages) == MOST_PAGES:
        problem = f"{name} has {MOST_PAGES} pages or more, so only its start was read."
    has_pictures = any(page.has_picture or page.has_marks for page in pages)
    text = "\n".join(_without_running_heads([page.text for page in pages]))
    text = text if keeps_columns else _BROKEN.sub(_joined, text)
    return bounded(name, split(text), problem=problem, has_pictures=has_pictures)


def _pages(data: bytes, name: str, mode: Literal["plain", "layout"]) -> Iterator[_Page]:
    """The first pages. ``mode`` is pypdf's: ``layout`` keeps columns, and so the indentation of code."""
    try:
        from pypdf import PdfReader
    except ImportError as missing:
        raise GraderFault(
            "pypdf is not installed, so the grader cannot read PDFs: install its requirements again."
        ) from missing
    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
    size = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise locked(name)
        for index, page in enumerate(reader.pages):
            if index >= MOST_PAGES or size > _MOST_CHARACTERS:
                break
            text = page.extract_text(extraction_mode=mode)[:_MOST_CHARACTERS]
            size += len(text)
            yield _Page(text, _has_picture(page), _has_marks(page))


def _without_running_heads(pages: list[str]) -> list[str]:
    """The pages without the lines at the top and bottom that each has, such as a date or the page's number."""
    lines = [page.strip("\n").split("\n") for page in pages]
    for place in (0, -1):
        for _ in range(_MOST_HEADS):
            edges = [_NUMBER.sub("0", page[place]).strip() if page else "" for page in lines]
            if len(pages) < 2 or len(set(edges)) > 1 or not edges[0]:
                break
            for page in lines:
                page.pop(place)
    return ["\n".join(page) for page in lines]


def _joined(broken: re.Match[str]) -> str:
    word = broken.group(1)
    return f"{word}-" if word.lower() in _OWN_HYPHEN else word


def _has_picture(holder: Any, depth: int = 3) -> bool:
    """Whether a page, or a form drawn on it, has a picture. A damaged entry counts as a picture."""
    try:
        drawn = _resolved(_resolved(holder, "/Resources") or {}, "/XObject") or {}
        for name in list(drawn)[:_MOST_OBJECTS]:
            item = _resolved(drawn, name)
            kind = item.get("/Subtype")
            if kind == "/Image" and min(int(item["/Width"]), int(item["/Height"])) >= _SMALLEST_PICTURE:
                return True
            if kind == "/Form" and depth and _has_picture(item, depth - 1):
                return True
    except Exception:  # as above; a wrong guess only makes a tutor look
        return True
    return False


def _resolved(holder: Any, name: str) -> Any:
    """The object of that name, or None; a reference is followed."""
    found = holder.get(name)
    return found.get_object() if hasattr(found, "get_object") else found


def _has_marks(page: Any) -> bool:
    """Whether a person wrote on the page: typed notes, ink, stamps, a filled form."""
    try:
        for reference in list(_resolved(page, "/Annots") or [])[:_MOST_OBJECTS]:
            note = reference.get_object()
            if note.get("/Subtype") in _MARKS or (note.get("/Subtype") == "/Widget" and note.get("/V")):
                return True
    except Exception:  # as above
        return True
    return False
