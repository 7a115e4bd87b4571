"""The summary of a run as one JSON object for other programs, described in docs/report-format.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grader.model import JSON, Report, Result, Run
from grader.moderation.queue import queue_of
from grader.report import tally
from grader.storage import marks_csv, results_json, run_folder


def summary_record(reports: Sequence[Report], run: Run, folder: Path, exit_code: int) -> JSON:
    """Counts of statuses, sums of points, counts of what is open, paths of the files, and the exit code."""
    queue = queue_of(reports)
    statuses = tally.count_statuses(report.status for report in reports)
    return {
        "format": run_folder.FORMAT,
        "exit_code": exit_code,
        "submissions": len(reports),
        "statuses": {status.value: count for status, count in statuses.items()},
        "points": {
            "part1": _points([answer for report in reports for answer in report.answer_results]),
            "part2": _points([item for report in reports for item in report.code_results]),
        },
        "open": {
            "questions": {question.id: len(question.entries) for question in queue.questions},
            "unanswered": len(queue.unanswered),
            "faults": len(queue.faults),
            "flagged": len(queue.flagged),
        },
        "seconds": run.seconds,
        "data": run.data,
        "paths": {
            "folder": str(folder),
            "cohort": str(folder / run_folder.COHORT_PAGE_FILE),
            "marks": str(folder / marks_csv.MARKS_FILE),
            "results": str(folder / results_json.RESULTS_FILE),
        },
    }


def _points(results: Sequence[Result]) -> JSON:
    sums = tally.add_up(results)
    return {"awarded": float(sums.awarded), "available": float(sums.available), "open": float(sums.open)}
