"""Makes foreign text safe to show: removes escape sequences and makes control characters visible.

Escaping for HTML, rich or spreadsheets is done by the views.
"""

from __future__ import annotations

import re
import unicodedata

_REPLACEMENT = "\ufffd"
# CSI and OSC sequences (ECMA-48), in 7-bit and 8-bit form, then any other two-byte escape. No part backtracks, so the
# time is linear however many sequences begin.
_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\x9d]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-Z\\^-~]"
)
_JOINERS = "\u200c\u200d"
_VARIANTS = "\ufe00-\ufe0d\U000e0100-\U000e01ef"
# Joiners (for letters of some scripts, and for emoji) and variation selectors (for Chinese characters) after ASCII.
_MISPLACED = re.compile(f"(?<![^\x00-\x7f])[{_JOINERS}{_VARIANTS}]+")
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Invisible letters and marks."""
_MOST_MARKS = 4
"""Combining marks on one letter; no language needs more, and a stack of them covers the lines above."""


class _Pictures(dict[int, int | str]):
    """A table for :meth:`str.translate`: how each character is shown. It grows with the characters that occur."""

    def __init__(self, *, kept: str = "") -> None:
        super().__init__({code: 0x2400 + code for code in range(0x20)})  # Unicode's pictures of control characters
        self[0x7F] = 0x2421
        self |= {ord(char): ord(char) for char in kept}

    def __missing__(self, code: int) -> int | str:
        is_shown = code < 0x7F or chr(code) in _JOINERS or not _is_unseen(code)
        self[code] = shown = code if is_shown else _REPLACEMENT
        return shown


def _is_unseen(code: int) -> bool:
    """Control, format and bidi characters, line separators, lone surrogates, blanks and noncharacters."""
    is_no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return unicodedata.category(chr(code)) in {"Cc", "Cf", "Cs", "Zl", "Zp"} or chr(code) in _BLANKS or is_no_character


_LINE = _Pictures()
_BLOCK = _Pictures(kept="\t\n")


def visible(text: str) -> str:
    """``text`` on one line without ANSI sequences; control, bidi and unpaired characters become visible symbols."""
    return _shown(text, _LINE)


def visible_block(text: str) -> str:
    """Like :func:`visible`, but line breaks and tabs are kept: for printed output and code."""
    return _shown(text, _BLOCK)


def _shown(text: str, pictures: _Pictures) -> str:
    if text.isascii() and text.isprintable():  # fast path: true of nearly all texts, thousands of which are on a page
        return text
    plain = _ANSI.sub("", text.replace("\r\n", "\n"))
    if plain.isascii():
        return plain.translate(pictures)
    return _with_few_marks(_MISPLACED.sub(_REPLACEMENT, plain)).translate(pictures)


def _with_few_marks(text: str) -> str:
    """``text`` with at most ``_MOST_MARKS`` combining marks on each letter."""
    kept = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        if marks <= _MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def shorten(text: str, width: int) -> str:
    """``text`` cut to ``width`` characters, with an ellipsis at the end if something was cut off."""
    return text if len(text) <= width else text[: max(width - 1, 0)].rstrip() + "…"
