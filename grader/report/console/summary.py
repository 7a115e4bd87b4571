"""Prints the summary of a run in the terminal.

Text from a submission is never read as rich markup, and its control characters are made visible.
"""

from __future__ import annotations

import contextlib
import io
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.model import PART1, Report, Run, Status
from grader.model.command_lines import command_line
from grader.model.origin import CANVAS, MOODLE, NBGRADER
from grader.model.quantities import quantity
from grader.moderation.lateness import LateWork
from grader.moderation.queue import Queue, has_no_answers, is_open, queue_of
from grader.report import tally
from grader.report.console.columns import Column, in_columns
from grader.report.console.names import bare_name, fitted_names
from grader.report.console.progress import Progress as Progress  # both halves of the terminal under one name
from grader.report.formats import (
    MOST_STUDENTS,
    STAGE_WORDS,
    STYLES,
    SYMBOLS,
    duration,
    labelled,
    out_of,
    visible,
)
from grader.sandbox.level import shortfall
from grader.storage.marks_csv import MARKS_FILE
from grader.storage.results_json import RESULTS_FILE
from grader.storage.run_folder import COHORT_PAGE_FILE

_MOST_FAILURES = 14
_FIRST_ENTRIES = 5
_WIDE = 100
"""A terminal of this many columns or more has space for longer names and titles, and for the words of statuses."""
SECONDS_PER_DECISION = 15
"""An estimate, not a measurement: to read an answer of two sentences with its proposal, and to press a key."""
_NAME = {False: 16, True: 32}
_TITLE = {False: 28, True: 56}
_NEEDED = {MOODLE: ("WORKSHEET",), CANVAS: ("GRADEBOOK",), NBGRADER: ("COURSE",)}
"""What the export to each platform needs beside the run."""


def make_console(file: TextIO | None = None) -> Console:
    """A console on ``file`` (default: standard output) that replaces characters which the encoding does not have."""
    stream = file or sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        with contextlib.suppress(ValueError):  # a closed or detached stream fails at the first write
            stream.reconfigure(errors="replace")
    return Console(file=stream, highlight=False, markup=False, emoji=False)


def print_summary(
    console: Console, reports: Sequence[Report], run: Run, folder: Path, *, is_verbose: bool = False
) -> None:
    """Print one line for each student, then counts, causes, the queue, the time, paths of files and the next command.

    A table of many students is only on the cohort page. With ``is_verbose``, also the time of each stage and the means
    of isolation.
    """
    if len(reports) > MOST_STUDENTS:
        console.print(f"The table of {quantity(len(reports), 'student')} is on the cohort page.\n")
    elif reports:
        _print_lines(console, _students(reports, width=console.width))
        console.print()
    queue = queue_of(reports)
    console.print(_counts(reports, run))
    _print_failures(console, reports)
    _print_late(console, reports, run)
    _print_queue(console, queue)
    _print_time(console, run, is_verbose=is_verbose)
    _print_files(console, folder)
    _print_next(console, folder, queue, reports)


def print_doctor_line(console: Console, subject: str, text: str, advice: str) -> None:
    """Print one line of ``doctor`` after a tick, or after an exclamation mark and with the advice."""
    sign, style = ("!", "bold yellow") if advice else ("✓", "green")
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(width=22)
    table.add_column()
    table.add_row(Text(sign, style=style), Text(subject), Text(visible(text)))
    if advice:
        table.add_row("", "", Text(visible(advice), style="yellow"))
    console.print(table)


def status_text(status: Status) -> Text:
    """Symbol and word of a status, in its colour."""
    return Text(labelled(status), style=STYLES[status])


def _students(reports: Sequence[Report], *, width: int) -> list[Text]:
    is_wide = width >= _WIDE
    columns = (
        Column("Student", most=_NAME[is_wide]),
        Column("Code", gap=1),
        Column(is_right=True),
        Column("Part 1", is_right=True),
        Column("Open", is_right=True),
        Column("Total", is_right=True),
        Column("First cause"),
    )
    names = fitted_names(reports, _NAME[is_wide])
    return in_columns(columns, [_row(report, names[report.student], is_wide=is_wide) for report in reports], width)


