"""The comparison of two runs: which marks differ, and the cause of each difference."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from grader.__main__ import main
from grader.model import Decision, MarkedAnswer, Report, Result, Run, Status
from grader.model.status import overall_status
from grader.moderation.comparison import Cause, Comparison, compare
from grader.moderation.decisions import subject_digest
from grader.moderation.finished_run import load_run
from grader.report.console.diff import print_changes
from grader.storage import records, results_json, run_folder
from tests.support import report_samples as samples

Pair = Callable[..., Comparison]


def marked(student: str, answer: str = "A filter.", given: str = "1", status: Status = Status.PASSED) -> Report:
    """A report with correct code, whose only answer, part 8, has these points."""
    report = samples.passed_report(student)
    handed_in = MarkedAnswer(answer, confidence=0.9)
    result = Result("part1.8", "Dropout", status, Decimal(given), Decimal(1), "Right.", answer=handed_in)
    return summed(samples.changed(report, answers=(result,), digest="ab" * 32))


def summed(report: Report) -> Report:
    return replace(
        report,
        status=overall_status(report.results),
        awarded=sum((result.awarded for result in report.results), Decimal(0)),
        available=sum((result.available for result in report.results), Decimal(0)),
    )


def with_item(report: Report, id: str, **changes: Any) -> Report:
    items = tuple(replace(item, **changes) if item.id == id else item for item in report.code_results)
    return summed(samples.changed(report, items=items))


def stored(folder: Path, run: Run, *reports: Report) -> Path:
    run_folder.claim_folder(folder)
    for report in reports:
        records.write_report(folder, samples.plain(report))
    results_json.write_results(folder, run, reports)
    run_folder.write_run(folder, run, is_finished=True)
    return folder


def decision(report: Report, item: str, new: str, author: str = "Tess", reason: str = "seen in the lab") -> Decision:
    result = next(result for result in report.results if result.id == item)
    digest = subject_digest(report, result)
    return Decision(
        report.student,
        item,
        author,
        "2025-11-24T09:30:00+00:00",
        reason,
        digest,
        result.available,
        result.awarded,
        Decimal(new),
    )


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Compare two runs of one student, with different facts for the second run, and decisions on both."""

    def run(
        old: Report, new: Report, *, before: tuple[Decision, ...] = (), after: tuple[Decision, ...] = (), **facts: Any
    ) -> Comparison:
        folders = stored(tmp_path / "a", samples.RUN, old), stored(tmp_path / "b", replace(samples.RUN, **facts), new)
        for folder, decisions in zip(folders, (before, after), strict=True):
            samples.decide(folder, *decisions)
        return compare(load_run(folders[0]), load_run(folders[1]))

    return run


def causes(comparison: Comparison) -> dict[str, list[str]]:
    (student,) = comparison.students
    return {change.item: [f"{reason.cause}: {reason.text}" for reason in change.reasons] for change in student.changes}


OLD = marked("ann")
FAILED = {"status": Status.FAILED, "awarded": Decimal(0), "message": "No."}


def test_a_run_does_not_differ_from_itself(pair: Pair) -> None:
    comparison = pair(OLD, OLD)
    assert not comparison.is_different
    assert comparison.compared == 1


def test_a_different_message_is_not_a_difference(pair: Pair) -> None:
    assert not pair(OLD, with_item(OLD, "loads", message="Other words."), grader_version="9").is_different


@pytest.mark.parametrize(
    ("new", "facts", "found"),
    [
        (marked("ann", "Another.", "0", Status.FAILED), {}, {"part1.8": ["answer: a different answer was handed in"]}),
        (
            replace(with_item(OLD, "loads", **FAILED), digest="cd" * 32),
            {},
            {"loads": ["submission: different files were handed in"]},
        ),
        (
            with_item(OLD, "loads", awarded=Decimal(2), available=Decimal(2)),
            {"rubric_revision": "other"},
            {"loads": ["points: the rubric gives 2 instead of 1 points"]},
        ),
        (with_item(OLD, "loads", **FAILED), {"rubric_revision": "other"}, {"loads": ["rubric: a different rubric"]}),
        (
            marked("ann", given="0", status=Status.FAILED),
            {"key_revision": "k"},
            {"part1.8": ["key: marked with an answer key"]},
        ),
        (
            with_item(OLD, "loads", **FAILED),
            {"grader_version": "0.2.0", "key_revision": "k"},
            {"loads": ["grader: grader 0.2.0 instead of 0.1.0"]},
        ),
        (
            with_item(OLD, "training.accuracy", **FAILED),
            {"data": "mnist"},
            {"training.accuracy": ["data: measured on mnist instead of mnist-10k"]},
        ),
        (with_item(OLD, "loads", **FAILED), {}, {"loads": ["observation: the submission was observed again"]}),
        (
            replace(marked("ann", "Another.", "0", Status.FAILED), digest="cd" * 32),
            {"key_revision": "k", "rubric_revision": "other"},
            {
                "part1.8": [
                    "answer: a different answer was handed in",
                    "rubric: a different rubric",
                    "key: marked with an answer key",
                ]
            },
        ),
    ],
)
def test_a_difference_of_automatic_marks_has_a_cause(
    pair: Pair, new: Report, facts: dict[str, str], found: dict[str, list[str]]
) -> None:
    assert causes(pair(OLD, new, **facts)) == found


