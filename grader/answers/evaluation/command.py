"""The ``mark-answers`` command: reads a file of answers, writes marks, and prints agreement with known marks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.table import Table

from grader.answers.evaluation.agreement import Agreement, Comparison, agreement
from grader.answers.marker.finding import NOTHING_CLAIMED
from grader.answers.marker.key import AnswerKey, load_key
from grader.answers.marker.trust import trusted_mark
from grader.model import AnswerFinding, Status, UsageFault

KNOWN = ("id", "part", "answer", "gold", "kind", "why")
GOLD_STEP = Decimal("0.25")


@dataclass(frozen=True)
class GivenAnswer:
    """A line of the input. ``gold`` is a person's mark, 0..1, or None."""

    id: str
    part: str
    answer: str
    gold: Decimal | None
    kind: str

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
    marked = [(answer, trusted_mark(key, answer.part, answer.answer)) for answer in answers]
    lines = "".join(json.dumps(_line(answer, finding), ensure_ascii=False) + "\n" for answer, finding in marked)
    if out is None:
        stdout.write(lines)
    else:
        try:
            out.write_text(lines, encoding="utf-8")
        except OSError as error:
            raise UsageFault(f"--out {out}: cannot be written ({error.strerror or error}).") from error
    compared = [
        (answer, Comparison(answer.part, answer.kind, answer.gold, finding.awarded, _is_sent(finding)))
        for answer, finding in marked
        if answer.gold is not None
    ]
    if compared:
        print_agreement(compared, Console(file=stderr if out is None else stdout, width=100, highlight=False))


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
        fields["id"], fields["part"], fields["answer"], _gold(fields.get("gold")), str(fields.get("kind", ""))
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


def _is_sent(finding: AnswerFinding) -> bool:
    return finding.status is Status.NEEDS_REVIEW


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
    """Print the agreement figures: for all answers, without blank ones, by part, by kind."""
    comparisons = [comparison for _, comparison in compared]
    claimed = [comparison for given, comparison in compared if not given.is_blank]
    rows = [("all answers", comparisons), ("without blank ones", claimed)]
    console.print(_table("Agreement with the given marks", rows))
    for title, name in (("By part", "part"), ("By kind", "kind")):
        groups: dict[str, list[Comparison]] = {}
        for comparison in comparisons:
            groups.setdefault(getattr(comparison, name) or "not given", []).append(comparison)
        console.print(_table(title, sorted(groups.items()) if name == "kind" else list(groups.items())))


def _table(title: str, rows: list[tuple[str, list[Comparison]]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    table.add_column("")
    for heading in ("answers", "kappa (quadratic)", "exact", "sent to review", "exact, not sent"):
        table.add_column(heading, justify="right")
    for name, comparisons in rows:
        figures = agreement(comparisons)
        table.add_row(name, str(figures.count), *_shown(figures))
    return table


def _shown(figures: Agreement) -> tuple[str, ...]:
    kappa = "–" if figures.kappa is None else f"{figures.kappa:.3f}"
    shares = (figures.exact, figures.sent, figures.exact_unsent)
    return (kappa, *("–" if share is None else f"{share:.1%}" for share in shares))
