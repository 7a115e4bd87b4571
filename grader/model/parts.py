"""The ids of written parts: the number of a question, and a letter where the question has several parts (``7c``).

Which parts there are says the answer key, or the rubric, or :mod:`grader.lab4` for Lab 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LETTERS = "abcdefgh"
"""The letters of the parts of one question."""
LARGEST = 99
"""The largest number of a question."""
_ID = re.compile(rf"([1-9]\d?)([{LETTERS}]?)", re.ASCII)


def question_of(part: str) -> int:
    """The number of the question to which a part belongs."""
    return _split(part)[0]


def letter_of(part: str) -> str:
    """The letter of a part; empty where the question is one part."""
    return _split(part)[1]


def in_order(parts: Iterable[str]) -> tuple[str, ...]:
    """The ids as a sheet has them: by number, then by letter."""
    return tuple(sorted(parts, key=_split))


def heads_of(parts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The questions with several parts, each with its parts."""
    found: dict[str, tuple[str, ...]] = {}
    for part in in_order(parts):
        if letter_of(part):
            head = str(question_of(part))
            found[head] = (*found.get(head, ()), part)
    return found


def fault_in(parts: Iterable[str]) -> tuple[str, str]:
    """The first id that cannot be a part beside the others, and the reason as a sentence; empty texts for none."""
    ids = tuple(parts)
    for part in ids:
        if not _ID.fullmatch(part):
            reason = f"is no part; parts are called 1 to 99, and 2a to 2{LETTERS[-1]} where question 2 has several."
            return part, reason
    for head, own in heads_of(ids).items():
        if head in ids:
            return head, f"question {head} has the parts {', '.join(own)}, so it cannot be a part itself."
        for part, letter in zip(own, LETTERS, strict=False):
            if letter_of(part) != letter:
                return part, f"the parts of question {head} should be called {head}a, {head}b and so on."
    return "", ""


def _split(part: str) -> tuple[int, str]:
    found = _ID.fullmatch(part)
    if found is None:
        raise ValueError(f"{part!r} is not the id of a part")
    return int(found[1]), found[2]
