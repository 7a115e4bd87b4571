"""Explains the mark of one answer: the ideas in it with their words and patterns, similar samples, and what decided.

Nothing is marked here: ``explain`` fills an :class:`Explanation` from what the marker finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from grader.answers.marker.answer_marking import FULL, HALF, KEYWORDS_ONLY, NOTHING, Found, mark_answer
from grader.answers.marker.answer_marking import _found as ideas_found
from grader.answers.marker.cleaning import blank_out_question, without_instructions
from grader.answers.marker.finding import NOTHING_CLAIMED
from grader.answers.marker.key import AnswerKey
from grader.answers.marker.key_parts import Idea, NumericPart, ProsePart
from grader.answers.marker.patterns import Hit, all_hits
from grader.answers.marker.samples import MARKS, Sample
from grader.answers.marker.similarity import LEAST_SAMPLES, Vocabulary
from grader.answers.marker.tokens import Reading, read
from grader.answers.marker.trust import is_held_back, trusted_mark
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
    """A sample answer with its mark, and how alike it is: the cosine of the TF-IDF vectors of stems, 0..1."""

    answer: str
    gold: Decimal
    likeness: float


@dataclass(frozen=True)
class Explanation:
    """What decided the mark of an answer.

    ``probabilities`` are the model's, by mark; empty where it has learned nothing about the part. ``policies`` are
    sentences, each a rule that decided, in the order of their use.
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
    finding = trusted_mark(key, part, answer)
    asked = key.parts[part]
    if isinstance(asked, NumericPart):
        rule = "A quarter of the mark is given for each right number in its place."
        return Explanation(part, asked.question, answer, finding, (rule,))
    text, is_instructing = without_instructions(answer)
    said = blank_out_question(text, asked.question)
    reading = read(said, key.vocabulary)
    found = ideas_found(asked, reading)
    model = key.similarity.of(part)
    samples = key.samples.get(part, ())
    policies = [
        *_cleaning(text != said, is_instructing),
        *_policies(asked, found, finding, said, has_model=model is not None),
    ]
    if model is None:
        policies.append(f"The samples did not count: there are {len(samples)}, and {LEAST_SAMPLES} are needed.")
    if is_held_back(key, part, answer, mark_answer(key, part, answer)):
        policies.append("With so few samples, a zero waits for a tutor.")
    return Explanation(
        part,
        asked.question,
        answer,
        finding,
        tuple(policies),
        tuple(_ideas(found, reading, said)),
        _alike(said, samples),
        dict(zip(MARKS, model.shares(said), strict=True)) if model is not None else None,
    )


def _cleaning(is_copied: bool, is_instructing: bool) -> Iterator[str]:
    if is_copied:
        yield "The copied question was ignored."
    if is_instructing:
        yield "Words to the marker were ignored."


def _policies(asked: ProsePart, found: Found, finding: AnswerFinding, said: str, *, has_model: bool) -> Iterator[str]:
    """What the ideas earn by the key, and whether the samples changed that."""
    if NOTHING_CLAIMED.fullmatch(said):
        yield "The answer claims nothing."
        return
    if finding.message.startswith(KEYWORDS_ONLY):
        yield "The answer was read as a list of keywords."
        return
    stated = [name for name, idea in found.stated.items() if not idea.costs]
    costly = max((idea.costs for idea in found.stated.values()), default=NOTHING)
    if asked.full.holds(stated):
        earned, reason = FULL, f'full = "{asked.full.text}" is fulfilled'
    elif asked.half.holds(stated):
        earned, reason = HALF, f'half = "{asked.half.text}" is fulfilled'
    else:
        earned, reason = NOTHING, "neither full nor half is fulfilled"
    mark = max(NOTHING, earned - costly)
    yield f"The ideas give {mark}: {reason}" + (f", and a wrong idea costs {costly}." if costly else ".")
    nearest = min(MARKS, key=lambda known: abs(known - finding.awarded))
    if nearest != mark:
        cause = "The samples, or doubts about the rest of the answer," if has_model else "What else the answer says"
        yield f"{cause} changed this to {nearest}."


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


def _alike(text: str, samples: Sequence[Sample]) -> tuple[AlikeSample, ...]:
    """The most similar samples, the most similar first; without those that have no word in common."""
    if not samples:
        return ()
    vocabulary = Vocabulary.of([sample.answer for sample in samples], _stems, least=1)
    own = _weights(vocabulary, text)
    rated = []
    for sample in samples:
        other = _weights(vocabulary, sample.answer)
        rated.append(AlikeSample(sample.answer, sample.gold, sum(own[at] * other[at] for at in own.keys() & other)))
    best = sorted(rated, key=lambda sample: -sample.likeness)[:MOST_ALIKE]
    return tuple(sample for sample in best if sample.likeness > 0)


def _weights(vocabulary: Vocabulary, text: str) -> dict[int, float]:
    found, values = vocabulary.vector(text)
    return dict(zip(found.tolist(), values.tolist(), strict=True))


def _stems(text: str) -> list[str]:
    return [token.stem for token in read(text).tokens]
