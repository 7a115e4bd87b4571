"""What a short key leaves out: sentences for students and the words of the topic, made from what it says.

None of the sentences gives a full answer away to a student who did not give it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from grader.answers.marker.key_parts import Condition, Idea
from grader.answers.marker.negation import FUNCTION_WORDS, NEGATORS
from grader.answers.marker.samples import Sample
from grader.answers.marker.tokens import read

SHORTEST_WORD = 4
"""Letters of the shortest word that says what an answer is about."""
SAYS_NOTHING = FUNCTION_WORDS | NEGATORS


def right_of(ideas: Iterable[Idea], full: Condition) -> str:
    """The full answer: what the ideas say, joined as the condition joins them."""
    sentence = full.in_words({idea.name: idea.say.rstrip(".") for idea in ideas})
    return f"{sentence[:1].upper()}{sentence[1:]}."


def missing_of(question: str) -> str:
    """The sentence for no mark."""
    return f"This does not answer the question: {question}"


def lacking_of(question: str) -> str:
    """The sentence for half a mark."""
    return f"This is a part of the answer to: {question}"


def vocabulary_of(question: str, ideas: Iterable[Idea], samples: Sequence[Sample]) -> frozenset[str]:
    """The stems that show that an answer is on the topic: those of question, patterns and samples with a mark."""
    texts = [question, *(sample.answer for sample in samples if sample.gold)]
    stems = {token.stem for text in texts for token in read(text).tokens}
    stems |= {word for idea in ideas for pattern in (*idea.patterns, *idea.opposite) for word in pattern.words}
    return frozenset(word for word in stems - SAYS_NOTHING if len(word) >= SHORTEST_WORD)
