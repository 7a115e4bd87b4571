"""Finds the statements that an answer takes back, or gives as the wrong belief of others: "X. That is false."

It goes by grammar: a predicate of falsehood whose subject stands for a statement ("that", "the claim that X", "it ...
that X"), a verb of believing with "wrongly", a former belief of the writer that a contrast ends, and a bare "but it
doesn't". A denial inside a statement ("not several layers") is found in :mod:`grader.answers.marker.negation`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from grader.answers.marker.tokens import ABBREVIATED

_BELIEF = r"(?:myths?|misconceptions?|misunderstandings?|fallac(?:y|ies))"
_FALSE_NOUN = rf"(?:{_BELIEF}|errors?|mistakes?|lies?|nonsense|rubbish)"
_FALSE = rf"(?:false|untrue|wrong|incorrect|mistaken|{_FALSE_NOUN})"
_TRUE = r"(?:true|right|correct|so|the case|like that|what happens)"
_NOT = r"(?:not|never|n['’]?t)"
_BE = r"(?:\s(?:is|was|are|were|would be|turned out to be)|['’]?s)"
_SOME = rf"(?:(?!{_NOT}\b|no\b)\w+[ ,]+){{0,4}}?"
"""Up to four words before a word of falsehood: "one of those common myths"; a negation would turn it round."""
_PREDICATE = (
    rf"(?:{_BE}\s+(?:{_SOME}{_FALSE}|{_NOT} (?:\w+ ){{0,2}}?{_TRUE})|\s(?:is|was|are|were){_NOT} (?:\w+ ){{0,2}}?{_TRUE}"
    r"|\s(?:is|was|has|have|does) (?:no such \w+|nothing of the (?:kind|sort)))\b"
)
_STATEMENT = r"(?:claim|idea|belief|statement|view|notion|assumption|opinion|above)"
_SUBJECT = rf"(?:this|that|it|which|these|they|(?:the|this|that|such an?) {_STATEMENT})"
_LEAD = r"(?:\W*(?:but|however|though|yet|no|nope|well|unfortunately|turns out|in fact|actually|since)\b)*\W*"
_TAIL = r"(?=(?:,? (?:though|however|at all|unfortunately|of course|on my part|(?:about|among) (?:\w+ )?\w+))*(?:\W*$|[,;:–—]| -|\s(?:because|since|but)\b))"
_VERDICT = rf"(?:{_SUBJECT}{_PREDICATE}{_TAIL}|(?:neither|none of (?:this|that|it)) is {_TRUE}\b{_TAIL})"

_LATER = re.compile(rf"^{_LEAD}(?:{_VERDICT}|(?:{_FALSE}|not (?:true|so|right|correct))\W*$)")
"""A sentence about the one before: "That is false." or "Wrong!"."""
_INSIDE = re.compile(rf"(?:[,;:–—-]|\s(?=but|however|though|yet)){_LEAD}(?:{_VERDICT}|an? {_SOME}{_FALSE_NOUN}\b{_TAIL})")
"""The same after a clause: "X, but that is untrue", "X: a popular misconception"."""
_BEFORE = re.compile(
    rf"(?:^\W*(?:{_FALSE}|not (?:true|so|right|correct))\s*:"
    rf"|\b(?:(?:{_BELIEF}|untrue|false|wrong|incorrect|{_NOT} (?:\w+ )?(?:true|right|correct|so|the case))(?: is)? that"
    rf"|{_FALSE}(?: is)? to (?:say|think|believe|claim|assume)(?: that)?|(?:errors?|mistakes?) is that)\b)"
)
"""Words before the statement: "it is untrue that X", "a common mistake is to think that X", "Wrong: X"."""
_SUBJECT_CLAUSE = re.compile(rf"^{_LEAD}(?:the {_STATEMENT} )?that\s(?=(?:[^\s,]+\s+){{3}})")
_PREDICATE_AT_END = re.compile(rf"(?=\s){_PREDICATE}{_TAIL}")
_WRONGLY = re.compile(
    r"\b(?:wrongly|falsely|mistakenly|erroneously|incorrectly) (?:\w+ )?(?:th[oi]\w+|believ\w+|sa[iy]\w*|claim\w*|assum\w*|giv\w+)"
    r"|\b(?:but|albeit) (?:wrongly|falsely|mistakenly|incorrectly)\W*$"
)
"""A wrong belief of others; the sentence is theirs, up to a contrast."""
_FORMER = re.compile(
    r"\bi (?:\w+ )?(?:used to (?:think|believe|say)|thought|believed|assumed|would have said)\b.*?"
    r"(?=\s*[,.;-]*\s*\b(?:but|however|yet|until)\b)"
)
_ENDED = re.compile(rf"\b(?:{_NOT}|no|neither|nothing|{_FALSE})\b|n['’]?t\b|in fact")
_ELLIPSIS = re.compile(
    r"\b(?:but|however|though|yet)\b(?:\W+(?!with\b|for\b|in\b(?! fact)|by\b|when\b|if\b|at\b)\w+){0,6}?"
    rf"\W+(?:it|they|that|this|you|we|one) (?:do|does|did|is|are|can|could|will|was|would)(?: not|n['’]?t)\b(?: at all)?\W*$"
)
"""A bare "but it doesn't": what it denies is what came before."""
_CONTRAST = re.compile(r"[;:–—]|,? but\b|, (?:it|they|rather|instead|in fact|actually)\b|\.\.\.")
_LIMITED = re.compile(r"\b(?:only|just|merely|always|every|all|exactly)\b")
"""Who denies a statement with one of these may only deny the limit: "not true that it is only for images"."""
_SENTENCE = re.compile(r"(?:[^.!?;\n]|(?<=\d)\.(?=\d))+[.!?;\n]*")
Span = tuple[int, int]


@dataclass(frozen=True)
class TakenBack:
    """The characters [start, end) of a statement, and of it with the words that take it back.

    ``is_limited``: perhaps only a limit in it is denied.
    """

    statement: Span
    whole: Span
    is_limited: bool


def taken_back(text: str) -> tuple[TakenBack, ...]:
    """The statements that a text takes back, in their order."""
    plain = ABBREVIATED.sub(lambda short: short.group().replace(".", " "), text).lower().replace("’", "'")
    if len(plain) != len(text):
        return ()
    found: list[TakenBack] = []
    before: Span = (0, 0)
    for match in _SENTENCE.finditer(plain):
        if not match.group().strip():
            continue
        start, end = match.span()
        here = _in_sentence(match.group(), (start, end), before)
        if here is not None:
            statement, whole = here
            is_limited = _LIMITED.search(plain, *statement) is not None
            found.append(TakenBack(statement, whole, is_limited))
        before = (start, end)
    return tuple(found)


def _in_sentence(sentence: str, place: Span, before: Span) -> tuple[Span, Span] | None:
    """The statement that a sentence takes back, and the characters of both; ``before`` is the sentence before."""
    start, end = place
    if (later := _LATER.search(sentence)) and before[1]:
        return before, (before[0], start + later.end())
    if wrongly := _WRONGLY.search(sentence):
        stop = _contrast(sentence, wrongly.end(), end - start)
        first = before[0] if re.match(r"\W*(?:this|that|it|which)\b", sentence) and before[1] else start
        return (first, start + stop), (first, start + stop)
    if former := _FORMER.search(sentence):
        if _ENDED.search(sentence, former.end()):
            return (start + former.start(), start + former.end()), (start + former.start(), start + former.end())
    if inside := _INSIDE.search(sentence):
        if before[1] and len(sentence[: inside.start()].split()) < 3:  # "No, wait, that is wrong"
            return before, (before[0], start + inside.end())
        return (start, start + inside.start()), (start, start + inside.end())
    if (said := _BEFORE.search(sentence)) and not re.search(rf"\b(?:{_NOT}|no|nothing)\W+(?:\w+\W+)?$|n't (?:\w+ )?$", sentence[: said.start()]):
        stop = _contrast(sentence, said.end(), end - start)
        return (start + said.end(), start + stop), (start + said.start(), start + stop)
    if clause := _SUBJECT_CLAUSE.search(sentence):
        if last := _PREDICATE_AT_END.search(sentence, clause.end()):
            return (start + clause.end(), start + last.start()), (start, start + last.end())
    if ellipsis := _ELLIPSIS.search(sentence):
        return (start, start + ellipsis.start()), (start, end)
    return None


def _contrast(sentence: str, start: int, end: int) -> int:
    """Where a contrast begins after ``start``; ``end`` if there is none."""
    contrast = _CONTRAST.search(sentence, start)
    return contrast.start() if contrast else end
