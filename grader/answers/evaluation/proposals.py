"""How often the marks that the marker proposes are right, by its confidence, and from where they are worth showing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grader.answers.evaluation.agreement import Comparison
from grader.answers.marker.finding import REVIEW_BELOW, SHOWN_FROM

BANDS = ((0.0, 0.2), (0.2, 0.4), (0.4, SHOWN_FROM), (SHOWN_FROM, REVIEW_BELOW))
"""Bounds of confidence, the lower one included."""
WORTH_SHOWING = 0.6
"""The share of right proposals (0..1) from which they help a tutor more than they mislead."""
LEAST_SHOWN = 10
"""Proposals above a line that divides them; fewer would be chance."""


@dataclass(frozen=True)
class Rightness:
    """How many proposals there are, and how many of them a person gave too."""

    count: int
    right: int

    def __str__(self) -> str:
        return f"{self.right} of {self.count} ({self.right / self.count:.0%})" if self.count else "–"


def proposals_of(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The answers with a proposal that a person marked as well."""
    return [answer for answer in comparisons if answer.is_sent and answer.gold is not None]


def rightness(proposals: Sequence[Comparison], low: float = 0.0, high: float = 1.0) -> Rightness:
    """The figures for the proposals with a confidence from ``low`` to below ``high``."""
    chosen = [answer for answer in proposals if low <= answer.confidence < high]
    return Rightness(len(chosen), sum(answer.is_exact for answer in chosen))


def worth_showing_from(proposals: Sequence[Comparison]) -> float:
    """The confidence below which too few proposals are right, and from which enough are.

    It makes the sum of (1 if right, else 0) - WORTH_SHOWING over the shown proposals as large as possible, so that
    showing more, or fewer, would be worse on these answers. REVIEW_BELOW means to show none.
    """
    lowest = min((answer.confidence for answer in proposals), default=REVIEW_BELOW)

    def gain(bound: float) -> float:
        shown = rightness(proposals, bound)
        if 0 < shown.count < LEAST_SHOWN and bound > lowest:
            return -math.inf
        return shown.right - WORTH_SHOWING * shown.count

    bounds = {lowest, REVIEW_BELOW, *(answer.confidence for answer in proposals)}
    return max(bounds, key=lambda bound: (round(gain(bound), 6), -bound))


def line_on(proposals: Sequence[Comparison]) -> str:
    """One sentence on the confidence below which the proposals agree too rarely with people."""
    bound, share = worth_showing_from(proposals), f"{WORTH_SHOWING:.0%}"
    below, above = rightness(proposals, high=bound), rightness(proposals, bound)
    if not above.count:
        return f"At no confidence are {share} of the proposals right; of all, {below} are."
    if not below.count:
        return f"At every confidence at least {share} of the proposals are right; of all, {above} are."
    return f"Below {bound:.2f} less than {share} of the proposals are right: {below}; from there {above} are."
