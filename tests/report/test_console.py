"""Terminal output: fits the width, never reads text from a submission as markup, and works without a terminal.

The summary of one cohort is compared with ``tests/report/gold/console-WIDTH.txt``. After an intended change, write
these files again with ``LAB4_RENEW_GOLD=1 nox -s tests -- tests/report/test_console.py``, and read the diff.
"""

from __future__ import annotations

import dataclasses
import io
import os
import re
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from grader.model import Flag, Origin, Report, Result, Run, Status
from grader.model.command_lines import STARTED_BY_NOX, command_line
from grader.report import tally
from grader.report.console import progress
from grader.report.console.columns import Column, in_columns
from grader.report.console.names import bare_name, fitted_names, whole_name
from grader.report.console.remaining import Remaining
from grader.report.console.summary import Progress, make_console, print_summary
from grader.report.formats import MOST_STUDENTS
from tests.support import report_samples as samples
from tests.support.places import TESTS

FOLDER = Path("reports") / "2025-11-23"
GOLD = TESTS / "report" / "gold"
SCAN = samples.unmarked("1", "What deep learning is", "lab4.pdf is a scan.")


def answered(student: str, *open_parts: str) -> Report:
    """A report with correct code, in which all answers except ``open_parts`` are marked."""
    report = samples.passed_report(student)
    right = [
        samples.altered(answer, status=Status.PASSED, awarded=Decimal(1), text="An answer.", confidence=0.9)
        for answer in report.answer_results
    ]
    answers = tuple(_waiting(answer) if answer.part in open_parts else answer for answer in right)
    return samples.changed(report, answers=answers, awarded=report.awarded + len(answers) - len(open_parts))


def _waiting(answer: Result) -> Result:
    return samples.altered(
        answer, status=Status.NEEDS_REVIEW, awarded=Decimal(0), proposed=Decimal("0.5"), confidence=0.4
    )


def cohort() -> tuple[Report, ...]:
    """Every status and every hostile name, with settled answers, open answers and no answers."""
    some = [answered(f"t{number:07d}", "7c", *(["8"] if number % 2 else [])) for number in range(8)]
    return (answered("t1234567"), *some, answered("陳大文" * 8, "7c"), *samples.cohort())


def summary(
    width: int,
    reports: Sequence[Report] | None = None,
    *,
    run: Run = samples.RUN,
    folder: Path = FOLDER,
    force_terminal: bool = False,
    is_verbose: bool = False,
) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, force_terminal=force_terminal, markup=False, emoji=False, highlight=False, _environ={}
    )
    print_summary(console, samples.cohort() if reports is None else reports, run, folder, is_verbose=is_verbose)
    return stream.getvalue()


def test_a_terminal_shows_no_table_of_a_thousand_students() -> None:
    reports = [
        dataclasses.replace(samples.cohort()[0], student=f"student-{number}") for number in range(MOST_STUDENTS + 1)
    ]
    assert "student-7 " in summary(100, reports[1:])
    many = summary(100, reports)
    assert many.startswith("The table of 1001 students is on the cohort page.\n\n1001 submissions")
    assert "student-7 " not in many


