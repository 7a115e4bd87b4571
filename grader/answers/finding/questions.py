"""Recognises the questions of Part 1 where a student copied them."""

from __future__ import annotations

import re

from rapidfuzz import fuzz

from grader.lab4.questions import QUESTIONS, TEMPLATE

LONGEST_ECHO = 600
"""Characters; no question is longer."""
_LIKE = 84.0
"""Similarity (0..100) of the content words from which a sentence counts as a copy of the question."""
_SMALL = frozenset(
    re.findall(
        r"\w+",
        "a an the of to in is are it its that this do does did how what which where when why describe determine explain"
        " for be would could will each by with and or any at on from as there have has you your they their"
        " them following q question",
    )
)
_ASKING = re.compile(r"\b(?:what|which|how|where|why|when|describe|determine|explain|define|refer)\b", re.IGNORECASE)
_ENDS = re.compile(r"\?(?:\W{0,50}(?=\s|$))|[.:](?=\s|$)|\n|$")
_MATRIX = re.compile(r"(?<![\s|,;\[\]()-])(?:[\s|,;\[\]()-]*+\b[0-5]\b){16}[\s|,;\[\]()-]*")
_ALL = (*QUESTIONS, *TEMPLATE)
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


def _content(text: str) -> str:
    words = re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower().replace("convnet", "convolutional neural network"))
    return " ".join(word for word in words if word not in _SMALL)


def similarity(text: str, question: str) -> float:
    """How far ``text`` is a copy of a question, 0..1; 0 for a statement that only reuses its words."""
    text = text[:LONGEST_ECHO]
    if not _ASKING.search(text):
        return 0.0
    content = _content(text)
    return max((_similarity(text, content, known.words) for known in _ALL if known.id == question), default=0.0)


def _similarity(text: str, content: str, words: str) -> float:
    if not content or not 0.5 < len(content) / len(words) < 2.0:
        return 0.0
    score = fuzz.ratio(content, words, score_cutoff=_LIKE)
    if not score:
        return 0.0
    known = set(words.split())
    extra = [word for word in content.split() if word not in known and not _misspelt(word, known)]
    if len(extra) > (2 if text.rstrip(" *_\n").endswith("?") else 0):
        return 0.0
    return score / 100


def _misspelt(word: str, known: set[str]) -> bool:
    return any(fuzz.ratio(word, other) > 75 for other in known)


def without_question(text: str, part: str) -> str:
    """``text`` without the question, where it starts with a copy of it."""
    found = _SHORT[part].match(text) if part in _SHORT else None
    if found:
        return text[found.end() :]
    best = max(((similarity(text[:end], part), end) for end in _ends(text)), default=(0.0, 0))
    if not best[0]:
        return text
    rest = text[best[1] :]
    if part == "7b":
        again = _FIRST_HALF.match(rest)
        rest = rest[again.end() :] if again else rest
    if part in {"6", "6a", "6b"}:
        rest = _MATRIX.sub("\n", rest, count=1)
    return rest.lstrip("*_ \t|")


def _ends(text: str) -> list[int]:
    return [found.end() for found in _ENDS.finditer(text[:LONGEST_ECHO]) if found.end() > 8][:20]


def is_asking(text: str) -> bool:
    """Whether ``text`` has a question word, so that it is worth comparing with the questions."""
    return _ASKING.search(text[:LONGEST_ECHO]) is not None


def asked(text: str) -> tuple[str, int]:
    """The id of the question that ``text`` starts with a copy of, and where the copy ends; empty when there is none."""
    asking = _ASKING.search(text[:LONGEST_ECHO])
    if asking is None:
        return "", 0
    beginnings = [(end, _content(text[:end])) for end in _ends(text) if end >= asking.end()]
    scored = [
        (_similarity(text[:end], content, question.words), end, question.id)
        for question in _ALL
        for end, content in beginnings
    ]
    score, end, name = max(scored, default=(0.0, 0, ""))
    return (name, end) if score else ("", 0)


def pooling_asked(text: str) -> str:
    """``6a`` or ``6b`` when ``text`` is only the name of that kind of pooling."""
    return next((part for part, name in _SHORT.items() if (found := name.match(text)) and found.end() == len(text)), "")


def pooling_named(text: str) -> tuple[str, int]:
    """``6a`` or ``6b`` when a line starts with the name of only that kind of pooling, and where the name ends."""
    found = _POOL.match(text)
    if found is None or (_MAX.search(text) and _AVERAGE.search(text)):
        return "", 0
    return "6a" if _MAX.match(found.group("kind")) else "6b", found.end()
