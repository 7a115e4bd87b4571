"""The values that a page of one student shows, whoever reads it. The template decides how they look.

What only tutors read is in :mod:`grader.report.html.tutor_page`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from grader.model import Report, Result, Run, Status
from grader.model.status import open_results
from grader.report import tally
from grader.report.highlighting import MOST, FoldedAnswer, fold
from grader.report.html.experiment_view import experiment_view, split_off
from grader.report.html.observed_view import observed
from grader.storage.records import StoredEvidence

_BOOK, _BEGINNING = 30_000, 2_000
"""When all answers together have more characters than the first number, a page shows only the second number of each."""
_LOST = (Status.FAILED, Status.PARTIAL)


@dataclass(frozen=True)
class Sum:
    """The points of one part: ``awarded``, ``open`` and ``lost`` add up to ``available``.

    ``proposed`` are the points proposed to the tutor for the open items; None when nothing is proposed.
    """

    name: str
    awarded: Decimal
    open: Decimal
    lost: Decimal
    available: Decimal
    proposed: Decimal | None


def context(report: Report, stored: StoredEvidence, run: Run) -> dict[str, Any]:
    """The values that ``report.html`` is rendered with."""
    items, tried = split_off(report.code_results)
    return observed(stored.evidence, lost_checks(items), run.bands) | {
        "report": report,
        "run": run,
        "status": tally.status_of(report),
        "is_marked": tally.is_marked(report),
        "items": items,
        "groups": _groups(items),
        "open_ids": {item.id for item in open_results(items)},
        "experiment": experiment_view(report, stored.experiment, tried),
        "sums": [
            _sum("Part 2: the network", items),
            *([_sum("Part 2: the experiment", tried)] if tried else []),
            *_part1(report.answer_results),
        ],
        "total": _sum("Total", report.results),
        "item_counts": tally.count_statuses(item.status for item in items),
        "answer_counts": tally.count_statuses(answer.status for answer in report.answer_results),
        "losses": [result for result in report.results if result.status in _LOST],
        "skipped": [item for item in items if item.status is Status.SKIPPED],
        "folded": _folded(report.answer_results),
        "script": (stored.submission.script or "") if stored.submission else "",
        "documents": stored.sheet.documents if stored.sheet else (),
    }


def _groups(items: Sequence[Result]) -> list[list[Result]]:
    """The items row by row: items that were skipped for the same cause share one row, at the place of the first."""
    groups: dict[object, list[Result]] = {}
    for item in items:
        is_plain = item.status is Status.SKIPPED and not (item.decision or item.comments or item.asked)
        groups.setdefault(("cause", item.cause) if is_plain else item.id, []).append(item)
    return list(groups.values())


def lost_checks(items: Sequence[Result]) -> frozenset[str]:
    """Ids of the items that did not earn all their points, or for which less than all points are proposed."""
    return frozenset(
        item.id
        for item in items
        if item.status in _LOST
        or (item.status is Status.NEEDS_REVIEW and item.proposed is not None and item.proposed < item.available)
    )


def _sum(name: str, results: Sequence[Result]) -> Sum:
    points = tally.add_up(results)
    unsettled = [result for result in results if result.status in tally.UNSETTLED]
    proposed = [result.proposed for result in unsettled if result.proposed is not None]
    return Sum(
        name=name,
        awarded=points.awarded,
        open=points.open,
        lost=points.available - points.awarded - points.open,
        available=points.available,
        proposed=sum(proposed, Decimal(0)) if proposed else None,
    )


def _part1(answers: Sequence[Result]) -> list[Sum]:
    return [_sum("Part 1: the questions", answers)] if answers else []


def _folded(answers: Sequence[Result]) -> dict[str, FoldedAnswer]:
    """Each answer as it is shown: folded when it is long, and only its beginning when all together are too long."""
    handed_in = {result.part: result.answer for result in answers if result.answer is not None}
    is_book = sum(len(answer.text) for answer in handed_in.values()) > _BOOK
    most = _BEGINNING if is_book else MOST
    return {part: fold(answer.text, answer.spans, answer.against, most=most) for part, answer in handed_in.items()}
