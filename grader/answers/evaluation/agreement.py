"""Agreement between the marker and a person: kappa, exact marks, answers sent to a tutor, and the worst mistakes.

For the marks that are only proposed see :mod:`grader.answers.evaluation.proposals`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

HALF = Decimal("0.5")


@dataclass(frozen=True)
class Comparison:
    """An answer marked by a person (``gold``) and by the marker (``awarded``), both as shares of the points (0..1).

    ``gold`` is None if a tutor has to look, whatever the marker thinks. ``is_sent``: the answer waits for a tutor.
    ``confidence`` (0..1) is the marker's. ``is_disputed``: careful tutors differ on the answer.
    """

    part: str
    kind: str
    gold: Decimal | None
    awarded: Decimal
    is_sent: bool
    confidence: float = 1.0
    is_disputed: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether both gave the same mark; without a person's mark, whether a tutor has to look."""
        return self.is_sent if self.gold is None else self.gold == self.awarded

    @property
    def is_within_half(self) -> bool:
        """Whether both marks differ by at most half of the points."""
        return self.is_exact or (self.gold is not None and abs(self.gold - self.awarded) <= HALF)

    @property
    def is_over_marked(self) -> bool:
        """Whether it was settled with more than the person gave, or with anything where a tutor has to look."""
        return not self.is_sent and self.awarded > (self.gold or 0)


@dataclass(frozen=True)
class Agreement:
    """The figures for a set of answers; None where there is nothing to compute from. Shares are 0..1.

    The last three count settled answers: full ones that got nothing or half, and those that got too much.
    """

    count: int
    kappa: float | None
    exact: float | None
    within_half: float | None
    sent: float | None
    exact_unsent: float | None
    full_at_zero: int
    full_at_half: int
    over_marked: int


def quadratic_kappa(gold: Sequence[Decimal], awarded: Sequence[Decimal]) -> float | None:
    """Cohen's kappa with quadratic weights: 1 - observed / expected squared difference (Cohen 1968).

    None when there is no answer, or when the person gave all the same mark: nothing is then better than chance.
    """
    if len(set(gold)) < 2:
        return None
    count = len(gold)
    observed = sum(((a - b) ** 2 for a, b in zip(gold, awarded, strict=True)), Decimal(0)) / count
    by_person, by_marker = Counter(gold), Counter(awarded)
    expected = sum(((a - b) ** 2 * by_person[a] * by_marker[b] for a in by_person for b in by_marker), Decimal(0)) / (
        count * count
    )
    return float(1 - observed / expected)


def agreement(comparisons: Sequence[Comparison]) -> Agreement:
    """The figures for these answers."""
    unsent = [comparison for comparison in comparisons if not comparison.is_sent]
    pairs = [(answer.gold, answer.awarded) for answer in comparisons if answer.gold is not None]
    return Agreement(
        count=len(comparisons),
        kappa=quadratic_kappa([gold for gold, _ in pairs], [awarded for _, awarded in pairs]),
        exact=_share(sum(answer.is_exact for answer in comparisons), len(comparisons)),
        within_half=_share(sum(answer.is_within_half for answer in comparisons), len(comparisons)),
        sent=_share(len(comparisons) - len(unsent), len(comparisons)),
        exact_unsent=_share(sum(answer.is_exact for answer in unsent), len(unsent)),
        full_at_zero=sum(answer.gold == 1 and answer.awarded == 0 for answer in unsent),
        full_at_half=sum(answer.gold == 1 and answer.awarded == HALF for answer in unsent),
        over_marked=sum(answer.is_over_marked for answer in unsent),
    )


def _share(count: int, total: int) -> float | None:
    return count / total if total else None
