"""Foreign text made safe to show on a line or in a block: what a submission can put into a name, a message, its output.

Escaping for HTML, for rich or for a spreadsheet is the business of the view that needs it.
"""

from __future__ import annotations

import re
import unicodedata

_REPLACEMENT = "\ufffd"
# CSI and OSC sequences (ECMA-48), in the 7-bit form and the 8-bit one, then any other two-byte escape. No part looks
# twice at the same text, however often a sequence is begun.
_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\x9d]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-Z\\^-~]"
)
_JOINERS = "\u200c\u200d"
_VARIANTS = "\ufe00-\ufe0d\U000e0100-\U000e01ef"
# What joins letters of some scripts, and people in an emoji, or picks a form of a Chinese character, hides after ASCII.
_MISPLACED = re.compile(f"(?<![^\x00-\x7f])[{_JOINERS}{_VARIANTS}]+")
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Letters and marks that nobody sees."""
_HIGHEST = 4
"""Combining marks on one letter; no language needs more, and a tower of them covers the lines above."""


class _Pictures(dict[int, int | str]):
    """For :meth:`str.translate`: what each character is shown as. Filled in as characters come."""

    def __init__(self, *, kept: str = "") -> None:
        super().__init__({code: 0x2400 + code for code in range(0x20)})  # Unicode's pictures of control characters
        self[0x7F] = 0x2421
        self |= {ord(char): ord(char) for char in kept}

    def __missing__(self, code: int) -> int | str:
        is_shown = code < 0x7F or chr(code) in _JOINERS or not _is_unseen(code)
        self[code] = shown = code if is_shown else _REPLACEMENT
        return shown


def _is_unseen(code: int) -> bool:
    """Control, format and bidi characters, separators of lines, lone surrogates, blanks and what is no character."""
    is_no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return unicodedata.category(chr(code)) in {"Cc", "Cf", "Cs", "Zl", "Zp"} or chr(code) in _BLANKS or is_no_character


_LINE = _Pictures()
_BLOCK = _Pictures(kept="\t\n")


def visible(text: str) -> str:
    """``text`` on one line, without ANSI sequences, with control, bidi and unpaired characters as visible symbols."""
    return _shown(text, _LINE)


def visible_block(text: str) -> str:
    """Like :func:`visible`, but line breaks and tabs stay: for printed output and code."""
    return _shown(text, _BLOCK)


def _shown(text: str, pictures: _Pictures) -> str:
    if text.isascii() and text.isprintable():  # nearly every text, and thousands of them on a page
        return text
    plain = _ANSI.sub("", text.replace("\r\n", "\n"))
    if plain.isascii():
        return plain.translate(pictures)
    return _low(_MISPLACED.sub(_REPLACEMENT, plain)).translate(pictures)


def _low(text: str) -> str:
    """``text`` without the combining marks that stand higher than ``_HIGHEST`` on a letter."""
    kept = []
    height = 0
    for char in text:
        height = height + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        if height <= _HIGHEST:
            kept.append(char)
    return "".join(kept)


def shorten(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters, with an ellipsis where something was cut off."""
    return text if len(text) <= width else text[: max(width - 1, 0)].rstrip() + "…"
