"""How far the grader and the tutors agree on the written answers of a run, by what they decided."""

from __future__ import annotations

from grader.answers.evaluation.agreement import Comparison
from grader.model import PART1, Decision
from grader.moderation.decisions import Decisions

BLIND, SEEN = "blind audit", "the tutor saw the mark"


def compared(decisions: Decisions) -> list[Comparison]:
    """A comparison for each answer that a tutor decided and for which the grader had given or proposed a mark.

    The kind is BLIND for an answer that was marked in an audit, which then counts with this mark, and otherwise SEEN.
    """
    chosen: dict[tuple[str, str], Decision] = {}
    for entry in decisions.entries:
        if not entry.item.startswith(PART1) or entry.old is None or entry.new is None or not entry.available:
            continue
        before = chosen.get((entry.student, entry.item))
        if before is None or entry.audit or not before.audit:
            chosen[entry.student, entry.item] = entry
    return [_comparison(entry) for entry in chosen.values()]


def _comparison(entry: Decision) -> Comparison:
    assert entry.old is not None, "nothing to compare"
    assert entry.new is not None, "a comment"
    return Comparison(
        part=entry.item.removeprefix(PART1),
        kind=BLIND if entry.audit else SEEN,
        gold=entry.new / entry.available,
        awarded=entry.old / entry.available,
        is_sent=not entry.audit,
    )
