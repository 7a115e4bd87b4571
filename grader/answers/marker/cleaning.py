"""Removes from an answer what is not an answer: requests to the marker, and a copied question.

Removed text is overwritten with spaces, so offsets stay valid.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rapidfuzz import fuzz

_PERSON = r"(?:(?:auto-?)?(?:grader|marker)|tutor|examiner|assessor|professor|lecturer|instructor|convenor)"
_READER = rf"(?:{_PERSON}|teacher|ai|llm|chatgpt|claude|assistant)"
"""Who reads an answer: a person who marks, or a program that does."""
_MARK = (
    r"(?:(?:full|max(?:imum)?|top|perfect|all(?: of)?(?: the)?|complete|any|some|my|a|the|1|one)"
    r" (?:\w+ )?(?:marks?|credits?|grades?)|(?:full|max(?:imum)?|top|perfect|highest|all(?: the)?|the|1|one)"
    r" (?:scores?|points?)|100 ?(?:%|percent)|(?:as |is |it |me |are |be |all |everything )correct|as right)"
)
"""What a marker gives."""
_SURE_MARK = (
    r"(?:(?:full|max(?:imum)?|top|perfect) (?:marks?|credits?|grades?|scores?|points?)|(?:is|are|be|as) correct)"
)
"""A mark that is nothing else: "the highest score" may be one of a network's."""
_GIVE = r"(?:give|award|assign|grant|mark|grade|pass|accept|record|return|output|treat|count|rate|consider)"
_SET_ASIDE = r"(?:ignore|disregard|forget|override|bypass|skip)"
_RULES = (
    r"(?:instructions?|rubric|key|prompt|rules?|criteria|guidelines?|marking|grading|"
    r"scheme|(?:model|sample|reference) (?:answer|solution))"
)
_OWN = r"(?:this|the|my|above|following) (?:\w+ )?(?:answer|response|submission|solution|question|part)"
REQUEST = re.compile(
    rf"^\W*(?:(?:please|kindly|just|now|so|and|then|dear|{_READER})\W+){{0,4}}"
    rf"(?:{_GIVE}\b.{{0,40}}?\b{_MARK}|{_SET_ASIDE}\b.{{0,40}}?\b{_RULES}\b"
    r"|(?:award|assign) 1(?:\.0)?\W*$)"  # an imperative
    rf"|\b(?:please|kindly|you (?:\w+ )?(?:must|should|shall|can|may|could|will|have to|are to)) (?:\w+ )?"
    rf"{_GIVE}\b.{{0,40}}?\b{_MARK}"  # a second person
    rf"|\b(?:please|pls)\b.{{0,40}}?\b{_MARK}|\b{_MARK}\W+(?:please|pls)\b|\byou are (?:\w+ ){{0,3}}{_READER}\b"
    rf"|\b{_GIVE} (?:me |it |this |us |yourself |the )?{_SURE_MARK}\b"
    rf"|\b{_OWN} (?:is|was|are|has|must|should|shall|will|needs?|deserves?|earns?|gets?|counts?|matches)\b.{{0,30}}?"
    rf"(?:\b{_MARK}|\b(?:correct|accepted|approved|verified|passed)\b|\b{_RULES})"  # a judgement on itself
    rf"|\b(?:deserves?|worth) (?:\w+ )?{_MARK}|\bi (?:\w+ )?(?:confirm|certify|declare|verify)\b.{{0,40}}?\bcorrect\b"
    rf"|\b{_PERSON}\b.{{0,40}}?\b(?:{_MARK}|{_RULES}|correct\b)"  # the reader is named
    rf"|\b(?:correct|verified|approved)\b.{{0,20}}?\bby (?:\w+ ){{0,2}}{_READER}\b",
    re.IGNORECASE,
)
"""A clause that addresses the marker (an imperative, a second person, a reader by name, or the answer as a thing to be
judged) and asks for marks or for other rules. Either alone is an ordinary clause."""
SCORE = re.compile(
    r"\b(?:awarded|score|mark|grade|gold|status)[\"']?\s*[:=]\s*"
    r"[\"']?(?:1(?:\.0+)?\b(?! ?[.x×*\d])|100\b|full|max|pass)\w*",
    re.IGNORECASE,
)
"""A mark that the answer gives itself; it may contain a colon, which ends a piece."""
PIECES = re.compile(
    r"\([^()]*\)|\[[^\[\]]*\]|<!--(?:(?!<!--).)*?-->|(?:(?!\s--)(?:[^.!?;:\n()—]|(?<=\d)\.(?=\d)))+[.!?;:\n]*|\s--+|—|[()]"
)
"""Units that are removed with an instruction in them: a sentence, a clause after a colon or dash, a bracket."""
ALIKE = 90.0
"""Similarity to the question (rapidfuzz ratio, 0..100) from which a text counts as a copy of it."""
SHORTEST_QUESTION = 20


def requests(text: str) -> tuple[tuple[int, int], ...]:
    """The [start, end) of each piece that asks the marker for marks, and of each mark that the text gives itself."""
    found = [match.span() for match in SCORE.finditer(text)]
    found += [piece.span() for piece in PIECES.finditer(text) if REQUEST.search(piece.group())]
    return tuple(found)


def without_request_words(text: str) -> str:
    """The text with only the words of requests overwritten, and not what else is in the same sentence."""
    rest = SCORE.sub(lambda match: _blank(match.group()), text)
    for piece in PIECES.finditer(rest):
        start, end = piece.span()
        while (found := REQUEST.search(rest[start:end])) is not None and found.end():
            rest = without(rest, [(start + found.start(), start + found.end())])
            start += found.end()
    return rest


def without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with these characters overwritten."""
    for start, end in spans:
        text = text[:start] + _blank(text[start:end]) + text[end:]
    return text


def blank_out_question(text: str, question: str) -> str:
    """The text with a copy of the question overwritten, wherever it is; ``question`` is as the key has it."""
    asked = question.strip().lower().rstrip("?.: ")
    if len(asked) < SHORTEST_QUESTION or len(text) < len(asked) * 0.8:
        return text
    where = fuzz.partial_ratio_alignment(asked, text.lower(), score_cutoff=ALIKE)
    if where is None or len(text.lower()) != len(text) or where.dest_end - where.dest_start < len(asked) * 0.8:
        return text
    start, end = where.dest_start, where.dest_end
    while end < len(text) and text[end] in "?.: ":
        end += 1
    return text[:start] + _blank(text[start:end]) + text[end:]


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
