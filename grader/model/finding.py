"""What is said of evidence: the finding of a check, that of the marker, and the status of either.

Points are no part of a finding; :mod:`grader.model.report` has them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


class Status(enum.StrEnum):
    """How an item, or a whole submission, came out."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"
    NEEDS_REVIEW = "needs_review"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """What a check concludes from evidence. ``fraction`` of the points is earned, between 0 and 1."""

    status: Status
    message: str
    hint: str = ""
    fraction: Decimal = Decimal(0)
    expected: str = ""
    seen: str = ""


@dataclass(frozen=True)
class AnswerFinding:
    """What the marker says of a written answer: what it earns, 0..1, and why.

    While ``status`` is needs_review, ``awarded`` is only proposed. ``confidence`` (0..1) says how sure the mark is, and
    ``spans`` are (start, end) character offsets of the words that counted.
    """

    status: Status
    awarded: Decimal
    confidence: float
    message: str
    spans: tuple[tuple[int, int], ...]
    is_structural: bool = False
    """It rests on how the words belong together (a denial, a heap of words), which likeness to others cannot see."""


@dataclass(frozen=True)
class KnownFinding:
    """What the marker said of an answer, and the text that it was said of."""

    text: str
    finding: AnswerFinding


@dataclass(frozen=True)
class KnownFindings:
    """Findings on one student's answers by part, and the digest of the marker that made them."""

    marker: str = ""
    findings: Mapping[str, KnownFinding] = field(default_factory=dict)
