"""Agreement between the marker and a person: quadratic kappa, share of exact marks, share sent to a tutor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Comparison:
    """An answer marked by a person (``gold``) and by the marker (``awarded``); ``is_sent``: it waits for a tutor."""

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
    """The figures for a set of answers; None where there is nothing to compute from. Shares are 0..1."""

    count: int
    kappa: float | None
    exact: float | None
    sent: float | None
    exact_unsent: float | None


def quadratic_kappa(gold: Sequence[Decimal], awarded: Sequence[Decimal]) -> float | None:
    """Cohen's kappa with quadratic weights: 1 - observed / expected squared difference (Cohen 1968).

    None when there is no answer, or when all marks of both are the same: chance agreement is then undefined.
    """
    if not gold:
        return None
    count = len(gold)
    observed = sum(((a - b) ** 2 for a, b in zip(gold, awarded, strict=True)), Decimal(0)) / count
    by_person, by_marker = Counter(gold), Counter(awarded)
    expected = sum(((a - b) ** 2 * by_person[a] * by_marker[b] for a in by_person for b in by_marker), Decimal(0)) / (
        count * count
    )
    return None if expected == 0 else float(1 - observed / expected)


def agreement(comparisons: Sequence[Comparison]) -> Agreement:
    """The figures for these answers."""
    unsent = [comparison for comparison in comparisons if not comparison.is_sent]
    return Agreement(
        count=len(comparisons),
        kappa=quadratic_kappa([answer.gold for answer in comparisons], [answer.awarded for answer in comparisons]),
        exact=_share(sum(answer.is_exact for answer in comparisons), len(comparisons)),
        sent=_share(len(comparisons) - len(unsent), len(comparisons)),
        exact_unsent=_share(sum(answer.is_exact for answer in unsent), len(unsent)),
    )


def _share(count: int, total: int) -> float | None:
    return count / total if total else None
