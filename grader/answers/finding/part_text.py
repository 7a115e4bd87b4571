"""Extracts each answer's text, from its start to the next: without questions, headings, template text or Part 2 code.

Where a part starts is decided in :mod:`grader.answers.finding.segmentation`. The student's own words stay unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from grader.answers.documents.document import Kind
from grader.answers.finding.candidates import Candidate
from grader.answers.finding.lines import Line, is_section
from grader.answers.finding.paper import Paper
from grader.answers.finding.questions import without_question

_ANSWER = re.compile(
    r"[\s>*_#]*(?:(?:my\s+)?(?:answers?|ans|response|solution)\s*(?:[*_]+\s*)?[:.\u2013-]+|a\s*[:])[\s*_]*",
    re.IGNORECASE,
)
_BARE_ANSWER = re.compile(r"[\s>*_#]*(?:(?:my|your)\s+)?answer[\s*_]*(?:\n|$)", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"[\W_]*+(?:(?:(?:please\s++)?(?:(?:type|write|enter|put|insert|add)\s*+)?your\s+answers?(?:\s+(?:goes\s+)?here)?"
    r"|answer\s+(?:goes\s+)?here|to\s*do|tbd|tba|double.?click to edit|n/?a yet)[\W_]*+)*+",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?(?:span|font|strong|em|mark|div|p|b|i|u|br)\b[^<>]{0,200}>", re.IGNORECASE)
"""HTML in Markdown, mostly for colour."""
_TABLE_RULE = re.compile(r"\s*\|?(?:\s*:?-{2,}:?\s*\|)+(?:\s*:?-{2,}:?)?\s*$|\s*:?-{3,}:?\s*$")
_COMMENT = re.compile(r"<!--.{0,200}?-->", re.DOTALL)
_FEW_WORDS = 8
_POINTS = re.compile(r"\b(?:outputs?|below|above|following|results?)\b", re.IGNORECASE)
"""In a few words beside printed values: ``Max pooling gives:``, ``See the output below.``"""
_MOST_PASSAGES = 20
"""Passages of a script without a word that may come between the last label and its answer."""


@dataclass(frozen=True)
class PartAnswer:
    """What a student wrote for a part. ``confidence`` (0..1) is that this is the answer, not that the answer is right.

    ``how`` the part was found is ``anchor`` (a template's anchor, or a heading), ``numbering``, ``similarity`` or
    ``order``.
    ``is_untouched`` says that there is only template text, not even a picture; ``text`` is then empty. ``shared`` names
    the parts that were answered in one text. ``has_picture`` says that there is a picture between this start and the
    next; or, when ``text`` is empty, that the document has pictures whose places are unknown. ``is_counted`` says that
    nothing but bare numbers through the whole paper shows where the part starts.
    """

    text: str
    confidence: float
    how: str
    is_untouched: bool = False
    shared: tuple[str, ...] = ()
    has_picture: bool = False
    is_counted: bool = False


@dataclass(frozen=True)
class _Piece:
    """The content from a start to the next start."""

    start: Candidate
    text: str
    has_picture: bool


def answers_between(lines: list[Line], chain: list[Candidate], paper: Paper) -> dict[str, PartAnswer]:
    """The answer after each start in the chain, in the sheet's order, with the confidence of its start."""
    pieces: dict[tuple[str, ...], list[_Piece]] = {}
    for c, following in zip(chain, [*chain[1:], None], strict=False):
        if c.last == paper.end:
            continue
        keys = tuple(paper.keys[c.first : c.last + 1])
        until = following.line if following else len(lines)
        if following is None or following.last == paper.end:
            until = _end_of_passage(lines, c, until, keys[0], paper)
        has_picture = any(line.has_picture for line in lines[c.line : until])
        pieces.setdefault(keys, []).append(_Piece(c, _segment(lines, c, until, keys[0], paper), has_picture))
    found: dict[str, PartAnswer] = {}
    for keys, parts in pieces.items():
        own = tuple(key for key in keys if key in paper.parts)
        if own:
            text, has_picture = _joined(parts)
            first = max((piece.start for piece in parts), key=lambda c: c.confidence)
            sure = first.confidence * (1.0 if len(own) == 1 else 0.6)
            for part in own:
                shared = own if len(own) > 1 else ()
                found[part] = PartAnswer(text, sure, first.how, not text and not has_picture, shared, has_picture)
    for keys, parts in pieces.items():
        if keys[0] in paper.heads and len(keys) == 1:
            text, has_picture = _joined(parts)
            absent = tuple(part for part in paper.heads[keys[0]] if part not in found)
            later = [part for part in paper.heads[keys[0]] if part in found]
            absent = tuple(part for part in absent if not later or part < later[0])
            for part in absent if has_picture or re.search(r"\w", text) else ():
                shared, first = absent if len(absent) > 1 else (), parts[0].start
                found[part] = PartAnswer(text, first.confidence * 0.5, first.how, False, shared, has_picture)
    return {part: found[part] for part in paper.parts if part in found}


def _end_of_passage(lines: list[Line], last: Candidate, until: int, part: str, paper: Paper) -> int:
    """Where the last answer ends: with the first passage that has text, because no start follows."""
    ends = (index for index in range(last.line + 1, until) if lines[index].passage != lines[index - 1].passage)
    return next((end for end in islice(ends, _MOST_PASSAGES) if _segment(lines, last, end, part, paper)), until)


def _joined(pieces: list[_Piece]) -> tuple[str, bool]:
    """The joined text of the pieces, and whether any has a picture."""
    text = "\n".join(piece.text for piece in pieces if piece.text)
    return text.strip(), any(piece.has_picture for piece in pieces)


def _segment(lines: list[Line], start: Candidate, until: int, part: str, paper: Paper) -> str:
    """The text from a start to the next, without question, headings, template text and Part 2's code.

    What code printed is the answer where nothing else is written, where the start is a comment in that code, and where
    a few words point to it, except after the last start.
    """
    own = lines[start.line : until]
    output = "\n".join(line.text for line in own if line.kind is Kind.OUTPUT)
    if not output.strip():
        return _written(own, start, part, paper)
    prose = _written([line for line in own if line.kind.is_prose], start, part, paper)
    is_comment = len(own) > 1 and own[1].kind is Kind.CODE and own[1].block == own[0].block
    points = _POINTS.search(prose) is not None or prose.rstrip("*_ ").endswith(":")
    is_pointer = points and len(prose.split()) <= _FEW_WORDS and until < len(lines)
    if not prose or is_comment or is_pointer:
        return f"{prose}\n\n{output}".strip()
    return _written([line for line in own if line.kind is not Kind.OUTPUT], start, part, paper)


def _written(own: Sequence[Line], start: Candidate, part: str, paper: Paper) -> str:
    """The same of these lines, which begin with that of the start, whatever they are."""
    kept: list[str] = []
    block = own[0].block if own else 0
    for index, line in enumerate(own):
        text = line.text if index else line.text[start.column :]
        if line.is_foreign or (index and (is_section(text) or _TABLE_RULE.match(text[:300]))):
            continue
        if re.search(r"\w", text) and _PLACEHOLDER.fullmatch(_COMMENT.sub("", text)):
            continue
        if line.block != block and kept and kept[-1].strip():
            kept.append("")
        block = line.block
        kept.append(text.rstrip())
    text = _TAG.sub("", _COMMENT.sub("", "\n".join(kept))).strip()
    if own and "**" in own[0].text[: start.column]:
        text = _without_bold_question(text)
    text = without_question(text.lstrip("*_ \t"), part, paper).strip()
    text = _stripped(without_question(_stripped(text), part, paper).strip())
    return "" if _PLACEHOLDER.fullmatch(text) else text


def without_template(text: str) -> str:
    """``text`` without the template's lines that only say where an answer goes."""
    kept = [line for line in text.split("\n") if not (re.search(r"\w", line) and _PLACEHOLDER.fullmatch(line))]
    return _stripped(_TAG.sub("", _COMMENT.sub("", "\n".join(kept))).strip())


def _without_bold_question(text: str) -> str:
    """``text`` without a question in bold that started with its label; other bold words only lose their asterisks."""
    head, mark, rest = text.partition("**")
    if not mark or text.split("\n", 1)[0].count("**") % 2 == 0 or "\n" in head:
        return text
    return rest if head.rstrip().endswith("?") else head + rest


def _stripped(text: str) -> str:
    """``text`` without a leading "Answer:" and without unpaired emphasis marks."""
    for pattern in (_ANSWER, _BARE_ANSWER):
        found = pattern.match(text)
        text = text[found.end() :] if found else text
    lead = re.match(r"(?:[-=]{0,2}>|[\u2192\u21d2\u2794])\s*|[*_]{2}(?=\s)|\*\*$", text)
    text = (text[lead.end() :] if lead else text).strip()
    if text.startswith("**") and text.count("**") <= 2:
        text = text[2:]
    return text[:-2].rstrip() if text.endswith("**") and text.count("**") % 2 else text
