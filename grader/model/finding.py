"""Findings of checks and of the marker, and the statuses that they can have.

A finding has a share of the points; results with points are in :mod:`grader.model.report`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


class Status(enum.StrEnum):
    """The outcome of an item, or of a whole submission."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"
    NEEDS_REVIEW = "needs_review"
    ERROR = "error"


def require_cause(status: Status, cause: str) -> None:
    """Raise ValueError unless a skipped item, and no other, names the item that caused it."""
    if (status is Status.SKIPPED) != bool(cause):
        what = "needs the id of its cause" if status is Status.SKIPPED else f"cannot have a cause ({cause})"
        raise ValueError(f"an item with status {status} {what}")


@dataclass(frozen=True)
class Finding:
    """What a check concludes from evidence; it earns ``fraction`` (0..1) of the points.

    A skipped finding, and no other, has a ``cause``: the id of the item whose fault, partial result or wait leaves this
    one unassessed. Raises ValueError for a skipped finding without a cause.
    """

    status: Status
    message: str
    hint: str = ""
    fraction: Decimal = Decimal(0)
    expected: str = ""
    seen: str = ""
    cause: str = ""
    told: str = ""
    """If the status is needs_review: what the student is told when a tutor confirms the proposal; ``message`` is to the
    tutor."""
    fault: str = ""
    """The kind of the fault, if a check can find several: a kind of repair or a word of the check. It chooses hints."""

    def __post_init__(self) -> None:
        require_cause(self.status, self.cause)


@dataclass(frozen=True)
class AnswerFinding:
    """What the marker concludes from a written answer: the share of the points that it earns (0..1), and the reason.

    If ``status`` is needs_review, ``awarded`` is only proposed. ``confidence`` (0..1) is how sure the mark is, and
    ``spans`` are (start, end) character offsets of the words that counted.
    """

    status: Status
    awarded: Decimal
    confidence: float
    message: str
    spans: tuple[tuple[int, int], ...]
    is_structural: bool = False
    """Whether it depends on the structure of the text (a negation, a keyword list), which similarity cannot detect."""
    told: str = ""
    """As in :class:`Finding`."""
    against: tuple[tuple[int, int], ...] = ()
    """Those of ``spans`` whose words counted against the answer."""


@dataclass(frozen=True)
class KnownFinding:
    """The marker's finding on an answer, and the text of that answer."""

    text: str
    finding: AnswerFinding


@dataclass(frozen=True)
class KnownFindings:
    """Findings on one student's answers by part, and the digest of the marker that made them."""

    marker: str = ""
    findings: Mapping[str, KnownFinding] = field(default_factory=dict)
