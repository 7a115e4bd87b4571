"""Measure how a key for new questions marks with few sample answers.

The command is ``python -m tests.measure.few_samples [FOLDER] [--samples 0 10 40]``. The folder has a ``key.toml``, its
``samples.jsonl``, and an ``answers.jsonl`` with marks, of which neither was made. For each number, the key learns from
the first samples of each part only.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from grader.answers.evaluation.command import GivenAnswer, read_answers
from grader.answers.marker.answer_marking import KEYWORDS_ONLY, mark_answer
from grader.answers.marker.key import AnswerKey, load_key
from grader.answers.marker.samples import EXACT
from grader.model import AnswerFinding, Status
from tests.support.places import TESTS

TWO_QUESTIONS = TESTS / "answers" / "two_questions"
NUMBERS = (0, 10, 40)


@dataclass(frozen=True)
class Marked:
    """The answers to the questions of a key, each with the finding on it."""

    rows: tuple[tuple[GivenAnswer, AnswerFinding], ...]

    @property
    def settled(self) -> tuple[tuple[GivenAnswer, AnswerFinding], ...]:
        return tuple(row for row in self.rows if row[1].status is not Status.NEEDS_REVIEW)

    @property
    def exact(self) -> int:
        return sum(given.gold == found.awarded for given, found in self.settled)

    @property
    def zeroed(self) -> tuple[str, ...]:
        """The answers whose zero is settled."""
        return tuple(given.answer for given, found in self.settled if found.awarded == 0)

    @property
    def full_zeroed(self) -> int:
        return sum(given.gold == 1 and found.awarded == 0 for given, found in self.settled)

    @property
    def lists(self) -> tuple[str, ...]:
        """The answers that were taken for lists of keywords."""
        return tuple(given.answer for given, found in self.rows if found.message.startswith(KEYWORDS_ONLY))


def key_with(folder: Path, samples: int, work: Path) -> AnswerKey:
    """The key in ``folder`` with at most this number of samples of each part; it is written below ``work``."""
    kept, seen = [], Counter[str]()
    for line in (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines():
        part = EXACT.decode(line)["part"]
        seen[part] += 1
        if seen[part] <= samples:
            kept.append(f"{line}\n")
    (work / "samples.jsonl").write_text("".join(kept), encoding="utf-8")
    (work / "key.toml").write_bytes((folder / "key.toml").read_bytes())
    return load_key(work / "key.toml")


def marked(folder: Path, samples: int, work: Path) -> Marked:
    """The answers in ``folder``, marked by its key with this number of samples of each part."""
    key = key_with(folder, samples, work)
    answers = read_answers(folder / "answers.jsonl", key)
    return Marked(tuple((given, mark_answer(key, given.part, given.answer)) for given in answers))


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for each number of samples."""
    parser = argparse.ArgumentParser(prog="few_samples", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=TWO_QUESTIONS, metavar="FOLDER")
    parser.add_argument("--samples", type=int, nargs="+", default=NUMBERS, metavar="N", help="samples of each part")
    given = parser.parse_args(argv)
    table = Table(box=None, header_style="bold")
    for heading in ("samples", "part", "answers", "sent", "settled exact", "full at zero", "zeros", "called lists"):
        table.add_column(heading, justify="right")
    lines = (given.folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    most = max(Counter(EXACT.decode(line)["part"] for line in lines).values(), default=0)
    for samples in given.samples:
        with tempfile.TemporaryDirectory(prefix="lab4-samples-") as work:
            found = marked(given.folder, samples, Path(work))
        parts = dict.fromkeys(answer.part for answer, _ in found.rows)
        for part in ("", *parts):
            own = Marked(tuple(row for row in found.rows if part in ("", row[0].part)))
            table.add_row(str(min(samples, most)), part or "all", *_figures(own))
    Console(width=100).print(table)
    return 0


def _figures(found: Marked) -> tuple[str, ...]:
    settled, total = len(found.settled), len(found.rows)
    exact = f"{found.exact / settled:.1%}" if settled else "–"
    counts = (found.full_zeroed, len(found.zeroed), len(found.lists))
    return (str(total), f"{1 - Decimal(settled) / total:.1%}", exact, *map(str, counts))


if __name__ == "__main__":
    sys.exit(main())
