"""Marks an answer by the key: the ideas that it states and its likeness to samples make its mark more or less likely.

A pure function of the answer and the key. What is not sure goes to a tutor, with a proposal.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from grader.answers.marker import tokens
from grader.answers.marker.caveats import with_caveats
from grader.answers.marker.cleaning import blank_out_question
from grader.answers.marker.few_samples import is_held_back
from grader.answers.marker.finding import NOTHING_CLAIMED, RIGHT, finding, proposal, whole_words
from grader.answers.marker.ideas import FULL, HALF, NOTHING, Found, find_ideas
from grader.answers.marker.key import AnswerKey
from grader.answers.marker.key_parts import NumericPart, ProsePart
from grader.answers.marker.numbers import mark_numbers
from grader.answers.marker.prose import ProseAnswer, read_prose
from grader.answers.marker.samples import MARKS
from grader.answers.marker.trust import decided, learned_trust
from grader.model import AnswerFinding, Status, UsageFault

IN_OTHER_WORDS = f"{RIGHT}it says in other words what answers with full marks say."
PARTLY = "Part of a full answer is there."
KEYWORDS_ONLY = "These are keywords; write a sentence that connects them."
MAY_BE_DENIED = "There is a negation beside the words that count; a tutor should read what it denies."
TOO_FEW = "There are too few sample answers to this question to be sure of that."
TOO_LONG = 6000
"""Characters of an answer that are marked; the sheet asks for a few sentences."""
_DOUBTFUL, _SURE, _KNOWN = 0.55, 0.9, 0.95


def mark_answer(key: AnswerKey, part: str, answer: str) -> AnswerFinding:
    """The finding on an answer to ``part``. Raises :class:`UsageFault` for a part that the key does not have."""
    if part not in key.parts:
        raise UsageFault(f'there is no part "{part}"; the parts are {", ".join(key.parts)}.')
    asked = key.parts[part]
    if NOTHING_CLAIMED.fullmatch(answer[:TOO_LONG]):
        found = _nothing(key, asked, answer, 1.0)
    else:
        english = key.english if isinstance(asked, ProsePart) else None
        found = with_caveats(answer[:TOO_LONG], lambda text: _by_key(key, asked, text), english)
    is_open = found.status is Status.NEEDS_REVIEW
    message = proposal(found.awarded, found.message) if is_open else found.message
    return replace(found, message=message, spans=whole_words(answer, found.spans))


def _by_key(key: AnswerKey, asked: ProsePart | NumericPart, text: str) -> AnswerFinding:
    """The finding on a text by the key and its samples alone."""
    said = blank_out_question(text, asked.question)
    if NOTHING_CLAIMED.fullmatch(said):
        return _nothing(key, asked, said, _SURE)
    return mark_numbers(asked, said, "") if isinstance(asked, NumericPart) else _mark_prose(key, asked, said)


def _nothing(key: AnswerKey, asked: ProsePart | NumericPart, text: str, confidence: float) -> AnswerFinding:
    """The finding on a text that claims nothing, unless it is what the part asks for: "none" may be right."""
    is_short_of_samples = is_held_back(key, asked.part, NOTHING, confidence)
    if isinstance(asked, ProsePart) and is_short_of_samples and find_ideas(asked, tokens.read(text)).base:
        return finding(NOTHING, _DOUBTFUL, f"{asked.missing} {TOO_FEW}")
    return finding(NOTHING, confidence, asked.missing)


def _mark_prose(key: AnswerKey, asked: ProsePart, text: str) -> AnswerFinding:
    answer = read_prose(key, asked, text)
    found = answer.found
    mark, confidence = decided(learned_trust().probabilities(answer.signals))
    model, spans = key.similarity.of(asked.part), found.spans
    known = model.known_mark(text) if model else None
    if known is not None:
        mark, confidence = known, _KNOWN
    message = _message(answer, mark)
    if known is None and answer.signals.is_heap and mark:
        confidence, message = min(confidence, _DOUBTFUL), KEYWORDS_ONLY
    elif known is None and confidence < _SURE and _is_by_likeness_alone(found, mark):
        confidence = min(confidence, _DOUBTFUL)
    elif known is None and mark == found.base == FULL and not found.is_certain:
        confidence, message = min(confidence, _DOUBTFUL), MAY_BE_DENIED
    elif known is None and is_held_back(key, asked.part, mark, confidence):
        confidence, message = min(confidence, _DOUBTFUL), f"{message} {TOO_FEW}"
    if model is not None and (not spans or mark != found.base):
        spans = model.deciding_words(answer.text, MARKS.index(mark)) or spans
    return finding(mark, confidence, message, spans)


def _is_by_likeness_alone(found: Found, mark: Decimal) -> bool:
    """Whether no idea is a reason for the mark: a full one may be for topic words, a half one for a true addition."""
    is_reduced = mark == HALF and found.base == FULL and not (found.wrong or found.denied)
    return is_reduced or (mark == FULL and not found.base)


def _message(answer: ProseAnswer, mark: Decimal) -> str:
    """What the student reads: what earned the mark, what is wrong, or what is missing."""
    asked, found = answer.asked, answer.found
    if mark == FULL:
        earning = asked.earning([idea.name for idea in found.earning]) if found.base == FULL else ()
        return f"{RIGHT}{' and '.join(earning)}." if earning else IN_OTHER_WORDS
    if mark == HALF:
        partly = next((idea.say for idea in found.wrong if idea.costs == HALF), "") if found.base == FULL else ""
        return partly or (asked.lacking if found.base == HALF else f"{PARTLY} {asked.missing}")
    wrong = next((idea.say for idea in found.wrong if idea.costs == FULL), "")
    denied = next((idea.say for idea in found.denied.values() if not idea.costs), "")
    if wrong or denied:
        return wrong or f"The answer denies a right statement: {denied}."
    return KEYWORDS_ONLY if answer.signals.is_heap else asked.missing
