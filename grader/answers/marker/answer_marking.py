"""Marks one answer by the rules of the key: which ideas it states, what they earn, and how sure the mark is.

A pure function of the answer and the key. An answer with the right idea in unforeseen words does not get a zero; it
goes to a tutor, with a proposal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from grader.answers.marker import negation, tokens
from grader.answers.marker.caveats import with_caveats
from grader.answers.marker.cleaning import blank_out_question
from grader.answers.marker.combination import is_same, settled, weigh
from grader.answers.marker.finding import NOTHING_CLAIMED, RIGHT, finding, proposal, whole_words
from grader.answers.marker.key import AnswerKey
from grader.answers.marker.key_parts import Idea, NumericPart, ProsePart
from grader.answers.marker.numbers import mark_numbers
from grader.answers.marker.patterns import Hit, all_hits
from grader.answers.marker.samples import MARKS
from grader.answers.marker.topics import Topics
from grader.model import AnswerFinding, Status, UsageFault

IN_OTHER_WORDS = f"{RIGHT}it says in other words what answers with full marks say."
PARTLY = "Part of a full answer is there."
KEYWORDS_ONLY = "These are keywords; write a sentence that connects them."
MAY_BE_DENIED = "There is a negation beside the words that count; a tutor should read what it denies."
FORMULA = re.compile(r"[\\^$]|[=+*/]\s*\(?\w")
HALF, FULL, NOTHING = Decimal("0.5"), Decimal(1), Decimal(0)
TOO_LONG = 6000
"""Characters of an answer that are marked; the sheet asks for a few sentences."""
SWEEPING = frozenset(map(tokens.stem, ["always", "never", "must", "impossible", "forever", "permanent", "guarantee"]))
"""Words of claims that go too far: a right answer that continues with one may be a misconception."""
LIMITING = frozenset(map(tokens.stem, ("only", "ignore", "discard", "exactly", "because", "cannot")))
"""Words that may start such a claim."""
FURTHER = negation.NEGATORS | frozenset(map(tokens.stem, ["only", "must", "always", "own"]))
"""Words that make a further claim, when no idea of the key explains them."""
CLAUSE_STARTS = frozenset((tokens.BREAK, tokens.PAUSE, "and", "but", "becaus", "which", "so", "while", "though"))
END = tokens.Token(tokens.BREAK, 0, 0)
LONG_CLAUSE, LONGER_CLAUSE = 5, 7
"""Words of a clause that the key does not understand, from which a full mark, or half a mark, is only a proposal."""


@dataclass(frozen=True)
class Found:
    """The ideas that an answer states and the ideas that it denies, by name; ``hits`` are their words.

    ``is_certain``: some of the earning words stand in a clause without a negation that may deny them.
    ``read`` has the numbers of all tokens of ideas and asides, ``beside`` those of asides and of topics' names.
    """

    stated: dict[str, Idea]
    denied: dict[str, Idea]
    hits: tuple[Hit, ...]
    read: frozenset[int]
    beside: frozenset[int]
    is_certain: bool


def mark_answer(key: AnswerKey, part: str, answer: str) -> AnswerFinding:
    """The finding on an answer to ``part``. Raises :class:`UsageFault` for a part that the key does not have."""
    if part not in key.parts:
        raise UsageFault(f'there is no part "{part}"; the parts are {", ".join(key.parts)}.')
    asked = key.parts[part]
    if NOTHING_CLAIMED.fullmatch(answer[:TOO_LONG]):
        return finding(NOTHING, 1.0, asked.missing)
    english = key.english if isinstance(asked, ProsePart) else None
    found = with_caveats(answer[:TOO_LONG], lambda text: _by_key(key, asked, text), english)
    is_open = found.status is Status.NEEDS_REVIEW
    message = proposal(found.awarded, found.message) if is_open else found.message
    return replace(found, message=message, spans=whole_words(answer, found.spans))


def _by_key(key: AnswerKey, asked: ProsePart | NumericPart, text: str) -> AnswerFinding:
    """The finding on a text by the key and its samples alone."""
    text = blank_out_question(text, asked.question)
    if NOTHING_CLAIMED.fullmatch(text):
        return finding(NOTHING, 0.9, asked.missing)
    if isinstance(asked, NumericPart):
        return mark_numbers(asked, text, "")
    found = _mark_prose(asked, text, key.vocabulary, "")
    return found if found.is_structural else _combined(key, asked, text, "", found)


def _combined(key: AnswerKey, asked: ProsePart, text: str, note: str, found: AnswerFinding) -> AnswerFinding:
    """The finding by the key's ideas, combined with the similarity to its sample answers."""
    model = key.similarity.of(asked.part)
    if model is None:
        return found
    if key.similarity.has_rare_word_pairs(text):
        return finding(NOTHING, 0.4, KEYWORDS_ONLY + note, found.spans)
    mark, sure = weigh(found, model.shares(text))
    if is_same(found, mark) and found.spans:
        return settled(found, mark, sure, message=found.message, spans=found.spans)
    message = {FULL: IN_OTHER_WORDS, HALF: f"{PARTLY} {asked.missing}", NOTHING: asked.missing}[mark] + note
    return settled(found, mark, sure, message=message, spans=model.deciding_words(text, MARKS.index(mark)))


