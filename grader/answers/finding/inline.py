"""Labels in the middle of lines: new lines before them, and what is certain of the parts found so."""

from __future__ import annotations

import re
from dataclasses import replace

from grader.answers.documents.document import Document
from grader.answers.finding.paper import Paper
from grader.answers.finding.part_text import PartAnswer

_DOUBT = 0.7
"""Factor on the confidence in a part that was found so."""
_LONGEST_UNBROKEN = 30_000
"""Characters of the longest document that is also split at labels within its lines."""
_INLINE = re.compile(
    r"(?<=\S)(?<!part)(?<!question)(?<!task)(?<!answer)(?<!and)(?<!&)[ \t]+"
    r"(?=(?:(?:question|answer|q)\s*)?[(\[]?(?:(?P<number>[1-9]\d?)\s?[(.]?[a-h]?|[a-h])[).:]{1,2}\s)"
    r"|(?<=[\d\]).,;])[ \t]+(?=(?:average|avg|mean)[ -]?pool(?:ing)?\s?[:=])",
    re.IGNORECASE,
)
"""The space before a possible label in the middle of a line, or before part 6b's name after 6a's values."""
_LETTER = re.compile(
    r"(?:^|(?<=\s))[(\[]?(?:(?P<number>[1-9]\d?)(?P<gap>\s?)[(.]?)?(?P<letter>[a-hA-H])[)\].:]{1,2}(?=\s)"
)
"""A letter in a text that may be the label of a part."""


def broken_at_labels(document: Document, paper: Paper) -> Document | None:
    """The document with a new line before each possible label; None for a long one."""
    if sum(len(block.text) for block in document.blocks) > _LONGEST_UNBROKEN:
        return None

    def broken(space: re.Match[str]) -> str:
        return "\n" if _is_asked(space["number"], paper) else space.group()

    blocks = tuple(replace(block, text=_INLINE.sub(broken, block.text)) for block in document.blocks)
    return replace(document, blocks=blocks)


def with_inline(found: dict[str, PartAnswer], broken: dict[str, PartAnswer], paper: Paper) -> dict[str, PartAnswer]:
    """``found``, or ``broken`` where that finds more parts and only changes the texts before the new parts."""
    old = {part for part in found if not found[part].shared}
    new = {part for part in broken if not broken[part].shared} - old
    if not new or not old <= broken.keys():
        return found
    for part, following in zip(paper.parts, [*paper.parts[1:], ""], strict=True):
        if part in old and following not in new and found[part].text.split() != broken[part].text.split():
            return found
    same = {part for part in old if broken[part].text.split() == found[part].text.split()}
    whole = _lettered_once(found, paper)
    return {
        part: answer if part in same | whole else replace(answer, confidence=round(answer.confidence * _DOUBT, 2))
        for part, answer in broken.items()
    }


def _lettered_once(found: dict[str, PartAnswer], paper: Paper) -> set[str]:
    """The parts of each question whose one text has the letter of each of them, in order and once."""
    whole: set[str] = set()
    for head, parts in paper.heads.items():
        answer = found.get(parts[0])
        if answer is None or any(part in found and not found[part].shared for part in parts[1:]):
            continue
        asked = [part[len(head) :] for part in parts]
        labels = _LETTER.finditer(answer.text)
        named = [mark["letter"].lower() for mark in labels if mark["gap"] or _is_asked(mark["number"], paper)]
        if named == (asked if answer.shared else asked[1:]):
            whole.update(parts)
    return whole


def _is_asked(number: str | None, paper: Paper) -> bool:
    """Whether a label with this number, or without one, may be a part's."""
    return not number or int(number) in paper.numbers
