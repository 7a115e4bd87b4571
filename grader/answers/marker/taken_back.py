"""Finds statements that an answer takes back or gives as the wrong belief of others, as in "X. That is false!".

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
_NOT = r"\b(?:not|never|(?:is|was|are|were|do|does|did|has|have|could|would|wo|ca)n['’]?t)"
_NOT_TRUE = rf"{_NOT} (?:\w+ ){{0,2}}?{_TRUE}"
_SOME = rf"(?:(?!{_NOT}\b|no\b)\w+[ ,]+){{0,4}}?"
"""Up to four words before a word of falsehood: "one of those common myths"; a negation would turn it round."""
_PREDICATE = (
    rf"(?:(?:\s(?:is|was|are|were|would be)|['’]?s) (?:{_SOME}{_FALSE}|{_NOT_TRUE})|\s{_NOT_TRUE}"
    r"|\s(?:is|was|has|have|does) (?:no such \w+|nothing of the (?:kind|sort)))\b"
)
_ENDING = r"(?:,? (?:though|however|at all|unfortunately|of course|on my part|(?:about|among) (?:\w+ )?\w+))*"
_TAIL = rf"{_ENDING}(?=(?:\W*$|[,;:–—]| -|\s(?:because|since|but)\b))"
"""The predicate ends its clause: "that is wrong in shallow learning" says less."""
_STATEMENT = r"(?:claim|idea|belief|statement|view|notion|assumption|opinion|above)"
_SUBJECT = (
    rf"(?:this|that|it|which(?: (?:i|we) (?:think|believe))?|these|they|(?:the|this|that|such an?) {_STATEMENT}"
    r"|neither|none of (?:this|that|it))"
)
_OPENING = r"(?:and|but|however|though|yet|no|nope|well|unfortunately|turns out|in fact|actually|since)"
_LEAD = rf"(?:\W{{0,3}}{_OPENING}\b)*\W{{0,3}}"
_VERDICT = (
    rf"(?:{_SUBJECT}{_PREDICATE}{_TAIL}|neither is {_TRUE}\b{_TAIL}|that(?: is|'?s) not it\b"
    rf"|the (?:opposite|reverse|contrary) is {_TRUE}\b|i (?:do not|don'?t) (?:think so|agree)\b)"
)
_LATER = re.compile(rf"^{_LEAD}(?:{_VERDICT}|(?:{_FALSE}|not (?:at all|{_TRUE})|(?<=no)|(?<=nope))\W*$)")
"""A sentence about the one before: "That is false." or "Wrong!"."""
_INSIDE = re.compile(
    rf"(?:[,;:(–—-]|\s(?=but|however|though|yet|and)){_LEAD}"
    rf"(?:{_VERDICT}|an? {_SOME}{_FALSE_NOUN}\b{_TAIL}|{_FALSE}\)\W*$)"
)
"""The same after a clause: "X, but that is untrue", "X: a popular misconception"."""
_ASIDE = re.compile(rf"{_LEAD}(?:which\b|an? )")
"""How an addition begins that may be about the last words only: "overfitting, which is an error"."""
_BEFORE = re.compile(
    rf"^\W*(?:{_FALSE}|not {_TRUE})\s?:"
    rf"|(?:\b(?:{_BELIEF}|untrue|false|wrong|incorrect)|{_NOT_TRUE}(?<!so))(?: is)? that\b"
    rf"|\b{_FALSE}(?: is)? to (?:say|think|believe|claim|assume)\b(?: that\b)?|\b(?:errors?|mistakes?) is that\b"
    r"|\bi (?:do not|don'?t|no longer|never) (?:think|believe|agree) (?:with |that )?(?=\w+ \w+)"
    r"|\bi (?:doubt|deny|disagree)\b"
)
"""Words before the statement: "it is untrue that X", "a common mistake is to think that X", "Wrong: X"."""
_DOUBLED = re.compile(r"(?:\b(?:not|never|no|nothing)|n'?t) (?:\w+ )?$")
_SUBJECT_CLAUSE = re.compile(
    rf"^{_LEAD}(?:(?:the {_STATEMENT} )?(?:that\s|[\"“])|(?:to say|saying|claiming)\s"
    r"|(?:who(?:ever)?|those|people) (?:who )?(?:says?|thinks?)\s)(?=\w+ \w+)"
)
_PREDICATE_AT_END = re.compile(rf"(?=\s){_PREDICATE}{_TAIL}")
"""Together: "the claim that X is mistaken", "whoever says X is wrong"."""
_WRONGLY = re.compile(
    r"\b(?:wrong|false|mistaken|erroneous|incorrect)ly (?:\w+ )?(?:think|thought|believ|sa[iy]|claim|assum|giv)"
    r"|\b(?:but|albeit) (?:wrong|false|mistaken|incorrect)ly\W*$"
)
"""A wrong belief of others; the sentence is theirs, up to a contrast."""
_FORMER = re.compile(r"\bi (?:\w+ )?(?:used to (?:think|believe|say)|thought|believed|assumed|would have said)\b")
_UNTIL = re.compile(r"\W{0,3}\b(?:but|however|yet|until)\b")
_ENDED = re.compile(rf"\b(?:no|neither|nothing|{_FALSE}|in fact)\b|{_NOT}\b")
"""Together: "I used to think X, but that is not so"."""
_ELLIPSIS = re.compile(
    r"\b(?:but|however|though|yet)\b(?: (?!with\b|for\b|in\b(?! fact)|by\b|when\b|if\b|at\b)\w+){0,6}?"
    r"\W{1,3}(?:it|they|that|this|you|we|one) (?:do|does|did|is|are|can|could|will|was|would)"
    r"(?: not|n['’]?t)\b(?: at all)?\W*$"
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

    ``is_certain``: it is about the whole statement. A limit in it, or only its last words, may be meant otherwise.
    """

    statement: Span
    whole: Span
    is_certain: bool


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
            statement, whole, is_verdict = here
            found.append(TakenBack(statement, whole, is_verdict and not _LIMITED.search(plain, *statement)))
        before = (start, end)
    return tuple(found)


