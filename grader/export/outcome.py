"""What an export tells the tutor: how much was written, and everything that needs a look, on screen and in a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from grader.export.selection import Chosen, LeftOut
from grader.report.formats import visible

SUMMARY_FILE = "lab4-export.txt"
"""The summary, beside the exported files. It also marks a folder as one that an export wrote."""


@dataclass(frozen=True)
class Note:
    """Students who have something in common: ``title`` says what, ``advice`` what to do."""

    title: str
    entries: tuple[LeftOut, ...]
    advice: str = ""


@dataclass(frozen=True)
class Outcome:
    """The result of an export. ``files`` are names in the folder; ``counts`` is what the platform should report."""

    files: tuple[str, ...]
    counts: str
    notes: tuple[Note, ...]
    steps: tuple[str, ...] = ()
    """What to do with the files, one sentence each."""


def note(title: str, entries: Iterable[LeftOut | str], advice: str = "") -> tuple[Note, ...]:
    """A note, or nothing when there are no entries; a plain name is an entry without a reason."""
    listed = tuple(entry if isinstance(entry, LeftOut) else LeftOut(entry, "") for entry in entries)
    return (Note(title, listed, advice),) if listed else ()


def notes_on(chosen: Chosen) -> tuple[Note, ...]:
    """What a tutor should know about marks that are exported."""
    return (
        *note("Late work whose deduction is not in the mark", chosen.undeducted, "Deduct it with --apply-late."),
        *note(
            "Marks that a second tutor has still to read blind",
            chosen.half_read,
            "If that tutor gives other points, the mark is open again.",
        ),
    )


def summary_lines(outcome: Outcome) -> Iterable[tuple[str, str]]:
    """Each line of the summary with its style."""
    yield outcome.counts, "bold"
    for entry in outcome.notes:
        yield "", ""
        yield f"{entry.title} ({len(entry.entries)})", "bold yellow"
        for who in entry.entries:
            yield f"  {who.name}" + (f": {who.reason}" if who.reason else ""), ""
        if entry.advice:
            yield entry.advice, ""
    if outcome.steps:
        yield "", ""
        yield "Next", "bold"
        for number, step in enumerate(outcome.steps, start=1):
            yield f"  {number}. {step}", ""


def summary_text(outcome: Outcome) -> str:
    """The summary as a text file."""
    return "".join(f"{visible(line)}\n" for line, _ in summary_lines(outcome))


def print_outcome(console: Console, outcome: Outcome, folder: str) -> None:
    """Print where the files are, and the summary."""
    for name in outcome.files:
        console.print(Text(visible(f"{folder}/{name}")), soft_wrap=True)
    for line, style in summary_lines(outcome):
        console.print(Text(visible(line), style=style), soft_wrap=True)
