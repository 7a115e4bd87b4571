"""Written answers: as they are found in documents, and what a mark on one rests on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WrittenAnswer:
    """The answer to one part of Part 1 as it was found in a document, before anybody marks it.

    ``source`` is the document's name. ``confidence`` (0..1) says how sure it is that the answer is this text and
    nothing else. ``is_blank``: the place for the answer is there and holds nothing but what the template put into it.
    ``shared`` names the parts that were answered in one text, ``rivals`` other documents that answer the part in other
    words, and ``has_picture`` says that a picture, which nobody here can read, belongs to the answer.
    """

    part: str
    text: str
    source: str
    confidence: float
    is_blank: bool = False
    shared: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    has_picture: bool = False


@dataclass(frozen=True)
class AnswerSheet:
    """All answers to Part 1 that a submission holds; a part that was found nowhere is not among them.

    ``documents`` are the files that were read. ``problems`` are sentences on those that could not be read, or not all.
    """

    answers: tuple[WrittenAnswer, ...] = ()
    documents: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    observations: WrittenAnswer | None = None
    """On the experiments, which are no part of Part 1; None where no place for them was found."""


@dataclass(frozen=True)
class MarkedAnswer:
    """What a mark on a written answer rests on.

    ``text`` is the answer as handed in, empty where none was found, and ``source`` the document that it was found in.
    ``confidence`` (0..1) says how sure the mark is. ``spans`` are (start, end) character offsets into ``text``: the
    words that counted. ``note`` is a sentence on the student's own network; it changes no mark.
    """

    text: str = ""
    source: str = ""
    confidence: float = 0.0
    spans: tuple[tuple[int, int], ...] = ()
    note: str = ""
    full_answer: str = ""
    """What a full answer mentions, by the key; shown to students only where the course allows it."""