def _in_sentence(sentence: str, place: Span, before: Span) -> tuple[Span, Span, bool] | None:
    """The statement that a sentence takes back, the characters of both, and whether it is a verdict on the statement.

    ``before`` is the sentence before.
    """
    start, end = place
    if (later := _LATER.search(sentence)) and before[1]:
        return before, (before[0], start + later.end()), True
    if (wrongly := _WRONGLY.search(sentence)) and not _DOUBLED.search(sentence[: wrongly.start()]):
        stop = _contrast(sentence, wrongly.end(), end - start)
        first = before[0] if re.match(r"\W*(?:this|that|it|which)\b", sentence) and before[1] else start
        return (first, start + stop), (first, start + stop), False
    former = _FORMER.search(sentence)
    until = _UNTIL.search(sentence, former.end()) if former else None
    if former and until and _ENDED.search(sentence, until.end()):
        ended = _INSIDE.search(sentence, until.start()) or _ELLIPSIS.search(sentence, until.start())
        stop = until.start() if ended is None else ended.end()
        return (start + former.start(), start + until.start()), (start + former.start(), start + stop), True
    if inside := _INSIDE.search(sentence):
        if before[1] and len(sentence[: inside.start()].split()) < 3:  # "No, wait, that is wrong"
            return before, (before[0], start + inside.end()), True
        is_aside = _ASIDE.match(inside.group()) is not None
        return (start, start + inside.start()), (start, start + inside.end()), not is_aside
    if (said := _BEFORE.search(sentence)) and not _DOUBLED.search(sentence[: said.start()]):
        stop = _contrast(sentence, said.end(), end - start)
        first = max((sentence.rfind(sign, 0, said.start()) for sign in ",;:"), default=-1) + 1
        return (start + said.end(), start + stop), (start + first, start + stop), True
    if (clause := _SUBJECT_CLAUSE.search(sentence)) and (last := _PREDICATE_AT_END.search(sentence, clause.end())):
        return (start + clause.end(), start + last.start()), (start, start + last.end()), True
    if ellipsis := _ELLIPSIS.search(sentence):
        return (start, start + ellipsis.start()), (start, end), False
    return None


def _contrast(sentence: str, start: int, end: int) -> int:
    """Where a contrast begins after ``start``; ``end`` if there is none."""
    contrast = _CONTRAST.search(sentence, start)
    return contrast.start() if contrast else end
