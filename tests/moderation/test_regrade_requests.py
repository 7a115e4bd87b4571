"""Students' requests to look at a mark again: which lines are taken, that no mark changes, and what answers them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from grader.model import Origin, Person, Result, UsageFault
from grader.moderation.comparison import compare
from grader.moderation.decisions import ACCEPTED, OVERRULED
from grader.moderation.decisions_file import read_decisions
from grader.moderation.desk import Desk, Given
from grader.moderation.finished_run import load_run, write_tables
from grader.moderation.offers import Refused
from grader.moderation.queue import queue_of
from grader.moderation.regrade_requests import Taken, take_requests
from grader.moderation.worklist import with_name
from grader.report.html import pages
from grader.report.html.anonymity import ByName
from grader.report.html.cohort_queue import listed_queue
from grader.storage.marks_csv import MARKS_FILE
from tests.support import cohort_samples as cohorts
from tests.support import report_samples as samples
from tests.support.review_samples import answered

DROPOUT, FILTERS = "part1.8", "part1.7c"
ANN = replace(
    cohorts.summed(answered("ann", "0.5")),
    origin=Origin(
        platform="moodle", name="Ann Núñez", account="4711", members=(Person("Ann", "u12", "ann@uni.example"),)
    ),
)
CY, DI = (replace(answered(student), origin=Origin(name="Li Wei", account=student + "-9")) for student in ("cy", "di"))
HEADER = "student,item,words\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return samples.stored_run(tmp_path / "run", ANN, CY, DI)


def taken(run: Path, text: str, name: str = "requests.csv") -> Taken:
    path = run.parent / name
    path.write_text(text, encoding="utf-8")
    return take_requests(load_run(run), path, author="Tess")


def result(run: Path, student: str = "ann", item: str = DROPOUT) -> Result:
    return next(one for one in Desk(load_run(run)).report(student).results if one.id == item)


def decide(run: Path, points: str, reason: str, *, item: str = DROPOUT, is_blind: bool = False) -> None:
    given = Given("ann", result(run, item=item), Decimal(points))
    Desk(load_run(run)).write([given], author="Ben", reason=reason, is_blind=is_blind)


@pytest.mark.parametrize(
    "text",
    [
        "student,item,words\nann,8,I wrote it.",
        "\ufeffWords; STUDENT ;Item\r\nI wrote it.;4711;Part 1.8\r\n",
        'item\twords\tstudent\n8\t"I wrote it."\tU12\n',
        "student,item,words\n ANN@uni.example ,part1.8, I wrote it. \n",
        "student,item,words\nAnn Nu\u0301n\u0303ez,Question  8,I wrote it.",
    ],
    ids=["comma", "semicolon", "tab", "address", "name"],
)
def test_a_request_names_the_student_as_the_platform_does_and_the_item_as_students_do(run: Path, text: str) -> None:
    assert taken(run, text) == Taken(1, 0, ())
    (request,) = read_decisions(run).entries
    assert (request.student, request.item, request.reason, request.author) == ("ann", DROPOUT, "I wrote it.", "Tess")
    assert (request.old, request.new, request.request) == (Decimal(1), None, True)


def test_words_may_have_commas_and_lines_and_titles_name_items(run: Path) -> None:
    title = result(run, item="structure.conv").title
    taken(run, HEADER + f'ann,{title},I have two, see line 3, I think\ncy,7C,"Two\nlines, ""quoted"""\n')
    first, second = read_decisions(run).entries
    assert (first.item, first.reason) == ("structure.conv", "I have two, see line 3, I think")
    assert (second.item, second.reason) == (FILTERS, 'Two\nlines, "quoted"')


def test_each_line_that_cannot_be_taken_is_named_with_its_words_and_the_others_are_taken(run: Path) -> None:
    text = HEADER + (
        'ann,8,"first\nsecond"\nzed,8,Where is mine?\n\nLi Wei,8,Both\ncy,77c,Typo\ncy,8\ncy,,No item\n,8,Nobody\n'
    )
    found = taken(run, text)
    assert found.new == 1
    assert found.problems == (
        'requests.csv, line 4: nobody in this run is called "zed". The line says: "zed,8,Where is mine?"',
        'requests.csv, line 6: "Li Wei" fits cy and di; write the account instead. The line says: "Li Wei,8,Both"',
        'requests.csv, line 7: there is no item "77c". Did you mean 7c? The line says: "cy,77c,Typo"',
        'requests.csv, line 8: it has no words of the student. The line says: "cy,8"',
        'requests.csv, line 9: it names no item. The line says: "cy,,No item"',
        'requests.csv, line 10: it names no student. The line says: ",8,Nobody"',
    )


