"""Recognises the questions of a paper where a student copied them."""

from __future__ import annotations

import re

from rapidfuzz import fuzz

from grader.answers.finding.paper import Paper
from grader.answers.finding.wording import content

LONGEST_ECHO = 600
"""Characters; no question is longer."""
_LIKE = 84.0
"""Similarity (0..100) of the content words from which a sentence counts as a copy of the question."""
_ASKING = re.compile(r"\b(?:what|which|how|where|why|when|describe|determine|explain|define|refer)\b", re.IGNORECASE)
_ENDS = re.compile(r"\?(?:\W{0,50}(?=\s|$))|[.:](?=\s|$)|\n|$")
_MATRIX = re.compile(r"(?<![\s|,;\[\]()-])(?:[\s|,;\[\]()-]*+\b[0-5]\b){16}[\s|,;\[\]()-]*")
_POOLING = (
    r"[\s-]*pool(?:ing)?\b(?:\s+(?:layer|output|function))?"
    r"(?:\s*+(?:\W*(?:\n|$)|[:=?|>\u2192-]+\s*|(?=\[))|\s*\n)"
)
_SHORT = {
    "6a": re.compile(rf"\W*max(?:imum)?{_POOLING}", re.I),
    "6b": re.compile(rf"\W*(?:average|avg\.?|mean){_POOLING}", re.I),
}
_POOL = re.compile(
    r"\W*(?P<kind>max(?:imum)?|average|avg|mean)\b\.?[\s_]*+(?:-\s*+(?=pool))?(?:pool\w*+)?(?:\s*+(?:layer|output))?[\s*_]*+"
    r"(?:[:=\[(|\u2192]|-+>|-\s|$)",
    re.IGNORECASE,
)
_MAX = re.compile(r"\bmax(?:imum)?\b", re.IGNORECASE)
_AVERAGE = re.compile(r"\b(?:average|avg|mean)\b", re.IGNORECASE)
_FIRST_HALF = re.compile(r"\W*(?:how is (?:this|it) (?:computed|calculated)|how)\s*\?\W*", re.IGNORECASE)


def similarity(text: str, question: str, paper: Paper) -> float:
    """How far ``text`` is a copy of a question, 0..1; 0 for a statement that only reuses its words."""
    text = text[:LONGEST_ECHO]
    if not _ASKING.search(text):
        return 0.0
    said = content(text)
    return max((_similarity(text, said, asked.words) for asked in paper.wordings if asked.id == question), default=0.0)


def _similarity(text: str, said: str, words: str) -> float:
    if not said or not 0.5 < len(said) / len(words) < 2.0:
        return 0.0
    score = fuzz.ratio(said, words, score_cutoff=_LIKE)
    if not score:
        return 0.0
    known = set(words.split())
    extra = [word for word in said.split() if word not in known and not _misspelt(word, known)]
    if len(extra) > (2 if text.rstrip(" *_\n").endswith("?") else 0):
        return 0.0
    return score / 100


def _misspelt(word: str, known: set[str]) -> bool:
    return any(fuzz.ratio(word, other) > 75 for other in known)


def without_question(text: str, part: str, paper: Paper) -> str:
    """``text`` without the question, where it starts with a copy of it."""
    found = _SHORT[part].match(text) if paper.has_pooling and part in _SHORT else None
    if found:
        return text[found.end() :]
    best = max(((similarity(text[:end], part, paper), end) for end in _ends(text)), default=(0.0, 0))
    if not best[0]:
        return text
    rest = text[best[1] :]
    again = _FIRST_HALF.match(rest)
    rest = rest[again.end() :] if again else rest
    if paper.has_pooling and part in {"6", "6a", "6b"}:
        rest = _MATRIX.sub("\n", rest, count=1)
    return rest.lstrip("*_ \t|")


def _ends(text: str) -> list[int]:
    return [found.end() for found in _ENDS.finditer(text[:LONGEST_ECHO]) if found.end() > 8][:20]


def is_asking(text: str) -> bool:
    """Whether ``text`` has a question word, so that it is worth comparing with the questions."""
    return _ASKING.search(text[:LONGEST_ECHO]) is not None


def asked(text: str, paper: Paper) -> tuple[str, int]:
    """The id of the question that ``text`` starts with a copy of, and where the copy ends; empty when there is none."""
    asking = _ASKING.search(text[:LONGEST_ECHO])
    if asking is None:
        return "", 0
    beginnings = [(end, content(text[:end])) for end in _ends(text) if end >= asking.end()]
    scored = [
        (_similarity(text[:end], said, question.words), end, question.id)
        for question in paper.wordings
        for end, said in beginnings
    ]
    score, end, name = max(scored, default=(0.0, 0, ""))
    return (name, end) if score else ("", 0)


def pooling_asked(text: str, paper: Paper) -> str:
    """``6a`` or ``6b`` when ``text`` is only the name of that kind of pooling."""
    named = _SHORT.items() if paper.has_pooling else ()
    return next((part for part, name in named if (found := name.match(text)) and found.end() == len(text)), "")


def pooling_named(text: str, paper: Paper) -> tuple[str, int]:
    """``6a`` or ``6b`` when a line starts with the name of only that kind of pooling, and where the name ends."""
    found = _POOL.match(text) if paper.has_pooling else None
    if found is None or (_MAX.search(text) and _AVERAGE.search(text)):
        return "", 0
    return "6a" if _MAX.match(found.group("kind")) else "6b", found.end()
