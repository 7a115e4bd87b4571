"""Shows the progress of a run: a bar with counts, stage and remaining time in a terminal, else plain lines."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from grader.model import Report, Run, Status
from grader.report import tally
from grader.report.console.names import whole_name
from grader.report.console.notices import notices, print_notices
from grader.report.console.remaining import Remaining
from grader.report.formats import STAGE_WORDS, STYLES, SYMBOLS, WORDS, duration, out_of, shorten, visible
from grader.safe_text import visible_block

_SILENCE_SECONDS = 1.5
"""A line that says what is under way follows after this time and at most a quarter of it."""
_LONGEST_ERROR = 4000
"""Characters; a fault may quote what a submission wrote."""


class Progress:
    """Shows how far a run of ``total`` submissions is.

    With ``is_quiet`` it prints only errors, and what is wrong with the run as a whole. Methods may be called from any
    thread.
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
        self._said = ""
        self._names: Mapping[str, str] = {}
        self._noticed: set[str] = set()
        self._printed = ""
        self._last_line = time.monotonic()
        self._is_over = threading.Event()
        self._remaining = Remaining(total, (), time.monotonic)

    def __enter__(self) -> Progress:
        if not self._is_quiet and self._console.is_terminal and not self._console.is_dumb_terminal:
            self._bar = Bar(
                SpinnerColumn(),
                MofNCompleteColumn(),
                BarColumn(bar_width=24 if self._console.width >= 100 else 12),
                _RemainingColumn(self),
                TextColumn("{task.fields[counts]}", markup=False),
                TextColumn("{task.fields[now]}", markup=False, style="dim"),
                console=self._console,
                transient=True,
                refresh_per_second=8,
            )
            self._task = self._bar.add_task("", total=self._total, counts="", now="")
            self._bar.start()
        elif not self._is_quiet:
            threading.Thread(target=self._break_silence, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def say(self, what: str) -> None:
        """The run as a whole is at ``what``, such as "starting the workers"; shown while no submission is under way."""
        with self._lock:
            self._said = what
            self._refresh()

    def seconds_left(self) -> float | None:
        """The estimated wall seconds until the last submission is finished; None if nothing is known yet, or all are.

        It takes no lock: the bar's thread, which calls this, holds the bar's own lock.
        """
        return self._remaining.seconds() if self._done < self._total else None

    def notice(self, run: Run) -> None:
        """Print what is wrong with ``run`` as a whole, unless it was printed before."""
        print_notices(self._console, run, known=self._noticed)
        self._noticed.update(notices(run))

    def announce(self, *sentences: str) -> None:
        """Print lines about the run as a whole that stay on the screen."""
        with self._lock:
            for sentence in () if self._is_quiet else sentences:
                self._print(Text(visible(sentence)))

    def expect(self, total: int, new: Collection[str], names: Mapping[str, str]) -> None:
        """Set the number of submissions, the students whose code has to be run, and all ``names``, once known."""
        with self._lock:
            self._total, self._said, self._names = total, "", names
            self._remaining = Remaining(total, new, time.monotonic)
            self._refresh()

    def stage(self, student: str, stage: str) -> None:
        """``student``'s submission has entered ``stage``: a key of ``STAGE_WORDS``, or any other word."""
        with self._lock:
            self._under_way.pop(student, None)
            self._under_way[student] = stage
            self._remaining.begin(student)
            self._refresh()

    def leave_out(self, student: str) -> None:
        """``student``'s submission does not take part after all."""
        with self._lock:
            self._under_way.pop(student, None)
            self._total -= 1
            self._remaining.leave_out(student)
            self._refresh()

    def done(self, report: Report, seconds: float | None = None) -> None:
        """``report`` is finished, after ``seconds`` of wall time; None when stored evidence was reused."""
        with self._lock:
            self._done += 1
            self._counts[tally.code_status(report)] += 1
            self._under_way.pop(report.student, None)
            self._remaining.done(report.student)
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
        line = Text(f"[{self._done}/{self._total}] ").append_text(whole_name(report)).append(" ")
        line.append(WORDS[status], style=STYLES[status])
        line.append(f" {out_of(part2.awarded, part2.available)}" if tally.is_marked(report) else " –")
        line.append(" (reused)" if seconds is None else f" ({duration(seconds)})")
        self._print(line)

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)
        self._last_line = time.monotonic()

    def _break_silence(self) -> None:
        """Without a bar: say what is under way if no line was printed for some time, and again if it changes."""
        while not self._is_over.wait(_SILENCE_SECONDS / 4):
            with self._lock:
                now = self._now()
                if now not in ("", self._printed) and time.monotonic() - self._last_line >= _SILENCE_SECONDS:
                    self._print(Text(f"... {now}", style="dim"))
                    self._printed = now

    def _refresh(self) -> None:
        if self._bar is None:
            return
        counts = " ".join(f"{SYMBOLS[status]}{self._counts[status]}" for status in Status if self._counts[status])
        self._bar.update(self._task, total=self._total, completed=self._done, counts=counts, now=self._now())

    def _now(self) -> str:
        if not self._under_way:
            return self._said
        student, stage = next(reversed(self._under_way.items()))
        return f"{shorten(visible(self._names.get(student, student)), 20)}: {visible(STAGE_WORDS.get(stage, stage))}"


class _RemainingColumn(ProgressColumn):
    """The remaining time, as :class:`Remaining` estimates it."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def render(self, task: Task) -> Text:
        left = self._progress.seconds_left()
        return Text("" if left is None else f"{duration(left)} left", style="progress.remaining")
