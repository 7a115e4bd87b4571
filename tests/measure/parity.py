"""Compare the students' self-check with the grader: ``python -m tests.measure.parity [CASE...]``, some 15 minutes.

Both run over the sample cohort, or over the cases named. It prints how many verdicts, scripts, written answers and
tables are the same, and every difference with its reason. It exits with 1 if a difference has no reason.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from grader.__main__ import main as grader
from grader.lab4.items import PART2_TITLES
from grader.storage.records import read_report
from grader.submissions.discovery import discover
from tests.support.sample_cohort import CASES, COHORT, run_with_known_seeds
from tests.support.selfcheck_cohort import MUST_DIFFER, found_by_the_grader, found_by_the_self_check, self_checks


def graded(cases: Sequence[str], out: Path) -> dict[str, dict[str, str]]:
    """The grader's status of each check, by case."""
    grader(["grade", str(COHORT), "--out", str(run_with_known_seeds(out)), *(f"--student={case}" for case in cases)])
    reports = [report for case in cases if (report := read_report(out, case)) is not None]
    return {report.student: {item.id: str(item.status) for item in report.results} for report in reports}


def main(cases: Sequence[str]) -> int:
    """Print the table. Returns the exit status."""
    unexplained = 0
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        theirs = graded(cases, scratch / "run")
        own = self_checks(*cases)
        pairs = [(case, id, theirs[case][id], own[case][id][0]) for case in cases for id in PART2_TITLES]
        print(f"verdicts: {sum(mark == status for *_, mark, status in pairs)} of {len(pairs)} the same")
        for case, id, mark, status in pairs:
            if mark != status:
                expected, reason = MUST_DIFFER.get((case, id), (None, ""))
                reason = reason if status == expected else ""
                unexplained += not reason
                print(f"  {case} {id}: {mark}, self-check {status}: {reason or own[case][id][1]}")
        submissions = [one for one in discover(COHORT, scratch) if one.id in cases]
        found = [
            (one.id, found_by_the_grader(one, scratch), found_by_the_self_check(COHORT / one.id, scratch))
            for one in submissions
        ]
        for place, what in enumerate(("scripts", "sheets of answers", "tables")):
            same = sum(graders[place] == seen[place] for _, graders, seen in found)
            print(f"{what}: {same} of {len(found)} the same")
            unexplained += len(found) - same
            for case, graders, others in found:
                if graders[place] != others[place]:
                    print(f"  {case}: {graders[place]}, self-check {others[place]}")
    return min(unexplained, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or CASES))
