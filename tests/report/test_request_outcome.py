"""What a student reads about a request to look at a mark again: what came of it, and nothing about others."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from grader.model import Report
from grader.moderation.decisions import ACCEPTED, Decisions, subject_digest, with_decisions
from grader.report.feedback import for_the_student, outcome, sentences
from tests.support import cohort_samples as cohorts
from tests.support import report_samples as samples
from tests.support.parsed_page import Page
from tests.support.review_samples import answered

ITEM = "part1.8"
START = "You asked for this to be looked at again: the mark "


def looked_at(old: str | None, new: str | None, reason: str = ACCEPTED) -> Report:
    """A report whose part 8 was asked about at the mark ``old``, and then got ``new``, if that is given."""
    report = cohorts.summed(answered("ann"))
    result = next(one for one in report.results if one.id == ITEM)
    made = samples.override(ITEM, "1", new, reason)
    made = replace(made, student="ann", digest=subject_digest(report, result), author="SECRET TUTOR")
    asked = replace(
        made, new=None, old=None if old is None else Decimal(old), reason="SECRET WORDS", request=True, like="SECRET ID"
    )
    return with_decisions(report, Decisions((asked, made) if new is not None else (asked,)))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("0.5", "1", START + "changed from 0.5 to 1 of 1."),
        ("1", "0.25", START + "changed from 1 to 0.25 of 1."),
        ("1", "1.0", START + "stays 1 of 1."),
        (None, "0.5", START + "is 0.5 of 1."),
        ("1", None, ""),
    ],
)
def test_the_outcome_is_one_sentence_and_only_after_the_decision(old: str | None, new: str | None, told: str) -> None:
    report = for_the_student(looked_at(old, new))
    result = next(one for one in report.results if one.id == ITEM)
    assert outcome(result) == told
    assert ("You asked" in " ".join(sentences(result))) == bool(told)


@pytest.mark.parametrize("reason", [ACCEPTED, "<b>Say</b> where."])
def test_the_page_says_it_with_the_reason_and_shows_neither_words_nor_names(reason: str) -> None:
    page = samples.feedback_page(looked_at("0.5", "1", reason), samples.RUN)
    text = " ".join(Page(page).text.split())
    assert START + "changed from 0.5 to 1 of 1." in text
    assert ("Reason: <b>Say</b> where." in text) == (reason != ACCEPTED)
    assert "A tutor:" not in text
    assert "SECRET" not in page


def test_the_tutors_page_has_the_words_of_the_student() -> None:
    waiting, decided = (samples.student_page(looked_at("1", new), samples.RUN) for new in (None, "0.5"))
    assert "SECRET WORDS" in waiting
    assert "SECRET WORDS" in decided
    assert "No tutor has decided yet." in waiting
    assert "No tutor has decided yet." not in decided
    assert START not in decided
