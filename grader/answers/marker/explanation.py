"""Explains the mark of one answer: the ideas in it with their words and patterns, similar samples, and what decided.

Nothing is marked here: ``explain`` fills an :class:`Explanation` from what the marker finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from grader.answers.marker.answer_marking import mark_by_rules
from grader.answers.marker.ideas import Found, words_in
from grader.answers.marker.key import AnswerKey
from grader.answers.marker.key_parts import FULL, HALF, NOTHING, Idea, NumericPart
from grader.answers.marker.patterns import all_hits
from grader.answers.marker.prose import ProseAnswer, read_prose
from grader.answers.marker.samples import MARKS
from grader.answers.marker.similarity import LEAST_SAMPLES
from grader.answers.marker.trust import learned_trust
from grader.model import AnswerFinding

MOST_ALIKE = 5
EARNS, DENIED = "earns", "denied"


@dataclass(frozen=True)
class IdeaFound:
    """An idea in an answer. ``effect`` says what it does to the mark; ``words`` were matched by ``pattern``."""

    name: str
    say: str
    effect: str
    words: str
    pattern: str


@dataclass(frozen=True)
class AlikeSample:
    """A sample answer with its mark, and how alike it is: the cosine of the TF-IDF vectors, 0..1."""

    answer: str
    gold: Decimal
    likeness: float


@dataclass(frozen=True)
class Explanation:
    """What decided the mark of an answer.

    ``rules`` are sentences in the order of their use. The ideas, samples and ``probabilities`` of the marks are those
    of the text that was marked in the end; an answer in numbers has none.
    """

    part: str
    question: str
    answer: str
    finding: AnswerFinding
    rules: tuple[str, ...]
    ideas: tuple[IdeaFound, ...] = ()
    alike: tuple[AlikeSample, ...] = ()
    probabilities: Mapping[Decimal, float] | None = None


def explain(key: AnswerKey, part: str, answer: str) -> Explanation:
    """Why ``answer`` gets its mark. Raises :class:`UsageFault` for a part that the key does not have."""
    marked, asked = mark_by_rules(key, part, answer), key.parts[part]
    if isinstance(asked, NumericPart):
        return Explanation(part, asked.question, answer, marked.finding, marked.rules)
    read = read_prose(key, asked, marked.text)
    model = key.similarity.of(part)
    alike = model.nearest(read.text, MOST_ALIKE) if model is not None else ()
    return Explanation(
        part,
        asked.question,
        answer,
        marked.finding,
        (*_by_key(key, read), *marked.rules),
        tuple(_ideas(read)),
        tuple(AlikeSample(sample.answer, sample.gold, share) for share, sample in alike),
        dict(zip(MARKS, learned_trust().probabilities(read.signals), strict=True)),
    )


def _by_key(key: AnswerKey, read: ProseAnswer) -> Iterator[str]:
    """What the ideas give by the key, and whether there are samples beside it."""
    asked, found = read.asked, read.found
    reason = {
        FULL: f'full = "{asked.full.text}" is fulfilled',
        HALF: f'half = "{asked.half.text}" is fulfilled',
        NOTHING: "neither full nor half is fulfilled",
    }[found.base]
    costly = max((idea.costs for idea in found.wrong), default=NOTHING)
    cost = f", and a wrong idea costs {costly}" if costly else ""
    yield f"The ideas give {asked.given(found.stated)}: {reason}{cost}."
    samples = len(key.samples.get(asked.part, ()))
    if samples < LEAST_SAMPLES:
        yield f"The samples did not count: there are {samples}, and {LEAST_SAMPLES} are needed."


def _ideas(read: ProseAnswer) -> Iterator[IdeaFound]:
    found = read.found
    for idea in (*found.stated.values(), *found.denied.values()):
        for pattern in (*idea.patterns, *idea.opposite):
            for hit in all_hits([pattern], found.reading):
                if hit in found.hits:
                    yield IdeaFound(
                        idea.name, idea.say, _effect(idea, found), words_in(hit, found.reading, read.text), pattern.text
                    )


def _effect(idea: Idea, found: Found) -> str:
    if idea.name in found.denied:
        return DENIED
    return f"costs {idea.costs}" if idea.costs else EARNS
