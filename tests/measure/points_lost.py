"""Show how many points a single fault costs, before and after a change of the grader.

The command is ``python -m tests.measure.points_lost BEFORE.json [AFTER.json]``; both files are a run's results.json. To
make such runs, write the submissions with ``python -m tests.measure.points_lost --write FOLDER`` and grade the folder
with the grader before and after the change. The submissions are those of :mod:`tests.support.one_fault` and the
``fault-`` samples. Only the items of the code count. Points that wait for a tutor count as lost.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from grader.model import Status
from grader.report.formats import points
from tests.support.graded_scripts import write_scripts
from tests.support.one_fault import ONE_FAULT
from tests.support.sample_cohort import CASES, COHORT

SAMPLES = [case for case in CASES if case.startswith("fault-")]
FAULTS = [*(fault.id for fault in ONE_FAULT), *SAMPLES]
WIDTH = 150


@dataclass(frozen=True)
class Loss:
    """What a submission lost: the points, and the status of each item without full points."""

    points: Decimal
    items: Mapping[str, str]

    def __str__(self) -> str:
        words = [item if status == Status.FAILED else f"{item} ({status})" for item, status in self.items.items()]
        return ", ".join(words)


def losses(results: Path) -> dict[str, Loss]:
    """What each submission with a single fault lost, by its name. Submissions that are missing are left out."""
    stored = json.loads(results.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal)
    found = {}
    for entry in stored["submissions"]:
        lost = {item["id"]: item for item in entry["items"] if item["status"] != Status.PASSED}
        total = sum((item["available"] - item["awarded"] for item in lost.values()), Decimal(0))
        found[entry["student"]] = Loss(total, {id: item["status"] for id, item in lost.items()})
    return {name: found[name] for name in FAULTS if name in found}


def summary(lost: Mapping[str, Loss]) -> tuple[str, str, str]:
    """Median, mean and largest loss in points; the largest with its submission."""
    amounts = [loss.points for loss in lost.values()]
    worst = max(lost, key=lambda name: lost[name].points)
    return (
        points(statistics.median(amounts)),
        f"{statistics.mean(amounts):.2f}",
        f"{points(lost[worst].points)} ({worst})",
    )


def table(before: Mapping[str, Loss], after: Mapping[str, Loss]) -> Table:
    """A row for each submission of both runs, the largest loss before first."""
    rows = Table(title="Points lost by a single fault", title_justify="left")
    for name in ("fault", "before", "after", "items without full points after"):
        rows.add_column(name, justify="right" if name in ("before", "after") else "left")
    for name in sorted(before.keys() & after.keys(), key=lambda name: (-before[name].points, name)):
        rows.add_row(name, points(before[name].points), points(after[name].points), str(after[name]))
    return rows


def write_submissions(folder: Path) -> None:
    """Write all submissions with a single fault into ``folder``, which must not have them yet."""
    write_scripts(folder, {fault.id: fault.script for fault in ONE_FAULT})
    for case in SAMPLES:
        shutil.copytree(COHORT / case, folder / case, ignore=shutil.ignore_patterns("expected.toml"))


def main(argv: Sequence[str] | None = None) -> int:
    """Write the submissions, or print the table of two runs and a line with median, mean and largest loss for each."""
    parser = argparse.ArgumentParser(prog="points_lost", description="Show how many points a single fault costs.")
    parser.add_argument("results", type=Path, nargs="*", metavar="RESULTS", help="results.json before, and after")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the submissions with a single fault")
    arguments = parser.parse_args(argv)
    if len(arguments.results) not in ((1, 2) if arguments.write is None else (0,)):
        parser.error("give one or two results.json, or --write FOLDER")
    if arguments.write is not None:
        write_submissions(arguments.write)
        return 0
    runs = [losses(path) for path in arguments.results]
    console = Console(width=WIDTH)
    if not all(runs):
        parser.error("a run has no submission with a single fault")
    console.print(table(runs[0], runs[-1]))
    for name, lost in zip(("before", "after"), runs, strict=False):
        median, mean, largest = summary(lost)
        console.print(f"{name}: {len(lost)} faults, median {median}, mean {mean}, largest {largest}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
