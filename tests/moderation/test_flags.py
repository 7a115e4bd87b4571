"""Flags that a tutor has looked at: what no longer counts them, how long that holds, and who is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from grader.model import Flag, Report
from grader.moderation.decisions_file import DECISIONS_FILE, carry_over, read_decisions
from grader.moderation.desk import Desk
from grader.moderation.finished_run import load_run, write_views
from grader.moderation.offers import Refused
from grader.moderation.queue import queue_of
from grader.report.html import pages
from grader.report.html.anonymity import ByName
from grader.report.html.cohort_queue import listed_queue
from grader.report.summary_json import summary_record
from grader.storage import records, run_folder
from grader.storage.results_json import RESULTS_FILE
from tests.support import report_samples as samples
from tests.support.cohort_samples import summed
from tests.support.review_samples import CODE, answered

RENAMED, LEFT = Flag("renamed-script", "It is `net.py`."), Flag("files-left-out", "2 left out.")
SETTLED = summed(replace(answered("eve"), flags=(RENAMED, LEFT)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return samples.stored_run(tmp_path / "run", SETTLED, CODE)


def flagged(reports: Sequence[Report]) -> list[str]:
    return [report.student for report in queue_of(reports).flagged]


def looked_at_all(folder: Path) -> Desk:
    desk = Desk(load_run(folder))
    for flag in SETTLED.flags:
        desk.look("eve", flag.id, author="Tess", reason="Eve told us.")
    return desk


def test_a_submission_counts_until_all_its_flags_were_looked_at(folder: Path) -> None:
    desk = Desk(load_run(folder))
    before = desk.report("eve")
    for flag in SETTLED.flags:
        assert flagged(desk.reports) == ["eve"]
        desk.look("eve", flag.id, author="Tess")
    after = desk.report("eve")
    assert flagged(desk.reports) == []
    assert replace(after, looks=()) == before, "neither a mark nor a flag changes"
    assert desk.changed_students() == {"eve"}
    reports = load_run(folder).reports
    assert "Check before release" not in [group.title for group in listed_queue(reports, ByName(reports)).groups]
    opened = summary_record(reports, samples.RUN, folder, 1)["open"]
    assert isinstance(opened, dict)
    assert opened["flagged"] == 0


def test_looking_at_a_flag_settles_no_item(folder: Path) -> None:
    desk = Desk(load_run(folder))
    before = queue_of(desk.reports)
    desk.look("code", "odd", author="Tess")
    after = queue_of(desk.reports)
    assert [question.id for question in after.questions] == [question.id for question in before.questions]
    assert desk.report("code").new_flags == ()


def test_it_holds_when_the_run_is_marked_again_and_ends_with_another_submission(folder: Path, tmp_path: Path) -> None:
    looked_at_all(folder)
    records.write_report(folder, samples.plain(SETTLED))
    assert flagged(load_run(folder).reports) == []
    again = samples.stored_run(tmp_path / "again", SETTLED)
    carry_over(again, folder)
    assert flagged(load_run(again).reports) == []
    records.write_report(folder, samples.plain(replace(SETTLED, flags=(*SETTLED.flags, Flag("late", "New.")))))
    assert [flag.id for report in load_run(folder).reports for flag in report.new_flags if report.student == "eve"] == [
        "late"
    ]
    records.write_report(folder, samples.plain(replace(SETTLED, digest="12" * 32)))
    assert flagged(load_run(folder).reports) == ["eve"]


def test_a_flag_that_says_something_else_is_new(folder: Path) -> None:
    looked_at_all(folder)
    more = replace(LEFT, message="3 left out.")
    records.write_report(folder, samples.plain(replace(SETTLED, flags=(RENAMED, more))))
    (report,) = (report for report in load_run(folder).reports if report.student == "eve")
    assert report.new_flags == (more,)


def test_the_results_say_who_has_looked_at_a_flag(folder: Path) -> None:
    Desk(load_run(folder)).look("eve", LEFT.id, author="Tess", reason="Eve told us.")
    write_views(load_run(folder), pages)
    submissions = json.loads((folder / RESULTS_FILE).read_text(encoding="utf-8"))["submissions"]
    (flags,) = (entry["flags"] for entry in submissions if entry["student"] == "eve")
    assert [list(flag) for flag in flags] == [["id", "message"], ["id", "message", "looked_at"]]
    assert (flags[1]["looked_at"]["author"], flags[1]["looked_at"]["reason"]) == ("Tess", "Eve told us.")


def test_two_tutors_do_not_save_it_twice_and_undoing_brings_it_back(folder: Path) -> None:
    first, second = Desk(load_run(folder)), Desk(load_run(folder))
    made = first.look("eve", RENAMED.id, author="Ann")
    with pytest.raises(Refused, match="Ann has looked at this flag"):
        second.look("eve", RENAMED.id, author="Ben")
    with pytest.raises(Refused, match="no such flag"):
        second.look("eve", "unknown", author="Ben")
    assert read_decisions(folder).entries == made
    assert second.report("eve").new_flags == (LEFT,), "the second session has seen it"
    second.withdraw(made)
    first.refresh()
    assert first.report("eve").new_flags == SETTLED.flags
    assert 'item = "flag.' not in (folder / DECISIONS_FILE).read_text()


def test_the_tutors_page_says_who_has_looked_and_the_students_page_does_not(folder: Path) -> None:
    looked_at_all(folder)
    write_views(load_run(folder), pages)
    page = (folder / run_folder.page_path("eve")).read_text()
    assert page.count("Looked at by <strong>Tess</strong>") == 2
    assert "Eve told us." in page
    assert "a tutor has looked at all of them" in page
    assert all(flag.id in page for flag in SETTLED.flags), "a flag is never removed"
    cohort = (folder / run_folder.COHORT_PAGE_FILE).read_text()
    assert "renamed-script, looked at" in cohort
    told = (folder / run_folder.feedback_path("eve")).read_text()
    assert not [word for word in ("Tess", "Eve told us", "ooked at", RENAMED.id) if word in told]
