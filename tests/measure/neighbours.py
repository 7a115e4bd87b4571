"""Grade good submissions alone and beside hostile ones, and compare their marks and the time of the runs.

The command is ``python -m tests.measure.neighbours [--good 20] [--hostile 10]``. The hostile ones are costly to read
(the attacks of the family ``costs``) or do not end (``--loops`` of them). The exit code is 1 if a mark, a status or a
flag of a good submission differs between the two runs, or if the second run takes more than 1.5 times as long.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.measure.audit import Graded, Tally, check_neighbours, copied_samples, graded
from tests.measure.soak import is_slow
from tests.support.attack_corpus import build
from tests.support.sample_cohort import CASES

MOST_TIMES = 1.5
"""How many times as long the run with the hostile submissions may take."""


def compare(work: Path, *, good: int, hostile: int, loops: int, data: str, jobs: int) -> tuple[Graded, Graded, Tally]:
    """Grade both cohorts below ``work``; the results, and what differs."""
    cases = list(itertools.islice((case for case in CASES if case.startswith("valid-")), good))
    spare = work / "spare"
    attacks = build(spare)
    costly = [attack.name for attack in attacks if attack.family == "costs"]
    endless = [attack.name for attack in attacks if attack.family == "loops" and is_slow(attack)]
    chosen = [*itertools.islice(itertools.cycle(costly), hostile - loops), *itertools.islice(endless, loops)]
    for name in ("alone", "together"):
        copied_samples(cases, work / name)
    for number, name in enumerate(chosen):
        shutil.copytree(spare / name, work / "together" / f"hostile-{number:02}-{name}")
    alone, together = (
        graded(work / name, work / f"out-{name}", work / f"temporary-{name}", data=data, jobs=jobs)
        for name in ("alone", "together")
    )
    tally = Tally()
    check_neighbours(tally, alone, together)
    for student in sorted(set(alone.entries) - set(together.entries)):
        tally.deviates(student, "is missing in the second run")
    if together.seconds > MOST_TIMES * alone.seconds:
        tally.deviates("the run", f"takes {together.seconds / alone.seconds:.2f} times as long beside hostile ones")
    return alone, together, tally


def main(argv: Sequence[str] | None = None) -> int:
    """Compare the two runs; 1 if there is a deviation."""
    parser = argparse.ArgumentParser(prog="neighbours", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--good", type=int, default=20, metavar="N", help="good submissions (default: %(default)s)")
    parser.add_argument("--hostile", type=int, default=10, metavar="N", help="hostile ones (default: %(default)s)")
    parser.add_argument("--loops", type=int, default=0, metavar="N", help="hostile ones that never end")
    parser.add_argument("--data", default="", metavar="DIR", help="as for grade")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes at once")
    given = parser.parse_args(argv)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="lab4-neighbours-") as name:
        alone, together, tally = compare(
            Path(name), good=given.good, hostile=given.hostile, loops=given.loops, data=given.data, jobs=given.jobs
        )
    console.print(f"{len(alone.entries)} alone: {alone.seconds:.1f} s; with {given.hostile} hostile ones beside them: "
                  f"{together.seconds:.1f} s, {together.seconds / alone.seconds:.2f} times as long.")  # fmt: skip
    for line in tally.lines:
        console.print(f"! {line}", markup=False, highlight=False, soft_wrap=True)
    return 1 if tally.lines else 0


if __name__ == "__main__":
    sys.exit(main())
