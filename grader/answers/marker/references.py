"""Finds where an answer points to something else instead of saying it: "see 7c", "as above", "see the output below"."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SEE = (
    r"(?:(?:please |pls )?(?:see|look at|refer to|cf\.?|check)|(?:the )?same(?: answer)? (?:as|like)(?: in)?|identical to|"
    r"(?:already )?(?:answered|explained)(?: in| under| at)?)"
)
_AS = (
    r"(?:(?:as|like)(?: (?:i|we))?(?: already)?(?: (?:said|explained|mentioned|described|written|shown|answered|given))?(?: in)?)"
)
_PART = (
    r"(?:(?:my )?(?:answers? )?(?:to |for |in )?"
    r"(?:q?(?P<part>[1-8]\s?\(?[a-e])\)?|(?:part|question|q|no\.?|number|answer)\s?\(?(?P<number>[1-8]|[a-e])\)?))"
)
_NEAR = (
    r"(?P<near>(?:(?:the|my|our) )?(?:(?:last|previous|preceding|next|following|first|other) (?:answer|question|part|one)"
    r"|(?:above|below|before|previously|earlier|previous)))"
)
_MATERIAL = (
    r"(?P<material>(?:(?:the|my|our|attached) )?(?:(?!an? )\w+ )?(?:lectures?|slides?|notes?|textbook|book|wikipedia|internet|code|script|"
    r"notebook|cell|output|picture|image|figure|diagram|drawing|photo|screenshot|attachment|appendix|file|pdf)"
    r"(?: (?:above|below|slides?|notes?|\d+|[a-z]))*)"
)
_REFERENCE = re.compile(
    rf"(?:^|[.;:(,!?\n—–-])(?P<all>\s*(?:(?:{_SEE}|{_AS}) (?:{_PART}|{_MATERIAL}|{_NEAR})|{_SEE} (?P<digit>[1-8])))(?=\s*(?:$|[.;:),!?\n—–]|\s-|\s(?:and|but|because)\b))",
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
        Reference(" ".join(found["all"].split()), *found.span("all"), _part(found)) for found in _REFERENCE.finditer(text)
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
    named = part[:1] + reference.part if reference.part.isalpha() else reference.part  # "part (a)"
    if named in parts:
        return named if named != part else ""
    place = {"previous": -1, "next": 1}.get(reference.part)
    if place is None or part not in parts:
        return ""
    at = parts.index(part) + place
    return parts[at] if 0 <= at < len(parts) else ""
