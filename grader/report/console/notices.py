"""Prints what is wrong with a run as a whole, which a tutor must not overlook."""

from __future__ import annotations

from collections.abc import Collection

from rich.console import Console
from rich.text import Text

from grader.model import Run
from grader.report.formats import alarm, visible
from grader.sandbox.level import shortfall


def print_notices(console: Console, run: Run, *, known: Collection[str] = ()) -> None:
    """Print what is wrong with ``run`` and not ``known``: one line each, which only a terminal's width wraps."""
    for notice in notices(run):
        if notice not in known:
            console.print(Text(f"! {visible(notice)}", style="bold yellow"), soft_wrap=not console.is_terminal)


def notices(run: Run) -> tuple[str, ...]:
    """What is wrong with ``run`` as a whole: isolation below the full level, and training that is not as usual."""
    found = shortfall(run.isolation)
    below = " ".join(filter(None, (found.level, found.missing, found.advice))) if found is not None else ""
    return tuple(filter(None, (below, alarm(run.canary) if run.canary.is_outside else "")))
