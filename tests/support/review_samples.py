"""A small run with open items for the tests of review."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from grader.model import Flag, MarkedAnswer, Report, Result, Status
from grader.moderation.decisions_file import read_decisions
from tests.support import report_samples as samples

HOSTILE = "once \x1b[31mred\x1b[0m [bold]each[/bold] \x07place\r\n\u202eend"


def answered(student: str, *proposed: str, text: str = "Once for every place.", sure: float = 0.7) -> Report:
    """A report on correct code. Parts 7c and 8 are open, with these proposals; the other parts are settled.

    ``sure`` is the confidence in the proposals; below 0.6 a single key does not accept them.
    """
    report = samples.passed_report(student)
    answers = tuple(
        samples.altered(
            answer, status=Status.PASSED, awarded=Decimal(1), message="Right.", text="A filter.", confidence=0.9
        )
        for answer in report.answer_results
    )
    for part, points in zip(("7c", "8"), proposed, strict=False):
        asked = Result(
            f"part1.{part}",
            f"Question {part}",
            Status.NEEDS_REVIEW,
            Decimal(0),
            Decimal(1),
            "Unsure.",
            proposed=Decimal(points),
            answer=MarkedAnswer(text, "answers.md", sure, ((0, 4),), full_answer="Once for each neuron."),
        )
        answers = tuple(asked if answer.part == part else answer for answer in answers)
    return samples.changed(report, answers=answers, digest="ab" * 32)


ANN, BOB = answered("ann", "0.5", "1", text=HOSTILE), answered("bob", "1")
CODE = samples.changed(
    samples.review_report("code"), answers=(), flags=(Flag("odd", "Something was noticed."),), digest="cd" * 32
)
NOBODY = replace(samples.passed_report("nobody"), digest="ef" * 32)
"""A submission without any answers."""


def decided(folder: Path) -> list[tuple[str, str, Decimal | None, str]]:
    return [(entry.student, entry.item, entry.new, entry.reason) for entry in read_decisions(folder).entries]
