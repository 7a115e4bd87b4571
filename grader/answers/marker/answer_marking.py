"""Marks an answer by the key: the ideas that it states and its likeness to samples make its mark more or less likely.

A pure function of the answer and the key. What is not sure goes to a tutor, with a proposal.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from grader.answers.marker.caveats import with_caveats
from grader.answers.marker.cleaning import blank_out_question
from grader.answers.marker.few_samples import why_held_back
from grader.answers.marker.finding import NOTHING_CLAIMED, RIGHT, Marked, finding, proposal, whole_words
from grader.answers.marker.ideas import Found
from grader.answers.marker.key import AnswerKey
from grader.answers.marker.key_parts import FULL, HALF, NOTHING, NumericPart, ProsePart
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
    return mark_by_rules(key, part, answer).finding


def mark_by_rules(key: AnswerKey, part: str, answer: str) -> Marked:
    """The same with what was marked in the end, and the rules that decided."""
    if part not in key.parts:
        raise UsageFault(f'there is no part "{part}"; the parts are {", ".join(key.parts)}.')
    asked, text = key.parts[part], answer[:TOO_LONG]
    if isinstance(asked, NumericPart):
        marked = with_caveats(text, lambda rest: _mark_numbers(asked, rest), None)
    else:
        marked = _mark_text(key, asked, text)
    found = marked.finding
    is_open = found.status is Status.NEEDS_REVIEW
    if is_open:
        found = replace(found, message=proposal(found.awarded, found.message), told=found.told or found.message)
    return replace(
        marked,
        finding=replace(found, spans=whole_words(answer, found.spans), against=whole_words(answer, found.against)),
    )


def _mark_numbers(asked: NumericPart, text: str) -> Marked:
    said = blank_out_question(text, asked.question)
    if NOTHING_CLAIMED.fullmatch(said):
        return _nothing(asked, said, _SURE)
    rule = "A quarter of the mark is given for each right number in its place."
    if not asked.is_partial:
        rule = "Only all four numbers together earn the mark."
    return Marked(mark_numbers(asked, said), said, (rule,))


def _mark_text(key: AnswerKey, asked: ProsePart, text: str) -> Marked:
    """What is marked in words: a text that claims nothing, a known sample, or the ideas and words of an answer."""
    if NOTHING_CLAIMED.fullmatch(text):
        marked = _nothing(asked, text, 1.0)
        is_asked_for = bool(read_prose(key, asked, text).found.base)  # "none" may be right
        return _unless_few_samples(key, asked, marked) if is_asked_for else marked
    model = key.similarity.of(asked.part)
    if model is not None and model.known_mark(text) is not None:
        return _mark_prose(key, asked, text)
    return _unless_few_samples(key, asked, with_caveats(text, lambda rest: _mark_prose(key, asked, rest), key.english))


def _unless_few_samples(key: AnswerKey, asked: ProsePart, marked: Marked) -> Marked:
    found = marked.finding
    reason = why_held_back(key, asked.part, found.awarded, found.confidence)
    return marked.doubted(_DOUBTFUL, f"{found.message} {TOO_FEW}", reason) if reason else marked


def _nothing(asked: ProsePart | NumericPart, text: str, confidence: float) -> Marked:
    return Marked(finding(NOTHING, confidence, asked.missing), text, ("The answer claims nothing.",))


def _mark_prose(key: AnswerKey, asked: ProsePart, text: str) -> Marked:
    """The finding on a text by the key and its samples alone."""
    answer = read_prose(key, asked, text)
    if NOTHING_CLAIMED.fullmatch(answer.text):
        return _nothing(asked, answer.text, _SURE)
    model = key.similarity.of(asked.part)
    known = model.known_mark(text) if model else None
    marked = _by_likelihood(answer) if known is None else _known(answer, known)
    found = marked.finding
    if policy := asked.policy_on(answer.found.stated, found.awarded):
        rule = f'By the policy "{policy.name}", the mark is {policy.mark} instead of {policy.samples}.'
        changed = finding(policy.mark, found.confidence, _message(answer, policy.mark), found.spans)
        marked = Marked(changed, marked.text, (*marked.rules, rule))
    spans, against = marked.finding.spans, answer.found.against
    if model is not None and (not spans or found.awarded != answer.found.base):
        words = model.deciding_words(answer.text, MARKS.index(found.awarded))
        if words:
            opposing = [word for word in words if model.is_against(answer.text[slice(*word)])]
            spans, against = words, tuple(opposing) if found.awarded else words
    return replace(marked, finding=replace(marked.finding, spans=spans, against=against))


def _known(answer: ProseAnswer, mark: Decimal) -> Marked:
    found = finding(mark, _KNOWN, _message(answer, mark), answer.found.spans)
    return Marked(found, answer.text, ("A sample answer with the same text has this mark.",))


def _by_likelihood(answer: ProseAnswer) -> Marked:
    """The likeliest mark. It is doubted where the ideas of the answer are no reason for it."""
    found = answer.found
    mark, confidence = decided(learned_trust().probabilities(answer.signals))
    likely = finding(mark, confidence, _message(answer, mark), found.spans)
    doubt = ", but not likely enough to settle" if likely.status is Status.NEEDS_REVIEW else ""
    marked = Marked(likely, answer.text, (f"By its ideas and words, {mark} is the likeliest mark{doubt}.",))
    if answer.signals.is_heap and mark:
        return marked.doubted(_DOUBTFUL, KEYWORDS_ONLY, "Words that make no sentence earn nothing by themselves.")
    if confidence < _SURE and _is_by_likeness_alone(found, mark):
        return marked.doubted(_DOUBTFUL, likely.message, f"The ideas alone would not give {mark}.")
    if mark == found.base == FULL and not found.is_certain:
        return marked.doubted(_DOUBTFUL, MAY_BE_DENIED, "A negation may deny what the answer states.")
    return marked


def _is_by_likeness_alone(found: Found, mark: Decimal) -> bool:
    """Whether no idea is a reason for the mark: a full one may be for topic words, a lower one for a true addition."""
    if mark == FULL:
        return not found.base
    is_lowered = mark < FULL and found.base == FULL
    return is_lowered and not (found.denied or any(mark == HALF or idea.costs == FULL for idea in found.wrong))


def _message(answer: ProseAnswer, mark: Decimal) -> str:
    """What the student reads: what earned the mark, what is wrong, or what is missing."""
    asked, found = answer.asked, answer.found
    if mark == FULL:
        earning = asked.earning([idea.name for idea in found.earning]) if found.base == FULL else ()
        return f"{RIGHT}{' and '.join(earning)}." if earning else IN_OTHER_WORDS
    if mark == HALF:
        partly = next((idea for idea in found.wrong if idea.costs == HALF), None) if found.base == FULL else None
        if partly is not None:
            return f'{partly.say} What costs half is "{found.words_of(partly, answer.text)}".'
        return asked.lacking if found.base == HALF else f"{PARTLY} {asked.missing}"
    wrong = next((idea.say for idea in found.wrong if idea.costs == FULL), "")
    denied = next((idea.say for idea in found.denied.values() if not idea.costs), "")
    if wrong or denied:
        return wrong or f"The answer denies a right statement: {denied}."
    return KEYWORDS_ONLY if answer.signals.is_heap else asked.missing
