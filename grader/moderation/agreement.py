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
    for entry in _decided(decisions):
        if entry.old is None:
            continue
        before = chosen.get((entry.student, entry.item))
        if before is None or entry.audit or not before.audit:
            chosen[entry.student, entry.item] = entry
    return [_comparison(entry) for entry in chosen.values()]


def without_proposal(decisions: Decisions) -> int:
    """How many answers a tutor decided for which the grader had neither given nor proposed a mark."""
    with_one = {(entry.student, entry.item) for entry in _decided(decisions) if entry.old is not None}
    return len({(entry.student, entry.item) for entry in _decided(decisions)} - with_one)


def _decided(decisions: Decisions) -> list[Decision]:
    """The decisions on the points of answers."""
    return [e for e in decisions.entries if e.item.startswith(PART1) and e.new is not None and e.available]


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
