"""Written answers: as found in documents, and as marked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WrittenAnswer:
    """The answer to one part of Part 1 as found in a document, before marking.

    ``source`` is the document's name. ``confidence`` (0..1) is how sure it is that the answer is exactly this text.
    ``is_blank``: the document has a place for the answer, with nothing but the template's own text. ``shared`` names
    the parts that were answered in one text. ``rivals`` are other documents with a different answer to the part.
    ``has_picture``: the answer includes a picture, which the grader cannot read.
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
    """All answers to Part 1 in a submission, without the parts that were not found.

    ``documents`` are the files that were read. ``problems`` are sentences about files not read completely.
    """

    answers: tuple[WrittenAnswer, ...] = ()
    documents: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    observations: WrittenAnswer | None = None
    """The observations on the experiments, which do not belong to Part 1; None if there is no place for them."""


@dataclass(frozen=True, slots=True)
class MarkedAnswer:
    """A written answer with the reasons for its mark.

    ``text`` is the answer as handed in, empty if none was found, and ``source`` the document that contains it.
    ``confidence`` (0..1) is how sure the mark is. ``spans`` are (start, end) character offsets into ``text`` of the
    words that counted. ``note`` is a sentence about the student's own network; it changes no mark.
    """

    text: str = ""
    source: str = ""
    confidence: float = 0.0
    spans: tuple[tuple[int, int], ...] = ()
    note: str = ""
    full_answer: str = ""
    """What a full answer mentions, by the key; students see it only if the run allows it."""
    against: tuple[tuple[int, int], ...] = ()
    """Those of ``spans`` whose words counted against the answer."""
    doubt: str = ""
    """Why ``text`` may not be the whole answer, or another part's, as a sentence; empty if it certainly is."""
