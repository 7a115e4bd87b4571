"""Proposes answers without labels: as many paragraphs as the sheet has parts, in its order. A tutor confirms them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.answers.documents.document import PICTURE, Block, Document, Kind
from grader.answers.finding.lines import is_section
from grader.answers.finding.paper import Paper
from grader.answers.finding.part_text import PartAnswer

PROPOSED = 0.3
"""Confidence in such an answer: too low to settle a mark, or to count where another document has an answer."""
_MARK = re.compile(r"\s*(?:[-*+\u2022]|[(\[]?\d{1,2}[).:\]]{1,2})\s+")
"""What begins an item of a list."""


def in_order(document: Document, paper: Paper) -> dict[str, PartAnswer]:
    """An answer for each part, if there are exactly as many paragraphs, or lines, below headings; else none."""
    blocks = [block for block in document.blocks if _is_text(block)]
    lines = [line for block in blocks for line in block.text.split("\n") if line.strip()]
    for texts in ([block.text for block in blocks], lines):
        if len(texts) == len(paper.parts):
            return {
                part: PartAnswer(text.replace(PICTURE, "").strip(), PROPOSED, "order", has_picture=PICTURE in text)
                for part, text in zip(paper.parts, _unmarked(texts), strict=True)
            }
    return {}


def _is_text(block: Block) -> bool:
    """Whether a block may be an answer; the comments of a script never are without a label."""
    is_prose = block.kind.is_prose and block.kind is not Kind.HEADING and not block.passage
    return is_prose and bool(block.text.strip()) and not is_section(block.text)


def _unmarked(texts: Sequence[str]) -> Sequence[str]:
    """The texts without the marks of a list, if each has one."""
    marks = [_MARK.match(text) for text in texts]
    return (
        [text[mark.end() :] if mark else text for text, mark in zip(texts, marks, strict=True)] if all(marks) else texts
    )
