"""Tell names that look the same although their characters differ: Cyrillic a, full-width letters, invisible ones.

The letters of other alphabets that look like Latin ones follow Unicode's confusables (UTS #39), for Cyrillic,
Greek, Armenian and extended Latin. Compatibility forms, such as full-width and mathematical letters, come from NFKC.
"""

from __future__ import annotations

import unicodedata

_ALPHABETS = (
    ("АВЕЅІЈКМНОРСТҮХԚԜҺаеѕіјорсухһԁԛԝӏүѵԍᴦ", "ABESIJKMHOPCTYXQWhaesijopcyxhdqwlyvgr"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγικνορσυ", "ABEZHIKMNOPTYXayikvopou"),
    ("ՕՍՏԼհոսցզօյ", "OUSLhnugqoj"),
    ("ıɑɡɩʏøłđħŀƖɪʀ", "iagiyoldhllir"),
)
_LETTERS = str.maketrans({there: here for theirs, ours in _ALPHABETS for there, here in zip(theirs, ours, strict=True)})
_DIGITS = str.maketrans("01", "ol")


def skeleton(name: str) -> str:
    """A form that is equal for names that look the same: Latin letters in lower case, without marks and separators."""
    text = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", name)).translate(_LETTERS).casefold()
    text = unicodedata.normalize("NFD", text.translate(_LETTERS).translate(_DIGITS))
    return "".join(c for c in text if unicodedata.category(c)[0] not in "MCZ")


def spelled(name: str) -> str:
    """``name``, and the codes of the characters that are not ASCII, so that a person sees the difference."""
    code = name.encode("ascii", "backslashreplace").decode()
    return name if code == name else f"{name} ({code})"