def _row(report: Report, name: Text, *, is_wide: bool) -> tuple[Text, ...]:
    """Name, status and points of the code, points of Part 1, number of open results, total, first cause."""
    code, part1, is_marked = (
        tally.add_up(report.code_results),
        tally.add_up(report.answer_results),
        tally.is_marked(report),
    )
    status = tally.code_status(report)
    has_marks = bool(report.answer_results) and part1.waiting < len(report.answer_results)
    waiting = sum(map(is_open, report.results))
    return (
        name,
        status_text(status) if is_wide else Text(SYMBOLS[status], style=STYLES[status]),
        Text(out_of(code.awarded, code.available) if is_marked else "–"),
        Text(out_of(part1.awarded, part1.available) if has_marks else "–"),
        Text(str(waiting), style="cyan") if waiting else Text("–", style="dim"),
        Text(out_of(report.awarded, report.available) if is_marked or has_marks else "–"),
        _first_cause(report),
    )


def _first_cause(report: Report) -> Text:
    """Why marks were lost, or why all answers are open, or what a flag says."""
    if report.message:
        return Text(visible(report.message))
    unread = [report.answer_results[0].message] if has_no_answers(report) else []
    notes = unread or [f"⚑ {flag.message}" for flag in report.flags]
    return Text(visible(" ".join(notes)), style="dim")


def _counts(reports: Sequence[Report], run: Run) -> Text:
    line = Text(quantity(len(reports), "submission"), style="bold")
    extra = ", ".join(f"{count} {visible(name)}" for name, count in run.counts.items() if count)
    if extra:
        line.append(f" ({extra})", style="not bold dim")
    for number, (status, count) in enumerate(tally.count_statuses(map(tally.code_status, reports)).items()):
        line.append(", code: " if number == 0 else ", ", style="not bold")
        line.append(f"{count} {labelled(status)}", style=f"not bold {STYLES[status]}")
    return line


def _print_failures(console: Console, reports: Sequence[Report]) -> None:
    failures = tally.most_failed(reports)
    if not failures:
        return
    columns = (
        Column("Lost marks on", most=_TITLE[console.width >= _WIDE]),
        Column("failed", is_right=True),
        Column("partial", is_right=True),
        Column("most frequent message"),
    )
    rows = []
    for entry in failures[:_MOST_FAILURES]:
        message = Text()
        if (frequent := entry.most_frequent) is not None:
            message.append(f"{frequent.count} x ", style="dim").append(visible(frequent.message))
        rows.append(
            (Text(visible(entry.title)), Text(str(entry.failed or "–")), Text(str(entry.partial or "–")), message)
        )
    console.print()
    _print_lines(console, in_columns(columns, rows, console.width))


def _print_late(console: Console, reports: Sequence[Report], run: Run) -> None:
    """Who is late, whose lateness a tutor has to decide, and which extensions belong to nobody."""
    if run.late is None:
        return
    late = [report for report in reports if report.deduction is not None and report.lateness and report.lateness.days]
    open_to_tutor = [report for report in reports if report.deduction is None]
    console.print()
    for title, found in (("Late", late), ("Late or not: a tutor decides", open_to_tutor)):
        names = [visible(report.name) for report in found[:_FIRST_ENTRIES]]
        names += ["..."] if len(found) > _FIRST_ENTRIES else []
        listed = f" ({', '.join(names)})" if names else ""
        console.print(Text(f"{title}: ", style="bold").append(f"{len(found)}{listed}", style="not bold"))
    for sentence in LateWork.of(run.late, ((report.student, report.origin) for report in reports)).unmatched:
        console.print(Text(f"! {visible(sentence)}", style="bold yellow"))


def _print_lines(console: Console, lines: Iterable[Text]) -> None:
    for line in lines:
        console.print(line, no_wrap=True, overflow="ellipsis")


