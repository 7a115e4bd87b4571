"""Summarises the results of one submission: one status, the first loss of marks, and losses without a cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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


def lost_without_cause(results: Sequence[Result]) -> tuple[Result, ...]:
    """The results that lack points although no result with a fault, or open to a tutor, explains it."""
    by_id = {result.id: result for result in results}
    explains = {Status.FAILED, Status.PARTIAL, Status.NEEDS_REVIEW, Status.ERROR}
    return tuple(
        result for result in results if result.awarded < result.available and _source(result, by_id) not in explains
    )


def _source(result: Result, by_id: Mapping[str, Result]) -> Status:
    """The status of the result at the end of the chain of causes; skipped if the chain has no end."""
    for _ in by_id:
        if result.status is not Status.SKIPPED or result.cause not in by_id:
            break
        result = by_id[result.cause]
    return result.status


def open_results(results: Sequence[Result]) -> tuple[Result, ...]:
    """The results that are not settled: those that wait for a tutor, and those skipped because of one that waits."""
    by_id = {result.id: result for result in results}
    return tuple(result for result in results if _source(result, by_id) in {Status.NEEDS_REVIEW, Status.ERROR})


def first_cause(results: Iterable[Result]) -> str:
    """The message of the first result without all its points, except answers that wait for a tutor; or empty."""
    lossy = {Status.ERROR, Status.FAILED, Status.NEEDS_REVIEW, Status.PARTIAL}
    for result in results:
        if result.answer is None and result.status in lossy:
            return result.message
        if result.answer is not None and result.status in lossy - {Status.NEEDS_REVIEW}:
            return f"Part 1, {result.part}: {result.message}"
    return ""
