"""What the cohort's page says, as values for its template. How they look is the template's."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from grader.model import Report, Run
from grader.report import tally, text


def context(reports: Sequence[Report], run: Run) -> dict[str, Any]:
    """The values that ``cohort.html`` is rendered with."""
    rows = [(report, tally.add_up(report.items), tally.add_up(report.answers)) for report in reports]
    has_part1_marks = any(answers.awarded or answers.waiting == 0 for _, _, answers in rows if answers.available)
    # A fault of ours is no mark of nought.
    marked = [(report, items) for report, items, _ in rows if tally.is_marked(report)]
    marks = [report.awarded if has_part1_marks else items.awarded for report, items in marked]
    available = [report.available if has_part1_marks else items.available for report, items in marked]
    best = max(available, default=Decimal(0))
    bins = tally.histogram(marks, best)
    return {
        "reports": reports,
        "run": run,
        "rows": rows,
        "counts": tally.count_statuses(map(tally.status_of, reports)),
        "failures": tally.most_failed(reports),
        "queue": tally.review_queue(reports),
        "waiting_answers": tally.waiting_answers(reports),
        "bins": bins,
        "highest_bin": max((entry.count for entry in bins), default=0),
        "marks_are": "Total marks" if has_part1_marks else "Part 2 marks",
        "best": best,
        "run_counts": [(name, str(count)) for name, count in run.counts.items()],
        "stage_times": [(text.STAGE_WORDS.get(name, name), text.duration(spent)) for name, spent in run.timing.items()],
        "mean": sum(marks, Decimal(0)) / len(marks) if marks else None,
    }
