"""Shows the progress of a run: a bar with counts, stage and remaining time in a terminal, else plain lines."""

from __future__ import annotations

import threading
from collections import Counter
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from grader.model import Report, Run, Status
from grader.report import tally
from grader.report.console.notices import print_shortfall
from grader.report.formats import STAGE_WORDS, STYLES, SYMBOLS, WORDS, duration, out_of, shorten, visible
from grader.safe_text import visible_block

_LONGEST_ERROR = 4000
"""Characters; a fault may quote what a submission wrote."""


class Progress:
    """Shows how far a run of ``total`` submissions is.

    With ``is_quiet`` it prints only errors, and that isolation is below full. Methods may be called from any thread.
    """

    def __init__(self, console: Console, total: int, *, is_quiet: bool = False) -> None:
        self._console = console
        self._total = total
        self._is_quiet = is_quiet
        self._done = 0
        self._counts: Counter[Status] = Counter()
        self._under_way: dict[str, str] = {}
        self._bar: Bar | None = None
        self._task = TaskID(0)
        self._lock = threading.Lock()

    def __enter__(self) -> Progress:
        if not self._is_quiet and self._console.is_terminal and not self._console.is_dumb_terminal:
            self._bar = Bar(
                SpinnerColumn(),
                MofNCompleteColumn(),
                BarColumn(bar_width=24 if self._console.width >= 100 else 12),
                TimeRemainingColumn(compact=True, elapsed_when_finished=True),
                TextColumn("{task.fields[counts]}", markup=False),
                TextColumn("{task.fields[now]}", markup=False, style="dim"),
                console=self._console,
                transient=True,
                refresh_per_second=8,
            )
            self._task = self._bar.add_task("", total=self._total, counts="", now="")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def begin(self, run: Run) -> None:
        """Print what is wrong with ``run`` as a whole."""
        print_shortfall(self._console, run)

    def expect(self, total: int) -> None:
        """Set the number of submissions, once it is known."""
        self._total = total
        if self._bar is not None:
            self._bar.update(self._task, total=total)

    def stage(self, student: str, stage: str) -> None:
        """``student``'s submission has entered ``stage``: a key of ``STAGE_WORDS``, or any other word."""
        with self._lock:
            self._under_way.pop(student, None)
            self._under_way[student] = stage
            self._refresh()

    def leave_out(self, student: str) -> None:
        """``student``'s submission does not take part after all."""
        with self._lock:
            self._under_way.pop(student, None)
            self.expect(self._total - 1)
            self._refresh()

    def done(self, report: Report, seconds: float | None = None) -> None:
        """``report`` is finished, after ``seconds`` of wall time; None when stored evidence was reused."""
        with self._lock:
            self._done += 1
            self._counts[tally.code_status(report)] += 1
            self._under_way.pop(report.student, None)
            if self._bar is None:
                self._print_line(report, seconds)
            self._refresh()

    def error(self, message: str) -> None:
        """Print a fault, also with ``is_quiet``."""
        self._console.print(Text(visible_block(shorten(message, _LONGEST_ERROR)), style="bold red"))

    def _print_line(self, report: Report, seconds: float | None) -> None:
        if self._is_quiet:
            return
        status, part2 = tally.code_status(report), tally.add_up(report.code_results)
        line = Text(f"[{self._done}/{self._total}] {visible(report.student)} ")
        line.append(WORDS[status], style=STYLES[status])
        line.append(f" {out_of(part2.awarded, part2.available)}" if tally.is_marked(report) else " –")
        line.append(" (reused)" if seconds is None else f" ({duration(seconds)})")
        self._console.print(line, soft_wrap=True)

    def _refresh(self) -> None:
        if self._bar is None:
            return
        counts = " ".join(f"{SYMBOLS[status]}{self._counts[status]}" for status in Status if self._counts[status])
        self._bar.update(self._task, completed=self._done, counts=counts, now=self._now())

    def _now(self) -> str:
        if not self._under_way:
            return ""
        student, stage = next(reversed(self._under_way.items()))
        return f"{shorten(visible(student), 20)}: {visible(STAGE_WORDS.get(stage, stage))}"
