"""Words, symbols, numbers and ids as all views write them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from grader.model import Canary, Report, Result, Status
from grader.safe_text import shorten as shorten  # views take all their words from here
from grader.safe_text import visible as visible

MOST_STUDENTS = 1000
"""Rows of a table of students on one page, and in a terminal. A browser takes a second to show and search these."""

SYMBOLS: dict[Status, str] = {
    Status.PASSED: "✓",
    Status.PARTIAL: "◐",
    Status.FAILED: "✗",
    Status.SKIPPED: "–",
    Status.NEEDS_REVIEW: "?",
    Status.ERROR: "!",
}

STYLES: dict[Status, str] = {
    Status.PASSED: "green",
    Status.PARTIAL: "yellow",
    Status.FAILED: "red",
    Status.SKIPPED: "dim",
    Status.NEEDS_REVIEW: "cyan",
    Status.ERROR: "bold magenta",
}
"""The style of each status in a terminal, as rich names it."""

WORDS: dict[Status, str] = {status: status.value.replace("_", " ") for status in Status}

STAGE_WORDS: dict[str, str] = {
    "read": "read files",
    "answers": "read answers",
    "start": "start worker",
    "load": "read script",
    "build": "build Net",
    "trace": "trace",
    "probe": "probe outputs",
    "record": "record network",
    "doubts": "compare with own run",
    "modes": "train/eval modes",
    "gradients": "gradients",
    "resources": "resources",
    "train": "training",
    "end": "end worker",
    "experiment": "repeat claimed runs",
}
"""The stages of a submission in a tutor's words; a stage that is not listed is shown by its own name."""


def points(value: Decimal) -> str:
    """Points without trailing zeros: ``1.5``, ``2``, ``0.5``."""
    plain = format(value.normalize(), "f")
    return "0" if plain == "-0" else plain


def out_of(awarded: Decimal, available: Decimal) -> str:
    """``13.5/17``."""
    return f"{points(awarded)}/{points(available)}"


def anchor(result: Result) -> str:
    """Id of the element for ``result`` on a student's page."""
    return f"part-{result.part}" if result.answer is not None else f"item-{result.id}"


def labelled(status: Status) -> str:
    """A status as symbol and word, so that colour is never its only sign."""
    return f"{SYMBOLS[status]} {WORDS[status]}"


def name_and_number(report: Report) -> tuple[str, str]:
    """The student's name, and a learning platform's number or account where it says more than the name; or empty."""
    name, number = report.name, report.origin.account
    return name, "" if number in name.split() or not report.origin.name else number


def duration(seconds: float) -> str:
    """Wall time to read at a glance: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``1 h 02 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def moment(timestamp: str) -> str:
    """An ISO 8601 time as ``23 November 2025, 11:06 UTC``; anything else as it is."""
    try:
        when = datetime.fromisoformat(timestamp)
    except ValueError:
        return timestamp
    return f"{when.day} {when:%B %Y, %H:%M} {when.tzname() or ''}".strip()


def alarm(canary: Canary) -> str:
    """What to say about a canary that is outside the stored range."""
    return (
        f"Training was not as usual. The grader's test networks are {canary.text}. Accuracies that were measured then "
        "wait for a tutor. Compare the device and the versions with those of an earlier run, then grade again."
    )
