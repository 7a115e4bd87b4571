"""Reads Rich Text Format (.rtf) with striprtf: a line for each paragraph, list numbers included, and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from grader.answers.documents.document import Block, Document, Kind, Unreadable, bounded
from grader.answers.documents.text import read_bytes
from grader.model import GraderFault

LARGEST_RTF = 50_000_000
"""Bytes, pictures included."""
_LARGEST_REST = 2_000_000
"""Bytes without the pictures."""
_DATA = re.compile(rb"(?<![0-9a-fA-F\r\n])[0-9a-fA-F\r\n]{500,}")
"""A picture, as Word and LibreOffice write it."""
_COLOURS = re.compile(r"\\colortbl([^{}]{0,20000})")
_WHITE = re.compile(r"\s*\\red255\s*\\green255\s*\\blue255\s*")
_HIDDEN = re.compile(r"\\(?:v(?!0)\d*|fs[0-2])(?![a-z0-9-])")
_GROUND = re.compile(r"\\(?:highlight|chcbpat|chcfpat|chshdng|clcbpat|cbpat|cb)[1-9]")
_ROW = re.compile(r"\|[ \t]*$")


def read_rtf(path: Path) -> Document:
    """The text of an .rtf file. Raises :class:`Unreadable` where a part of it is hidden; striprtf reads that too."""
    try:
        from striprtf.striprtf import rtf_to_text
    except ImportError as missing:
        raise GraderFault(
            "striprtf is not installed, so the grader cannot read .rtf: install its requirements again."
        ) from missing
    data = read_bytes(path, LARGEST_RTF)
    has_pictures = b"\\pict" in data or b"\\objdata" in data
    rest = _DATA.sub(b"", data)
    if len(rest) > _LARGEST_REST:
        raise Unreadable(f"{path.name} is far larger than answers are, so a person must read it.")
    source = rest.decode("latin-1")
    if _has_hidden_text(source):
        raise Unreadable(f"{path.name} contains text that a reader of the page does not see, so a person must read it.")
    text: str = rtf_to_text(_prepared(source), errors="replace")  # type: ignore[no-untyped-call]  # it has no types
    return bounded(path.name, _blocks(text), has_pictures=has_pictures)


def _prepared(source: str) -> str:
    """The source with the list numbers of old programs, which striprtf leaves out.

    It is also without the mark of links' addresses, for which striprtf searches in quadratic time.
    """
    return source.replace("\\pntext", "\\listtext").replace("\\fldinst", "\\datafield")


def _has_hidden_text(source: str) -> bool:
    """Whether any text is hidden, at most a point high, or white where no text has a ground."""
    source = source.replace(r"\\", " ")  # a backslash that is shown begins no command
    if _HIDDEN.search(source):
        return True
    table = _COLOURS.search(source)
    colours = table.group(1).split(";") if table else []
    white = [index for index, colour in enumerate(colours) if _WHITE.fullmatch(colour)]
    used = "|".join(map(str, white))
    return bool(white) and not _GROUND.search(source) and re.search(rf"\\cf(?:{used})(?![0-9])", source) is not None


def _blocks(text: str) -> Iterator[Block]:
    rows: list[str] = []
    for line in text.split("\n"):
        if _ROW.search(line):
            rows.append(" | ".join(cell for part in line.split("|") if (cell := part.strip())))
            continue
        if rows:
            yield Block("\n".join(rows), Kind.TABLE)
            rows = []
        yield Block(line)
    if rows:
        yield Block("\n".join(rows), Kind.TABLE)
