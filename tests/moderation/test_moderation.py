"""Tutors' decisions: how they change a report, when they no longer apply, and how they are stored."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from grader.model import Decision, MarkedAnswer, Report, Result, Status, UsageFault
from grader.moderation.decisions import (
    Decisions,
    decisions_text,
    entries_text,
    parse_decisions,
    subject_digest,
    with_decisions,
)
from grader.moderation.decisions_file import DECISIONS_FILE, DecisionsFile, carry_over, read_decisions
from grader.moderation.finished_run import is_outdated, load_run, write_tables, write_views
from grader.report.html import pages
from grader.storage import records, run_folder
from tests.support import report_samples as samples

TIME = "2025-11-24T09:30:00+00:00"


def answered(report: Report) -> Report:
    """The report with an answer to part 8, for which a mark is proposed."""
    answer = Result(
        "part1.8",
        "Dropout",
        Status.NEEDS_REVIEW,
        Decimal(0),
        Decimal(1),
        "Unsure.",
        proposed=Decimal(1),
        answer=MarkedAnswer("It helps.", confidence=0.4),
    )
    return samples.changed(report, answers=(answer,), digest="ab" * 32)


REPORT = answered(samples.partial_report())


def decision(report: Report, item: str, new: str | None, **changes: str) -> Decision:
    result = next(result for result in report.results if result.id == item)
    made = Decision(
        student=report.student,
        item=item,
        author="Tess",
        time=TIME,
        reason="Seen in the lab.",
        digest=subject_digest(report, result),
        available=result.available,
        old=result.awarded if result.proposed is None else result.proposed,
        new=None if new is None else Decimal(new),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # every changed field is a text


def awarded(report: Report) -> dict[str, Decimal]:
    return {result.id: result.awarded for result in report.results}


@pytest.mark.parametrize(
    ("item", "new", "status"),
    [
        ("structure.conv", "0", Status.FAILED),
        ("structure.conv", "0.5", Status.PARTIAL),
        ("part1.8", "1", Status.PASSED),
        ("part1.8", "0", Status.FAILED),
    ],
)
def test_a_decision_replaces_the_automatic_mark(item: str, new: str, status: Status) -> None:
    made = decision(REPORT, item, new)
    report = with_decisions(REPORT, Decisions((made,)))
    (changed,) = (result for result in report.results if result.id == item)
    assert (changed.status, changed.awarded, changed.proposed, changed.decision) == (status, Decimal(new), None, made)
    before, after = awarded(REPORT), awarded(report)
    assert {id: after[id] for id in after if id != item} == {id: before[id] for id in before if id != item}
    assert report.awarded == sum(after.values())


def test_the_last_decision_counts_and_a_comment_changes_nothing() -> None:
    made = [decision(REPORT, "part1.8", "0"), decision(REPORT, "part1.8", "1"), decision(REPORT, "part1.8", None)]
    report = with_decisions(REPORT, Decisions(tuple(made)))
    assert report.answer_results[0].decision == made[1]
    assert report.answer_results[0].comments == (made[2],)
    alone = with_decisions(REPORT, Decisions((made[2],)))
    assert replace(alone.answer_results[0], comments=()) == REPORT.answer_results[0]


def test_what_was_skipped_for_an_item_is_open_when_a_tutor_gives_that_item_all_points() -> None:
    loads = replace(REPORT.results[0], status=Status.NEEDS_REVIEW, awarded=Decimal(0), proposed=Decimal(0))
    behind = replace(REPORT.results[1], status=Status.SKIPPED, awarded=Decimal(0), proposed=None, cause="loads")
    report = replace(REPORT, results=(loads, behind, *REPORT.results[2:]))

    def after(points: str) -> Result:
        return with_decisions(report, Decisions((decision(report, "loads", points),))).results[1]

    assert (after("1").status, after("1").cause, after("1").proposed) == (Status.NEEDS_REVIEW, "", Decimal(0))
    assert after("1").message == "Tess gave all points for loads, so this item has to be decided too."
    assert after("0") == behind


def test_a_decision_applies_to_its_student_only() -> None:
    assert with_decisions(REPORT, Decisions((decision(REPORT, "part1.8", "1", student="someone else"),))) == REPORT


def test_a_decision_on_an_earlier_submission_reopens_the_item() -> None:
    changed_answer = samples.changed(
        REPORT, answers=(samples.altered(REPORT.answer_results[0], text="It helps a lot."),)
    )
    changed_files = replace(REPORT, digest="cd" * 32)
    for now, item in ((changed_answer, "part1.8"), (changed_files, "structure.conv")):
        report = with_decisions(now, Decisions((decision(REPORT, item, "1"),)))
        (asked,) = (result for result in report.results if result.id == item)
        assert (asked.status, asked.awarded, asked.decision) == (Status.NEEDS_REVIEW, Decimal(0), None)
        assert asked.message.startswith("Tess gave 1 here, but the student has handed in something else since.")
        assert asked.proposed is not None
    both = Decisions((decision(REPORT, "part1.8", "1"), decision(REPORT, "structure.conv", "1")))
    assert with_decisions(changed_files, both).answer_results[0].decision is not None, "the answer is the same"


def test_a_decision_with_other_available_points_reopens_the_item() -> None:
    item = replace(REPORT.answer_results[0], available=Decimal(2))
    report = with_decisions(samples.changed(REPORT, answers=(item,)), Decisions((decision(REPORT, "part1.8", "1"),)))
    assert report.answer_results[0].status is Status.NEEDS_REVIEW
    assert "the item was worth 1 points then" in report.answer_results[0].message


# ---- the file --------------------------------------------------------------------------------------------------------


def removed(folder: Path, made: Decision) -> Decisions:
    decisions = DecisionsFile(folder)
    with decisions.locked():
        return decisions.remove(made)


def test_decisions_with_any_text_survive_the_file(tmp_path: Path) -> None:
    nasty = 'quotes " and \\ and \n lines, [[override]], \x07, "; \u202eabc \U0001f600 </script>'
    made = (
        decision(REPORT, "part1.8", "0.5", reason=nasty, author=nasty, student=nasty),
        decision(REPORT, "part1.8", None, reason="Only a word."),
    )
    assert samples.decide(tmp_path, made[0]) == Decisions(made[:1])
    assert samples.decide(tmp_path, made[1]) == read_decisions(tmp_path) == Decisions(made)
    assert removed(tmp_path, made[0]) == read_decisions(tmp_path) == Decisions(made[1:])


def test_an_audit_and_a_missing_proposal_survive_the_file(tmp_path: Path) -> None:
    made = replace(decision(REPORT, "part1.8", "0.5"), old=None, audit=True)
    samples.decide(tmp_path, made)
    assert read_decisions(tmp_path).entries == (made,)
    page = samples.student_page(with_decisions(REPORT, Decisions((made,))), samples.RUN)
    assert "no proposal → 0.5" in page


def test_a_file_written_by_hand_is_read(tmp_path: Path) -> None:
    (tmp_path / DECISIONS_FILE).write_text(
        'format = 1\n# by hand\n[[override]]\nstudent = "ann"\nitem = "loads"\nauthor = "T"\ntime = ""\nreason = "r"\n'
        'digest = "x"\navailable = 1\nold = 0\nnew = 0.5\n'
    )
    assert read_decisions(tmp_path).entries[0].new == Decimal("0.5")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('new = "a lot"', "override 1"),
        ("new = 3", "new should be between 0 and 1"),
        ("new = -0.5", "new should be between 0 and 1"),
        ("new = nan", "new should be between 0 and 1"),
        ("mark = 1", "override 1: mark is not a known field"),
        ("new = ", "not valid TOML"),
    ],
)
def test_an_invalid_file_is_refused_by_name(tmp_path: Path, change: str, words: str) -> None:
    samples.decide(tmp_path, decision(REPORT, "part1.8", None))
    path = tmp_path / DECISIONS_FILE
    text = path.read_text(encoding="utf-8")
    lines = text.replace("[[override]]\n", f"[[override]]\n{change}\n")
    assert lines != text
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(UsageFault, match=words) as refused:
        read_decisions(tmp_path)
    assert str(path) in str(refused.value)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / DECISIONS_FILE).touch()
    with pytest.raises(UsageFault, match="format should be 1"):
        read_decisions(tmp_path)


def test_a_new_run_copies_decisions_once(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    made = decision(REPORT, "part1.8", "1")
    assert carry_over(new, old) == Decisions()
    samples.decide(old, made)
    assert carry_over(new, old) == read_decisions(new) == Decisions((made,))
    removed(new, made)
    assert carry_over(new, old) == Decisions(), "a removed decision is not copied again"


# ---- a finished run --------------------------------------------------------------------------------------------------


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A stored run of three reports, one of them with an answer."""
    return samples.stored_run(tmp_path, samples.passed_report(), REPORT, samples.failed_report())