def without_padding(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


@pytest.mark.parametrize("width", [80, 120])
def test_the_summary_equals_its_gold_file(width: int) -> None:
    path = GOLD / f"console-{width}.txt"
    text = without_padding(summary(width, cohort())).replace(str(FOLDER), FOLDER.as_posix())
    if os.environ.get("LAB4_RENEW_GOLD"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; LAB4_RENEW_GOLD=1 renews it"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_summary_fits_its_width(width: int) -> None:
    assert max(cell_len(line) for line in summary(width, cohort()).splitlines()) <= width


def test_there_is_one_line_a_student() -> None:
    lines = summary(80).splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("Student"))
    assert lines[start + 1 + len(samples.cohort())].strip() == ""
    assert lines[start + 1].split() == ["s1234567", "✓", "17/17", "–", "13", "17/30", "Not", "marked", "yet."]
    assert lines[start + 6].split()[:6] == ["s6789012", "!", "–", "–", "13", "–"]


def test_a_line_has_the_points_of_both_parts_and_what_is_open() -> None:
    line = next(line for line in summary(80, [answered("ann", "7c", "8")]).splitlines() if line.startswith("ann"))
    assert line.split() == ["ann", "✓", "17/17", "11/13", "2", "28/30"]
    assert "✓ passed 17/17" in summary(120, [answered("ann", "7c", "8")])


def named(name: str, number: str) -> samples.SampleReport:
    origin = Origin("moodle", name, number)
    return dataclasses.replace(samples.passed_report(f"{name}_{number}"), origin=origin)


def test_numbers_are_shown_for_all_students_or_for_none() -> None:
    short, long = named("Mei Chen", "501"), named("Amara Magdalena Okafor", "502")
    assert fitted_names([short], 16)[short.student].plain == "Mei Chen 501"
    assert fitted_names([short, long], 16)[short.student].plain == "Mei Chen"


def test_when_nothing_is_open_the_next_step_is_the_export() -> None:
    settled = samples.changed(named("Mei Chen", "5012309"), answers=())
    assert "grader export moodle reports/2025-11-23 WORKSHEET" in summary(120, [settled])
    assert "export" not in summary(120, [samples.passed_report("ann")]), "no platform"
    assert "export" not in summary(120, [dataclasses.replace(answered("Jo Li_17", "7c"), origin=settled.origin)])


def test_when_only_flags_wait_the_next_step_is_the_review() -> None:
    settled = samples.changed(named("Mei Chen", "5012309"), answers=())
    text = summary(120, [dataclasses.replace(settled, flags=(Flag("renamed-script", "It is net.py."),))])
    assert "Next         1 entry to review, about 1 minute:" in text
    assert "python -m grader review" in text


def test_names_that_are_cut_still_differ() -> None:
    long = "Maria Magdalena Alexandra"
    reports = [named("Wei Zhang", "501"), named("Wei Zhang", "502"), named(long, "5012301"), named(long, "5012302")]
    reports += [
        samples.passed_report(name) for name in ("a" * 30 + "first1", "a" * 30 + "second", "陳大文陳大文陳大文陳大文")
    ]
    reports += [samples.passed_report("b" * 20 + middle + "c" * 20) for middle in "xy"]
    for width in (16, 32):
        for name in (bare_name, whole_name):
            shown = [text.plain for text in fitted_names(reports, width, name).values()]
            assert len(set(shown)) == len(reports), shown
            assert max(map(cell_len, shown)) <= width
    assert shown[0] == "Wei Zhang 501"
    texts = fitted_names(reports, 16, bare_name)
    assert texts[f"{long}_5012302"].plain == "Maria M… 5012302"


def test_a_row_says_why_all_answers_are_open_or_what_a_flag_says() -> None:
    scan = samples.changed(named("Mei Chen", "5012309"), answers=(SCAN,))
    flag = Flag("renamed-script", "The script is called net.py.")
    text = summary(120, [scan, dataclasses.replace(answered("Jo Li_17"), flags=(flag,))])
    rows = text.splitlines()[1:3]
    assert [row.split("  ")[0] for row in rows] == ["Mei Chen 5012309", "Jo Li_17"]
    assert [row.split("  ")[-1] for row in rows] == ["lab4.pdf is a scan.", "⚑ The script is called net.py."]
    assert re.search(r"Without readable answers +1  Mei Chen\n", text), "the platform's number is left out"


def test_a_wide_terminal_shows_more_of_a_cause() -> None:
    student = next(line for line in summary(120).splitlines() if line.startswith("s2345678"))
    assert "There is no ReLU between conv2 and fc1." in student
    student = next(line for line in summary(80).splitlines() if line.startswith("s2345678"))
    assert student.endswith("…")


def test_the_summary_has_all_its_parts() -> None:
    text = summary(120, cohort())
    for words in (
        "28 submissions (10 graded, 2 reused), code: 11 ✓ passed, 14 ◐ partial, 1 ✗ failed, 1 ? needs review, 1 !",
        "Log-softmax output",
        "Needs a tutor: 14 answers and items, 17 submissions without readable answers, 1 fault of the grader, ",
        "Time 4 min 31 s with 2 workers",
        "\nNext         44 entries to review, about 11 minutes:\n",
        str(FOLDER / "index.html"),
        str(FOLDER / "marks.csv"),
        f"python -m grader review {FOLDER}",
    ):
        assert words in text, words
    assert re.search(r"^ 7c +How often a filter is applied +9  \w+, \w+, .*[.…]$", text, re.MULTILINE)
    assert re.search(r"^ training\.accuracy +Learns to read digits +1  s5678901$", text, re.MULTILINE)


def test_details_of_time_and_isolation_are_shown_on_request() -> None:
    run = dataclasses.replace(samples.RUN, isolation="full: no network; limits")
    assert "\nTime 4 min 31 s with 2 workers, isolation: full\nCohort page" in summary(120, run=run)
    text = summary(120, run=run, is_verbose=True)
    assert "training 6 min 42 s" in text
    assert "\nIsolation: no network; limits\n" in text


def test_the_machines_of_a_cluster_are_named_with_their_shares() -> None:
    run = dataclasses.replace(samples.RUN, machines={"lab1": 30, "[red]lab2": 10})
    assert "\nMeasured on lab1 75%, [red]lab2 25%\n" in summary(120, run=run)
    assert "Measured on" not in summary(120)


def test_hints_name_the_session_where_nox_started_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STARTED_BY_NOX, "1")
    assert f"\n             nox -s review -- {FOLDER}\n" in summary(80, cohort())
    assert command_line("doctor") == "nox -s doctor"
    assert command_line("diff", "a", "b c").startswith("python -m grader diff a "), "there is no such session"


