"""Counts and sums over finished reports that more than one view shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from grader.model import Report, Result, Status
from grader.model.status import open_results, overall_status

UNSETTLED = (Status.NEEDS_REVIEW, Status.ERROR)
LOSSY = (Status.FAILED, Status.PARTIAL)


@dataclass(frozen=True)
class Points:
    """The points of a group of items. ``open`` points, in ``waiting`` items, wait for a tutor."""

    awarded: Decimal
    available: Decimal
    open: Decimal
    waiting: int


@dataclass(frozen=True)
class MostFrequent:
    """The most frequent message among students who lost marks on an item, and how many got it."""

    message: str
    count: int


@dataclass(frozen=True)
class ItemTally:
    """The outcomes of one item over a cohort. ``marked`` counts all but skipped items, including the ``open`` ones."""

    id: str
    title: str
    failed: int
    partial: int
    open: int
    marked: int
    most_frequent: MostFrequent | None


@dataclass(frozen=True)
class PartTally:
    """The outcomes of one part of Part 1 over a cohort: how many answers earned all, some or none of the points."""

    part: str
    title: str
    full: int
    partial: int
    none: int
    open: int
    most_frequent: MostFrequent | None


@dataclass(frozen=True)
class Bin:
    """Number of students with ``low`` to ``high`` points; the bins of a histogram leave no gap."""

    low: Decimal
    high: Decimal
    count: int


@dataclass(frozen=True)
class SharedNetwork:
    """A network that several submissions run, and its accuracy from the training run that they share."""

    digest: str
    students: tuple[str, ...]
    accuracy: float | None


def shared_networks(reports: Iterable[Report]) -> tuple[SharedNetwork, ...]:
    """The networks of more than one submission, the most frequent first."""
    groups: dict[str, list[Report]] = {}
    for report in reports:
        if report.network:
            groups.setdefault(report.network, []).append(report)
    found = (
        SharedNetwork(digest, tuple(report.student for report in group), group[0].accuracy)
        for digest, group in groups.items()
        if len(group) > 1
    )
    return tuple(sorted(found, key=lambda network: -len(network.students)))


def add_up(results: Iterable[Result]) -> Points:
    """The sum of the points of ``results``; the points behind an item that waits are open too."""
    listed = tuple(results)
    return Points(
        awarded=sum((result.awarded for result in listed), Decimal(0)),
        available=sum((result.available for result in listed), Decimal(0)),
        open=sum((result.available for result in open_results(listed)), Decimal(0)),
        waiting=sum(result.status in UNSETTLED for result in listed),
    )


def is_marked(report: Report) -> bool:
    """Whether Part 2 was marked; after a fault of the grader it has no mark, which is not a mark of zero."""
    return any(item.status is not Status.ERROR for item in report.code_results)


def is_settled(report: Report) -> bool:
    """Whether nothing in the report waits for a tutor or for a fault of the grader, so that its marks are final."""
    return bool(report.results) and report.status not in UNSETTLED and not open_results(report.results)


def code_status(report: Report) -> Status:
    """The status of the code alone, so that open answers don't hide it."""
    return overall_status(report.code_results) if report.code_results else report.status


def status_of(report: Report) -> Status:
    """The status to show for a submission: that of its code while answers are open, because nearly all have some."""
    has_open_answer = any(answer.status in UNSETTLED for answer in report.answer_results)
    return code_status(report) if has_open_answer else report.status


def count_statuses(statuses: Iterable[Status]) -> dict[Status, int]:
    """How often each status occurs, in the order of :class:`Status`, without those that do not occur."""
    counts = Counter(statuses)
    return {status: counts[status] for status in Status if counts[status]}


def most_failed(reports: Iterable[Report]) -> tuple[ItemTally, ...]:
    """Part 2 items that somebody lost marks on, the most often failed first."""
    tallies = [
        ItemTally(
            id=id,
            title=count.title,
            failed=count.statuses[Status.FAILED],
            partial=count.statuses[Status.PARTIAL],
            open=count.statuses[Status.NEEDS_REVIEW],
            marked=count.statuses.total() - count.statuses[Status.SKIPPED] - count.statuses[Status.ERROR],
            most_frequent=_most_frequent(count.messages),
        )
        for id, count in _counted((item.id, item) for report in reports for item in report.code_results).items()
    ]
    lossy = [tally for tally in tallies if tally.failed or tally.partial]
    return tuple(sorted(lossy, key=lambda tally: (-tally.failed, -tally.partial)))


def part_tallies(reports: Iterable[Report]) -> tuple[PartTally, ...]:
    """Each part of Part 1, in the order of the rubric."""
    return tuple(
        PartTally(
            part=part,
            title=count.title,
            full=count.statuses[Status.PASSED],
            partial=count.statuses[Status.PARTIAL],
            none=count.statuses[Status.FAILED],
            open=sum(count.statuses[status] for status in UNSETTLED),
            most_frequent=_most_frequent(count.messages),
        )
        for part, count in _counted(
            (answer.part, answer) for report in reports for answer in report.answer_results
        ).items()
    )


@dataclass
class _Count:
    """How often an item has each status, and the messages to students who lost marks on it."""

    title: str
    statuses: Counter[Status] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)


def _counted(results: Iterable[tuple[str, Result]]) -> dict[str, _Count]:
    counts: dict[str, _Count] = {}
    for id, result in results:
        if (count := counts.get(id)) is None:
            count = counts[id] = _Count(result.title)
        count.statuses[result.status] += 1
        if result.status in LOSSY and result.decision is None:  # a tutor's words are about one student
            count.messages[result.message] += 1
    return counts


def _most_frequent(messages: Counter[str]) -> MostFrequent | None:
    return next((MostFrequent(*entry) for entry in messages.most_common(1)), None)


def histogram(values: Sequence[Decimal], available: Decimal, *, most_bins: int = 20) -> tuple[Bin, ...]:
    """Counts of marks from 0 to ``available`` in bins of equal width in whole points, at most about ``most_bins``.

    A mark belongs to the bin with the largest ``low`` that does not exceed it.
    """
    top = int(available) + (available % 1 > 0)
    step = max(1, -(-(top + 1) // most_bins))
    counts = Counter(int(max(value, Decimal(0))) // step for value in values)
    last = max([top // step, *counts])
    return tuple(
        Bin(Decimal(index * step), Decimal(max(index * step, min((index + 1) * step - 1, top))), counts[index])
        for index in range(last + 1)
    )
