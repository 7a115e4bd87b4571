"""Marking one answer against the key: what it says, what that earns, and how sure that is.

A pure function of the answer and the key. An answer that says the right thing in unforeseen words is not zeroed but
sent to a tutor; what is sent carries a proposal.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from grader.answers import language
from grader.answers.cleaning import without_instructions, without_question
from grader.answers.key import AnswerKey, Idea, NumericPart, ProsePart
from grader.answers.numbers import mark_numbers
from grader.answers.patterns import Hit
from grader.answers.verdict import NOTHING_CLAIMED, Verdict, verdict
from grader.model import UsageFault

HALF, FULL, NOTHING = Decimal("0.5"), Decimal(1), Decimal(0)
TOO_LONG = 6000
"""Characters of an answer that are looked at; the sheet asks for a few sentences."""
SWEEPING = frozenset(language.stem(word) for word in ["always", "never", "only", "cannot", "ignore", "discard", "impossible", "must", "independent", "forever", "permanent", "delete", "whatever", "regardless", "guarantee", "every", "all", "identical", "exactly", "completely", "entire"])  # fmt: skip
"""Words of claims that go too far: a right answer that goes on with one may be a misconception."""


@dataclass(frozen=True)
class Found:
    """The ideas that an answer states and those that it denies, with the words."""

    stated: dict[str, tuple[Idea, Hit]]
    denied: dict[str, tuple[Idea, Hit]]

    def costing(self, costs: Decimal) -> list[Idea]:
        """The stated ideas that cost so much."""
        return [idea for idea, _ in self.stated.values() if idea.costs == costs]


def mark_answer(key: AnswerKey, part: str, answer: str) -> Verdict:
    """The verdict on an answer to ``part``. Raises :class:`UsageFault` for a part that the key does not have."""
    if part not in key.parts:
        raise UsageFault(f'there is no part "{part}"; the parts are {", ".join(key.parts)}.')
    asked = key.parts[part]
    text, is_instructing = without_instructions(answer[:TOO_LONG])
    note = " Words to the marker were left out of account." if is_instructing else ""
    if NOTHING_CLAIMED.fullmatch(text):
        return verdict(NOTHING, 1.0, asked.missing + note)
    text = without_question(text, asked.question)
    if NOTHING_CLAIMED.fullmatch(text):
        return verdict(NOTHING, 0.9, asked.missing + note)
    if isinstance(asked, NumericPart):
        return mark_numbers(asked, text, note)
    return _mark_prose(asked, text, key.vocabulary, note)


def _mark_prose(asked: ProsePart, text: str, vocabulary: frozenset[str], note: str) -> Verdict:
    reading = language.read(text, vocabulary)
    found = _found(asked, reading)
    stated = [name for name, (idea, _) in found.stated.items() if not idea.costs]
    base = FULL if asked.full.holds(stated) else HALF if asked.half.holds(stated) else NOTHING
    ruinous, costly = found.costing(FULL), found.costing(HALF)
    spans = _spans(reading, found)
    hedged = language.has_hedge(reading)
    known = sum(token.stem in asked.vocabulary for token in reading.tokens)

    if language.is_bag_of_words(text):
        message = "These are words of the topic, but no statement. Say in a sentence how they belong together."
        return verdict(NOTHING, 0.4 if base == FULL and len(reading.tokens) < 10 else 0.75, message + note, spans)
    if ruinous:
        confidence = 0.9 if not base or hedged else 0.4
        return verdict(NOTHING, confidence, ruinous[0].say + note, spans)
    if costly:
        awarded = HALF if base == FULL else NOTHING
        confidence = 0.8 if base == FULL else 0.5 if base else 0.7
        return verdict(awarded, confidence, costly[0].say + note, spans)
    if base == NOTHING and found.denied:
        earning = [idea for idea, _ in found.denied.values() if not idea.costs]
        if earning:
            return verdict(NOTHING, 0.65, f"The answer denies what is right: {earning[0].say}" + note, spans)
    if base == NOTHING:
        if not known:
            return verdict(NOTHING, 0.8, asked.missing + note)
        return verdict(HALF if known >= 2 else NOTHING, 0.3, asked.missing + note, spans)
    confidence = _confidence(reading, found, base, hedged)
    message = asked.right if base == FULL else asked.lacking
    return verdict(base, confidence, message + note, spans)


def _confidence(reading: language.Reading, found: Found, base: Decimal, hedged: bool) -> float:
    """How sure a mark is that some idea earned and none cost."""
    confidence = 0.95
    used = {place for _, hit in found.stated.values() for first, last in hit.groups for place in range(first, last + 1)}
    rest = [token for place, token in enumerate(reading.tokens) if place not in used and len(token.stem) > 1]
    if any(reading.tokens[place].is_guessed for place in used):
        confidence -= 0.15
    if any(not idea.costs for idea, _ in found.denied.values()):
        confidence -= 0.2
    if hedged:
        confidence -= 0.1
    if base == FULL and any(token.stem in SWEEPING for token in rest) and len(rest) > 5:
        confidence -= 0.25
    if len(rest) > 30:
        confidence -= 0.1
    return confidence


def _found(asked: ProsePart, reading: language.Reading) -> Found:
    stated: dict[str, tuple[Idea, Hit]] = {}
    denied: dict[str, tuple[Idea, Hit]] = {}
    for idea in (*asked.ideas, *asked.wrong):
        for hit in (hit for pattern in idea.patterns for hit in pattern.hits(reading)):
            if idea.is_deniable and language.is_denied(reading, hit.first):
                denied.setdefault(idea.name, (idea, hit))
            else:
                stated[idea.name] = (idea, hit)
                break
    return Found(stated, denied)


def _spans(reading: language.Reading, found: Found) -> tuple[tuple[int, int], ...]:
    """The places of the words that counted, in order and joined where they overlap."""
    places = sorted(
        (reading.tokens[first].start, reading.tokens[last].end)
        for _, hit in (*found.stated.values(), *found.denied.values())
        for first, last in hit.groups
    )
    joined: list[tuple[int, int]] = []
    for start, end in places:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


