"""The ``mark-answers`` command: reads a file of answers, writes marks, and prints agreement with known marks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Any

from rich.console import Console

from grader.answers.evaluation.agreement import Comparison
from grader.answers.evaluation.tables import EXACT, KAPPA, SETTLED, grouped, print_figures, print_proposals
from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.finding import NOTHING_CLAIMED
from grader.answers.marker.key import AnswerKey, load_key
from grader.model import AnswerFinding, Status, UsageFault

KNOWN = ("id", "part", "answer", "gold", "kind", "disputed", "why")
GOLD_STEP = Decimal("0.25")
WIDTH = 110
"""Columns of the tables, wherever they are printed."""


@dataclass(frozen=True)
class GivenAnswer:
    """A line of the input. ``gold`` is a person's mark (0..1), or None if that person says that a tutor has to look.

    ``has_gold``: the line says one of both. ``is_disputed``: careful tutors differ on the answer.
    """

    id: str
    part: str
    answer: str
    gold: Decimal | None
    kind: str
    has_gold: bool = False
    is_disputed: bool = False

    @property
    def is_blank(self) -> bool:
        """Whether the answer claims nothing, so that every marker gives it 0."""
        return self.kind == "blank" or NOTHING_CLAIMED.fullmatch(self.answer) is not None


def mark_file(source: Path, key_path: Path | None, *, out: Path | None, stdout: IO[str], stderr: IO[str]) -> None:
    """Mark every line of ``source``. Marks go to ``out``, agreement to stdout; without ``out`` to stdout and stderr."""
    if key_path is None:
        raise UsageFault("mark-answers needs the answer key: add --key FILE.")
    key = load_key(key_path)
    answers = list(read_answers(source, key))
    marked = [(answer, mark_answer(key, answer.part, answer.answer)) for answer in answers]
    lines = "".join(json.dumps(_line(answer, finding), ensure_ascii=False) + "\n" for answer, finding in marked)
    if out is None:
        stdout.write(lines)
    else:
        try:
            out.write_text(lines, encoding="utf-8")
        except OSError as error:
            raise UsageFault(f"--out {out}: cannot be written ({error.strerror or error}).") from error
    compared = [(answer, _comparison(answer, finding)) for answer, finding in marked if answer.has_gold]
    if compared:
        print_agreement(compared, Console(file=stderr if out is None else stdout, width=WIDTH, highlight=False))


def read_answers(source: Path, key: AnswerKey) -> Iterator[GivenAnswer]:
    """The answers in a file with one JSON object per line. Raises :class:`UsageFault` naming the line."""
    try:
        text = source.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageFault(f"{source}: cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise UsageFault(f"{source}: not UTF-8 text.") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield _answer(json.loads(line), key)
            except json.JSONDecodeError as error:
                raise UsageFault(f"{source}, line {number}: not valid JSON ({error.msg}).") from error
            except ValueError as error:
                raise UsageFault(f"{source}, line {number}: {error}") from error


def _answer(fields: Any, key: AnswerKey) -> GivenAnswer:
    if not isinstance(fields, dict):
        raise ValueError("should be an object with id, part and answer.")
    for name in ("id", "part", "answer"):
        if not isinstance(fields.get(name), str):
            raise ValueError(f'"{name}" should be a text.' if name in fields else f'"{name}" is missing.')
    for name in fields:
        if name not in KNOWN:
            raise ValueError(f'"{name}" is not a known field; the fields are {", ".join(KNOWN)}.')
    if fields["part"] not in key.parts:
        raise ValueError(f'there is no part "{fields["part"]}"; the parts are {", ".join(key.parts)}.')
    return GivenAnswer(
        id=fields["id"],
        part=fields["part"],
        answer=fields["answer"],
        gold=_gold(fields.get("gold")),
        kind=str(fields.get("kind", "")),
        has_gold="gold" in fields,
        is_disputed=bool(fields.get("disputed")),
    )


def _gold(value: Any) -> Decimal | None:
    if value is None:
        return None
    try:
        gold = Decimal(str(value))
    except InvalidOperation:
        gold = Decimal(-1)
    if isinstance(value, bool) or not 0 <= gold <= 1 or gold % GOLD_STEP:
        raise ValueError(f'"gold" should be 0, 0.25, 0.5, 0.75 or 1, not {value}.')
    return gold


def _comparison(answer: GivenAnswer, finding: AnswerFinding) -> Comparison:
    return Comparison(
        part=answer.part,
        kind=answer.kind,
        gold=answer.gold,
        awarded=finding.awarded,
        is_sent=finding.status is Status.NEEDS_REVIEW,
        confidence=finding.confidence,
        is_disputed=answer.is_disputed,
    )


def _line(answer: GivenAnswer, finding: AnswerFinding) -> dict[str, Any]:
    return {
        "id": answer.id,
        "part": answer.part,
        "awarded": float(finding.awarded),
        "confidence": finding.confidence,
        "status": str(finding.status),
        "message": finding.message,
        "spans": [list(span) for span in finding.spans],
    }


def print_agreement(compared: list[tuple[GivenAnswer, Comparison]], console: Console) -> None:
    """Print the agreement figures: for all answers, without blank ones, by part, by kind, and for the proposals."""
    comparisons = [comparison for _, comparison in compared]
    claimed = [comparison for given, comparison in compared if not given.is_blank]
    undisputed = [comparison for comparison in comparisons if not comparison.is_disputed]
    rows = [("all answers", comparisons), ("without blank ones", claimed)]
    if len(undisputed) < len(comparisons):
        rows.append(("without disputed ones", undisputed))
    by_kind = sorted(grouped(comparisons, lambda answer: answer.kind or "not given"))
    columns = (KAPPA, EXACT, SETTLED)
    print_figures(console, "Agreement with the given marks", rows, *columns)
    print_figures(console, "By part", grouped(comparisons, lambda answer: answer.part), *columns)
    print_figures(console, "By kind", by_kind, *columns)
    print_proposals(console, comparisons)
