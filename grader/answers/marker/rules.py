"""Marking one answer against the key: what it says, what that earns, and how sure that is.

A pure function of the answer and the key. An answer that says the right thing in unforeseen words is not zeroed but
sent to a tutor; what is sent carries a proposal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from grader.answers.marker import tokens
from grader.answers.marker.cleaning import without_instructions, without_question
from grader.answers.marker.combination import is_same, settled, weigh
from grader.answers.marker.finding import NOTHING_CLAIMED, finding
from grader.answers.marker.key import AnswerKey, Idea, NumericPart, ProsePart
from grader.answers.marker.numbers import mark_numbers
from grader.answers.marker.patterns import Hit, all_hits
from grader.answers.marker.samples import MARKS
from grader.answers.marker.topics import Topics
from grader.model import AnswerFinding, UsageFault

HEAP_OF_WORDS = "These are words of the topic, but no statement. Say in a sentence how they belong together."
FORMULA = re.compile(r"[\\^$]|[=+*/]\s*\(?\w")
HALF, FULL, NOTHING = Decimal("0.5"), Decimal(1), Decimal(0)
TOO_LONG = 6000
"""Characters of an answer that are looked at; the sheet asks for a few sentences."""
SWEEPING = frozenset(map(tokens.stem, ["always", "never", "must", "impossible", "forever", "permanent", "guarantee"]))
"""Words of claims that go too far: a right answer that goes on with one may be a misconception."""
LIMITING = frozenset(map(tokens.stem, ("only", "ignore", "discard", "exactly", "because", "cannot")))
"""Words that may be the start of one."""
FURTHER = tokens.NEGATORS | frozenset(map(tokens.stem, ["only", "must", "always", "own"]))
"""Words of a further claim, when none of the ideas of the key explains them."""
CLAUSE_STARTS = frozenset((tokens.BREAK, tokens.PAUSE, "and", "but", "becaus", "which", "so", "while", "though"))
END = tokens.Token(tokens.BREAK, 0, 0)
LONG_CLAUSE, LONGER_CLAUSE = 5, 7
"""From how many words on a clause of which the key knows nothing makes a full mark, or half of one, a proposal."""


@dataclass(frozen=True)
class Found:
    """The ideas that an answer states and those that it denies, by name; ``hits`` are their words.

    ``read`` are the numbers of all tokens that count or are known to be beside the point; ``beside`` are the latter,
    with the names of topics.
    """

    stated: dict[str, Idea]
    denied: dict[str, Idea]
    hits: tuple[Hit, ...]
    read: frozenset[int]
    beside: frozenset[int]


def mark_answer(key: AnswerKey, part: str, answer: str) -> AnswerFinding:
    """The finding on an answer to ``part``. Raises :class:`UsageFault` for a part that the key does not have."""
    if part not in key.parts:
        raise UsageFault(f'there is no part "{part}"; the parts are {", ".join(key.parts)}.')
    asked = key.parts[part]
    text, is_instructing = without_instructions(answer[:TOO_LONG])
    note = " Words to the marker were left out of account." if is_instructing else ""
    if NOTHING_CLAIMED.fullmatch(text) and not is_instructing:
        return finding(NOTHING, 1.0, asked.missing)
    text = without_question(text, asked.question)
    if NOTHING_CLAIMED.fullmatch(text) and not is_instructing:
        return finding(NOTHING, 0.9, asked.missing + note)
    found = _marked(key, asked, text, note)
    if isinstance(asked, ProsePart) and not (is_instructing or found.is_structural):
        found = _weighed(key, asked, text, note, found)
    if is_instructing and not found.awarded and _marked(key, asked, answer[:TOO_LONG], note).awarded:
        return finding(NOTHING, 0.4, found.message, found.spans)  # the answer may stand in the same sentence
    return found


def _weighed(key: AnswerKey, asked: ProsePart, text: str, note: str, found: AnswerFinding) -> AnswerFinding:
    """The finding by the key's ideas, weighed against what its sample answers say."""
    likeness = key.likeness.of(asked.part)
    if likeness is None:
        return found
    if key.likeness.is_heap(text):
        return finding(NOTHING, 0.4, HEAP_OF_WORDS + note, found.spans)
    mark, sure = weigh(found, likeness.shares(text))
    if is_same(found, mark) and found.spans:
        return settled(found, mark, sure, message=found.message, spans=found.spans)
    message = {FULL: asked.right, HALF: asked.lacking, NOTHING: asked.missing}[mark] + note
    return settled(found, mark, sure, message=message, spans=likeness.telling(text, MARKS.index(mark)))


