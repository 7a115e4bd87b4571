"""Finds the paragraph of observations on the experiments in a document, by the template's anchor or by a heading.

The paragraph is not a part of Part 1. The grader does not check whether it is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from grader.answers.documents.document import PICTURE, Block, Document, Kind
from grader.answers.finding.part_text import without_template
from grader.model import WrittenAnswer

PART = "observations"
LONGEST = 6_000
"""Characters that are kept; the sheet asks for one paragraph."""
ANCHOR = re.compile(r"<!--\s*lab4:\s*observations?\s*-->", re.IGNORECASE)
_OTHER_ANCHOR = re.compile(r"<!--\s*lab4:\s*\w+\s*-->", re.IGNORECASE)
_HEADING = re.compile(
    r"[\s#*_>]*(?:part\s*(?:2|two|ii)\s*[:.\u2013-]*\s*)?(?:\d[\d.]*\s*)?(?:(?:my|our|your|the|experiment(?:al)?)\s+)?"
    r"(?:observations?|experiments?|experimentation|experiments?\s+and\s+observations?|observations?\s+(?:on|from|about)\s+"
    r"(?:the\s+|my\s+)?experiments?)\s*(?:\(optional\))?[\s*_:.#]*",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(r"[\s*_>]*(?:my\s+)?observations?\s*(?:[*_]+\s*)?[:\u2013-][\s*_]*(?=\S)", re.IGNORECASE)
"""``Observations: more channels helped`` on one line."""
_PROMPT = re.compile(
    r"if you tried other numbers of channels\b.{0,200}thirteen questions\.?", re.IGNORECASE | re.DOTALL
)
_LONGEST_HEADING = 80
_FACTORS = {
    "channels": re.compile(r"\bchannels?\b|\bfilters?\b|\bfeature.?maps?\b|\bwid(?:th|er)\b", re.IGNORECASE),
    "kernel sizes": re.compile(r"\bkernels?\b|\bfilter.?sizes?\b|\breceptive\b|\b\d+\s*[x×]\s*\d+\b", re.IGNORECASE),
}


def named_factors(text: str) -> tuple[str, ...]:
    """Which of the two factors, channels and kernel sizes, the paragraph mentions."""
    return tuple(name for name, words in _FACTORS.items() if words.search(text))


def observations_in(document: Document) -> WrittenAnswer | None:
    """The observations in a document; blank where there is only template text, None where neither is found."""
    blocks = document.blocks
    for at, block in enumerate(blocks):
        if found := ANCHOR.search(block.text):
            return _written(document, [block.text[found.end() :], *_following(blocks[at + 1 :])], sure=0.98)
    best: WrittenAnswer | None = None
    for at, block in enumerate(blocks):
        if block.kind in {Kind.CODE, Kind.TABLE} or (start := _start(block)) is None:
            continue
        found_here = _written(document, [start, *_following(blocks[at + 1 :])], sure=0.8)
        if best is None or len(found_here.text) > len(best.text):
            best = found_here
    return best


def _start(block: Block) -> str | None:
    """The block's text after its heading; None when it does not start with one."""
    first, _, rest = block.text.partition("\n")
    if len(first) <= _LONGEST_HEADING and _HEADING.fullmatch(f"{block.number} {first}".strip()):
        return rest
    found = _ANNOUNCED.match(block.text)
    return block.text[found.end() :] if found else None


def _following(blocks: Sequence[Block]) -> Iterator[str]:
    """The texts up to the next anchor, heading or code."""
    for block in blocks:
        is_end = block.kind in {Kind.CODE, Kind.HEADING} or block.anchor or _OTHER_ANCHOR.search(block.text)
        if is_end:
            return
        yield f"{block.number} {block.text}" if block.number else block.text


def _written(document: Document, texts: Sequence[str], *, sure: float) -> WrittenAnswer:
    whole = "\n\n".join(text.strip() for text in texts if text.strip())
    text = without_template(_PROMPT.sub("", whole)).replace(PICTURE, "").strip()
    has_picture = PICTURE in whole
    return WrittenAnswer(
        part=PART,
        text=text[:LONGEST],
        source=document.path,
        confidence=sure,
        is_blank=not text and not has_picture,
        has_picture=has_picture,
    )
