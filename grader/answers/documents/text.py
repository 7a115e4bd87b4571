"""Reads plain text and Markdown in any encoding. Markdown stays lines: a parser would remove ``a.`` and ``2)``."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from grader.answers.documents.document import PICTURE, Block, Document, Kind, Unreadable, bounded
from grader.source.decoding import readable, utf16_by_nuls, with_newlines

LARGEST_TEXT = 2_000_000
"""Bytes of a text file. Answers have about ten thousand."""
_SAMPLE = 50_000
_NUL_SHARE = 0.2
"""Of the bytes. A text that is not UTF-16 may contain some NUL bytes too: a damaged file, or Word's."""
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"\s{0,3}#{1,6}(?:\s|$)")
_IMAGE_DATA = re.compile(r"data:[\w/+.;=-]{1,80},[A-Za-z0-9+/=%]{200,}")
_IMAGE = re.compile(
    r"!\[[^\[\]\n]{0,300}\](?:\([^()\n]{0,500}(?:\([^()\n]{0,100}\)[^()\n]{0,500})?\)|\[[^\[\]\n]{0,300}\])"
    r"|!\[\[[^\[\]\n]{1,300}\]\]|<(?:img|object|embed)\b[^<>\n]{0,2000}>",
    re.IGNORECASE,
)
"""A picture in Markdown, in wiki markup, or in the HTML that Markdown may contain."""
_LONGEST_COMMENT = 80
"""Characters of a comment that may name a part. Longer comments are prose that no reader of the page sees."""
_NO_FILE = "{} is a link, a folder or not an ordinary file, so it was not read."
_CONTROL = re.compile("[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
_MOST_CONTROL = 0.02
"""Share of the characters."""


def read_bytes(path: Path, most: int) -> bytes:
    """The file's bytes. Raises :class:`Unreadable` when there are more than ``most``, or the file cannot be opened."""
    with opened(path) as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise Unreadable(f"{path.name} is larger than {most / 1_000_000:g} MB, too large for written answers.")
    return data


def opened(path: Path) -> IO[bytes]:
    """The file, opened for reading. Raises :class:`Unreadable` for a link, a pipe, a folder or a failed open."""
    try:
        stream = open(path, "rb", opener=_plainly)  # noqa: SIM115  # for the caller
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EISDIR}:
            raise Unreadable(_NO_FILE.format(path.name)) from error
        raise Unreadable(f"{path.name} cannot be opened.") from error
    if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        return stream
    stream.close()
    raise Unreadable(_NO_FILE.format(path.name))


def _plainly(path: str, flags: int) -> int:
    """Open without following a link and without waiting for a writer of a pipe."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def decode(data: bytes) -> str:
    """Decode by byte order mark, as UTF-8, by the pattern of NUL bytes, or in the most likely encoding."""
    return readable(data, utf16=utf16_by_nuls(data[:_SAMPLE], _NUL_SHARE), otherwise=_likely)


def _likely(data: bytes) -> str:
    try:
        data[:_SAMPLE].decode("cp1252")
        western = "cp1252"
    except UnicodeDecodeError:
        western = "latin-1"
    if sum(byte >= 0x80 for byte in data[:_SAMPLE]) * 20 < min(len(data), _SAMPLE):
        return western  # English with a few curly quotes, accents or dashes: too few to guess from
    try:
        from charset_normalizer import from_bytes
    except ModuleNotFoundError:  # on a student's computer
        return western
    best = from_bytes(data[:_SAMPLE], cp_exclusion=["utf_7"]).best()
    return best.encoding if best is not None else western


def read_plain(path: Path) -> Document:
    """A text or Markdown file. Raises :class:`Unreadable` for bytes that are not text in any encoding."""
    return bounded(path.name, split(read_text(path)))


def read_text(path: Path) -> str:
    """The text of a text file. Raises :class:`Unreadable` for bytes that are not text in any encoding."""
    text = decode(read_bytes(path, LARGEST_TEXT))
    if not _is_text(text):
        raise Unreadable(f"{path.name} is not a text file, although its name says so.")
    return with_newlines(text)


def read_if_text(path: Path) -> Document:
    """A file without a suffix, which may be anything: empty without a problem if it is not text."""
    with opened(path) as stream:
        text = decode(stream.read(LARGEST_TEXT))
    return bounded(path.name, split(text)) if text.strip() and _is_text(text) else Document(path.name)


def _is_text(text: str) -> bool:
    sample = text[:_SAMPLE].replace("\0", "")
    return len(_CONTROL.findall(sample)) <= _MOST_CONTROL * len(sample)


def split(text: str, *, anchor: str = "") -> Iterator[Block]:
    """The paragraphs, headings and fenced code of a text; the first block gets ``anchor``."""
    text = _without_comments(with_newlines(text).replace("\x0c", "\n"))
    for block in _split(text):
        yield Block(block.text, block.kind, anchor)
        anchor = ""
    if anchor:
        yield Block("", anchor=anchor)


def _without_comments(text: str) -> str:
    """``text`` without comments that are too long to name a part."""
    kept: list[str] = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start)) >= 0:
        is_name = end - start <= _LONGEST_COMMENT and "\n" not in text[start:end]
        kept += [text[at:start], text[start : end + 3] if is_name else ""]
        at = end + 3
    return "".join(kept) + text[at:]


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
                yield Block(_with_pictures("\n".join(held)))
            held = []
            if mark:
                fence = mark.group(1)
            elif line.strip():
                yield Block(_with_pictures(line), Kind.HEADING)
        else:
            held.append(line)
    if held:
        yield Block("\n".join(held), Kind.CODE) if fence else Block(_with_pictures("\n".join(held)))


def _with_pictures(text: str) -> str:
    return _IMAGE.sub(PICTURE, _IMAGE_DATA.sub("", text))