def _mark_prose(asked: ProsePart, text: str, vocabulary: frozenset[str], note: str) -> AnswerFinding:  # noqa: C901  # the rules, in order
    reading = tokens.read(text, vocabulary)
    found = _found(asked, reading)
    stated = [name for name, idea in found.stated.items() if not idea.costs]
    base = FULL if asked.full.holds(stated) else HALF if asked.half.holds(stated) else NOTHING
    wrongs = [idea for idea in found.stated.values() if idea.costs]
    wrong = wrongs[0] if wrongs else None  # the key's order counts
    partly = next((idea for idea in wrongs if idea.costs == HALF), None)
    right = f"{RIGHT}{' and '.join(asked.earning(stated))}."
    spans = _spans(reading, found)
    hedged = negation.has_hedge(reading)
    known = sum(token.stem in asked.vocabulary for token in reading.tokens)

    if negation.is_list_of_words(text, reading):
        listing = finding(NOTHING, 0.4 if base else 0.75, KEYWORDS_ONLY + note, spans)
        return replace(listing, is_structural=True)
    if wrong and wrong.costs == FULL and wrong.is_deniable and partly and base == FULL and not hedged:
        return finding(HALF, 0.5, partly.say + note, spans)
    if wrong and wrong.about and base:
        return finding(NOTHING, 0.4, wrong.say + note, spans)  # right about one topic, or misread
    if wrong and wrong.costs == FULL:
        sure = {FULL: 0.85 if hedged else 0.4, HALF: 0.85 if hedged else 0.55}.get(base, 0.85)
        return finding(NOTHING, sure, wrong.say + note, spans)
    if wrong:
        if base != FULL:
            return finding(NOTHING, 0.65 if base else 0.7, asked.missing + note, spans)
        return finding(HALF, 0.8, wrong.say + note, spans)
    if base == NOTHING and found.denied:
        earning = [idea for idea in found.denied.values() if not idea.costs]
        if earning:
            denial = finding(NOTHING, 0.65, f"The answer denies a right statement: {earning[0].say}." + note, spans)
            return replace(denial, is_structural=True)
    if base == NOTHING:
        on_topic = frozenset(place for place, token in enumerate(reading.tokens) if token.stem in asked.vocabulary)
        if found.beside & found.read and on_topic <= found.read:
            return finding(NOTHING, 0.65, asked.missing + note)  # nothing in it but asides
        if not known:
            related = len({token.stem for token in reading.tokens if token.stem in asked.earning_stems})
            return finding(NOTHING, 0.4 if related or FORMULA.search(text) else 0.8, asked.missing + note)
        return finding(HALF if known >= 2 else NOTHING, 0.3, asked.missing + note, spans)
    if not found.is_certain:
        return replace(finding(base, 0.5, MAY_BE_DENIED + note, spans), is_structural=True)
    if base == FULL and _goes_on_with(SWEEPING, reading, found):
        return finding(HALF, 0.45, f"{right} But is the rest true in every case?" + note, spans)
    confidence = _confidence(reading, found, hedged)
    if base == FULL and _goes_on_with(LIMITING, reading, found):
        confidence = min(confidence, 0.55)
    if negation.leaves_open(reading) or _goes_further(reading, found) or (base == HALF and _leaves_out(reading, found)):
        confidence = min(confidence, 0.55)
    if _longest_unread_clause(reading, found) >= (LONG_CLAUSE if base == FULL else LONGER_CLAUSE):
        confidence = min(confidence, 0.5)
    message = right if base == FULL else asked.lacking
    return finding(base, confidence, message + note, spans)


