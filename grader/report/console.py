"""What a tutor sees in the terminal: the summary of a run here, its progress in :mod:`grader.report.progress`.

Nothing from a submission is ever read as rich markup, and control characters are made visible.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from grader.model import Report, Run, Status
from grader.report import tally
from grader.report.progress import Progress as Progress  # both halves of the terminal under one name
from grader.report.text import STAGE_WORDS, STYLES, duration, labelled, out_of, quantity, visible

_MOST_FAILURES = 14
_MOST_QUEUED = 20
_WIDE = 100
"""From this many columns on, long names get more room."""
_GAP = 2


def make_console(file: TextIO | None = None) -> Console:
    """A console on ``file`` (standard output), which replaces what the stream's encoding lacks instead of failing."""
    stream = file or sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        with contextlib.suppress(ValueError):  # a closed or detached stream fails where it is first written to
            stream.reconfigure(errors="replace")
    return Console(file=stream, highlight=False, markup=False, emoji=False)


def print_summary(console: Console, reports: Sequence[Report], run: Run, folder: Path) -> None:
    """Print one line per student, then the counts, the causes, the queue, the times and where the files are."""
    if run.data_note:
        console.print(Text(f"Note: {visible(run.data_note)}", style="bold yellow"))
        console.print()
    if reports:
        console.print(_students(reports, width=console.width))
        console.print()
    console.print(_counts(reports, run))
    _print_failures(console, reports)
    _print_queue(console, reports)
    _print_times(console, run)
    _print_files(console, folder)


def print_remark(console: Console, subject: str, text: str, advice: str) -> None:
    """Print one remark of the doctor: a tick, or a mark of exclamation with what to do about it."""
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
    """Symbol and word of a status in its colour."""
    return Text(labelled(status), style=STYLES[status])


def _students(reports: Sequence[Report], *, width: int) -> Table:
    rows = [_row(report) for report in reports]
    headers = ("Student", "Status", "Part 2", "Total", "First cause")
    widths = [max(cell_len(header), *(row[at].cell_len for row in rows)) for at, header in enumerate(headers)]
    widths[0] = min(widths[0], 32 if width >= _WIDE else 20)
    widths[-1] = max(width - sum(widths[:-1]) - _GAP * (len(headers) - 1), 8)
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    for header, column_width in zip(headers, widths, strict=True):
        justify: JustifyMethod = "right" if header in ("Part 2", "Total") else "left"
        table.add_column(header, no_wrap=True, overflow="ellipsis", width=column_width, justify=justify)
    for row in rows:
        table.add_row(*row)
    return table


def _row(report: Report) -> tuple[Text, Text, Text, Text, Text]:
    part2, is_marked = tally.add_up(report.items), tally.is_marked(report)
    return (
        Text(visible(report.student)),
        status_text(tally.status_of(report)),
        Text(out_of(part2.awarded, part2.available) if is_marked else "–"),
        Text(out_of(report.awarded, report.available) if is_marked else "–"),
        _first_cause(report),
    )


def _first_cause(report: Report) -> Text:
    if report.message:
        return Text(visible(report.message))
    return Text("; ".join(f"⚑ {visible(flag.id)}" for flag in report.flags), style="dim")


def _counts(reports: Sequence[Report], run: Run) -> Text:
    line = Text(quantity(len(reports), "submission"), style="bold")
    for number, (status, count) in enumerate(tally.count_statuses(map(tally.status_of, reports)).items()):
        line.append(": " if number == 0 else ", ", style="not bold")
        line.append(f"{count} {labelled(status)}", style=f"not bold {STYLES[status]}")
    extra = ", ".join(f"{count} {visible(name)}" for name, count in run.counts.items() if count)
    if extra:
        line.append(f" ({extra})", style="not bold dim")
    return line


def _print_failures(console: Console, reports: Sequence[Report]) -> None:
    failures = tally.most_failed(reports)
    if not failures:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Lost marks on", no_wrap=True, overflow="ellipsis", max_width=52)
    table.add_column("failed", justify="right")
    table.add_column("partial", justify="right")
    for entry in failures[:_MOST_FAILURES]:
        table.add_row(Text(visible(entry.title)), str(entry.failed or "–"), str(entry.partial or "–"))
    console.print()
    console.print(table)


def _print_queue(console: Console, reports: Sequence[Report]) -> None:
    queue = tally.review_queue(reports)
    waiting = tally.waiting_answers(reports)
    if not queue and not waiting:
        return
    console.print()
    console.print(Text("Needs a tutor", style="bold"))
    for entry in queue[:_MOST_QUEUED]:
        line = Text("  ")
        line.append_text(status_text(tally.status_of(entry.report)))
        line.append(f"  {visible(entry.report.student)}: ", style="bold")
        line.append(visible(" ".join(entry.reasons)))
        console.print(line, no_wrap=True, overflow="ellipsis")
    if len(queue) > _MOST_QUEUED:
        console.print(f"  and {len(queue) - _MOST_QUEUED} more; index.html lists them all")
    if waiting:
        console.print(f"  {quantity(waiting, 'Part 1 answer')} not marked yet")


def _print_times(console: Console, run: Run) -> None:
    line = Text(f"Time {duration(run.seconds)}", style="bold")
    if run.jobs:
        line.append(f" with {quantity(run.jobs, 'worker')}", style="not bold")
    if run.timing:
        parts = [f"{visible(STAGE_WORDS.get(stage, stage))} {duration(spent)}" for stage, spent in run.timing.items()]
        line.append(f" (worker time: {', '.join(parts)})", style="not bold dim")
    console.print()
    console.print(line)
    if run.isolation:
        name, _, held = run.isolation.partition(": ")
        style = "not bold yellow" if held and name != "full" else "not bold"
        line = Text("Isolation ", style="bold").append(visible(name), style=style)
        console.print(line.append(f": {visible(held)}" if held else "", style="not bold dim"))


def _print_files(console: Console, folder: Path) -> None:
    # soft_wrap: a path that is cut into lines can neither be copied nor clicked.
    for name, path in (("Cohort page", "index.html"), ("Marks", "marks.csv"), ("Results", "results.json")):
        line = Text(f"{name:<12}", style="bold")
        line.append(visible(str(folder / path)), style="not bold")
        console.print(line, soft_wrap=True)
