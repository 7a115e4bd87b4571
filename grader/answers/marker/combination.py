"""Combines the mark by the key's rules with the mark by similarity to sample answers.

The rules are nearly always right where they are sure, but do not understand new wordings; similarity is the opposite.
How far each can be trusted was counted on answers that neither had seen (docs/calibration.md).
"""

from __future__ import annotations

import math
from decimal import Decimal

from grader.answers.marker.finding import REVIEW_BELOW, finding
from grader.answers.marker.samples import MARKS
from grader.answers.marker.similarity import Shares
from grader.model import AnswerFinding

LEVELS = (0.45, 0.6, 0.83)
"""Bounds between the four levels of the rules' confidence."""
COUNTS: dict[tuple[Decimal, int], tuple[int, int, int]] = {
    (Decimal(0), 0): (187, 68, 186),
    (Decimal(0), 1): (80, 6, 9),
    (Decimal(0), 2): (108, 20, 24),
    (Decimal(0), 3): (311, 13, 15),
    (Decimal("0.5"), 0): (20, 10, 30),
    (Decimal("0.5"), 1): (56, 140, 88),
    (Decimal("0.5"), 2): (14, 141, 14),
    (Decimal("0.5"), 3): (11, 225, 12),
    (Decimal(1), 1): (34, 83, 267),
    (Decimal(1), 2): (0, 1, 13),
    (Decimal(1), 3): (36, 27, 845),
}
"""By the rules' mark and level of confidence: how many unseen answers a person had given a mark of 0, 0.5 and 1."""
DOUBT = 0.02
"""Added to each share by similarity, so that similarity alone never rules out a mark."""
SURE = 0.74
"""Below this probability of the likeliest mark, a tutor decides."""
SURE_OF_NOTHING = 0.8
"""Below this confidence, a mark of 0 waits for a tutor where the rules do not know what is wrong with the answer."""


def weigh(rules: AnswerFinding, shares: Shares) -> tuple[Decimal, float]:
    """The likeliest mark, and its probability (0..1)."""
    counts = COUNTS.get((_nearest(rules.awarded), _level(rules.confidence)), (0, 0, 0))
    whole = sum(counts) + len(counts)
    weights = [
        math.log((count + 1) / whole) + math.log(share + DOUBT) for count, share in zip(counts, shares, strict=True)
    ]
    grown = [math.exp(weight - max(weights)) for weight in weights]
    best = max(range(len(MARKS)), key=lambda at: grown[at])
    return MARKS[best], grown[best] / sum(grown)


def settled(
    rules: AnswerFinding, mark: Decimal, sure: float, *, message: str, spans: tuple[tuple[int, int], ...]
) -> AnswerFinding:
    """The finding on an answer by rules and similarity together.

    ``message`` and ``spans`` are for a mark that the rules did not give. Where one method gives the full mark and the
    other nothing, a tutor decides, however sure they are.
    """
    confidence = _confidence(sure)
    is_unexplained = mark == 0 and rules.confidence < REVIEW_BELOW and confidence < SURE_OF_NOTHING
    if abs(mark - rules.awarded) == 1 or is_unexplained:
        confidence = min(confidence, REVIEW_BELOW - 0.05)
    if is_same(rules, mark):
        return finding(rules.awarded, confidence, rules.message, rules.spans or spans)
    return finding(mark, confidence, message, spans or rules.spans)


def is_same(rules: AnswerFinding, mark: Decimal) -> bool:
    """Whether the rules gave this mark, rounded to the marks that samples have."""
    return mark == _nearest(rules.awarded)


def _confidence(sure: float) -> float:
    """Rescale a probability so that SURE maps to REVIEW_BELOW."""
    if sure < SURE:
        return REVIEW_BELOW * sure / SURE - 0.01
    return REVIEW_BELOW + (1 - REVIEW_BELOW) * (sure - SURE) / (1 - SURE)


def _level(confidence: float) -> int:
    return sum(confidence >= bound for bound in LEVELS)


def _nearest(mark: Decimal) -> Decimal:
    return min(MARKS, key=lambda known: abs(known - mark))