def test_the_most_frequent_cause_has_its_count() -> None:
    reports = [samples.partial_report(f"p{number}") for number in range(3)]
    assert re.search(r"ReLU after each hidden layer +3 +– +3 x There is no ReLU", summary(120, reports))


def test_an_empty_run_names_no_next_command() -> None:
    text = summary(80, [])
    assert text.startswith("0 submissions")
    assert "Needs a tutor" not in text
    assert "grader review" not in text


def test_settled_runs_name_no_next_command() -> None:
    text = summary(80, [answered("ann")])
    assert "Needs a tutor" not in text
    assert "Next" not in text


def test_each_of_three_hundred_students_has_a_line() -> None:
    reports = [answered(f"student{number:03d}", "7c", "8") for number in range(300)]
    lines = summary(80, reports).splitlines()
    assert sum(line.startswith("student") for line in lines) == 300
    assert len(lines) < 330
    assert any(re.match(r" 7c .* 300  student\d+, ", line) for line in lines)


def test_a_folder_with_a_space_is_quoted_in_the_next_command() -> None:
    assert re.search(r"review ['\"]my runs", summary(80, cohort(), folder=Path("my runs")))


def test_markup_and_escapes_of_a_name_stay_text() -> None:
    text = summary(120)
    assert "[bold red]markup[/bold red]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "two␊lines" in text


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, _environ={"NO_COLOR": "1", "TERM": "xterm-256color"})
    print_summary(console, cohort(), samples.RUN, FOLDER)
    assert "\x1b[31m" not in stream.getvalue()
    assert "\x1b[32m" not in stream.getvalue()


def test_a_long_path_is_never_broken() -> None:
    stream = io.StringIO()
    folder = Path("/") / "/".join(["long-folder-name"] * 12)
    print_summary(Console(file=stream, width=80), [], samples.RUN, folder)
    assert str(folder / "index.html") in stream.getvalue().splitlines()[-3]


def test_a_symbol_outside_the_encoding_becomes_a_question_mark() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    print_summary(make_console(stream), samples.cohort(), samples.RUN, FOLDER)
    assert b"? passed" in raw.getvalue()


def test_columns_never_exceed_the_width_and_hide_no_short_cell() -> None:
    columns = (Column("Name", most=6), Column("n", is_right=True), Column("Cause"))
    rows = [(Text("陳大文陳"), Text("7"), Text("x" * 40)), (Text("ann"), Text("1234"), Text(""))]
    assert [line.plain for line in in_columns(columns, rows, 24)] == [
        "Name       n  Cause",
        "陳大 …     7  xxxxxxxxx…",
        "ann     1234",
    ]


# Progress


