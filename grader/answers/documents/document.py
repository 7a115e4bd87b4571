"""A document as blocks of text in reading order, whatever its format: what every reader returns."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from grader.source.decoding import with_newlines

MOST_BLOCKS = 5_000
MOST_CHARACTERS = 400_000
"""Per document. The sheet with long answers has about ten thousand."""
_MOST_SEEN = 20_000
"""Blocks, including empty ones."""
PICTURE = "\ufffc"
"""Marks the place of a picture in a block's text: Unicode's object replacement character."""
_PERSON = "a person must read it"
HIDDEN = "{} contains text that a reader of the page does not see; it was left out."
"""The problem of a document with such text."""
_UNWANTED = re.compile("[\ud800-\udfff\0\ufeff\u200b\u00ad]")
_LIGATURES = str.maketrans({"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl"})


class Kind(enum.StrEnum):
    """What a block was in its document."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEM = "item"
    TABLE = "table"
    CODE = "code"
    OUTPUT = "output"
    """What the code before it printed, in a notebook."""

    @property
    def is_prose(self) -> bool:
        """Whether a person wrote it for a reader."""
        return self not in {Kind.CODE, Kind.OUTPUT}


@dataclass(frozen=True)
class Block:
    r"""A piece of a document. ``text`` has ``\n`` line ends; a table has one line per row, with `` | `` between cells.

    ``number`` is the automatic list number, which is not in ``text``: ``6.``, ``(a)``.
    ``level`` is the depth of the list, 0 at the margin. ``anchor`` is the name that a template gave the block (a
    notebook cell's tag or id, an element's id), unchanged. ``passage`` counts the strings and the runs of comment
    lines of a script, which are separated by code; it is 0 in every other document.
    """

    text: str
    kind: Kind = Kind.PARAGRAPH
    anchor: str = ""
    number: str = ""
    level: int = 0
    passage: int = 0


@dataclass(frozen=True)
class Document:
    """A document as read. ``problem`` is one sentence on what a tutor should know about it; usually empty.

    ``has_pictures`` says that there are pictures. In every format but PDF, :data:`PICTURE` marks their places.
    """

    path: str
    blocks: tuple[Block, ...] = ()
    problem: str = ""
    has_pictures: bool = False

    @property
    def is_for_a_person(self) -> bool:
        """Whether there is something in it that a person can read and the grader cannot; its problem says so."""
        return _PERSON in self.problem


class Unreadable(Exception):
    """The student's document cannot be read; the message is a sentence for the tutor."""


def foreign(name: str, what: str = "cannot be read by the grader") -> Unreadable:
    """The problem of a file in a format that the grader does not read."""
    return Unreadable(f"{name} {what}, so {_PERSON}; hand in .docx, .odt, .rtf, .pdf, .md, .txt, .tex or .ipynb.")


def locked(name: str) -> Unreadable:
    """The problem of a file that opens only with a password."""
    return Unreadable(f"{name} is locked with a password, so {_PERSON}; ask for it, or for a file without one.")


def too_slow(name: str) -> Document:
    """The document for a file that takes more time than one may."""
    return Document(name, problem=f"{name} takes too long to read, so {_PERSON}.")


def bounded(path: str, blocks: Iterable[Block], *, problem: str = "", has_pictures: bool = False) -> Document:
    """A document of the blocks that are not empty, cut off at :data:`MOST_BLOCKS` and :data:`MOST_CHARACTERS`."""
    kept: list[Block] = []
    size = 0
    for seen, block in enumerate(blocks):
        text = _UNWANTED.sub("", with_newlines(block.text).replace("\xa0", " ")).rstrip().translate(_LIGATURES)
        if not text.strip() and not block.anchor and not block.number and seen < _MOST_SEEN:
            continue
        size += len(text)
        if size > MOST_CHARACTERS or len(kept) >= MOST_BLOCKS or seen >= _MOST_SEEN:
            problem = problem or f"{path} is far longer than answers are, so only its start was read."
            rest = text[: max(0, MOST_CHARACTERS - size + len(text))]
            if rest and len(kept) < MOST_BLOCKS:
                kept.append(replace(block, text=rest))
            break
        kept.append(replace(block, text=text))
    has_pictures = has_pictures or any(PICTURE in block.text for block in kept)
    if not problem and not any(block.text.strip(f"{PICTURE} \t\n") for block in kept):
        problem = f"{path} contains {f'pictures but no text, so {_PERSON}' if has_pictures else 'no text'}."
    return Document(path, tuple(kept), problem, has_pictures)


def ordinal(value: int, style: str) -> str:
    """The list number ``value`` in a style: ``1``, ``a``, ``A``, ``i`` or ``I``."""
    if style in {"a", "A"} and 0 < value <= 26:
        letter = chr(ord("a") + value - 1)
        return letter.upper() if style == "A" else letter
    if style in {"i", "I"} and 0 < value < 40:
        tens, ones = divmod(value, 10)
        roman = "x" * tens + ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")[ones]
        return roman.upper() if style == "I" else roman
    return str(value)