def _marked(key: AnswerKey, asked: ProsePart | NumericPart, text: str, note: str) -> AnswerFinding:
    if isinstance(asked, NumericPart):
        return mark_numbers(asked, text, note)
    return _mark_prose(asked, text, key.vocabulary, note)


def _mark_prose(asked: ProsePart, text: str, vocabulary: frozenset[str], note: str) -> AnswerFinding:  # noqa: C901  # the rules, in order
    reading = tokens.read(text, vocabulary)
    found = _found(asked, reading)
    stated = [name for name, idea in found.stated.items() if not idea.costs]
    base = FULL if asked.full.holds(stated) else HALF if asked.half.holds(stated) else NOTHING
    wrongs = [idea for idea in found.stated.values() if idea.costs]
    wrong = wrongs[0] if wrongs else None  # the key's order counts
    partly = next((idea for idea in wrongs if idea.costs == HALF), None)
    spans = _spans(reading, found)
    hedged = tokens.has_hedge(reading)
    known = sum(token.stem in asked.vocabulary for token in reading.tokens)

    if tokens.is_bag_of_words(text, reading):
        bag = finding(NOTHING, 0.4 if base else 0.75, HEAP_OF_WORDS + note, spans)
        return replace(bag, is_structural=True)
    if wrong and wrong.costs == FULL and wrong.is_deniable and partly and base == FULL and not hedged:
        return finding(HALF, 0.5, partly.say + note, spans)
    if wrong and wrong.about and base:
        return finding(NOTHING, 0.4, wrong.say + note, spans)  # right of one topic, or misread
    if wrong and wrong.costs == FULL:
        sure = {FULL: 0.85 if hedged else 0.4, HALF: 0.85 if hedged else 0.55}.get(base, 0.85)
        return finding(NOTHING, sure, wrong.say + note, spans)
    if wrong:
        awarded = HALF if base == FULL else NOTHING
        return finding(awarded, {FULL: 0.8, HALF: 0.65}.get(base, 0.7), wrong.say + note, spans)
    if base == NOTHING and found.denied:
        earning = [idea for idea in found.denied.values() if not idea.costs]
        if earning:
            denial = finding(NOTHING, 0.65, f"The answer denies what is right: {earning[0].say}" + note, spans)
            return replace(denial, is_structural=True)
    if base == NOTHING:
        told = frozenset(place for place, token in enumerate(reading.tokens) if token.stem in asked.vocabulary)
        if found.beside & found.read and told <= found.read:
            return finding(NOTHING, 0.65, asked.missing + note)  # all of it is known to be beside the point
        if not known:
            related = len({token.stem for token in reading.tokens if token.stem in asked.said})
            return finding(NOTHING, 0.4 if related or FORMULA.search(text) else 0.8, asked.missing + note)
        return finding(HALF if known >= 2 else NOTHING, 0.3, asked.missing + note, spans)
    if base == FULL and _goes_on_with(SWEEPING, reading, found):
        return finding(HALF, 0.45, f"{asked.right} But does the rest hold in every case?" + note, spans)
    confidence = _confidence(reading, found, hedged)
    if base == FULL and _goes_on_with(LIMITING, reading, found):
        confidence = min(confidence, 0.55)
    if tokens.leaves_open(reading) or _goes_further(reading, found) or (base == HALF and _leaves_out(reading, found)):
        confidence = min(confidence, 0.55)
    if _longest_unread_clause(reading, found) >= (LONG_CLAUSE if base == FULL else LONGER_CLAUSE):
        confidence = min(confidence, 0.5)
    message = asked.right if base == FULL else asked.lacking
    return finding(base, confidence, message + note, spans)


def _goes_on_with(words: frozenset[str], reading: tokens.Reading, found: Found) -> bool:
    """Whether an answer goes on after what counted, with one of these words."""
    used = found.read
    far = [place for place in range(len(reading.tokens)) if not used & {place - 1, place, place + 1}]
    return len(far) > 3 and any(reading.tokens[place].stem in words for place in far)