GIVEN = decision(OLD, "loads", "0.5")


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ((), (GIVEN,), "Tess gave 0.5 (seen in the lab)"),
        ((GIVEN,), (), "the decision of Tess was removed"),
        (
            (GIVEN,),
            (GIVEN, decision(OLD, "loads", "0.25", "Theo", "looked again")),
            "Theo gave 0.25 (looked again), instead of Tess gave 0.5 (seen in the lab)",
        ),
    ],
)
def test_a_decision_is_a_cause(
    pair: Pair, before: tuple[Decision, ...], after: tuple[Decision, ...], text: str
) -> None:
    assert causes(pair(OLD, OLD, before=before, after=after)) == {"loads": [f"decision: {text}"]}


def test_a_decision_hides_a_change_of_the_automatic_mark(pair: Pair) -> None:
    new = with_item(OLD, "loads", **FAILED)
    assert not pair(OLD, new, before=(GIVEN,), after=(GIVEN,)).is_different


def test_a_decision_that_no_longer_applies_is_named(pair: Pair) -> None:
    comparison = pair(OLD, replace(OLD, digest="cd" * 32), before=(GIVEN,), after=(GIVEN,))
    assert causes(comparison) == {"loads": ["decision: the decision of Tess does not apply to this submission"]}
    (change,) = comparison.students[0].changes
    assert change.new is not None
    assert change.new.status is Status.NEEDS_REVIEW


def test_an_item_that_only_one_rubric_has(pair: Pair) -> None:
    comparison = pair(OLD, summed(samples.changed(OLD, items=OLD.code_results[:-1])))
    assert causes(comparison) == {"resources": ["rubric: only the rubric of the first run has this item"]}
    assert comparison.change_of_sum == Decimal("-0.5")


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs: one student is the same, one differs, one is in each run only, and one has a hostile name."""
    hostile = samples.HOSTILE_NAMES[2]
    first = stored(tmp_path / "a", samples.RUN, OLD, marked("bob"), marked("left"), marked(hostile))
    second = stored(
        tmp_path / "b",
        samples.RUN,
        OLD,
        marked("bob", "Another.", "0.5", Status.PARTIAL),
        marked("new"),
        with_item(marked(hostile), "loads", **FAILED),
    )
    return first, second


@pytest.mark.parametrize("width", [80, 120])
def test_the_printed_comparison(runs: tuple[Path, Path], width: int) -> None:
    stream = io.StringIO()
    print_changes(Console(file=stream, width=width), compare(load_run(runs[0]), load_run(runs[1])))
    text = stream.getvalue()
    for words in (
        "bob  18/18 → 17.5/18",
        "✓ 1/1 → ◐ 0.5/1  a different answer",
        "left  only in the first run, 18/18",
        "new  only in the second run, 18/18",
        "2 of 3 students changed: 0 up, 2 down, -1.5 points in total.",
        "Causes, by item: answer 1, observation 1.",
    ):
        assert words in text, text
    assert "\x1b" not in text
    assert "ann" not in text
    assert max(map(cell_len, text.splitlines())) <= width


def test_the_comparison_as_json(runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(runs[0]), str(runs[1]), "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert record["exit_code"] == 1
    assert (record["only_in_first"], record["only_in_second"]) == (["left"], ["new"])
    assert record["students"][0] == {
        "student": "bob",
        "old": {"awarded": 18.0, "available": 18.0},
        "new": {"awarded": 17.5, "available": 18.0},
        "changes": [
            {
                "item": "part1.8",
                "old": {"status": "passed", "awarded": 1.0, "available": 1.0},
                "new": {"status": "partial", "awarded": 0.5, "available": 1.0},
                "causes": [{"cause": Cause.ANSWER.value, "text": "a different answer was handed in"}],
            }
        ],
    }


def test_exit_codes(runs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(runs[0]), str(runs[0])]) == 0
    assert "No mark differs: 4 students in both runs." in capsys.readouterr().out
    assert main(["diff", str(runs[0]), str(runs[1])]) == 1
    assert main(["diff", str(runs[0]), str(tmp_path / "nowhere")]) == 2
    assert "is not a run of this grader" in capsys.readouterr().err


def test_comparing_needs_no_evidence_and_writes_nothing(runs: tuple[Path, Path]) -> None:
    before = {path: path.stat().st_mtime_ns for folder in runs for path in folder.rglob("*")}
    assert not any(path.name == records.EVIDENCE_FILE for path in before)
    main(["diff", str(runs[0]), str(runs[1])])
    assert before == {path: path.stat().st_mtime_ns for folder in runs for path in folder.rglob("*")}


def test_items_are_compared_as_results(pair: Pair) -> None:
    (student,) = pair(OLD, with_item(OLD, "loads", **FAILED)).students
    assert student.changes[0].old == OLD.code_results[0]
    assert (student.old.awarded, student.new.awarded) == (Decimal(18), Decimal(17))
