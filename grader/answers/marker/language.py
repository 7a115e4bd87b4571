"""Tells an answer in another language from one in English, however badly written.

An answer counts as foreign when it has enough words and hardly any of them is an English function word, a word of the
key, or a word of the sample answers. The shares were measured on 1,578 answers in English (none is called foreign) and
on answers in seven other languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from grader.answers.marker.negation import FUNCTION_WORDS
from grader.answers.marker.tokens import read, stem

WORD = re.compile(r"(?<!\S)[\"'(«“„]?([^\W\d_]{2,}(?:[-'’/][^\W\d_]+)*)[\"')»”.,;:!?]*(?!\S)")
"""A word between spaces or punctuation; code and formulas have none."""
OTHER_SCRIPT = 0.2
"""Share of letters in another script from which the answer is foreign: three letters of a Chinese sentence say as much
as three words. Greek letters do not count: formulas have them."""
LEAST_LETTERS, LEAST_WORDS = 3, 4
MOST_FUNCTION_WORDS, MOST_KNOWN, MOST_EXPLAINED = 0.25, 0.5, 0.75
"""Shares of English function words, of known words, and of words that are known or a typing error away from it, below
which an answer is foreign. Measured: foreign ones have at most 0.22 and 0.44; none of the English ones has less than
0.67 known words."""


def is_foreign(text: str, known: Collection[str]) -> bool:
    """Whether most of the text is in another language; ``known`` are stems of English words of the subject."""
    letters = [letter for letter in text if letter.isalpha()]
    other = sum(not _is_latin(letter) for letter in letters)
    if other >= LEAST_LETTERS and other >= OTHER_SCRIPT * len(letters):
        return True
    words = [part.lower() for word in WORD.findall(text) for part in re.findall(r"[^\W\d_]{2,}", word)]
    function_words = sum(word in FUNCTION_WORDS for word in words)
    understood = sum(word in FUNCTION_WORDS or word in known or stem(word) in known for word in words)
    if len(words) < LEAST_WORDS:
        return (
            bool(words) and not understood and not any(word.is_guessed for word in read(text, frozenset(known)).tokens)
        )
    if function_words >= MOST_FUNCTION_WORDS * len(words) or understood >= MOST_KNOWN * len(words):
        return False
    misspelt = sum(token.is_guessed for token in read(text, frozenset(known)).tokens)
    return understood + misspelt < MOST_EXPLAINED * len(words)


def _is_latin(letter: str) -> bool:
    return letter.isascii() or unicodedata.name(letter, "").startswith(("LATIN", "GREEK", "MATHEMATICAL"))