def _goes_on_with(words: frozenset[str], reading: tokens.Reading, found: Found) -> bool:
    """Whether the answer continues beyond the words that counted, with one of these words."""
    used = found.read
    far = [place for place in range(len(reading.tokens)) if not used & {place - 1, place, place + 1}]
    return len(far) > 3 and any(reading.tokens[place].stem in words for place in far)


def _goes_further(reading: tokens.Reading, found: Found) -> bool:
    """Whether there is a negation or a limit among the words that the key does not understand."""
    return any(
        token.stem in FURTHER
        and not found.read & {place, place + 1}  # what it negates was read
        and not any(after.stem in negation.NOT_ONLY for after in reading.tokens[place + 1 : place + 2])
        for place, token in enumerate(reading.tokens)
    )


def _leaves_out(reading: tokens.Reading, found: Found) -> bool:
    """Whether half a mark rests on only part of the answer: more was denied, or much was not read."""
    unread = [
        token
        for place, token in enumerate(reading.tokens)
        if place not in found.read | found.beside and len(token.stem) > 3
    ]
    return len(unread) > 3 or any(not idea.costs for idea in found.denied.values())


def _longest_unread_clause(reading: tokens.Reading, found: Found) -> int:
    """The number of words in the longest clause without a word that counted: it may say anything."""
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
    """The confidence (0..1) in a mark that some idea earned and no idea reduced."""
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
    is_certain = False
    for idea in (*asked.ideas, *asked.wrong):
        stating = all_hits(idea.patterns, reading)
        taking_back = map(topics.clauses_of, all_hits(idea.unless if stating else (), reading))
        taken_back = {clauses[0] for clauses in taking_back if len(clauses) == 1}
        for hit in stating:
            if not taken_back.isdisjoint(topics.clauses_of(hit)):
                continue
            if idea.about and not topics.is_about(hit, idea.about, is_earning=not idea.costs):
                continue
            is_denied = idea.is_deniable and (topics.is_denied(hit) if idea.about else _is_denied(reading, idea, hit))
            is_certain = is_certain or not (idea.costs or is_denied or _may_be_denied(reading, idea, hit))
            (denied if is_denied else stated).setdefault(idea.name, idea)
            hits.append(hit)
        for hit in all_hits(idea.opposite, reading):
            if topics.is_denied(hit) and (not idea.about or topics.topic(hit.last) == idea.about):
                stated.setdefault(idea.name, idea)
                hits.append(hit)
                is_certain = True
    asides = all_hits(asked.asides, reading)
    return Found(
        stated,
        {name: idea for name, idea in denied.items() if name not in stated},
        tuple(hits),
        _places([*hits, *asides]),
        _places(asides) | frozenset(place for place, _ in topics.named),
        is_certain,
    )


def _places(hits: Iterable[Hit]) -> frozenset[int]:
    return frozenset(place for hit in hits for first, last in hit.groups for place in range(first, last + 1))


def _may_be_denied(reading: tokens.Reading, idea: Idea, hit: Hit) -> bool:
    """Whether a negation in the clause may turn round the idea. In patterns that cannot be denied it is often meant."""
    only_after = not idea.is_deniable
    return not idea.about and negation.shares_clause_with_negation(reading, hit.first, hit.last, only_after=only_after)


def _is_denied(reading: tokens.Reading, idea: Idea, hit: Hit) -> bool:
    """Whether a negation precedes the words. "Not just X" states a right idea and denies a wrong one."""
    if idea.costs:
        return negation.is_denied(reading, hit.first, unless_followed=frozenset())
    return negation.is_denied(reading, hit.first)


def _spans(reading: tokens.Reading, found: Found) -> tuple[tuple[int, int], ...]:
    """The character offsets of the words that counted, in order and joined where they overlap."""
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
