"""Which settled answers a tutor marks blind."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from grader.__main__ import main
from grader.model import Report
from grader.moderation.audit import audited
from tests.support.report_samples import altered, changed
from tests.support.review_samples import answered

TENTH = Decimal("0.1")
REPORTS = tuple(answered(f"s{number:02}", "0.5") for number in range(40))
"""In each, 7c is open and the other parts are settled."""


def without_text(report: Report, part: str) -> Report:
    answers = (altered(result, text=" ") if result.part == part else result for result in report.answer_results)
    return changed(report, answers=tuple(answers))


def test_a_tenth_of_the_settled_answers_of_each_part_is_chosen() -> None:
    counts = Counter(item for _, item in audited(REPORTS, TENTH, "secret"))
    assert set(counts.values()) == {4}
    assert counts.keys() == {result.id for result in REPORTS[0].answer_results} - {"part1.7c"}


def test_the_choice_depends_on_the_run_only() -> None:
    chosen = audited(REPORTS, TENTH, "secret")
    assert audited(tuple(reversed(REPORTS)), TENTH, "secret") == chosen
    assert audited(REPORTS, TENTH, "another run") != chosen
    assert chosen < audited(REPORTS, 2 * TENTH, "secret"), "a larger share contains the smaller one"


def test_at_least_one_answer_of_a_part_is_chosen_where_there_is_one() -> None:
    few = (*REPORTS[:2], replace(REPORTS[2], results=()))
    assert set(Counter(item for _, item in audited(few, TENTH, "secret")).values()) == {1}


def test_an_answer_without_text_is_not_chosen() -> None:
    blank = tuple(without_text(report, "8") for report in REPORTS[:5])
    assert not [item for _, item in audited(blank, Decimal(1), "secret") if item == "part1.8"]


@pytest.mark.parametrize("share", ["0%", "101%", "x", "2.5%", "²%"])
def test_a_share_that_is_no_percentage_is_refused(share: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["review", "run", "--audit", share])
    assert "must be a percentage from 1% to 100%" in capsys.readouterr().err
