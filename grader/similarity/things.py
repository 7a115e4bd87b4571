"""What two works may share, and how texts and figures become such things. Nothing is compared here."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

CODE = "code"
"""The place of everything in a script."""

Span = tuple[int, int]
"""Characters [start, end) of a text."""

WORDS_TOGETHER = 4
"""Words of a phrase. Three are often a term of the subject with an article; five are lost when one word is changed."""
TOKENS_TOGETHER = 12
"""Tokens of a piece of code: about a line and a half, so that one usual call alone is never a piece."""
OPERATIONS_TOGETHER = 6
"""Operations of a piece of a network: one block of the lab's network has four, such as conv, ReLU, pooling, dropout."""

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")


class Kind(StrEnum):
    """The kinds of shared things, in the words of the page."""

    SPELLING = "the same spelling mistake"
    WORDING = "the same words"
    COMMENT = "the same words in comments or texts of the code"
    NAME = "the same name in the code"
    STRUCTURE = "the same code, whatever its names"
    NETWORK = "the same operations of the network"
    ACCURACY = "the same accuracy of the same network"
    SECONDS = "the same seconds"


class Thing(NamedTuple):
    """Something that works may share. ``place`` is where it counts as the same: a part of Part 1, ``code`` and so on.

    ``length`` is the number of things that overlap in each of its words: the information of a thing is divided by it,
    so that a shared passage counts each of its words once.
    """

    kind: Kind
    place: str
    content: tuple[str, ...]
    length: int = 1

    @property
    def source(self) -> str:
        """What a student could have taken together: the answer to a part, the code, the accuracies, or the seconds.

        The network is recorded from the code. Accuracies and seconds are apart, because the same network with the same
        seed explains the former only.
        """
        if self.kind is Kind.NETWORK:
            return CODE
        return self.kind.value if self.kind in (Kind.ACCURACY, Kind.SECONDS) else self.place


Things = Mapping[Thing, Sequence[Span]]


@dataclass(frozen=True)
class Work:
    """What one student handed in, as far as works are compared: the texts by place, and their things with spans."""

    student: str
    texts: Mapping[str, str]
    things: Things


def words_of(text: str) -> Iterator[tuple[str, Span]]:
    """The words and numbers of a text in lower case, with their characters."""
    for found in _WORD.finditer(text):
        yield found[0].lower().replace("’", "'"), found.span()


def phrases(text: str, place: str, kind: Kind = Kind.WORDING) -> dict[Thing, list[Span]]:
    """The phrases of ``WORDS_TOGETHER`` words in a text; of a shorter text, the whole."""
    return pieces_of(list(words_of(text)), place, kind, WORDS_TOGETHER)


def pieces_of(
    words: Sequence[tuple[str, Span]], place: str, kind: Kind, length: int, *, is_whole_kept: bool = True
) -> dict[Thing, list[Span]]:
    """Each run of ``length`` words as a thing with its spans; of fewer words, all of them if ``is_whole_kept``."""
    found: defaultdict[Thing, list[Span]] = defaultdict(list)
    size = min(length, len(words)) if is_whole_kept else length
    strings = tuple(word for word, _ in words)
    for at in range(len(words) - size + 1 if size else 0):
        span = words[at][1][0], words[at + size - 1][1][1]
        found[Thing(kind, place, strings[at : at + size], length)].append(span)
    return dict(found)


def merged(collections: Iterable[Things]) -> dict[Thing, list[Span]]:
    """All things of several collections together."""
    found: defaultdict[Thing, list[Span]] = defaultdict(list)
    for things in collections:
        for thing, spans in things.items():
            found[thing].extend(spans)
    return dict(found)
