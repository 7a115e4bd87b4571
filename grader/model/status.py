"""What the results of one submission come to together: one status, and one sentence on what cost marks first.

Marking needs it, and so does whoever lays a tutor's decisions over stored marks, without checks and answer reading.
"""

from __future__ import annotations

from collections.abc import Iterable

from grader.model import AnswerResult, ItemResult, Status


def overall_status(items: Iterable[ItemResult], answers: Iterable[AnswerResult]) -> Status:
    """One status for a submission: the most urgent of its items, or how many of them hold."""
    results: tuple[ItemResult | AnswerResult, ...] = (*items, *answers)
    statuses = {one.status for one in results if one.available or one.status is not Status.SKIPPED}
    for urgent in (Status.ERROR, Status.NEEDS_REVIEW):
        if urgent in statuses:
            return urgent
    if statuses <= {Status.PASSED}:
        return Status.PASSED
    return Status.PARTIAL if statuses & {Status.PASSED, Status.PARTIAL} else Status.FAILED


def first_cause(items: Iterable[ItemResult], answers: Iterable[AnswerResult]) -> str:
    """The message of the first item that did not earn all its points, else that of the first such answer."""
    lossy = {Status.ERROR, Status.FAILED, Status.NEEDS_REVIEW, Status.PARTIAL}
    causes = [item.message for item in items if item.status in lossy]
    causes += [f"Part 1, {one.part}: {one.message}" for one in answers if one.status in lossy - {Status.NEEDS_REVIEW}]
    return causes[0] if causes else ""
