"""What tutors wrote before on a question, so that nobody types the same sentence twice."""

from __future__ import annotations

from collections import Counter

from grader.moderation.decisions import STANDARD_REASONS, Decisions

MOST = 9
"""Sentences that are offered, one for each digit key."""


def bank(decisions: Decisions, item: str) -> tuple[str, ...]:
    """The reasons and comments on ``item``, most used first, at most MOST; of equally frequent ones the later first."""
    own = (entry.reason.strip() for entry in reversed(decisions.entries) if entry.item == item and not entry.like)
    used = Counter(reason for reason in own if reason not in STANDARD_REASONS)
    return tuple(reason for reason, _ in used.most_common(MOST))
