"""``python check.py`` in the students' folder: the self-check without pytest, once or after each save."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from grader.lab4.files import SCRIPT
from grader.selfcheck import hints
from grader.selfcheck.console import Line, lines, lines_on_steps, titled, with_progress
from grader.selfcheck.steps import STEP_IDS
from grader.selfcheck.summary import Summary, beginning, summarise
from grader.selfcheck.wording import FAULTS, Asked, Word, failure, word

COMMAND = "%run check.py" if "ipykernel" in sys.modules else "python check.py"
"""As a student types it."""
_COLOURS = {
    Word.OK: "32",
    Word.PART: "31",
    Word.FAIL: "31",
    Word.ERROR: "31",
    Word.NEXT: "36",
    Word.NOT_CHECKED: "33",
    Word.UNDECIDED: "33",
}
"""The colours of pytest, as numbers of the ANSI standard."""


def main(folder: Path, arguments: Sequence[str] | None = None) -> int:
    """Check the work in ``folder``. Returns the exit status: 0 if every step is ok, 1 otherwise, 2 for wrong usage."""
    options = parser().parse_args(arguments)
    asked = Asked(options.hint, options.verbose, f"{COMMAND} --watch" if options.watch else COMMAND)
    console = Console()
    if options.watch:
        from grader.selfcheck.watch import watch  # imports threads and, if there, watchfiles

        return watch(folder, asked, console)
    summary = with_progress(beginning(folder), console.write, lambda on_stage: summarise(folder, STEP_IDS, on_stage))
    console.show(summary, STEP_IDS, asked)
    check = summary.check
    return int(check is None or any(word(id, check) is not Word.OK for id in check.findings))


def parser() -> argparse.ArgumentParser:
    """The options of ``check.py``."""
    options = argparse.ArgumentParser(
        prog=COMMAND, description=f"Check Net in {SCRIPT}, Part 1 and the experiments, without pytest."
    )
    options.add_argument("--hint", **hints.OPTION)
    options.add_argument("--watch", action="store_true", help="check again after each save, until Ctrl-C")
    options.add_argument("-v", "--verbose", action="store_true", help="show sizes, and why a step was not checked")
    return options


class Console:
    """Shows a self-check on standard output, in colour where that works."""

    def __init__(self) -> None:
        in_notebook = "ipykernel" in sys.modules
        self._has_colours = not os.environ.get("NO_COLOR") and (in_notebook or sys.stdout.isatty())
        if self._has_colours and os.name == "nt":
            os.system("")  # switches on ANSI colours in older consoles of Windows
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")  # names of files in a console that cannot show them

    def write(self, text: str) -> None:
        """Show text at once."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def rule(self, title: str) -> None:
        """Show a title in a line across the console."""
        self.write(f"{f' {title} ':-^78}\n")

    def show(self, summary: Summary, ids: Sequence[str], asked: Asked) -> None:
        """Show the faults, the steps ``ids``, and what is next."""
        check = summary.check
        for id, finding in check.findings.items() if check is not None else ():
            if id in ids and check is not None and word(id, check) in FAULTS:
                self.write("\n")
                self.rule(id)
                self.write(failure(id, finding, check, asked) + "\n")
        self._list(summary, lines(summary, ids, asked))

    def show_steps(self, summary: Summary, ids: Sequence[str], asked: Asked) -> None:
        """Show the steps ``ids``, if they were checked, and no more."""
        if summary.check is not None:
            self._list(summary, lines_on_steps(summary.check, ids, asked))

    def _list(self, summary: Summary, shown: Iterable[Line]) -> None:
        self.write("\n")
        self.rule(titled(summary))
        for line in shown:
            self.write(self._coloured(line) + "\n")

    def _coloured(self, line: Line) -> str:
        codes = [*([_COLOURS[line.state]] if line.state is not None else []), *(["1"] if line.is_bold else [])]
        return f"\x1b[{';'.join(codes)}m{line.text}\x1b[0m" if codes and line.text and self._has_colours else line.text