def test_without_a_terminal_each_submission_has_a_plain_line() -> None:
    stream = io.StringIO()
    with Progress(Console(file=stream, width=40), 300) as progress:
        progress.stage("s1234567", "load")
        progress.done(samples.passed_report(), 1.23)
        progress.done(samples.partial_report())
        progress.done(samples.hostile_report("[red]x[/red]\n"), 75.0)
    assert stream.getvalue().splitlines() == [
        "[1/300] s1234567 passed 17/17 (1.2 s)",
        "[2/300] s2345678 partial 13.5/17 (reused)",
        "[3/300] [red]x[/red]␊ partial 16/17 (1 min 15 s)",
    ]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_quiet_prints_only_faults(is_terminal: bool) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=is_terminal, color_system=None, _environ={"TERM": "xterm"})
    with Progress(console, 2, is_quiet=True) as progress:
        progress.stage("a", "train")
        progress.done(samples.passed_report(), 1.0)
        progress.error("The worker was lost.")
    assert stream.getvalue() == "The worker was lost.\n"


def test_on_a_terminal_a_bar_shows_counts_and_the_stage() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=110, force_terminal=True, color_system=None, _environ={"TERM": "xterm"})
    with Progress(console, 12) as progress:
        progress.done(samples.passed_report(), 1.0)
        progress.done(samples.unloadable_report(), 1.0)
        progress.stage("[red]s5[/red]\x1b[31m", "train")
        assert progress._bar is not None
        progress._bar.refresh()
    text = stream.getvalue()
    assert "2/12" in text
    assert "✓1 ✗1" in text
    assert "[red]s5[/red]: training" in text
    assert "\x1b[31m" not in text


def test_the_progress_never_stands_still_without_saying_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_SILENCE_SECONDS", 0.01)
    stream = io.StringIO()
    with Progress(Console(file=stream, width=80), 1) as shown:
        for seen in ("... starting the workers\n", "... ann: training\n"):
            if "ann" in seen:
                shown.stage("ann", "train")
            else:
                shown.say("starting the workers")
            give_up = time.monotonic() + 20
            while seen not in stream.getvalue() and time.monotonic() < give_up:
                time.sleep(0.005)
    assert stream.getvalue() == "... starting the workers\n... ann: training\n", "each once"


def simulated(durations: Sequence[float], new: set[str], threads: int) -> Iterator[tuple[float, float | None]]:
    """Run submissions of these durations; yield the time and the estimate after each that is finished."""
    now = 0.0
    remaining = Remaining(len(durations), new, lambda: now)
    waiting = [(str(number), seconds) for number, seconds in enumerate(durations)]
    running: list[tuple[float, str]] = []
    while waiting or running:
        while waiting and len(running) < threads:
            student, seconds = waiting.pop(0)
            remaining.begin(student)
            running.append((now + seconds, student))
        now, student = min(running)
        running.remove((now, student))
        remaining.done(student)
        yield now, remaining.seconds()


@pytest.mark.parametrize("reused", [0, 100, 200])
@pytest.mark.parametrize("are_reused_first", [True, False])
def test_the_remaining_time_is_right_from_a_tenth_of_the_run_on(reused: int, are_reused_first: bool) -> None:
    random = Random(7)
    durations = [random.lognormvariate(1, 0.5) for _ in range(300 - reused)]
    known = [random.uniform(0.02, 0.06) for _ in range(reused)]
    new = set(map(str, range(reused, 300) if are_reused_first else range(300 - reused)))
    course = list(simulated(known + durations if are_reused_first else durations + known, new, threads=4))
    end = course[-1][0]
    wrong = [
        (time, estimate)
        for time, estimate in course
        if time >= end / 10 and (estimate is None or abs(estimate - (end - time)) > 0.3 * (end - time) + 0.02 * end)
    ]
    assert wrong == []


def test_progress_shows_every_status() -> None:
    stream = io.StringIO()
    reports = samples.cohort()[:6]
    with Progress(Console(file=stream, width=80), len(reports)) as progress:
        for report in reports:
            progress.done(report, 0.1)
    assert {tally.code_status(report) for report in reports} == set(Status) - {Status.SKIPPED}
    assert "[6/6] s6789012 error – (0.1 s)" in stream.getvalue()