def test_a_stored_run_is_loaded(finished: Path) -> None:
    run = load_run(finished)
    assert run.run == samples.RUN
    assert run.reports[1] == samples.plain(REPORT)


def test_pages_and_tables_are_written_again_with_the_decisions(finished: Path) -> None:
    made = decision(REPORT, "part1.8", "1")
    samples.decide(finished, made)
    write_views(load_run(finished), pages, students={REPORT.student})
    page = (finished / run_folder.page_path(REPORT.student)).read_text(encoding="utf-8")
    assert not (finished / run_folder.page_path(samples.passed_report().student)).exists()
    assert "Tess" in page
    assert "Seen in the lab." in page
    results = (finished / "results.json").read_text(encoding="utf-8")
    assert '"author": "Tess"' in results
    assert read_decisions(finished) == Decisions((made,))


@pytest.mark.parametrize("then", ["a decision", "a broken file"])
def test_tables_that_lack_what_was_decided_while_they_were_made_are_outdated(finished: Path, then: str) -> None:
    before = load_run(finished)
    samples.decide(finished, decision(REPORT, "part1.8", "1"))  # as while a cohort is graded again
    if then == "a broken file":
        (finished / DECISIONS_FILE).write_text("format = ")
    write_tables(finished, before.reports, before.run, pages, before.decisions)
    assert is_outdated(finished)
    if then == "a decision":
        write_views(load_run(finished), pages)
        assert not is_outdated(finished)


