"""Entries of one question that a tutor may mark together: equal ones as a group, nearly equal ones side by side.

Nothing here gives a mark. Where it is in doubt, two answers are different.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from rapidfuzz.distance import OSA

from grader.answers.marker.negation import DENYING
from grader.answers.marker.tokens import BREAK, LONG_WORD, PAUSE, read
from grader.model import Result
from grader.storage.json_files import encodable

NEAR = 0.75
"""Share of stems in common (Indel similarity, 0..1) from which two answers are nearly equal: one word may be added to a
clause of two, four to one of six. Below it, reading both in full is faster than reading the differences."""
_CACHE_SIZE = 4096
"""Answers whose words are kept: each is compared with others of its question."""
_LIST_MARK = re.compile(r"^[^\S\n]*[-*•–—][^\S\n]+(?=[^\W\d_]{2,}[^\S\n]+[^\W\d_]{2,})", re.MULTILINE)
"""A mark before two words; before a number or a symbol it may be a sign. Labels stay: "a) yes" may not be "b) yes"."""
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|\S")
_EXPONENTS = ("<super>", "<sub>", "<fraction>")
"""Compatibility forms with a meaning: 10² is not 102."""
_VARIANTS = str.maketrans("’‘‐‑‒–—−“”", "''------\"\"")
_JOINED = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_SHORTENED = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")
_SENTENCE = re.compile(r"(?<![!<>=])[.,;:?!](?=\s|$)|(?<!\S)\"|\"(?!\S)")
_FIGURE = re.compile(r"!(?==)|\d+(?:[.,]\d+)*|[^\w\s.,;:?!'\"]")


@dataclass(frozen=True)
class Group:
    """Equal answers. ``students`` keep the order in which they were given; ``text`` is the answer of the first.

    ``follows``: nearly equal to the group before. ``differs`` are the characters [start, end) of ``text`` that the text
    of that group does not have; it is empty where words were only left out.
    """

    students: tuple[str, ...]
    text: str
    follows: bool = False
    differs: tuple[tuple[int, int], ...] = ()


def alike(answers: Mapping[str, str]) -> tuple[Group, ...]:
    """The answers to one question, by student, in groups; nearly equal groups follow each other, shortest first.

    The order depends on the texts alone. Answers without text are never grouped: a drawing may stand in their place.
    """
    equal: dict[str, list[str]] = {}
    for student, text in answers.items():
        normal = normalised(text)
        equal.setdefault(normal or f"\n{student}", []).append(student)
    groups = [(normal, Group(tuple(students), answers[students[0]])) for normal, students in equal.items()]
    words = {normal: _words(group.text) for normal, group in groups}
    groups.sort(key=lambda pair: (len(words[pair[0]].stems), _digest(pair[0].strip("\n") and pair[0])))
    rows: list[list[Group]] = []
    ends = _Ends(words.values())
    for normal, group in groups:
        at = ends.first_near(words[normal])
        if at is None or normal.startswith("\n"):
            at = len(rows)
            rows.append([group])
        else:
            row = rows[at]
            row.append(replace(group, follows=True, differs=differences(row[-1].text, group.text)))
        ends.put(at, words[normal])
    rows.sort(key=lambda row: _digest(normalised(row[0].text)))
    return tuple(group for row in rows for group in row)


@dataclass(frozen=True)
class _Words:
    """The stems of an answer, and what must not differ: numbers and signs as written, and negations."""

    stems: tuple[str, ...]
    fixed: tuple[tuple[str, ...], tuple[str, ...]]


class _Ends:
    """The last answers of all rows, in which one that is nearly equal to another is found without a look at all.

    They are put in by length. The shorter of two nearly equal answers has all its stems in the longer one, so a row is
    filed under the rarest stem of its last answer, and under what is left of it without one letter.
    """

    def __init__(self, answers: Iterable[_Words]) -> None:
        self._uses = Counter(stem for words in answers for stem in set(words.stems))
        self._filed: defaultdict[tuple[object, str], list[int]] = defaultdict(list)
        self._last: dict[int, _Words] = {}

    def put(self, row: int, words: _Words) -> None:
        """Make this the last answer of a row."""
        self._last[row] = words
        if words.stems:
            for form in _forms(min(words.stems, key=self._uses.__getitem__)):
                self._filed[words.fixed, form].append(row)

    def first_near(self, words: _Words) -> int | None:
        """The first row whose last answer is nearly equal; None if there is none."""
        forms = {form for stem in words.stems for form in _forms(stem)}
        rows = {row for form in forms for row in self._filed.get((words.fixed, form), ())}
        return next((row for row in sorted(rows) if _are_near(self._last[row], words)), None)


def _forms(stem: str) -> Iterable[str]:
    """Two stems that :func:`_is_same` calls the same have one of these in common."""
    return (stem, *(stem[:at] + stem[at + 1 :] for at in range(len(stem)))) if len(stem) >= LONG_WORD else (stem,)


def alike_results(results: Mapping[str, Result]) -> tuple[tuple[str, ...], ...]:
    """The students whose results without an answer are equal in all that a tutor sees, in the order given."""
    equal: dict[tuple[object, ...], list[str]] = {}
    for student, result in results.items():
        seen = (result.id, result.status, result.available, result.proposed, result.message, result.expected)
        equal.setdefault((*seen, result.seen), []).append(student)
    return tuple(map(tuple, equal.values()))


def normalised(text: str) -> str:
    """The text without case, spacing, list marks, punctuation of sentences and variants of signs."""
    text = _LIST_MARK.sub("", _folded(text))
    text = _SHORTENED.sub("", _JOINED.sub(" ", text))
    return " ".join(_WORD.findall(_SENTENCE.sub(" ", text)))


def is_near(one: str, other: str) -> bool:
    """Whether one answer says what the other does and at most a few words more.

    Numbers, signs and negations have to be the same, in the same order. A word in place of another is a different
    answer, unless it is the same word with one wrong letter.
    """
    return _are_near(_words(one), _words(other))


def _are_near(one: _Words, other: _Words) -> bool:
    if one.fixed != other.fixed or not one.stems or not other.stems:
        return False
    short, long = sorted((one.stems, other.stems), key=len)
    added = len(long) - len(short)
    if 1 - added / (len(long) + len(short)) < NEAR:
        return False
    at = 0
    for stem in long:
        if at < len(short) and _is_same(short[at], stem):
            at += 1
        elif added:
            added -= 1
        else:
            return False
    return True


def differences(before: str, text: str) -> tuple[tuple[int, int], ...]:
    """The [start, end) of the characters of ``text`` in words that ``before`` does not have there."""
    words = list(_WORD.finditer(text))
    old = [word.group().casefold() for word in _WORD.finditer(before)]
    matcher = SequenceMatcher(None, old, [word.group().casefold() for word in words], autojunk=False)
    return tuple(
        (words[begin].start(), words[end - 1].end())
        for kind, _, _, begin, end in matcher.get_opcodes()
        if kind in ("replace", "insert")
    )


def _folded(text: str) -> str:
    if text.isascii():  # what follows would change nothing else
        return text.casefold()
    kept = (
        c if unicodedata.decomposition(c).startswith(_EXPONENTS) else unicodedata.normalize("NFKC", c) for c in text
    )
    return unicodedata.normalize("NFC", "".join(kept)).translate(_VARIANTS).casefold()


@functools.lru_cache(_CACHE_SIZE)
def _words(text: str) -> _Words:
    stems = tuple(token.stem for token in read(text).tokens if token.stem not in (BREAK, PAUSE))
    figures = _FIGURE.findall(_JOINED.sub(" ", _LIST_MARK.sub("", _folded(text))))
    return _Words(stems, (tuple(figures), tuple(stem for stem in stems if stem in DENYING)))


def _is_same(stem: str, other: str) -> bool:
    """Whether the stems are one, or one with a wrong letter; the first letter may carry the sense (a-typical)."""
    if stem == other:
        return True
    is_long = min(len(stem), len(other)) >= LONG_WORD and stem.isalpha() and other.isalpha()
    return is_long and stem[0] == other[0] and OSA.distance(stem, other) <= 1


def _digest(normal: str) -> str:
    return hashlib.sha256(encodable(normal).encode()).hexdigest()