def test_the_same_request_twice_is_one_also_from_a_folder_and_after_it_was_answered(run: Path) -> None:
    folder = run.parent / "forms"
    folder.mkdir()
    line = HEADER + "ann,8,I wrote it.\n"
    (folder / "a.csv").write_text(line + "4711,8,I  wrote it.\n")
    (folder / "b.CSV").write_text(line + "ann,8,And more.\n")
    (folder / "notes.txt").write_text("ann")
    assert take_requests(load_run(run), folder, author="Tess") == Taken(2, 2, ())
    decide(run, "1", ACCEPTED)
    assert take_requests(load_run(run), folder, author="Tess") == Taken(0, 4, ())
    assert result(run).asked is None


@pytest.mark.parametrize(
    ("text", "told"),
    [("student,item\nann,8\n", "words is missing"), ("", "student is missing")],
    ids=["column", "empty"],
)
def test_a_file_without_the_columns_is_refused_and_nothing_is_stored(run: Path, text: str, told: str) -> None:
    with pytest.raises(UsageFault, match=told):
        taken(run, text)
    assert read_decisions(run).entries == ()


def test_a_request_changes_no_mark_and_no_table(run: Path) -> None:
    def tables() -> tuple[str, object]:
        finished = load_run(run)
        write_tables(run, finished.reports, finished.run, pages, finished.decisions)
        marks = [(report.awarded, report.status, [one.status for one in report.results]) for report in finished.reports]
        return (run / MARKS_FILE).read_text(), marks

    before = tables()
    taken(run, HEADER + "ann,8,I wrote it.\nann,7c,And this.\n")
    assert tables() == before
    settled, waiting = result(run), result(run, item=FILTERS)
    assert settled.asked is not None
    assert waiting.asked is not None
    assert (settled.asked.old, waiting.asked.old) == (Decimal(1), None), "an open item has no mark yet"


def test_the_cohort_page_and_the_counts_have_what_students_ask(run: Path) -> None:
    before = queue_of(load_run(run).reports).count
    assert taken(run, f"{HEADER}ann,8,Read it <b>again</b>.").new == 1
    reports = load_run(run).reports
    assert queue_of(reports).count == before + 1
    (group,) = (group for group in listed_queue(reports, ByName(reports)).groups if group.id == "8")
    assert "The student asks to look at this again: Read it <b>again</b>." in group.entries[-1].reasons


def test_the_decision_after_a_request_answers_it_and_undo_opens_it_again(run: Path) -> None:
    decide(run, "0.5", "Half of it.")
    assert result(run).answered is None
    taken(run, HEADER + "ann,8,I wrote it.\n")
    asked = result(run).asked
    assert asked is not None
    assert asked.old == Decimal("0.5")
    decide(run, "0.75", "Nearly all.", is_blind=True)
    assert result(run).asked == asked, "a blind tutor has not read it"
    decide(run, "1", "You did.")
    found = result(run)
    assert (found.asked, found.answered, found.awarded) == (None, asked, Decimal(1))
    desk = Desk(load_run(run))
    desk.withdraw(read_decisions(run).entries[-1:])
    assert desk.report("ann").results[-1].asked == asked
    assert desk.changed_students() == {"ann"}


def test_a_decision_on_what_was_seen_before_the_request_came_is_refused(run: Path) -> None:
    seen, desk = result(run), Desk(load_run(run))
    taken(run, HEADER + "ann,8,I wrote it.\n")
    with pytest.raises(Refused, match="asked to look at this again"):
        desk.write([Given("ann", seen, Decimal(1))], author="Ben", reason="")
    assert len(read_decisions(run).entries) == 1


def test_a_mark_that_stays_keeps_the_reason_that_it_had(run: Path) -> None:
    decide(run, "0.5", "Half of it.")
    taken(run, HEADER + "ann,8,I wrote it.\n")
    decide(run, "0.5", ACCEPTED)
    assert result(run).message == "Half of it."
    decide(run, "0", "")
    assert result(run).message == OVERRULED


def test_the_next_comparison_has_the_outcomes_that_are_new(run: Path, tmp_path: Path) -> None:
    other = samples.stored_run(tmp_path / "before", ANN, CY, DI)
    taken(run, HEADER + "ann,8,I wrote it.\nann,7a,This too.\ncy,8,Waits.\n")
    decide(run, "0.25", "Less.")
    decide(run, "1", ACCEPTED, item="part1.7a")
    found = compare(load_run(other), load_run(run))
    assert {one.result.id: one.result.awarded for one in found.outcomes} == {"part1.7a": 1, DROPOUT: Decimal("0.25")}
    assert [change.item for student in found.students for change in student.changes] == [DROPOUT]
    assert compare(load_run(run), load_run(run)).outcomes == ()


@pytest.mark.parametrize(
    ("name", "item"),
    [("7c", "part1.7c"), ("Question 7c", "part1.7c"), ("Part 7c", "part1.7c"), ("q.8", "part1.8")]
    + [(name, None) for name in ("7b, 7c", "7b and 7c", "Part 1", "all of part 1", "not 8")],
)
def test_a_name_of_several_items_names_none(name: str, item: str | None) -> None:
    found = with_name(name, answered("ada").results)
    assert (found and found.id) == item
