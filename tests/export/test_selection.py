"""Whose marks leave the grader: only settled ones, of a finished run, with pages that show the same marks."""

from __future__ import annotations

import dataclasses
import os
from decimal import Decimal
from pathlib import Path

import pytest

from grader.export.outcome import notes_on
from grader.export.selection import choose
from grader.model import Lateness, Origin, Report, Result, Status, UsageFault
from grader.model.origin import MOODLE
from grader.moderation.dealing import Deal, write_deal
from grader.moderation.decisions import Decisions
from grader.moderation.desk import Desk, Given
from grader.moderation.finished_run import FinishedRun, load_run, write_views
from grader.moderation.lateness import exported_mark
from grader.report.html import pages
from grader.storage import results_json, run_folder
from tests.support.report_samples import RUN, changed, cohort, decide, override, stored_run
from tests.support.review_samples import answered
from tests.support.settled_reports import chosen_of, settled

JANE = settled("Jane Doe_501", Origin(MOODLE, "Jane Doe", "501"), conv="0.5")


def run_of(folder: Path, *reports: Report) -> FinishedRun:
    stored_run(folder, *reports)
    chosen_of(folder, reports)
    return FinishedRun(folder, RUN, reports, Decisions())


def behind_an_open_item() -> Report:
    """A report whose own status is settled, with an item that was skipped because of one that waits."""
    first, second, *others = JANE.code_results
    waits = dataclasses.replace(first, status=Status.NEEDS_REVIEW, awarded=Decimal(0))
    skipped = dataclasses.replace(second, status=Status.SKIPPED, cause=first.id, awarded=Decimal(0))
    items: tuple[Result, ...] = (waits, skipped, *others)
    return changed(dataclasses.replace(JANE, student="behind", origin=Origin()), items=items)


def test_no_unsettled_report_is_chosen(tmp_path: Path) -> None:
    finished = run_of(tmp_path, JANE, behind_an_open_item(), *cohort())
    with pytest.raises(UsageFault, match=rf"{len(cohort()) + 1} students have something open.*review.*--settled-only"):
        choose(finished)
    chosen = choose(finished, settled_only=True)
    assert [report.student for report in chosen.settled] == ["Jane Doe_501"]
    assert {left.name: left.reason for left in chosen.left_out}["behind"] == "2 items to settle in review"
    assert {left.name: left.reason for left in chosen.left_out}["s6789012"].startswith("the grader failed")


def test_marks_that_a_second_tutor_has_still_to_read_are_named(tmp_path: Path) -> None:
    waiting = answered("s1", "0.5")
    folder = stored_run(tmp_path, waiting)
    write_deal(folder, Deal(("ann", "ben"), twice=1))
    desk = Desk(load_run(folder))

    def read_by(author: str) -> None:
        (result,) = (one for one in desk.seen_by(author).report("s1").results if one.id == "part1.7c")
        desk.write([Given("s1", result, Decimal(1))], author=author, reason="")
        write_views(load_run(folder), pages)

    read_by("ann")
    chosen = choose(load_run(folder))
    assert [(left.name, left.reason) for left in chosen.half_read] == [("s1", "7c, by ben")]
    assert any("second tutor" in note.title for note in notes_on(chosen))
    read_by("ben")
    assert choose(load_run(folder)).half_read == ()


def test_lateness_that_a_tutor_has_to_decide_is_open_only_if_it_is_applied(tmp_path: Path) -> None:
    late = dataclasses.replace(JANE, lateness=Lateness(None, None, "The time is not known."))
    finished = run_of(tmp_path, late)
    with pytest.raises(UsageFault, match=r"How late work was is open for Jane Doe\. Export without --apply-late"):
        choose(finished, applies_late=True)
    [left] = choose(finished, settled_only=True, applies_late=True).left_out
    assert left.reason == "The time is not known."
    [left] = choose(finished).undeducted
    assert left.reason == "The time is not known."


def test_a_deduction_is_in_the_mark_only_if_it_is_applied(tmp_path: Path) -> None:
    late = dataclasses.replace(JANE, lateness=Lateness(1, Decimal(3), "One day late."))
    finished = run_of(tmp_path, late)
    assert choose(finished).mark(late) == late.awarded
    assert [left.reason for left in choose(finished).undeducted] == ["One day late."]
    applied = choose(finished, applies_late=True)
    assert applied.mark(late) == exported_mark(late, apply_late=True) == late.awarded - 3
    assert applied.undeducted == ()


def test_an_interrupted_run_is_refused(tmp_path: Path) -> None:
    finished = run_of(tmp_path, JANE)
    run_folder.write_run(tmp_path, RUN, is_finished=False)
    with pytest.raises(UsageFault, match="interrupted"):
        choose(finished)


def test_pages_that_are_older_than_the_decisions_are_refused(tmp_path: Path) -> None:
    finished = run_of(tmp_path, JANE)
    decide(tmp_path, override("structure.conv", "0.75", "1", "Both run."))
    os.utime(tmp_path / results_json.RESULTS_FILE, (0, 0))
    with pytest.raises(UsageFault, match=r"older than the decisions.*render"):
        choose(finished)
