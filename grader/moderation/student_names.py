"""The names, numbers and addresses under which students are known: to find a student by one, and to hide them."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from grader.model import Origin

_SHORTEST_NAME = 3
"""Characters. Shorter words of a name are too common in ordinary sentences."""


def names_of(student: str, origin: Origin) -> list[str]:
    """All texts that name who handed in a submission: the id, and what the platform says, each once."""
    people = [text for person in origin.members for text in (person.name, person.account, person.email)]
    return [text for text in dict.fromkeys([student, origin.name, origin.account, *people]) if text]


class ClassList:
    """Finds the students of a ``cohort``, their ids and where their work comes from, by any of their names."""

    def __init__(self, cohort: Iterable[tuple[str, Origin]]) -> None:
        self._called: defaultdict[str, set[str]] = defaultdict(set)
        for student, origin in cohort:
            for name in names_of(student, origin):
                self._called[_folded(name)].add(student)

    def called(self, name: str) -> list[str]:
        """The ids of the students with this id, name, number or address, whatever its case; sorted."""
        return sorted(self._called.get(_folded(name), ()))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip()


def words_that_name(texts: Iterable[str]) -> re.Pattern[str]:
    """Matches what would identify a student: each whole text, or words of it that look like a person's name."""
    own, whole = _telling(texts)
    alternatives = [f"(?i:{re.escape(text)})" for text in sorted(whole, key=len, reverse=True)]
    alternatives += [re.escape(word) for word in sorted(own, key=lambda word: (-len(word), word))]
    return re.compile(rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)" if alternatives else r"(?!)")


class NamesOfMany:
    """Says which sentences would identify somebody, by the same rule; as fast for thousands of ``texts`` as for one."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._own, whole = _telling(texts)
        self._whole = {tuple(_words(text.casefold())) for text in whole} - {()}
        self._lengths = {len(words) for words in self._whole}

    def are_in(self, sentence: str) -> bool:
        """Whether the sentence has one of the names."""
        words = _words(sentence.casefold())
        runs = (tuple(words[at : at + length]) for length in self._lengths for at in range(len(words)))
        return not self._own.isdisjoint(_words(sentence)) or not self._whole.isdisjoint(runs)


def _telling(texts: Iterable[str]) -> tuple[set[str], list[str]]:
    """Words with a digit or with a capital letter at the beginning, also all in capitals; and whole texts."""
    own: set[str] = set()
    whole: list[str] = []
    for text in texts:
        words = [word for word in _words(text) if len(word) >= _SHORTEST_NAME]
        own |= {word for word in words if any(map(str.isdigit, word)) and len(word) > _SHORTEST_NAME}
        own |= {form for word in words if word[0].isupper() for form in (word, word.upper())}
        whole += [text] if len(text) >= _SHORTEST_NAME else []
    return own, whole


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", text) if word]
