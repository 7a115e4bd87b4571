"""Plain text and Markdown in any encoding. Markdown is kept as lines: a parser of it would eat ``a.`` and ``2)``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from grader.answers.reading.document import Block, Document, Kind, Unreadable, bounded
from grader.script import BOMS

LARGEST_TEXT = 4_000_000
"""Bytes of a text file. Answers have about ten thousand."""
_SAMPLE = 50_000
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"\s{0,3}#{1,6}(?:\s|$)")
_IMAGE_DATA = re.compile(r"data:[\w/+.;=-]{1,80},[A-Za-z0-9+/=%]{200,}")


def read_bytes(path: Path, most: int) -> bytes:
    """The file's bytes. Raises :class:`Unreadable` when there are more than ``most`` or none can be had."""
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be opened.") from error
    if len(data) > most:
        raise Unreadable(f"{path.name} is larger than {most // 1_000_000} MB, too large to hold written answers.")
    return data


def decode(data: bytes) -> str:
    """Text by byte order mark, UTF-8, the pattern of NUL bytes, or the encoding that the bytes look most like."""
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    nuls = data[:_SAMPLE].count(0)
    if nuls > min(len(data), _SAMPLE) // 5:
        even = data[:_SAMPLE:2].count(0)
        return data.decode("utf-16-be" if even * 2 > nuls else "utf-16-le", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    return data.decode(_likely(data), errors="replace")


def _likely(data: bytes) -> str:
    from charset_normalizer import from_bytes

    try:
        data[:_SAMPLE].decode("cp1252")
        western = "cp1252"
    except UnicodeDecodeError:
        western = "latin-1"
    if sum(byte >= 0x80 for byte in data[:_SAMPLE]) * 20 < min(len(data), _SAMPLE):
        return western  # English with a few curly quotes, accents or dashes: too little for statistics
    best = from_bytes(data[:_SAMPLE], cp_exclusion=["utf_7"]).best()
    return best.encoding if best is not None else western


def read_plain(path: Path) -> Document:
    """A text or Markdown file."""
    return bounded(path.name, split(decode(read_bytes(path, LARGEST_TEXT))))


def split(text: str, *, anchor: str = "") -> Iterator[Block]:
    """The paragraphs, headings and fenced code of a text; the first block carries ``anchor``."""
    for block in _split(text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n")):
        yield Block(block.text, block.kind, anchor)
        anchor = ""
    if anchor:
        yield Block("", anchor=anchor)


def _split(text: str) -> Iterator[Block]:
    held: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark.group(1).startswith(fence):
                fence = ""
                yield Block("\n".join(held), Kind.CODE)
                held = []
            else:
                held.append(line)
        elif mark or not line.strip() or _HEADING.match(line):
            if held:
                yield Block("\n".join(held))
            held = []
            if mark:
                fence = mark.group(1)
            elif line.strip():
                yield Block(line, Kind.HEADING)
        else:
            held.append(_IMAGE_DATA.sub("", line))
    if held:
        yield Block("\n".join(held), Kind.CODE if fence else Kind.PARAGRAPH)
