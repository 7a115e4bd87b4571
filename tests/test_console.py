"""The terminal: fits its width, reads nothing from a submission as markup, and works without a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from grader.model import Status
from grader.report.console import Progress, make_console, print_summary
from grader.report.tally import status_of
from tests import report_samples as samples

FOLDER = Path("reports") / "2025-11-23"


def summary(width: int, *, force_terminal: bool = False) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, force_terminal=force_terminal, markup=False, emoji=False, highlight=False, _environ={}
    )
    print_summary(console, samples.cohort(), samples.DIGITS_RUN, FOLDER)
    return stream.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_summary_fits_its_width(width: int) -> None:
    assert max(cell_len(line) for line in summary(width).splitlines()) <= width


def test_there_is_one_line_a_student() -> None:
    lines = summary(80).splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("Student"))
    assert lines[start + 1 + len(samples.cohort())].strip() == ""
    assert lines[start + 1].split()[:5] == ["s1234567", "✓", "passed", "17/17", "17/30"]
    assert lines[start + 6].split()[:5] == ["s6789012", "!", "error", "–", "–"]


def test_a_wide_terminal_shows_more_of_a_cause() -> None:
    cause = "No ReLU stands between conv2 and fc1."
    assert cause in summary(120)
    assert cause not in summary(80)


def test_the_summary_says_what_it_must() -> None:
    text = summary(120)
    for words in (
        "Note: MNIST was not available",
        "18 submissions: 1 ✓ passed, 14 ◐ partial, 1 ✗ failed, 1 ? needs review, 1 ! error (10 graded, 2 reused)",
        "Log-softmax output",
        "Needs a tutor",
        "s5678901: Learns to read digits: Three seeds lie on both sides",
        "234 Part 1 answers not marked yet",
        "Time 4 min 31 s with 2 workers",
        "training 6 min 42 s",
        str(FOLDER / "index.html"),
        str(FOLDER / "marks.csv"),
    ):
        assert words in text, words


def test_markup_and_escapes_of_a_name_stay_text() -> None:
    text = summary(120)
    assert "[bold red]markup[/bold red]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "two␊lines" in text


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, _environ={"NO_COLOR": "1", "TERM": "xterm-256color"})
    print_summary(console, samples.cohort(), samples.RUN, FOLDER)
    assert "\x1b[31m" not in stream.getvalue()
    assert "\x1b[32m" not in stream.getvalue()


def test_a_long_path_is_never_broken() -> None:
    stream = io.StringIO()
    folder = Path("/") / "/".join(["long-folder-name"] * 12)
    print_summary(Console(file=stream, width=80), [], samples.RUN, folder)
    assert str(folder / "index.html") in stream.getvalue().splitlines()[-3]


def test_a_stream_that_lacks_a_symbol_gets_a_question_mark() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    print_summary(make_console(stream), samples.cohort(), samples.RUN, FOLDER)
    assert b"? passed" in raw.getvalue()


# Progress


def test_without_a_terminal_there_is_a_plain_line_a_submission() -> None:
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
def test_quiet_prints_faults_only(is_terminal: bool) -> None:
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


def test_every_status_can_be_done() -> None:
    stream = io.StringIO()
    reports = samples.cohort()[:6]
    with Progress(Console(file=stream, width=80), len(reports)) as progress:
        for report in reports:
            progress.done(report, 0.1)
    assert {status_of(report) for report in reports} == set(Status) - {Status.SKIPPED}
    assert "[6/6] s6789012 error – (0.1 s)" in stream.getvalue()
