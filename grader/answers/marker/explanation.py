"""Explains the mark of one answer: the ideas in it with their words and patterns, similar samples, and what decided.

Nothing is marked here: ``explain`` fills an :class:`Explanation` from what the marker finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from grader.answers.marker import few_samples
from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.caveats import limits
from grader.answers.marker.finding import NOTHING_CLAIMED
from grader.answers.marker.ideas import FULL, HALF, NOTHING, Found
from grader.answers.marker.key import AnswerKey
from grader.answers.marker.key_parts import Idea, NumericPart
from grader.answers.marker.patterns import Hit, all_hits
from grader.answers.marker.prose import ProseAnswer, read_prose
from grader.answers.marker.samples import MARKS
from grader.answers.marker.similarity import LEAST_SAMPLES
from grader.answers.marker.tokens import Reading
from grader.answers.marker.trust import decided, learned_trust
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

    ``probabilities`` are those of the marks, None for an answer in numbers. ``policies`` are sentences, each a rule
    that decided, in the order of their use.
    """

    part: str
    question: str
    answer: str
    finding: AnswerFinding
    policies: tuple[str, ...]
    ideas: tuple[IdeaFound, ...] = ()
    alike: tuple[AlikeSample, ...] = ()
    probabilities: Mapping[Decimal, float] | None = None


def explain(key: AnswerKey, part: str, answer: str) -> Explanation:
    """Why ``answer`` gets its mark. Raises :class:`UsageFault` for a part that the key does not have."""
    finding = mark_answer(key, part, answer)
    asked = key.parts[part]
    if isinstance(asked, NumericPart):
        rule = "A quarter of the mark is given for each right number in its place."
        return Explanation(part, asked.question, answer, finding, (rule,))
    read = read_prose(key, asked, answer)
    model = key.similarity.of(part)
    probabilities = learned_trust().probabilities(read.signals)
    return Explanation(
        part,
        asked.question,
        answer,
        finding,
        (*limits(answer, key.english), *_policies(key, read, probabilities)),
        tuple(_ideas(read.found, read.found.reading, read.text)),
        tuple(AlikeSample(sample.answer, sample.gold, share) for share, sample in model.nearest(read.text, MOST_ALIKE))
        if model is not None
        else (),
        dict(zip(MARKS, probabilities, strict=True)),
    )


def _policies(key: AnswerKey, read: ProseAnswer, probabilities: Sequence[float]) -> Iterator[str]:
    """What the ideas earn by the key, what is likely, and what else decided."""
    asked, found = read.asked, read.found
    if NOTHING_CLAIMED.fullmatch(read.text) and not found.base:
        yield "The answer claims nothing."
        return
    costly = max((idea.costs for idea in found.wrong), default=NOTHING)
    reason = {
        FULL: f'full = "{asked.full.text}" is fulfilled',
        HALF: f'half = "{asked.half.text}" is fulfilled',
        NOTHING: "neither full nor half is fulfilled",
    }[found.base]
    mark = max(NOTHING, found.base - costly)
    yield f"The ideas give {mark}: {reason}" + (f", and a wrong idea costs {costly}." if costly else ".")
    samples = len(key.samples.get(asked.part, ()))
    if samples < LEAST_SAMPLES:
        yield f"The samples did not count: there are {samples}, and {LEAST_SAMPLES} are needed."
    likely, confidence = decided(probabilities)
    if likely != mark:
        cause = "the samples, or" if samples >= LEAST_SAMPLES else ""
        yield f"Together with {cause} what else the answer says, {likely} is likelier.".replace("  ", " ")
    if not found.is_certain and found.base:
        yield "A negation may deny what it states."
    if few_samples.is_held_back(key, asked.part, likely, confidence):
        yield f"The part has only {samples} samples, so a tutor decides."


def _ideas(found: Found, reading: Reading, text: str) -> Iterator[IdeaFound]:
    for idea in (*found.stated.values(), *found.denied.values()):
        for pattern in (*idea.patterns, *idea.opposite):
            for hit in all_hits([pattern], reading):
                if hit in found.hits:
                    yield IdeaFound(idea.name, idea.say, _effect(idea, found), _words(hit, reading, text), pattern.text)


def _effect(idea: Idea, found: Found) -> str:
    if idea.name in found.denied:
        return DENIED
    return f"costs {idea.costs}" if idea.costs else EARNS


def _words(hit: Hit, reading: Reading, text: str) -> str:
    return " ... ".join(
        text[reading.tokens[first].start : reading.tokens[last].end] for first, last in sorted(hit.groups)
    )
