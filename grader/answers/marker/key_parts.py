"""What the answer key says about each part: ideas and conditions for a part in words, values for a part in numbers."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from grader.answers.marker.patterns import Pattern


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

    @property
    def enough(self) -> frozenset[str]:
        """The ideas that are enough together; of alternatives, the first."""
        return _enough(self.tree)

    @property
    def names(self) -> frozenset[str]:
        """The ideas that it names."""
        return frozenset(node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name))


@dataclass(frozen=True)
class ProsePart:
    """A part that is answered in words. ``right``, ``missing`` and ``lacking`` are sentences for the student.

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
    """A part that is answered with numbers in positions. ``other``: the numbers of a part that it is confused with."""

    part: str
    question: str
    values: tuple[Decimal, ...]
    other: tuple[Decimal, ...]
    missing: str
    other_part: str
    slips: tuple[Slip, ...] = ()


NEVER = Condition("", ast.BoolOp(ast.Or(), []))
"""The condition that no answer fulfils."""


def _enough(node: ast.expr) -> frozenset[str]:
    if isinstance(node, ast.Name):
        return frozenset([node.id])
    if not isinstance(node, ast.BoolOp):
        return frozenset()
    chosen = node.values if isinstance(node.op, ast.And) else node.values[:1]
    return frozenset().union(*map(_enough, chosen))


def _truth(node: ast.expr, found: frozenset[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in found
    if isinstance(node, ast.UnaryOp):
        return not _truth(node.operand, found)
    assert isinstance(node, ast.BoolOp)
    truths = [_truth(value, found) for value in node.values]
    return all(truths) if isinstance(node.op, ast.And) else any(truths)
