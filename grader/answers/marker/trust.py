"""Marks an answer only as far as the key can be trusted: with few sample answers, a zero is a proposal to a tutor.

An answer that the key does not understand may be right in words that nobody has foreseen yet.
"""

from __future__ import annotations

from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.finding import NOTHING_CLAIMED, REVIEW_BELOW, finding
from grader.answers.marker.key import AnswerKey
from grader.answers.marker.key_parts import ProsePart
from grader.answers.marker.patterns import all_hits
from grader.answers.marker.similarity import LEAST_SAMPLES
from grader.answers.marker.tokens import read
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
    asked = key.parts[part]
    is_settled_zero = found.awarded == 0 and found.status is not Status.NEEDS_REVIEW
    has_few = len(key.samples.get(part, ())) < LEAST_SAMPLES
    return is_settled_zero and has_few and isinstance(asked, ProsePart) and not _claims_nothing(asked, answer)


def _claims_nothing(asked: ProsePart, answer: str) -> bool:
    """Whether the answer only says that there is none, and no idea of the part does: "none" may be right."""
    reading = read(answer)
    is_answer = any(all_hits(idea.patterns, reading) for idea in asked.ideas)
    return NOTHING_CLAIMED.fullmatch(answer) is not None and not is_answer
