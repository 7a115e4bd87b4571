"""What tutors wrote before on a question, so that nobody types the same sentence twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from grader.moderation.decisions import Decisions

MOST = 9
"""Sentences that are offered, one for each digit key."""


def bank(of_runs: Iterable[Decisions], item: str, *, standard: Collection[str]) -> tuple[str, ...]:
    """The reasons and comments on ``item`` in the decisions of several runs, most used first, at most MOST.

    A ``standard`` reason, which the grader writes itself, is none. Of equally frequent ones the later comes first.
    """
    used: Counter[str] = Counter()
    for decisions in of_runs:
        for entry in reversed(decisions.entries):
            if entry.item == item and entry.reason and entry.reason not in standard:
                used[entry.reason] += 1
    return tuple(reason for reason, _ in used.most_common(MOST))
