"""Sums over finished reports that more than one view shows. Nothing here awards, changes or settles a mark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from grader.marking import overall_status
from grader.model import AnswerResult, ItemResult, Report, Status

UNSETTLED = (Status.NEEDS_REVIEW, Status.ERROR)


@dataclass(frozen=True)
class Points:
    """Points of a group of items: ``open`` of the ``available`` ones, in ``waiting`` items, wait for a tutor."""

    awarded: Decimal
    available: Decimal
    open: Decimal
    waiting: int


@dataclass(frozen=True)
class ItemTally:
    """How one rubric item went over a cohort."""

    id: str
    title: str
    failed: int
    partial: int
    marked: int


@dataclass(frozen=True)
class QueueEntry:
    """A submission that a tutor must look at, and why, one reason a sentence."""

    report: Report
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Bin:
    """Students with at least ``low`` and at most ``high`` points; the bins of a histogram leave no gap."""

    low: Decimal
    high: Decimal
    count: int


def add_up(results: Iterable[ItemResult | AnswerResult]) -> Points:
    """The points of ``results`` together."""
    listed = tuple(results)
    waiting = [result for result in listed if result.status in UNSETTLED]
    return Points(
        awarded=sum((result.awarded for result in listed), Decimal(0)),
        available=sum((result.available for result in listed), Decimal(0)),
        open=sum((result.available for result in waiting), Decimal(0)),
        waiting=len(waiting),
    )


def is_marked(report: Report) -> bool:
    """Whether anything of Part 2 was looked at; a fault of the grader's own leaves no mark, and no nought either."""
    return any(item.status is not Status.ERROR for item in report.items)


def status_of(report: Report) -> Status:
    """The status to show: the code's alone while none of the answers is marked, for that puts everybody in review."""
    is_code_only = all(answer.status is Status.NEEDS_REVIEW and not answer.awarded for answer in report.answers)
    return overall_status(report.items, ()) if report.items and is_code_only else report.status


def count_statuses(statuses: Iterable[Status]) -> dict[Status, int]:
    """How often each status occurs, in the order of :class:`Status`; those that do not are left out."""
    counts = Counter(statuses)
    return {status: counts[status] for status in Status if counts[status]}


def most_failed(reports: Iterable[Report]) -> tuple[ItemTally, ...]:
    """Part 2 items that somebody lost marks on, the most often failed first."""
    titles: dict[str, str] = {}
    counts: dict[str, Counter[Status]] = {}
    for report in reports:
        for item in report.items:
            titles.setdefault(item.id, item.title)
            if item.status not in (Status.SKIPPED, Status.ERROR):
                counts.setdefault(item.id, Counter())[item.status] += 1
    tallies = [
        ItemTally(id, titles[id], count[Status.FAILED], count[Status.PARTIAL], count.total())
        for id, count in counts.items()
    ]
    lossy = [tally for tally in tallies if tally.failed or tally.partial]
    return tuple(sorted(lossy, key=lambda tally: (-tally.failed, -tally.partial)))


def review_queue(reports: Iterable[Report]) -> tuple[QueueEntry, ...]:
    """Submissions whose code needs a tutor: unsettled Part 2 items, faults of the grader, flags.

    Unmarked Part 1 answers are counted elsewhere; with every answer waiting they would put everybody in the queue.
    """
    entries = []
    for report in reports:
        if report.status is Status.ERROR and not is_marked(report):
            reasons = [report.message or "The grader could not finish this submission."]
        else:
            reasons = [f"{item.title}: {item.message}" for item in report.items if item.status in UNSETTLED]
        reasons.extend(flag.message for flag in report.flags)
        if reasons:
            entries.append(QueueEntry(report, tuple(reasons)))
    return tuple(entries)


def waiting_answers(reports: Iterable[Report]) -> int:
    """How many Part 1 answers have no settled mark yet."""
    return sum(add_up(report.answers).waiting for report in reports)


def histogram(values: Sequence[Decimal], available: Decimal, *, most_bins: int = 20) -> tuple[Bin, ...]:
    """Counts of marks from 0 to ``available`` in equal whole-point steps, at most about ``most_bins`` of them.

    A mark lies in the bin whose ``low`` is the largest that does not exceed it.
    """
    top = int(available) + (available % 1 > 0)
    step = max(1, -(-(top + 1) // most_bins))
    counts = Counter(int(max(value, Decimal(0))) // step for value in values)
    last = max([top // step, *counts])
    return tuple(
        Bin(Decimal(index * step), Decimal(max(index * step, min((index + 1) * step - 1, top))), counts[index])
        for index in range(last + 1)
    )
