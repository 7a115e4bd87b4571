"""What the results of one submission come to together: one status, and one sentence on what cost marks first.

Marking needs it, and so does whoever lays a tutor's decisions over stored marks, without checks and answer reading.
"""

from __future__ import annotations

from collections.abc import Iterable

from grader.model import Result, Status


def overall_status(results: Iterable[Result]) -> Status:
    """One status for a submission: the most urgent of its results, or how many of them hold."""
    statuses = {result.status for result in results if result.available or result.status is not Status.SKIPPED}
    for urgent in (Status.ERROR, Status.NEEDS_REVIEW):
        if urgent in statuses:
            return urgent
    if statuses <= {Status.PASSED}:
        return Status.PASSED
    return Status.PARTIAL if statuses & {Status.PASSED, Status.PARTIAL} else Status.FAILED


def first_cause(results: Iterable[Result]) -> str:
    """The message of the first result that did not earn all its points; an answer that waits for a tutor is none."""
    lossy = {Status.ERROR, Status.FAILED, Status.NEEDS_REVIEW, Status.PARTIAL}
    for result in results:
        if result.answer is None and result.status in lossy:
            return result.message
        if result.answer is not None and result.status in lossy - {Status.NEEDS_REVIEW}:
            return f"Part 1, {result.part}: {result.message}"
    return ""
