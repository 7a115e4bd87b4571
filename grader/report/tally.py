"""Sums over finished reports that more than one view shows. Nothing here awards, changes or settles a mark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from grader.model import Report, Result, Status
from grader.model.status import overall_status

UNSETTLED = (Status.NEEDS_REVIEW, Status.ERROR)
LOSSY = (Status.FAILED, Status.PARTIAL)


@dataclass(frozen=True)
class Points:
    """Points of a group of items: ``open`` of the ``available`` ones, in ``waiting`` items, wait for a tutor."""

    awarded: Decimal
    available: Decimal
    open: Decimal
    waiting: int


@dataclass(frozen=True)
class Saying:
    """The message that most of those got who lost marks on an item, and how many that were."""

    message: str
    count: int


@dataclass(frozen=True)
class ItemTally:
    """How one rubric item went over a cohort. ``marked`` are all but the skipped ones; ``open`` ones are among them."""

    id: str
    title: str
    failed: int
    partial: int
    open: int
    marked: int
    saying: Saying | None


@dataclass(frozen=True)
class PartTally:
    """How one part of Part 1 went over a cohort: how many answers earned everything, something or nothing."""

    part: str
    title: str
    full: int
    partial: int
    none: int
    open: int
    saying: Saying | None


@dataclass(frozen=True)
class Bin:
    """Students with at least ``low`` and at most ``high`` points; the bins of a histogram leave no gap."""

    low: Decimal
    high: Decimal
    count: int


@dataclass(frozen=True)
class SharedNetwork:
    """A network that several submissions run, by id, and the accuracy that it was trained to once for all of them."""

    digest: str
    students: tuple[str, ...]
    accuracy: float | None


def shared_networks(reports: Iterable[Report]) -> tuple[SharedNetwork, ...]:
    """The networks of more than one submission, those of most first."""
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


def code_status(report: Report) -> Status:
    """The status of the code alone, which answers that wait for a tutor do not hide."""
    return overall_status(report.items) if report.items else report.status


def status_of(report: Report) -> Status:
    """The one status to show for a submission: the code's while an answer is open, for nearly everybody has one."""
    has_open_answer = any(answer.status in UNSETTLED for answer in report.answers)
    return code_status(report) if has_open_answer else report.status


def count_statuses(statuses: Iterable[Status]) -> dict[Status, int]:
    """How often each status occurs, in the order of :class:`Status`; those that do not are left out."""
    counts = Counter(statuses)
    return {status: counts[status] for status in Status if counts[status]}


def most_failed(reports: Iterable[Report]) -> tuple[ItemTally, ...]:
    """Part 2 items that somebody lost marks on, the most often failed first."""
    tallies = [
        ItemTally(
            id=id,
            title=one.title,
            failed=one.statuses[Status.FAILED],
            partial=one.statuses[Status.PARTIAL],
            open=one.statuses[Status.NEEDS_REVIEW],
            marked=one.statuses.total() - one.statuses[Status.SKIPPED] - one.statuses[Status.ERROR],
            saying=_most_given(one.messages),
        )
        for id, one in _counted((item.id, item) for report in reports for item in report.items).items()
    ]
    lossy = [tally for tally in tallies if tally.failed or tally.partial]
    return tuple(sorted(lossy, key=lambda tally: (-tally.failed, -tally.partial)))


def part_tallies(reports: Iterable[Report]) -> tuple[PartTally, ...]:
    """Each part of Part 1, in the order of the rubric."""
    return tuple(
        PartTally(
            part=part,
            title=one.title,
            full=one.statuses[Status.PASSED],
            partial=one.statuses[Status.PARTIAL],
            none=one.statuses[Status.FAILED],
            open=sum(one.statuses[status] for status in UNSETTLED),
            saying=_most_given(one.messages),
        )
        for part, one in _counted((answer.part, answer) for report in reports for answer in report.answers).items()
    )


@dataclass
class _Count:
    """How often an item came to each status, and what was said to those that lost marks on it."""

    title: str
    statuses: Counter[Status] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)


def _counted(results: Iterable[tuple[str, Result]]) -> dict[str, _Count]:
    counts: dict[str, _Count] = {}
    for id, result in results:
        if (count := counts.get(id)) is None:
            count = counts[id] = _Count(result.title)
        count.statuses[result.status] += 1
        if result.status in LOSSY:
            count.messages[result.message] += 1
    return counts


def _most_given(messages: Counter[str]) -> Saying | None:
    return next((Saying(*entry) for entry in messages.most_common(1)), None)


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
