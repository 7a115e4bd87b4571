"""What a student's page says, as values for its template. How they look is the template's."""

from __future__ import annotations

from typing import Any

from grader.model import Report, Run
from grader.report import tally
from grader.report.plots import learning_chart
from grader.report.steps import network_steps

_MOST_OUTPUT = 4000
"""Characters of a submission's own printed output that a page shows, from its end."""


def context(report: Report, run: Run) -> dict[str, Any]:
    """The values that ``report.html`` is rendered with."""
    evidence = report.evidence
    return {
        "report": report,
        "run": run,
        "status": tally.status_of(report),
        "is_marked": tally.is_marked(report),
        "part1": tally.add_up(report.answers),
        "part2": tally.add_up(report.items),
        "item_counts": tally.count_statuses(item.status for item in report.items),
        "trace": evidence.trace if evidence else None,
        "network": network_steps(evidence.trace) if evidence and evidence.trace else None,
        "trainings": evidence.trainings if evidence else (),
        "chart": learning_chart(evidence.trainings, run.bands) if evidence else None,
        "bands": sorted(run.bands, key=lambda band: band.accuracy),
        "output": evidence.output[-_MOST_OUTPUT:] if evidence else "",
    }
