"""What the answer key says about each part: ideas and conditions for a part in words, values for a part in numbers."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from grader.answers.marker.patterns import Pattern

NOTHING, HALF, FULL = Decimal(0), Decimal("0.5"), Decimal(1)


@dataclass(frozen=True)
class Idea:
    """A thing that an answer may say. ``costs`` is 0 for an idea that earns, else the share of the mark that it costs.

    ``is_deniable``: "not X" denies X instead of being a way to say it. ``about``: the topic that the words must be
    about. ``opposite``: patterns that state the idea when denied. ``unless``: patterns that take it back in its clause.
    """

    name: str
    say: str
    patterns: tuple[Pattern, ...]
    costs: Decimal = Decimal(0)
    is_deniable: bool = True
    about: str = ""
    opposite: tuple[Pattern, ...] = ()
    unless: tuple[Pattern, ...] = ()


@dataclass(frozen=True)
class Condition:
    """Which ideas together earn a mark: names joined with and, or, not."""

    text: str
    tree: ast.expr

    def holds(self, found: Iterable[str]) -> bool:
        """Whether the condition is true when these ideas are found."""
        return _truth(self.tree, frozenset(found))

    def in_words(self, say: Mapping[str, str]) -> str:
        """The condition as a sentence, from what each of its ideas says."""
        return _in_words(self.tree, say)

    @property
    def names(self) -> frozenset[str]:
        """The ideas that it names."""
        return frozenset(node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name))


@dataclass(frozen=True)
class Policy:
    """What a course decides otherwise than the samples: ``mark`` instead of ``samples`` for a kind of answer.

    The kind gets ``samples`` because of ``ideas``, earning or wrong: without them it would get another mark.
    """

    name: str
    ideas: frozenset[str]
    samples: Decimal
    mark: Decimal


@dataclass(frozen=True)
class ProsePart:
    """A part that is answered in words.

    ``right`` is a full answer; ``missing`` and ``lacking`` are sentences for the student.

    ``topics`` are the things that an answer compares; ``asides`` are additions that neither earn nor cost anything.
    """

    part: str
    question: str
    full: Condition
    half: Condition
    vocabulary: frozenset[str]
    right: str
    missing: str
    lacking: str
    ideas: tuple[Idea, ...]
    wrong: tuple[Idea, ...]
    topics: tuple[tuple[str, tuple[Pattern, ...]], ...]
    asides: tuple[Pattern, ...]
    policies: tuple[Policy, ...] = ()

    def base(self, stated: Iterable[str]) -> Decimal:
        """What ideas earn by the conditions (0, 0.5 or 1) before anything is taken off."""
        names = frozenset(stated)
        return FULL if self.full.holds(names) else HALF if self.half.holds(names) else NOTHING

    def given(self, stated: Collection[str]) -> Decimal:
        """What ideas give: what they earn less what the wrong ones cost."""
        costs = (idea.costs for idea in self.wrong if idea.name in stated)
        return max(NOTHING, self.base(stated) - max(costs, default=NOTHING))

    def policy_on(self, stated: Collection[str], mark: Decimal) -> Policy | None:
        """The policy that changes ``mark`` for an answer that states these ideas."""
        for policy in self.policies:
            is_decisive = self.given(stated) == mark != self.given(frozenset(stated) - policy.ideas)
            if policy.samples == mark != policy.mark and is_decisive:
                return policy
        return None

    def earning(self, stated: Iterable[str]) -> tuple[str, ...]:
        """The sentences of the fewest of these ideas that earn the full mark; of two, the first in the key."""
        kept = [idea for idea in self.ideas if idea.name in stated]
        for idea in reversed(kept):
            fewer = [other for other in kept if other is not idea]
            if self.full.holds(other.name for other in fewer):
                kept = fewer
        return tuple(idea.say for idea in kept)


@dataclass(frozen=True)
class Slip:
    """Numbers that a usual mistake gives, as many as it gives, and a sentence for the student."""

    values: tuple[Decimal, ...]
    say: str


@dataclass(frozen=True)
class NumericPart:
    """A part that is answered with numbers in positions. ``other``: the numbers of a part that it is confused with.

    ``is_partial``: each right number earns its share; else only all of them earn the mark.
    """

    part: str
    question: str
    values: tuple[Decimal, ...]
    other: tuple[Decimal, ...]
    missing: str
    other_part: str
    slips: tuple[Slip, ...] = ()
    is_partial: bool = True


NEVER = Condition("", ast.BoolOp(ast.Or(), []))
"""The condition that no answer fulfils."""


def _in_words(node: ast.expr, say: Mapping[str, str]) -> str:
    if isinstance(node, ast.Name):
        return say[node.id]
    if isinstance(node, ast.UnaryOp):
        return f"not: {_in_words(node.operand, say)}"
    assert isinstance(node, ast.BoolOp)
    return (", and " if isinstance(node.op, ast.And) else ", or ").join(_in_words(value, say) for value in node.values)


def _truth(node: ast.expr, found: frozenset[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in found
    if isinstance(node, ast.UnaryOp):
        return not _truth(node.operand, found)
    assert isinstance(node, ast.BoolOp)
    truths = [_truth(value, found) for value in node.values]
    return all(truths) if isinstance(node.op, ast.And) else any(truths)
