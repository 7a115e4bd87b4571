"""The demo's summary as the README shows it, between two marks: ``nox -s pictures`` writes it, a test compares it."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from unittest.mock import patch

from rich.console import Console

from grader.model.command_lines import STARTED_BY_NOX
from grader.moderation.finished_run import load_run
from grader.report.console.summary import print_summary
from tests.support.places import ROOT

README = ROOT / "README.md"
RUN = Path("reports", "demo")
"""Where ``nox -s grade`` writes the demo's results."""
COLUMNS = 100
BEGIN, END = "<!-- nox -s pictures writes these lines -->\n```\n$ nox -s grade\n", "```\n<!-- end -->\n"


def summary_of(out: Path) -> str:
    """What ``nox -s grade`` printed at the end of the demo's run, which is stored at ``out``."""
    finished = load_run(out)
    console = Console(file=(text := io.StringIO()), width=COLUMNS, highlight=False, markup=False, emoji=False)
    with patch.dict(os.environ, {STARTED_BY_NOX: "1"}):
        print_summary(console, finished.reports, finished.run, RUN)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def shown_summary() -> str:
    """The summary in the README."""
    return _readme()[1]


def show(summary: str) -> None:
    """Put the summary into the README."""
    before, _, after = _readme()
    README.write_text(f"{before}{BEGIN}{summary}{END}{after}", encoding="utf-8")


def _readme() -> tuple[str, str, str]:
    """The README before the summary, the summary, and the README after it."""
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    summary, after = rest.split(END)
    return before, summary, after


def without_time(summary: str) -> str:
    """The summary without the line that differs from run to run."""
    return re.sub(r"^Time .*\n", "", summary, flags=re.MULTILINE)
