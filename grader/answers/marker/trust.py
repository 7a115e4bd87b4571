"""Marks an answer only as far as the key can be trusted: with few sample answers, a zero is a proposal to a tutor.

An answer that the key does not understand may be right in words that nobody has foreseen yet.
"""

from __future__ import annotations

from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.finding import NOTHING_CLAIMED, REVIEW_BELOW, finding
from grader.answers.marker.key import AnswerKey
from grader.answers.marker.key_parts import ProsePart
from grader.answers.marker.similarity import LEAST_SAMPLES
from grader.model import AnswerFinding, Status

TOO_FEW = "There are too few sample answers to this question to be sure of that."
PROPOSED = REVIEW_BELOW - 0.05


def trusted_mark(key: AnswerKey, part: str, answer: str) -> AnswerFinding:
    """The finding on an answer to ``part``. Raises :class:`UsageFault` for a part that the key does not have."""
    found = mark_answer(key, part, answer)
    if not is_held_back(key, part, answer, found):
        return found
    return finding(found.awarded, PROPOSED, f"{found.message} {TOO_FEW}", found.spans)


def is_held_back(key: AnswerKey, part: str, answer: str, found: AnswerFinding) -> bool:
    """Whether the finding is a zero that only a tutor may give: the key has too few samples of this part."""
    is_settled_zero = found.awarded == 0 and found.status is not Status.NEEDS_REVIEW
    has_few = isinstance(key.parts[part], ProsePart) and len(key.samples.get(part, ())) < LEAST_SAMPLES
    return is_settled_zero and has_few and NOTHING_CLAIMED.fullmatch(answer) is None
