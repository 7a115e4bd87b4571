"""Count the keys that a tutor presses for the open answers of a cohort, without and with groups of equal answers.

The command is ``python -m tests.measure.review_keys [--students 300] [--seed 1]``. Each student's answers are drawn
from every second sample answer, and marked with the key and the other samples: no drawn answer is known to the key.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.key import load_key
from grader.answers.marker.samples import EXACT
from grader.model import AnswerFinding, Status
from grader.moderation.likeness import alike
from tests.support.places import TESTS

SOLUTIONS = TESTS.parent / "solutions"
REASON = len("a reason of this length")
"""Keys of the reason that had to be typed."""


@dataclass(frozen=True)
class Counted:
    """Open answers, those of them that stand in a group with others, and the keys for all of them.

    ``before``: in the terminal, with a reason for each. ``single``: on the page, one key for each answer, without a
    reason. ``with_groups``: one key for each group of equal answers, after one g for the whole session.
    """

    open: int
    grouped: int
    before: int
    single: int
    with_groups: int


def sample_lines() -> list[str]:
    """The lines of the file of samples."""
    return (SOLUTIONS / "samples.jsonl").read_text(encoding="utf-8").splitlines()


def drawn(students: int, seed: int, *, repeated: bool) -> dict[str, list[str]]:
    """The answers to each part: with replacement, each sample equally likely, or each sample at most once."""
    samples: defaultdict[str, list[str]] = defaultdict(list)
    for line in sample_lines()[1::2]:
        read = EXACT.decode(line)
        samples[read["part"]].append(read["answer"])
    chance = random.Random(seed)
    return {
        part: chance.choices(own, k=students) if repeated else chance.sample(own, min(students, len(own)))
        for part, own in samples.items()
    }


def counted(answers: Sequence[str], findings: Mapping[str, AnswerFinding]) -> Counted:
    """The keys for the answers to one part. What a tutor gives is the proposal in each case: the keys differ little."""
    waiting = {f"s{n}": text for n, text in enumerate(answers) if findings[text].status is Status.NEEDS_REVIEW}
    groups = alike(waiting)
    before = sum(keys_before(findings[text]) for text in waiting.values())
    in_groups = sum(len(group.students) for group in groups if len(group.students) > 1)
    return Counted(len(waiting), in_groups, before, len(waiting), len(groups))


def keys_before(finding: AnswerFinding) -> int:
    """c, the points, Enter, the reason, Enter."""
    return 1 + len(f"{finding.awarded.normalize():f}") + 1 + REASON + 1


def main(argv: Sequence[str] | None = None) -> int:
    """Print the keys of a cohort with repeated answers, and of one without."""
    parser = argparse.ArgumentParser(prog="review_keys", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="lab4-keys-") as work:
        (Path(work) / "samples.jsonl").write_text("\n".join(sample_lines()[::2]) + "\n", encoding="utf-8")
        (Path(work) / "key.toml").write_bytes((SOLUTIONS / "key.toml").read_bytes())
        key = load_key(Path(work) / "key.toml")
    table = Table(box=None, header_style="bold")
    for heading in ("answers", "all", "open", "in groups", "before", "one key", "with groups", "keys a decision"):
        table.add_column(heading, justify="right")
    for repeated in (True, False):
        cohort = drawn(given.students, given.seed, repeated=repeated)
        rows = []
        for part, answers in cohort.items():
            findings = {text: mark_answer(key, part, text) for text in set(answers)}
            rows.append(counted(answers, findings))
        figures = [sum(getattr(row, name) for row in rows) for name in Counted.__annotations__]
        figures[-1] += 1  # g, which stays on
        rates = " / ".join(f"{keys / max(figures[0], 1):.2f}" for keys in figures[2:])
        name = "as drawn" if repeated else "none twice"
        table.add_row(name, str(sum(map(len, cohort.values()))), *map(str, figures), rates)
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