def _print_queue(console: Console, queue: Queue) -> None:
    if not queue.count:
        return
    console.print()
    console.print(Text("Needs a tutor: ", style="bold").append(queue_words(queue), style="not bold"))
    lines = [
        (short_id(question.id), question.title, [entry.report for entry in question.entries])
        for question in queue.questions
    ]
    lines += [
        (sign, title, list(reports))
        for sign, title, reports in (
            ("–", "Without readable answers", queue.unanswered),
            (SYMBOLS[Status.ERROR], "Faults of the grader", queue.faults),
            ("⚑", "Flags, with nothing open", queue.flagged),
        )
        if reports
    ]
    rows = []
    for id, title, reports in lines:
        names = [name.plain for name in fitted_names(reports[:_FIRST_ENTRIES], _NAME[False], bare_name).values()]
        names += ["..."] if len(reports) > _FIRST_ENTRIES else []
        count = Text(str(len(reports)), style="cyan")
        rows.append((Text(f" {visible(id)}"), Text(visible(title)), count, Text(", ".join(names), style="dim")))
    columns = (Column(), Column(most=_TITLE[console.width >= _WIDE]), Column(is_right=True), Column())
    _print_lines(console, in_columns(columns, rows, console.width))


def queue_words(queue: Queue) -> str:
    """What the queue contains, as a list of counts: ``3 answers and items, 1 fault of the grader``."""
    listed = sum(len(question.entries) for question in queue.questions)
    counts = (
        (listed, "answer or item", "answers and items"),
        (len(queue.unanswered), "submission without readable answers", "submissions without readable answers"),
        (len(queue.faults), "fault of the grader", "faults of the grader"),
        (len(queue.flagged), "submission with a flag", "submissions with flags"),
    )
    return ", ".join(quantity(count, noun, plural) for count, noun, plural in counts if count)


def short_id(item: str) -> str:
    """An item's id as tutors write it: ``7c`` for ``part1.7c``."""
    return item.removeprefix(PART1)


def _print_time(console: Console, run: Run, *, is_verbose: bool) -> None:
    level, _, means = run.isolation.partition(": ")
    is_full = bool(run.isolation) and shortfall(run.isolation) is None  # a lower level has a notice of its own
    facts = [f"with {quantity(run.jobs, 'worker')}"] if run.jobs else []
    line = Text("Time ", style="bold").append(" ".join([duration(run.seconds), *facts]), style="not bold")
    console.print()
    console.print(line.append(f", isolation: {visible(level)}" if is_full else "", style="not bold"))
    if run.machines:
        requests = sum(run.machines.values())
        shares = [f"{visible(name)} {count / requests:.0%}" for name, count in run.machines.items()]
        console.print(Text("Measured on ", style="bold").append(", ".join(shares), style="not bold"))
    if is_verbose and run.timing:
        parts = [f"{visible(STAGE_WORDS.get(stage, stage))} {duration(spent)}" for stage, spent in run.timing.items()]
        console.print(Text(f"Worker time: {', '.join(parts)}", style="dim"))
    if is_verbose and is_full and means:
        console.print(Text(f"Isolation: {visible(means)}", style="dim"))


def _print_files(console: Console, folder: Path) -> None:
    for name, file in (("Cohort page", COHORT_PAGE_FILE), ("Marks", MARKS_FILE), ("Results", RESULTS_FILE)):
        _print_path(console, name, str(folder / file))


def _print_next(console: Console, folder: Path, queue: Queue, reports: Sequence[Report]) -> None:
    """The next command: the review and how much work it is, or if nothing is open, the export to the platform."""
    entries = queue.count - len(queue.faults)
    platform = next((report.origin.platform for report in reports if report.origin.platform), "")
    if entries:
        minutes = math.ceil(entries * SECONDS_PER_DECISION / 60)
        work = f"{quantity(entries, 'entry', 'entries')} to review, about {quantity(minutes, 'minute')}:"
        _print_path(console, "Next", work)
        _print_path(console, "", command_line("review", str(folder)))
    elif platform:
        _print_path(console, "Next", "give the marks back:")
        _print_path(console, "", command_line("export", platform, str(folder), *_NEEDED.get(platform, ())))


def _print_path(console: Console, name: str, text: str) -> None:
    """Print a line that is not split, because a path or command that is split can be neither copied nor clicked."""
    console.print(Text(f"{name:<13}", style="bold").append(visible(text), style="not bold"), soft_wrap=True)
