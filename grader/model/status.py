"""Summarises the results of one submission: one status, and one sentence about the first loss of marks."""

from __future__ import annotations

from collections.abc import Iterable

from grader.model import Result, Status


def overall_status(results: Iterable[Result]) -> Status:
    """One status for a submission: error or needs_review if any result has it, else by how many passed."""
    statuses = {result.status for result in results if result.available or result.status is not Status.SKIPPED}
    for urgent in (Status.ERROR, Status.NEEDS_REVIEW):
        if urgent in statuses:
            return urgent
    if statuses <= {Status.PASSED}:
        return Status.PASSED
    return Status.PARTIAL if statuses & {Status.PASSED, Status.PARTIAL} else Status.FAILED


def first_cause(results: Iterable[Result]) -> str:
    """The message of the first result without all its points, except answers that wait for a tutor; or empty."""
    lossy = {Status.ERROR, Status.FAILED, Status.NEEDS_REVIEW, Status.PARTIAL}
    for result in results:
        if result.answer is None and result.status in lossy:
            return result.message
        if result.answer is not None and result.status in lossy - {Status.NEEDS_REVIEW}:
            return f"Part 1, {result.part}: {result.message}"
    return ""
