"""Makes texts on which a regular expression would be slow, from the expression itself.

A search is slow where two repeats accept the same letters, or where many starts each read far before they fail. So each
repeat is pumped, after a beginning that reaches it and before an end that it does not accept.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from re import _constants as sre  # type: ignore[attr-defined]  # no public module has the parsed form
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_ALPHABET = "".join(map(chr, range(32, 127))) + "\n\t\0\u00e9\u00d7\u2014\u00b2\ufffc"
_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d", sre.CATEGORY_NOT_DIGIT: r"\D", sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S", sre.CATEGORY_WORD: r"\w", sre.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
_FEWEST = 8
"""Repeats that stop sooner cannot make a search slow."""
_MOST_LETTERS = 6
GENERIC = ("\n", " ",
           "\t", "a", "A ", "_", "0", "1x", "(", "((", "[", "\n ", " \n", "\n\t", '"', "'", "\\", "<", "<!--",
           "class Net", "import ", "a,", "1,", "a=", "/", "#", "\x1b[", "\u200d", "- ", ". ")  # fmt: skip
"""Texts that are repeated for every pattern."""

_Piece = tuple[Any, Any]


def attacks(pattern: re.Pattern[Any]) -> list[tuple[str, str, str]]:
    """(beginning, pump, end) of each attack: the text is the beginning, then the pump many times, then the end."""
    source = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    flags = pattern.flags & (re.IGNORECASE | re.VERBOSE | re.DOTALL | re.MULTILINE | re.ASCII)
    tree = list(parser.parse(source, flags & ~re.UNICODE))
    letters = _letters(tree)
    chance = random.Random(0)
    found: dict[tuple[str, str, str], None] = {("", pump, "\0"): None for pump in GENERIC}
    for before, body, after in _repeats(tree, "", "", chance):
        accepted = [letter for letter in letters if any(letter in _accepted(piece) for piece in _classes(body))]
        end = next((letter for letter in letters if letter not in accepted), "\0")
        single = chance.sample(accepted, min(len(accepted), _MOST_LETTERS))
        for pump in dict.fromkeys([*single, _sample(body, chance), _sample(body, chance)]):
            found[before, pump, end] = None
            found["", before + pump + after[:-1], end] = None
        found["", before, ""] = None
    return [attack for attack in found if attack[1]]


def _letters(tree: Iterable[_Piece]) -> list[str]:
    """One letter for each way in which the pattern's classes tell letters apart."""
    classes = [_accepted(piece) for piece in _classes(tree)]
    found: dict[tuple[bool, ...], str] = {}
    for letter in _ALPHABET:
        found.setdefault(tuple(letter in accepted for accepted in classes), letter)
    return list(found.values())


def _children(piece: _Piece) -> list[list[_Piece]]:
    """The sequences inside a piece of a parsed pattern."""
    kind, value = piece
    if kind in _REPEATS:
        return [list(value[2])]
    if kind is sre.BRANCH:
        return [list(branch) for branch in value[1]]
    if kind is sre.SUBPATTERN:
        return [list(value[3])]
    if kind in (sre.ASSERT, sre.ASSERT_NOT):
        return [list(value[1])]
    if kind is sre.ATOMIC_GROUP:
        return [list(value)]
    return []


def _classes(tree: Iterable[_Piece]) -> Iterator[_Piece]:
    for piece in tree:
        if piece[0] in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY):
            yield piece
        for inner in _children(piece):
            yield from _classes(inner)


def _accepted(piece: _Piece) -> frozenset[str]:
    """The letters that a class accepts."""
    kind, value = piece
    if kind is sre.ANY:
        return frozenset(_ALPHABET) - {"\n"}
    if kind in (sre.LITERAL, sre.NOT_LITERAL):
        same = frozenset({chr(value), chr(value).upper(), chr(value).lower()})
        return same if kind is sre.LITERAL else frozenset(_ALPHABET) - same
    found: set[str] = set()
    is_negated = False
    for inner, what in value:
        if inner is sre.NEGATE:
            is_negated = True
        elif inner is sre.LITERAL:
            found.add(chr(what))
        elif inner is sre.RANGE:
            found |= {letter for letter in _ALPHABET if what[0] <= ord(letter) <= what[1]} | {chr(what[0])}
        else:
            found |= {letter for letter in _ALPHABET if re.match(_CATEGORIES[what], letter)}
    return frozenset(_ALPHABET) - found if is_negated else frozenset(found)


def _repeats(
    tree: list[_Piece], before: str, after: str, chance: random.Random
) -> Iterator[tuple[str, list[_Piece], str]]:
    """Each long repeat of a sequence: a text that reaches it, its body, and a text that completes the match."""
    for at, piece in enumerate(tree):
        reached = before + _sample(tree[:at], chance)
        rest = _sample(tree[at + 1 :], chance) + after
        if piece[0] in _REPEATS and piece[1][1] >= _FEWEST:
            yield reached, list(piece[1][2]), rest
        for inner in _children(piece):
            yield from _repeats(inner, reached, rest, chance)


def _sample(tree: Iterable[_Piece], chance: random.Random) -> str:
    """A text that the sequence matches, but for what its assertions and references ask."""
    made = []
    for piece in tree:
        kind, value = piece
        if kind in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY):
            made.append(chance.choice(sorted(_accepted(piece)) or [""]))
        elif kind in _REPEATS:
            made += [_sample(value[2], chance) for _ in range(max(value[0], min(1, value[1])))]
        elif kind in (sre.BRANCH, sre.SUBPATTERN, sre.ATOMIC_GROUP):
            made.append(_sample(chance.choice(_children(piece)), chance))
    return "".join(made)
