"""How well two markers agree, as figures. Who they are, and how marks came about, does not matter here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Comparison:
    """One answer marked twice: ``gold`` by a person, ``awarded`` by the marker; ``is_sent``: waiting for a tutor."""

    part: str
    kind: str
    gold: Decimal
    awarded: Decimal
    is_sent: bool

    @property
    def is_exact(self) -> bool:
        """Whether both gave the same mark."""
        return self.gold == self.awarded


@dataclass(frozen=True)
class Agreement:
    """The figures of a set of answers. ``None`` where there is nothing to compute from."""

    count: int
    kappa: float | None
    exact: float | None
    sent: float | None
    exact_unsent: float | None


def quadratic_kappa(gold: Sequence[Decimal], awarded: Sequence[Decimal]) -> float | None:
    """Cohen's kappa with quadratic weights: 1 - observed / expected squared difference (Cohen 1968).

    None when there is no answer, or when all marks of both are one and the same: agreement by chance cannot be told.
    """
    if not gold:
        return None
    count = len(gold)
    observed = sum(((one - other) ** 2 for one, other in zip(gold, awarded, strict=True)), Decimal(0)) / count
    ours, theirs = Counter(gold), Counter(awarded)
    expected = sum(((one - other) ** 2 * ours[one] * theirs[other] for one in ours for other in theirs), Decimal(0)) / (
        count * count
    )
    return None if expected == 0 else float(1 - observed / expected)


def agreement(comparisons: Sequence[Comparison]) -> Agreement:
    """The figures of these answers."""
    unsent = [comparison for comparison in comparisons if not comparison.is_sent]
    return Agreement(
        count=len(comparisons),
        kappa=quadratic_kappa([each.gold for each in comparisons], [each.awarded for each in comparisons]),
        exact=_share(sum(each.is_exact for each in comparisons), len(comparisons)),
        sent=_share(len(comparisons) - len(unsent), len(comparisons)),
        exact_unsent=_share(sum(each.is_exact for each in unsent), len(unsent)),
    )


def _share(count: int, total: int) -> float | None:
    return count / total if total else None
