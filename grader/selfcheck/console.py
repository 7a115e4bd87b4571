"""The end of a self-check on the console, whether pytest or ``check.py`` ran it: steps, answers, and what is next."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from grader.safe_text import visible
from grader.selfcheck.outcome import SelfCheck
from grader.selfcheck.summary import Summary
from grader.selfcheck.wording import (
    STAGES,
    WIDTH,
    Asked,
    Word,
    about_work,
    answers,
    experiments,
    hints_on_next,
    next_step,
    overview,
    printed,
)


@dataclass(frozen=True)
class Line:
    """A line of text; ``state`` gives its colour, if it has one."""

    text: str = ""
    state: Word | None = None
    is_bold: bool = False


def titled(summary: Summary) -> str:
    """The heading of ``lines``, which names the file with the network."""
    return f"{visible(summary.check.checked)}, step by step" if summary.check is not None else "Written work"


def lines(summary: Summary, ids: Sequence[str], asked: Asked) -> Iterator[Line]:
    """The lines on the steps ``ids`` and on the written work."""
    check = summary.check
    if check is not None:
        yield from lines_on_steps(check, ids, asked)
        yield Line()
        if shown := printed(check):
            yield from (Line(text) for text in (*shown, ""))
    yield from (Line(text) for text in (*answers(summary.written), *experiments(summary.experiment)))
    if check is not None:
        yield Line()
        state = Word.FAIL if summary.change.lost else Word.OK
        yield from (Line(text, state) for text in textwrap.wrap(str(summary.change), WIDTH))
        yield from (Line(text) for text in textwrap.wrap(visible(check.note), WIDTH))
        yield from (Line(text, is_bold=True) for text in next_step(check, ids, asked))
        yield from map(Line, hints_on_next(check, ids, asked))
    yield from (Line(text) for text in textwrap.wrap(summary.page, WIDTH))


def lines_on_steps(check: SelfCheck, ids: Sequence[str], asked: Asked) -> Iterator[Line]:
    """The lines on the steps ``ids`` only."""
    yield from (Line(text) for text in about_work(check))
    yield from (Line(text, state) for text, state in overview(check, ids, asked))


def with_progress(
    start: str, write: Callable[[str], object], run: Callable[[Callable[[str], None]], Summary]
) -> Summary:
    """The result of ``run``, which is given a function to report its stages, below a line that tells its ``start``.

    ``write`` must show its text at once.
    """
    write(f"{start}\n")
    began = time.monotonic()
    progress = _ProgressLine(write)
    summary = run(lambda stage: progress.add(STAGES.get(stage, stage)))
    progress.add(f"{time.monotonic() - began:.1f} s")
    write("\n")
    return summary


class _ProgressLine:
    """Words as they come, on lines of at most WIDTH characters."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._width = 0

    def add(self, word: str) -> None:
        """Show a word, after a comma unless it is the first."""
        text = f", {word}" if self._width else f"  {word}"
        if self._width + len(text) > WIDTH:
            self._write(",\n")
            text, self._width = f"  {word}", 0
        self._write(text)
        self._width += len(text)
