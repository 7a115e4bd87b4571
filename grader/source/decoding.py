"""Decode the bytes of a text file: by byte order mark, by NUL bytes, or by trying encodings in turn.

A Python script declares its encoding and must be read as Python reads it: :func:`first_that_fits` decodes without loss.
In an answer or a table, a wrong letter is better than no text: :func:`readable` always returns text.
"""

from __future__ import annotations

import codecs
import io
import tokenize
from collections.abc import Callable, Iterable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks and their encodings; a mark that starts with another one comes before it."""
_ASCII = bytes(code for code in range(32, 127) if code != ord("\\")) + b"\\u0041"


def marked(data: bytes) -> str:
    """The encoding that the byte order mark declares; empty without one."""
    return next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "")


def utf16_by_nuls(data: bytes, above: float) -> str:
    """The kind of UTF-16 if more than the share ``above`` (0..1) of the bytes are NUL; otherwise empty.

    Of the two bytes of a western letter one is NUL: the second one in little-endian UTF-16.
    """
    nuls = data.count(0)
    if nuls <= above * len(data):
        return ""
    return "utf-16-be" if data[::2].count(0) * 2 > nuls else "utf-16-le"


def cookie(data: bytes) -> str:
    """The encoding that a comment in the first two lines declares (PEP 263); empty without one, and for UTF-8.

    Encodings that change plain ASCII text (UTF-7, escapes) are ignored.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:  # an unknown name, or a first line that is not UTF-8
        return ""
    keeps_ascii = first_that_fits(_ASCII, [encoding]) == (_ASCII.decode(), encoding)
    return encoding if keeps_ascii and encoding != "utf-8" else ""


def first_that_fits(data: bytes, encodings: Iterable[str]) -> tuple[str, str]:
    """The text in the first of the encodings that can decode it, and that encoding; Latin-1 can decode everything."""
    for encoding in encodings:
        try:
            return data.decode(encoding), encoding
        except (UnicodeError, LookupError, ValueError):
            continue
    return data.decode("latin-1"), "latin-1"


def readable(data: bytes, *, utf16: str, otherwise: Callable[[bytes], str]) -> str:
    """Decode by byte order mark, as ``utf16`` unless that is empty, as UTF-8, or in the encoding of ``otherwise``.

    ``otherwise`` is called only for bytes that are not UTF-8. Bytes that cannot be decoded become U+FFFD.
    """
    if encoding := marked(data) or utf16:
        return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(otherwise(data), "replace")


def with_newlines(text: str) -> str:
    """Replace the line ends of Windows and old Macs in ``text`` by line feeds."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
