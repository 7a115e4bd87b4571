"""Compiles the pattern language of the key: a pattern finds its words in a reading, in any inflection.

The comments at the top of the key file explain the language.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import permutations

from grader.answers.marker.negation import FUNCTION_WORDS, NEGATORS
from grader.answers.marker.tokens import BREAK, DROPPED, Reading, read, stem

PIECE = re.compile(r"\.{2,3}|[()|\[\]&]|<[a-z_0-9]+>|[^\s()|\[\]&<>]+|>")
STEP = r"(?:(?!(?:not|no|never|without|rather|instead|but|while|wherea|\.|,) )[^ ]+ )"
STRIDE = r"(?:(?!(?:not|no|never|without|rather|instead|\.) )[^ ]+ )"
GAPS = {"": STEP + "{0,1}?", "..": STEP + "{0,4}?", "...": STRIDE + "{0,12}?"}
"""How many words may stand between two words of a pattern: one, four after ``..``, twelve and commas after ``...``."""
REST_OF_WORD, CUT_OFF = "[^ ]*", "\0"
WORD_START = r"(?<![^ ])"
ANCHORS = {"^": r"\A", "$": r"(?:[.,] )*\Z"}
ENDINGS = (
    "", "e", "ed", "ing", "ation", "ion", "t", "ce", "s", "er", "y", "ity", "ant", "ness", "ly", "able", "ally",
)  # fmt: skip
"""How a word cut off with ``*`` may continue; its stem can be shorter than the text before the ``*``."""
_COUNTING = frozenset(["more", "all", "any", "one", "each", "every", "per"])
JOINING = (
    (FUNCTION_WORDS | frozenset(map(stem, FUNCTION_WORDS))) - NEGATORS - _COUNTING - frozenset(map(stem, _COUNTING))
)
"""Words of an example that another wording may leave out or replace."""
DEEPEST = 20
"""Brackets of a pattern inside one another."""
MOST_IN_ANY_ORDER = 3
"""Words of an example that may come in any order."""
EMPTY = re.compile(r"\(\?:\||\|\||\|\)")
"""An alternative without words."""
GROUP = re.compile(r"\(\?:(?P<inner>[^()]*)\)(?P<optional>\?)?")
"""A group without nested groups."""
SOURCE_PIECE = re.compile(r"(?P<open>\(\?:)|(?P<close>\)\??)|(?P<bar>\|)|(?P<word>(?:\\.|[^\\\s()|])+)|\s")


class PatternFault(ValueError):
    """A pattern is malformed; the message says why."""


@dataclass(frozen=True)
class Hit:
    """Words that a pattern found: the numbers of the first and the last token, for each ``&`` part."""

    groups: tuple[tuple[int, int], ...]

    @property
    def first(self) -> int:
        """The first token of the words."""
        return min(first for first, _ in self.groups)

    @property
    def last(self) -> int:
        """The last token of the words."""
        return max(last for _, last in self.groups)


@dataclass(frozen=True)
class Pattern:
    """A pattern. ``words`` are its words and their stems, to which typing errors are corrected."""

    text: str
    sources: tuple[str, ...]
    """A regular expression for each ``&`` part."""
    words: frozenset[str]

    @cached_property
    def needed(self) -> tuple[frozenset[str], ...]:
        """Sets of stems; every match has a stem of each set, so that most patterns need not be searched."""
        return tuple(sorted({found for source in self.sources for found in _needed(source)}, key=len))

    @cached_property
    def parts(self) -> tuple[re.Pattern[str], ...]:
        """The parts, compiled at their first use: a key has thousands of them."""
        return tuple(map(re.compile, self.sources))

    def hits(self, reading: Reading) -> Iterator[Hit]:
        """Every match: all parts in one sentence, in any order."""
        if any(part.search(reading.line) is None for part in self.parts):
            return
        if len(self.parts) == 1:
            for match in self.parts[0].finditer(reading.line):
                yield Hit((_tokens(reading, match.start(), match.end()),))
            return
        for begin, end in reading.sentences():
            found = [part.search(reading.line, begin, end) for part in self.parts]
            if all(found):
                yield Hit(tuple(_tokens(reading, match.start(), match.end()) for match in found if match))


def all_hits(patterns: Iterable[Pattern], reading: Reading) -> list[Hit]:
    """The matches of all patterns, in the order of the patterns.

    Of a part's hundred patterns only about ten can match; the others need a word that is missing and are skipped.
    """
    found: list[Hit] = []
    stems = reading.stems
    for pattern in patterns:
        for needed in pattern.needed:
            if stems.isdisjoint(needed):
                break
        else:
            found += pattern.hits(reading)
    return found


def _tokens(reading: Reading, start: int, end: int) -> tuple[int, int]:
    return bisect.bisect_left(reading.starts, start), bisect.bisect_left(reading.starts, end) - 1


def compiled(text: str, words: Mapping[str, tuple[str, ...]]) -> Pattern:
    """The pattern that ``text`` describes; ``words`` are the named lists. Raises :class:`PatternFault`."""
    stems: set[str] = set()
    parts: list[str] = []
    for part in text.split("&"):
        source = _source(part, words, stems, ())
        if _may_be_empty(source):
            raise PatternFault(f'"{text}" would match the empty text, which is everywhere')
        parts.append(WORD_START + source)
    return Pattern(text, tuple(parts), frozenset(stems))


def from_example(text: str) -> Pattern:
    """The pattern that finds the words of an example which carry its meaning, up to four words apart.

    Two or three such words may come in any order, more only in this one. Raises :class:`PatternFault` for an example
    without such words.
    """
    stems = [token.stem for token in read(text).tokens if token.stem not in JOINING]
    if not stems:
        raise PatternFault(f'"{text}" has only words that any answer may have')
    orders = sorted(set(permutations(stems))) if len(stems) <= MOST_IN_ANY_ORDER else [tuple(stems)]
    ways = (GAPS[".."].join(f"{re.escape(stem)} " for stem in order) for order in orders)
    return Pattern(text, (f"{WORD_START}(?:{'|'.join(ways)})",), frozenset(stems))


def _needed(source: str) -> list[frozenset[str]]:
    """Sets of stems; everything that ``source`` matches has a stem of each set."""
    source = _words_alone(source).replace(REST_OF_WORD, CUT_OFF)
    groups: list[list[list[frozenset[str]]]] = [[[]]]  # for each open group its alternatives, with their sets so far
    for piece in SOURCE_PIECE.finditer(source):
        if piece["open"]:
            groups.append([[]])
        elif piece["bar"]:
            groups[-1].append([])
        elif piece["close"]:
            alternatives = groups.pop()
            if piece["close"] == ")" and all(alternatives):
                groups[-1][-1].append(frozenset().union(*(min(sets, key=len) for sets in alternatives)))
        elif piece["word"] and CUT_OFF not in piece["word"]:  # a word cut off can be many words
            groups[-1][-1].append(frozenset([re.sub(r"\\(.)", r"\1", piece["word"])]))
    return groups[0][0]


def _words_alone(source: str) -> str:
    """``source`` without gaps between words and without anchors."""
    for between in (WORD_START, *GAPS.values(), *ANCHORS.values()):
        source = source.replace(between, "")
    return source


def _may_be_empty(source: str) -> bool:
    """Whether everything in a part is optional."""
    source = _words_alone(source)
    while (group := GROUP.search(source)) is not None:
        inner = "" if group["optional"] or "" in group["inner"].split("|") else "x"
        source = source[: group.start()] + inner + source[group.end() :]
    return not source


def _source(text: str, words: Mapping[str, tuple[str, ...]], stems: set[str], inside: tuple[str, ...]) -> str:  # noqa: C901  # a case for each sign
    made: list[str] = []
    opened: list[str] = []
    needs_gap, gap = False, ""
    for piece in PIECE.findall(text):
        if piece in ("..", "..."):
            gap = piece
            continue
        if len(opened) > DEEPEST:
            raise PatternFault(f'"{text[:40]}" has more than {DEEPEST} brackets in one another')
        if piece in (")", "]"):
            if not opened or opened.pop() != {")": "(", "]": "["}[piece]:
                raise PatternFault(f'"{text}": {piece} closes nothing')
            made.append(")" if piece == ")" else ")?")
            needs_gap = True
            continue
        if piece == "|":
            if not opened:
                raise PatternFault(f'"{text}": | belongs between brackets, as in (one|single)')
            made.append("|")
            needs_gap, gap = False, ""
            continue
        if piece == "[":  # the gap belongs to what is optional
            made.append("(?:" + (GAPS[gap] if needs_gap else ""))
            opened.append("[")
            needs_gap, gap = False, ""
            continue
        if piece in ANCHORS:
            made.append(ANCHORS[piece])
            needs_gap, gap = False, ""
            continue
        if needs_gap:
            made.append(GAPS[gap])
        gap = ""
        if piece == "(":
            made.append("(?:")
            opened.append("(")
            needs_gap = False
        else:
            source = _word(piece, text, words, stems, inside)
            made.append(source)
            needs_gap = bool(source)
    if opened:
        raise PatternFault(f'"{text}": a bracket is not closed')
    source = "".join(made)
    if EMPTY.search(source):
        raise PatternFault(f'"{text}": an alternative is empty, or is a word that is always ignored (of, the)')
    return source


def _word(piece: str, text: str, words: Mapping[str, tuple[str, ...]], stems: set[str], inside: tuple[str, ...]) -> str:
    if piece.startswith("<") and piece.endswith(">"):
        name = piece[1:-1]
        if name not in words:
            raise PatternFault(f'"{text}": there is no list of words called {name}')
        if name in inside:
            raise PatternFault(f'"{text}": the list {name} contains itself')
        return "(?:" + "|".join(_source(entry, words, stems, (*inside, name)) for entry in words[name]) + ")"
    source, found = _plain_word(piece)
    if source is None:
        raise PatternFault(f'"{text}": {piece} is not a word')
    stems |= found
    return source


@cache
def _plain_word(piece: str) -> tuple[str | None, frozenset[str]]:
    """The regular expression for a word of a pattern (None: not a word) and its stems. Cached: words recur in a key."""
    if piece.endswith("*") and piece != "*":
        start = piece[:-1].lower()
        shorter = {root for ending in ENDINGS if len(root := stem(start + ending)) < len(start)}
        source = "(?:" + "|".join([re.escape(start) + REST_OF_WORD, *map(re.escape, sorted(shorter))]) + ") "
        return source, frozenset()
    if piece.lower() in DROPPED:
        return "", frozenset()
    found = [token.stem for token in read(piece).tokens]
    if not found or BREAK in found:
        return None, frozenset()
    plain = {piece.lower()} if piece.isalpha() else set()
    return "".join(re.escape(stem) + " " for stem in found), frozenset(found) | plain
