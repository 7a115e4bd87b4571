"""What a student's page says, as values for its template. How they look is the template's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from grader.model import Report, Result, Run, Status
from grader.report import tally
from grader.report.highlighting import MOST, FoldedAnswer, fold
from grader.report.html.experiment_view import experiment_view, split_off
from grader.report.html.learning_chart import learning_chart
from grader.report.html.network_view import compare
from grader.report.html.training_view import gallery, runs
from grader.storage.records import StoredEvidence

_MOST_OUTPUT = 4000
"""Characters of a submission's own printed output that a page shows, from its end."""
_BOOK, _BEGINNING = 30_000, 2_000
"""Characters of all answers together from which on a page shows only so many of each."""
_LOST = (Status.FAILED, Status.PARTIAL)


@dataclass(frozen=True)
class Sum:
    """How the points of one part add up: ``awarded``, ``open`` and ``lost`` together are ``available``.

    ``proposed`` is what a tutor is asked to give of the open points; None when nothing is proposed.
    """

    name: str
    awarded: Decimal
    open: Decimal
    lost: Decimal
    available: Decimal
    proposed: Decimal | None


def context(report: Report, record: StoredEvidence, run: Run) -> dict[str, Any]:
    """The values that ``report.html`` is rendered with."""
    evidence = record.evidence
    trace = evidence.trace if evidence and evidence.trace and evidence.trace.operations else None
    trainings = evidence.trainings if evidence else ()
    items, tried = split_off(report.items)
    return {
        "report": report,
        "record": record,
        "run": run,
        "status": tally.status_of(report),
        "is_marked": tally.is_marked(report),
        "items": items,
        "experiment": experiment_view(report, record.experiment, tried),
        "sums": [
            _sum("Part 2: the network", items),
            *([_sum("Part 2: the experiment", tried)] if tried else []),
            *_part1(report.answers),
        ],
        "total": _sum("Together", report.results),
        "part1": tally.add_up(report.answers),
        "part2": tally.add_up(report.items),
        "item_counts": tally.count_statuses(item.status for item in items),
        "answer_counts": tally.count_statuses(answer.status for answer in report.answers),
        "losses": [result for result in report.results if result.status in _LOST],
        "skipped": [item for item in items if item.status is Status.SKIPPED],
        "decided": [result for result in report.results if result.decision],
        "is_unanswered": all(_is_untouched(answer) for answer in report.answers),
        "folded": _folded(report.answers),
        "trace": trace,
        "network": compare(trace, lost_checks(items)) if trace else None,
        "trainings": runs(trainings, run.bands),
        "chart": learning_chart(trainings, run.bands),
        "gallery": gallery(trainings),
        "bands": sorted(run.bands, key=lambda band: band.accuracy),
        "output": evidence.output[-_MOST_OUTPUT:] if evidence else "",
        "is_output_cut": bool(evidence and len(evidence.output) > _MOST_OUTPUT),
    }


def lost_checks(items: Sequence[Result]) -> frozenset[str]:
    """Ids of the items that did not earn all their points, or that a tutor is asked to give less than all."""
    return frozenset(
        item.id
        for item in items
        if item.status in _LOST
        or (item.status is Status.NEEDS_REVIEW and item.proposed is not None and item.proposed < item.available)
    )


def _sum(name: str, results: Sequence[Result]) -> Sum:
    points = tally.add_up(results)
    proposed = [one.proposed for one in results if one.status in tally.UNSETTLED and one.proposed is not None]
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
    """Each answer as it is shown; where all together are a book, no more than the beginnings."""
    handed_in = {result.part: result.answer for result in answers if result.answer is not None}
    is_book = sum(len(answer.text) for answer in handed_in.values()) > _BOOK
    most = _BEGINNING if is_book else MOST
    return {part: fold(answer.text, answer.spans, most=most) for part, answer in handed_in.items()}


def _is_untouched(result: Result) -> bool:
    """Whether there is nothing to say on an answer but that it waits."""
    is_waiting = result.status is Status.NEEDS_REVIEW and result.proposed is None
    return is_waiting and not (result.answer and result.answer.text) and not result.comments
