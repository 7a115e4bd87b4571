"""Agreement of the marker with people: marks, proposals, and what ``mark-answers`` prints about them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from decimal import Decimal

import pytest
from rich.console import Console

from grader.answers.evaluation.agreement import Comparison, agreement, quadratic_kappa
from grader.answers.evaluation.proposals import line_on, proposals_of, rightness, worth_showing_from
from grader.answers.evaluation.tables import EXACT, KAPPA, SETTLED, print_figures, print_proposals
from grader.answers.marker.finding import REVIEW_BELOW, SHOWN_FROM

FULL, HALF, NOTHING = Decimal(1), Decimal("0.5"), Decimal(0)


def sent(gold: Decimal | None, awarded: Decimal, confidence: float = 0.5, part: str = "8") -> Comparison:
    return Comparison(part, "", gold, awarded, True, confidence)


def settled(gold: Decimal | None, awarded: Decimal) -> Comparison:
    return Comparison("8", "", gold, awarded, False, 0.9)


def band(confidence: float, right: int, wrong: int, part: str = "8") -> list[Comparison]:
    """Proposals of this confidence."""
    return [sent(FULL, FULL, confidence, part)] * right + [sent(FULL, NOTHING, confidence, part)] * wrong


def printed(comparisons: Iterable[Comparison]) -> str:
    console = Console(file=io.StringIO(), width=110)
    listed = list(comparisons)
    print_figures(console, "Agreement", [("all", listed)], KAPPA, EXACT, SETTLED)
    print_proposals(console, listed)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_kappa_equals_the_value_computed_by_hand() -> None:
    # Marks (1,1) (0,0) (0.5,1) (1,0): observed (0 + 0 + 0.25 + 1) / 4 = 0.3125. By chance, gold 1,1,0,0.5 against
    # awarded 1,1,0,0: the squared differences sum to 2 for each 1, 2 for the 0 and 1 for the 0.5: 7 / 16 = 0.4375.
    gold = [Decimal(1), Decimal(0), Decimal("0.5"), Decimal(1)]
    awarded = [Decimal(1), Decimal(0), Decimal(1), Decimal(0)]
    assert quadratic_kappa(gold, awarded) == pytest.approx(1 - 0.3125 / 0.4375)
    assert quadratic_kappa([], []) is None
    assert quadratic_kappa([Decimal(1)] * 2, [Decimal(1), Decimal(0)]) is None, "every guess would have the same chance"


def test_agreement_counts_answers_sent_to_a_tutor() -> None:
    figures = agreement([settled(FULL, FULL), sent(FULL, NOTHING)])
    assert (figures.count, figures.exact, figures.sent, figures.exact_unsent) == (2, 0.5, 0.5, 1.0)


def test_an_answer_that_a_tutor_has_to_look_at_is_right_if_it_is_sent() -> None:
    figures = agreement([sent(None, FULL), settled(None, FULL), settled(None, NOTHING), settled(FULL, HALF)])
    assert (figures.exact, figures.exact_unsent, figures.kappa) == (0.25, 0.0, None)
    assert figures.over_marked == 1, "a settled zero is wrong here, but not too much"
    assert figures.within_half == 0.5


def test_the_worst_mistakes_are_counted_among_settled_answers_only() -> None:
    wrong = ((FULL, NOTHING), (FULL, HALF), (NOTHING, HALF), (HALF, FULL), (HALF, NOTHING))
    figures = agreement([make(*pair) for pair in wrong for make in (settled, sent)])
    assert (figures.full_at_zero, figures.full_at_half, figures.over_marked) == (1, 1, 2)


# ---- proposals -------------------------------------------------------------------------------------------------------


def test_proposals_are_counted_by_confidence() -> None:
    proposals = proposals_of([*band(0.1, 1, 3), *band(0.5, 5, 2), sent(None, FULL, 0.5), settled(FULL, FULL)])
    assert str(rightness(proposals, 0.0, 0.2)) == "1 of 4 (25%)"
    assert str(rightness(proposals, 0.2, 0.4)) == "–"
    assert str(rightness(proposals)) == "6 of 11 (55%)", "neither settled marks nor those without a person's mark"


def test_proposals_are_worth_showing_from_where_most_are_right() -> None:
    mixed = [*band(0.2, 2, 8), *band(0.35, 6, 5), *band(0.45, 8, 4), *band(0.55, 9, 4)]
    assert worth_showing_from(mixed) == 0.45
    assert line_on(mixed).startswith(
        "Below 0.45 less than 60% of the proposals are right: 8 of 21 (38%); from there 17"
    )
    assert worth_showing_from(band(0.3, 7, 3)) == 0.3
    assert line_on(band(0.3, 7, 3)).startswith("At every confidence")
    hopeless = [*band(0.3, 5, 5), *band(0.59, 2, 0)]
    assert worth_showing_from(hopeless) == REVIEW_BELOW, "two right ones may be chance"
    assert line_on(hopeless) == "At no confidence are 60% of the proposals right; of all, 7 of 12 (58%) are."


def test_figures_and_proposals_are_printed_by_part() -> None:
    proposals = [*band(0.3, 7, 3, "1"), *band(SHOWN_FROM - 0.01, 1, 3, "1"), *band(SHOWN_FROM, 2, 0, "1")]
    shown = printed([*proposals, *band(0.5, 1, 1), settled(FULL, NOTHING), settled(NOTHING, NOTHING)])
    assert "full at 0" in shown
    assert [" ".join(line.split()) for line in shown.splitlines() if line.startswith(" 1 ")] == [
        "1 – 7 of 10 (70%) 1 of 4 (25%) 2 of 2 (100%) 10 of 16 (62%)"
    ]
    assert "No proposal is shown below" in shown
    assert "Right proposals" not in printed([settled(FULL, FULL)])
