"""Foreign text made safe to show on a line or in a block: what a submission can put into a name, a message, its output.

Escaping for HTML, for rich or for a spreadsheet is the business of the view that needs it.
"""

from __future__ import annotations

import re

_REPLACEMENT = "\ufffd"
# CSI and OSC sequences (ECMA-48), in the 7-bit form and the 8-bit one, then any other two-byte escape.
_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-Z\\^-~]"
)
_CODES: dict[int, int | str] = (
    {code: 0x2400 + code for code in range(0x20)}  # Unicode's pictures of the control characters
    | {0x7F: 0x2421}
    | dict.fromkeys([*range(0x80, 0xA0), 0x061C, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029], _REPLACEMENT)
    | dict.fromkeys([*range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF, *range(0xFFF9, 0xFFFC)], _REPLACEMENT)
    | dict.fromkeys([*range(0xD800, 0xE000)], _REPLACEMENT)  # lone surrogates cannot be written as UTF-8
)
_PICTURES = str.maketrans(_CODES)
_BLOCK_PICTURES = str.maketrans({code: value for code, value in _CODES.items() if code not in (0x09, 0x0A)})


def visible(text: str) -> str:
    """``text`` on one line, without ANSI sequences, with control, bidi and unpaired characters as visible symbols."""
    return _ANSI.sub("", text.replace("\r\n", "\n")).translate(_PICTURES)


def visible_block(text: str) -> str:
    """Like :func:`visible`, but line breaks and tabs stay: for printed output and code."""
    return _ANSI.sub("", text.replace("\r\n", "\n")).translate(_BLOCK_PICTURES)


def shorten(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters, with an ellipsis where something was cut off."""
    return text if len(text) <= width else text[: max(width - 1, 0)].rstrip() + "…"
