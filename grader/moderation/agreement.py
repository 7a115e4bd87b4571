"""How far the grader and the tutors agree on the written answers of a run, and two tutors on the same entries."""

from __future__ import annotations

from collections import defaultdict

from grader.answers.evaluation.agreement import Comparison
from grader.model import PART1, Decision
from grader.moderation.decisions import Decisions, latest

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


def second_readings(decisions: Decisions) -> list[Comparison]:
    """A comparison for each item that a second tutor decided without seeing the first decision, which is ``gold``."""
    by_item: defaultdict[tuple[str, str], list[Decision]] = defaultdict(list)
    for entry in decisions.entries:
        by_item[entry.student, entry.item].append(entry)
    found = []
    for made in by_item.values():
        for at, second in enumerate(made):
            if second.second and second.available:
                first = next((entry for entry in latest(made[:at]) if _is_of_the_same(entry, second)), None)
                found += [_second_reading(first, second)] if first is not None else []
    return found


def without_proposal(decisions: Decisions) -> int:
    """How many answers a tutor decided for which the grader had neither given nor proposed a mark."""
    with_one = {(entry.student, entry.item) for entry in _decided(decisions) if entry.old is not None}
    return len({(entry.student, entry.item) for entry in _decided(decisions)} - with_one)


def _decided(decisions: Decisions) -> list[Decision]:
    """The decisions on the points of answers, without second readings."""
    return [
        entry
        for entry in decisions.entries
        if entry.item.startswith(PART1) and entry.new is not None and entry.available and not entry.second
    ]


def _is_of_the_same(first: Decision, second: Decision) -> bool:
    return (first.digest, first.available) == (second.digest, second.available)


def _second_reading(first: Decision, second: Decision) -> Comparison:
    assert first.new is not None, "a comment"
    assert second.new is not None, "a comment"
    return Comparison(
        part=second.item,
        kind=second.author,
        gold=first.new / first.available,
        awarded=second.new / second.available,
        is_sent=False,
    )


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
