"""Prints what is wrong with a run as a whole, which a tutor must not overlook."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from grader.model import Run
from grader.report.formats import visible
from grader.sandbox.level import shortfall


def print_shortfall(console: Console, run: Run) -> None:
    """Print the isolation of ``run`` if it is below the full level: one line, which only a terminal's width wraps."""
    if (found := shortfall(run.isolation)) is not None:
        _print(console, " ".join(filter(None, (found.level, found.missing, found.advice))))


def _print(console: Console, notice: str) -> None:
    console.print(Text(f"! {visible(notice)}", style="bold yellow"), soft_wrap=not console.is_terminal)
