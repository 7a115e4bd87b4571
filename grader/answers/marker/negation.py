"""Negation, contrast, hedging and keyword lists: how the words of an answer change what it states."""

from __future__ import annotations

import re

from grader.answers.marker.tokens import BREAK, CLAUSE_WORDS, PAUSE, Reading, stem

NEGATORS = frozenset(map(stem, [
    "not", "no", "never", "without", "neither", "nor", "hardly", "nobody", "none", "beyond", "exceed", "nothing",
    "lack", "fail", "unable",
]))  # fmt: skip
DENYING = NEGATORS | {"remov", "elimin", "avoid", "spare", "obviat"}
"""Words that deny a whole clause, as in "removes the need for"."""
NEGATING = NEGATORS - {"without", "beyond", "exceed", "lack", "unable"} | {"far", "useless"}
"""Words that may turn round a whole clause, wherever they stand in it."""
CLAUSE_ENDS = CLAUSE_WORDS - {"which", "where", "that"} | {BREAK, PAUSE}
CONTRASTS = frozenset({
    ("rather", "than"), ("instead", ""), ("oppos", "to"), ("except", ""), ("unlik", ""), ("contrari", "to"),
    ("contrast", "to"), ("contrast", "with"), ("differ", "from"), ("other", "than"), ("compar", "to"),
    ("compar", "with"),
})  # fmt: skip
"""The words after one of these, up to the end of the clause, are about something else."""
CONTRASTING = CLAUSE_WORDS - {"and", "so", "which", "where", "becaus", "that"}
"""The clause words that contrast two things; the others count as function words."""
HEDGES = frozenset([
    "mayb", "perhap", "possibl", "either", "probabl", "unsur", "guess", "might", "or",
])  # fmt: skip
FUNCTION_WORDS = frozenset([
    "the", "a", "an", "of", "is", "are", "was", "be", "been", "it", "its", "this", "that", "these", "to", "in",
    "on", "by", "with", "from", "for", "and", "or", "as", "at", "not", "so", "than", "which", "who", "what", "when",
    "where", "how", "each", "every", "per", "into", "they", "them", "we", "you", "i", "there", "has", "have", "can",
    "will", "do", "does", "if", "but", "because", "their", "our", "us", "all", "more", "no", "any", "one", "=", ">",
    "/", "+", ",", ".", ":", ";", "-",
])  # fmt: skip
ALL_BUT = frozenset(map(stem, ("anything", "anywhere", "everything", "everywhere")))
CONTRAST_REACH = 8
"""How many words after "rather than", in the same clause, are part of the contrast."""
NOT_ONLY = frozenset(["onli", "just", "mere", "matter", "doubt", "more", "less", "els"])
"""After "not", these make a positive statement: "not only X" states X."""


def is_denied(reading: Reading, first: int, *, reach: int = 4, unless_followed: frozenset[str] = NOT_ONLY) -> bool:
    """Whether a negation comes before token number ``first`` in the same clause, at most ``reach`` words away."""
    stems = [token.stem for token in reading.tokens]
    if stems[first] == "but":
        return False
    for place in range(first - 1, max(-1, first - 1 - CONTRAST_REACH), -1):
        word = stems[place]
        if word == "but" and place and stems[place - 1] in ALL_BUT:
            return True
        if word in (BREAK, PAUSE, "but", "=", ">"):
            return False
        after = stems[place + 1] if place + 1 < len(stems) else ""
        if word in NEGATORS and after not in unless_followed and first - place <= reach:
            return True
        if is_contrast(word, after):
            return True
    return False


def shares_clause_with_negation(reading: Reading, first: int, last: int, *, only_after: bool) -> bool:
    """Whether a negation stands in the clause of the words from ``first`` to ``last``, but not among them.

    It may deny them, as in "preventing overfitting is not its purpose", or something else. With ``only_after``, those
    before the words do not count.
    """
    stems = [token.stem for token in reading.tokens]
    begin, end = first, last + 1
    while begin > 0 and stems[begin - 1] not in CLAUSE_ENDS:
        begin -= 1
    while end < len(stems) and stems[end] not in CLAUSE_ENDS:
        end += 1
    return any(
        stems[place] in NEGATING and not NOT_ONLY.intersection(stems[place + 1 : place + 2])
        for place in (*range(first if only_after else begin, first), *range(last + 1, end))
    )


def is_contrast(word: str, after: str) -> bool:
    """Whether these two words start a contrast, such as "unlike" and "rather than"."""
    return (word, after) in CONTRASTS or (word, "") in CONTRASTS


def has_hedge(reading: Reading) -> bool:
    """Whether the writer hedges, as in "maybe" or "or"."""
    return any(token.stem in HEDGES for token in reading.tokens)


def leaves_open(reading: Reading) -> bool:
    """Whether the writer offers alternatives without choosing: two hedging words, not only "or"."""
    hedges = [token.stem for token in reading.tokens if token.stem in HEDGES]
    return len(hedges) > 1 and any(hedge in ("mayb", "perhap", "possibl", "either") for hedge in hedges)


def is_list_of_words(text: str, reading: Reading) -> bool:
    """Whether the text only lists words: eight or more, with hardly any function word between them."""
    words = re.findall(r"[^\W_]+(?:['-][^\W_]+)*", text.lower())
    if sum(len(word) > 1 for word in words) < 8:  # a formula is not a list of words
        return False
    joining = sum(word in FUNCTION_WORDS for word in words)
    joining += sum(token.stem in CONTRASTING for token in reading.tokens)
    pieces = [piece.split() for piece in re.split(r"[,;\n/|•]", text) if piece.strip()]
    longest = max((len(piece) for piece in pieces), default=0)
    is_list = len(pieces) >= 7 and longest <= 2
    is_sentence = text.rstrip().endswith(".") and joining > 0
    is_run = joining <= len(words) // 10 and not is_sentence and not re.search(r"[.:=>]\s|->", text) and longest >= 7
    is_run = is_run and sum(len(piece) > 3 for piece in pieces) == 1  # a second piece is a second clause
    return is_list or is_run
