"""Finds where an answer points to something else instead of saying it: "see 7c", "as above", "see the output below"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from grader.model.parts import question_of

_WORDS = r"(?:(?!an? )\w+ ){0,5}?"
_SEE = (
    r"(?:(?:please |pls )?(?:see|look at|refer to|cf\.?|check)|identical to"
    r"|(?:it'?s |is )?(?:the )?same(?: (?:thing|answer|reason|explanation|idea))? (?:as|like)(?: in)?"
    r"|(?:as |i |we |it |this |that |have |has |is |was |been |already ){0,4}"
    r"(?:answered|explained|said|wrote|written|described|covered|mentioned|discussed|calculated|shown|drawn|sketched)"
    r"(?: (?:it|this|that))?(?: (?:in|under|at|for))?"
    r"|(?:my |the )?(?:answers?|drawing|calculations?|solution|working) (?:is|are)(?: (?:in|on|at))?)"
)
_PART = (
    r"(?:(?:my )?(?:answers? )?(?:to |for |in )?(?:q?(?P<part>[1-9]\d?\s?\(?[a-h])\)?"
    r"|(?:part|question|q|no\.?|number|answer)\s?\(?(?P<number>[1-9]\d?|[a-h])\)?))"
)
_NEAR = (
    r"(?P<near>(?:(?:the|my|our) )?(?:(?:last|previous|preceding|next|following|first|other) "
    r"(?:answer|question|part|one)|(?:above|below|before|previously|earlier|previous)))"
)
_MATERIAL = (
    r"(?:(?:the|my|our|attached) )?(?:(?!an? )\w+ )?(?:lectures?|slides?|notes?|textbook|book|wikipedia|internet|code"
    r"|script|notebook|cell|output|picture|image|figure|fig\.?|diagram|drawing|sketch|table|graph|chart|plot|photo"
    r"|screenshot|attachment|appendix|file|pdf|page|paper|sheet)"
    r"(?: (?:above|below|attached|slides?|notes?|\d+|[a-z]|on (?:the |my )?(?:next |last |other |back )?\w+))*"
)
_SHOWN = (
    r"(?:(?:the|my|our) )?(?:picture|image|figure|diagram|drawing|sketch|table|graph|chart|plot|photo|working"
    r"|calculations?) (?:above|below|attached|on (?:the |my )?(?:next |last |other |back )?(?:page|paper|sheet|side))"
)
"""Something that the text shows elsewhere, without "see"."""
_REFERENCE = re.compile(
    rf"(?:^|[.;:(,!?\n—–]|\s-)(?P<all>\s{{0,3}}(?:(?:{_SEE} {_WORDS}|(?:as|like)(?: in)? )"
    rf"(?:{_PART}|{_MATERIAL}|{_NEAR})|(?:see|same as|answered in) (?P<digit>[1-9]\d?)|{_SHOWN}))"
    r"(?:\s(?:already|too))?(?=\s{0,3}(?:$|[.;:),!?\n—–]|\s-|\s(?:and|but|because)\b))",
    re.IGNORECASE,
)
"""A clause of its own, so that "neurons see the image" and "as before the pooling" are none."""


@dataclass(frozen=True)
class Reference:
    """What an answer points to, in its own words, and the characters [start, end) that say so.

    ``part`` is the part that is meant, ``"previous"`` or ``"next"``, or empty for anything else.
    """

    words: str
    start: int
    end: int
    part: str


def references(text: str) -> tuple[Reference, ...]:
    """The references in a text, in their order."""
    return tuple(
        Reference(" ".join(found["all"].split()), *found.span("all"), _part(found))
        for found in _REFERENCE.finditer(text)
    )


def _part(found: re.Match[str]) -> str:
    if named := found["part"] or found["number"] or found["digit"]:
        return re.sub(r"[\s(]", "", named).lower()
    near = (found["near"] or "").lower()
    if re.search(r"\b(?:next|following|below)\b", near):
        return "next"
    return "previous" if near and not re.search(r"\b(?:first|other)\b", near) else ""


def meant(reference: Reference, part: str, parts: tuple[str, ...]) -> str:
    """The part that a reference in the answer to ``part`` means; empty if it is none of ``parts``."""
    named = f"{question_of(part)}{reference.part}" if reference.part.isalpha() else reference.part  # "part (a)"
    if named in parts:
        return named if named != part else ""
    place = {"previous": -1, "next": 1}.get(reference.part)
    if place is None or part not in parts:
        return ""
    at = parts.index(part) + place
    return parts[at] if 0 <= at < len(parts) else ""
