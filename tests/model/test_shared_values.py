"""Reports that share their texts and points say the same as before."""

from dataclasses import replace
from decimal import Decimal

from grader.model.shared_values import SharedValues
from grader.storage.json_files import packed
from tests.support.cohort_samples import small_cohort


def test_a_report_stays_the_same_to_the_last_digit() -> None:
    shared = SharedValues()
    for report in small_cohort():
        exact = [replace(result, available=Decimal("1.0"), awarded=Decimal("1.00")) for result in report.results]
        for own in (report, replace(report, results=tuple(exact))):
            assert shared.report(own) == own
            assert packed(shared.report(own)) == packed(own)


def test_equal_texts_and_points_are_one_object() -> None:
    shared = SharedValues()
    first, second = small_cohort()[0], small_cohort()[0]
    second = replace(second, results=tuple(replace(one, title="".join(list(one.title))) for one in second.results))
    assert first.results[0].title is not second.results[0].title
    one, other = shared.report(first), shared.report(second)
    assert one.results[0].title is other.results[0].title
    assert one.results[0].available is other.results[0].available