def test_a_folder_that_is_not_a_run_is_refused(tmp_path: Path, finished: Path) -> None:
    with pytest.raises(UsageFault, match="is not a run of this grader"):
        load_run(tmp_path / "nowhere")
    (run_folder.student_folder(finished, REPORT.student) / records.REPORT_FILE).unlink()
    with pytest.raises(UsageFault, match=f"has no report on {REPORT.student}"):
        load_run(finished)


def test_like_is_stored_only_where_it_is_given(tmp_path: Path) -> None:
    plain, like = decision(REPORT, "part1.8", "1"), decision(REPORT, "part1.8", "0.5", like="s2")
    assert "like" not in entries_text([plain])
    text = decisions_text(Decisions((plain, like)))
    assert text.count(b"\nlike = ") == 1
    assert parse_decisions(tmp_path / DECISIONS_FILE, text).entries == (plain, like)


def test_like_is_not_on_the_page_of_the_student() -> None:
    report = with_decisions(REPORT, Decisions((decision(REPORT, "part1.8", "1", like="u7654321"),)))
    assert report.results[-1].decision is not None
    assert report.results[-1].decision.like == "u7654321"
    assert "u7654321" not in samples.student_page(report, samples.RUN)


def test_a_mark_for_one_scan_does_not_count_for_another() -> None:
    (result,) = REPORT.answer_results
    scan = replace(result, answer=MarkedAnswer("", confidence=0.0))
    first = samples.changed(REPORT, answers=(scan,), digest="ab" * 32)
    made = Decisions((decision(first, scan.id, "1"),))
    assert awarded(with_decisions(first, made))[scan.id] == 1
    assert awarded(with_decisions(replace(first, digest="cd" * 32), made))[scan.id] == 0