def _goes_further(reading: tokens.Reading, found: Found) -> bool:
    """Whether a negation or a limit stands among the words of which the key knows nothing."""
    return any(
        token.stem in FURTHER
        and not found.read & {place, place + 1}  # what it negates was looked at
        and not any(after.stem in tokens.NOT_ONLY for after in reading.tokens[place + 1 : place + 2])
        for place, token in enumerate(reading.tokens)
    )


def _leaves_out(reading: tokens.Reading, found: Found) -> bool:
    """Whether half a mark rests on a part of the answer only: more was denied, or much of it is not read."""
    unread = [
        token
        for place, token in enumerate(reading.tokens)
        if place not in found.read | found.beside and len(token.stem) > 3
    ]
    return len(unread) > 3 or any(not idea.costs for idea in found.denied.values())


def _longest_unread_clause(reading: tokens.Reading, found: Found) -> int:
    """The number of words in the longest clause of which nothing counted: it may say anything."""
    longest, words, is_read = 0, 0, False
    for place, token in enumerate((*reading.tokens, END)):
        if token.stem in CLAUSE_STARTS:
            longest = longest if is_read else max(longest, words)
            words, is_read = 0, False
        else:
            words += 1
            is_read = is_read or place in found.read
    return longest


def _confidence(reading: tokens.Reading, found: Found, hedged: bool) -> float:
    """How sure a mark is that some idea earned and none cost."""
    confidence = 0.95
    used = found.read
    rest = [token for place, token in enumerate(reading.tokens) if place not in used and len(token.stem) > 1]
    if any(reading.tokens[place].is_guessed for place in used):
        confidence -= 0.15
    if any(not idea.costs for idea in found.denied.values()):
        confidence -= 0.2
    if hedged:
        confidence -= 0.1
    if len(rest) > 30:
        confidence -= 0.1
    return confidence


def _found(asked: ProsePart, reading: tokens.Reading) -> Found:
    stated: dict[str, Idea] = {}
    denied: dict[str, Idea] = {}
    hits: list[Hit] = []
    topics = Topics(asked.topics, reading)
    for idea in (*asked.ideas, *asked.wrong):
        told = all_hits(idea.patterns, reading)
        taken_back = [hit for hit in all_hits(idea.unless if told else (), reading) if topics.is_in_one_clause(hit)]
        for hit in told:
            if any(topics.share_a_clause(hit, other) for other in taken_back):
                continue
            if idea.about and not topics.is_about(hit, idea.about, is_earning=not idea.costs):
                continue
            is_denied = idea.is_deniable and (topics.is_denied(hit) if idea.about else _is_denied(reading, idea, hit))
            (denied if is_denied else stated).setdefault(idea.name, idea)
            hits.append(hit)
        for hit in all_hits(idea.opposite, reading):
            if topics.is_denied(hit) and (not idea.about or topics.topic(hit.last) == idea.about):
                stated.setdefault(idea.name, idea)
                hits.append(hit)
    asides = all_hits(asked.asides, reading)
    return Found(
        stated,
        {name: idea for name, idea in denied.items() if name not in stated},
        tuple(hits),
        _places([*hits, *asides]),
        _places(asides) | frozenset(place for place, _ in topics.named),
    )


def _places(hits: Iterable[Hit]) -> frozenset[int]:
    return frozenset(place for hit in hits for first, last in hit.groups for place in range(first, last + 1))


def _is_denied(reading: tokens.Reading, idea: Idea, hit: Hit) -> bool:
    """Whether a negation stands before the words. "Not just X" states a right idea and denies a wrong one."""
    if idea.costs:
        return tokens.is_denied(reading, hit.first, unless_followed=frozenset())
    return tokens.is_denied(reading, hit.first)


def _spans(reading: tokens.Reading, found: Found) -> tuple[tuple[int, int], ...]:
    """The places of the words that counted, in order and joined where they overlap."""
    places = sorted(
        (reading.tokens[first].start, reading.tokens[last].end) for hit in found.hits for first, last in hit.groups
    )
    joined: list[tuple[int, int]] = []
    for start, end in places:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
