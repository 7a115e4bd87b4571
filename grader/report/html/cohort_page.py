"""The values that the template of the cohort page shows. The template decides how they look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from grader.model import Decision, Report, Result, Run, Status
from grader.model.command_lines import command_line
from grader.report import formats, tally
from grader.report.html.anonymity import Identity
from grader.report.html.cohort_chart import accuracy_chart, band_counts, percent
from grader.report.html.cohort_queue import MOST_LISTED, listed_queue, shares
from grader.sandbox.level import shortfall
from grader.submissions.naming import name_order

_MOST_FLAGS = 4
"""Flags of one student that the table names."""


@dataclass(frozen=True)
class Row:
    """One student in the table. ``classes`` are the words that the table can be filtered by."""

    name: tuple[str, str]
    page: str
    status: Status
    order: int
    """The status as a number, for sorting."""
    is_marked: bool
    has_part1: bool
    """Whether any answer to Part 1 is settled."""
    part1: tally.Points
    part2: tally.Points
    awarded: Decimal
    available: Decimal
    waiting: int
    """Open items and answers; none while the grader has failed."""
    proposed1: Decimal
    """Sum of the points proposed for the open answers of Part 1."""
    proposed2: Decimal
    decided: int
    accuracies: tuple[float, ...]
    """The accuracies of all training runs, of which the best is shown first."""
    cause: str
    flags: tuple[str, ...]
    classes: tuple[str, ...]

    @property
    def proposed(self) -> Decimal:
        """Points proposed for both parts."""
        return self.proposed1 + self.proposed2


@dataclass(frozen=True)
class ListedDecision:
    """A tutor's decision; with ``new`` None, a comment."""

    name: tuple[str, str]
    page: str
    title: str
    old: Decimal | None
    new: Decimal | None
    available: Decimal
    author: str
    reason: str
    time: str


def context(reports: Sequence[Report], run: Run, identity: Identity) -> dict[str, Any]:
    """The values that ``cohort.html`` is rendered with."""
    by_name = sorted(reports, key=lambda report: name_order(identity.name(report.student)[0]))
    if identity.is_anonymous:  # the order of the run would identify students
        reports = by_name
    rows = [_row(report, identity) for report in by_name]
    reached = [report.accuracy for report in reports if report.accuracy is not None]
    decisions = _decisions(reports, identity)
    return {
        "run": run,
        "shortfall": shortfall(run.isolation),
        "alarm": formats.alarm(run.canary) if run.canary.is_outside else "",
        "is_anonymous": identity.is_anonymous,
        "rows": rows,
        "command": command_line("review", "RUN").removesuffix(" RUN"),
        "queue": listed_queue(reports, identity),
        "counts": tally.count_statuses(row.status for row in rows),
        "settled": sum(not row.waiting and row.status is not Status.ERROR for row in rows),
        **_marks(rows),
        "chart": accuracy_chart(reached, run.bands),
        "bands": band_counts(reached, run.bands),
        "untested": len(reports) - len(reached),
        "failures": tally.most_failed(reports),
        "parts": [
            (part, identity.common_message(part.most_frequent.message) if part.most_frequent else "")
            for part in tally.part_tallies(reports)
        ],
        "networks": _networks(reports),
        "decisions": decisions[:MOST_LISTED],
        "earlier_decisions": len(decisions[MOST_LISTED:]),
        "run_counts": [(name, str(count)) for name, count in run.counts.items()],
        "stage_times": [
            (formats.STAGE_WORDS.get(name, name), formats.duration(spent)) for name, spent in run.timing.items()
        ],
        "percent_of": percent,
        "named": lambda student: (identity.name(student), identity.page(student)),
    }


def _row(report: Report, identity: Identity) -> Row:
    part1, part2, status = (
        tally.add_up(report.answer_results),
        tally.add_up(report.code_results),
        tally.code_status(report),
    )
    waiting = 0 if status is Status.ERROR else sum(result.status is Status.NEEDS_REVIEW for result in report.results)
    decided = sum(result.decision is not None for result in report.results)
    classes = [status.value]
    classes += [word for word, applies in (("open", waiting), ("flag", report.flags), ("decided", decided)) if applies]
    ids = list(dict.fromkeys(f"{flag.id}, looked at" if report.look(flag.id) else flag.id for flag in report.flags))
    return Row(
        name=identity.name(report.student),
        page=identity.page(report.student),
        status=status,
        order=list(Status).index(status),
        is_marked=tally.is_marked(report),
        has_part1=part1.waiting < len(report.answer_results),
        part1=part1,
        part2=part2,
        awarded=report.awarded,
        available=report.available,
        waiting=waiting,
        proposed1=_proposed(report.answer_results),
        proposed2=_proposed(report.code_results),
        decided=decided,
        accuracies=report.accuracies,
        cause=identity.cause(report),
        flags=(*ids[:_MOST_FLAGS], *([f"{len(ids) - _MOST_FLAGS} more"] if len(ids) > _MOST_FLAGS else [])),
        classes=tuple(classes),
    )


def _proposed(results: Iterable[Result]) -> Decimal:
    proposed = (result.proposed for result in results if result.status is Status.NEEDS_REVIEW)
    return sum((points for points in proposed if points is not None), Decimal(0))


def _marks(rows: Sequence[Row]) -> dict[str, Any]:
    """The distribution of totals, with open marks as proposed; of Part 2 alone while no answer has a mark."""
    # A fault of the grader is not a mark of zero.
    marked = [row for row in rows if row.is_marked]
    has_part1 = any(row.has_part1 or row.proposed1 for row in marked)
    marks = [row.awarded + row.proposed if has_part1 else row.part2.awarded + row.proposed2 for row in marked]
    best = max((row.available if has_part1 else row.part2.available for row in marked), default=Decimal(0))
    bins = tally.histogram(marks, best)
    return {
        "bins": bins,
        "highest_bin": max((entry.count for entry in bins), default=0),
        "marks_are": "Total marks" if has_part1 else "Part 2 marks",
        "best": best,
        "mean": sum(marks, Decimal(0)) / len(marks) if marks else None,
        "has_proposals": any(row.proposed if has_part1 else row.proposed2 for row in marked),
        "unmarked": len(rows) - len(marked),
    }


def _networks(reports: Iterable[Report]) -> list[tuple[tally.SharedNetwork, tuple[str, ...]]]:
    """The shared networks, each with those of its students whom the page names."""
    networks = tally.shared_networks(reports)
    rooms = shares([len(network.students) for network in networks], MOST_LISTED)
    return [(network, network.students[:room]) for network, room in zip(networks, rooms, strict=True)]


def _decisions(reports: Sequence[Report], identity: Identity) -> list[ListedDecision]:
    """Decisions and comments, the latest first. A comment may name a student, so an anonymous page shows none."""
    decisions = []
    for report in reports:
        for result in report.results:
            made = [result.decision] if result.decision else []
            comments = [] if identity.is_anonymous else result.comments
            decisions += [_decision(report.student, result, decision, identity) for decision in (*made, *comments)]
    return sorted(decisions, key=lambda decision: decision.time, reverse=True)


def _decision(student: str, result: Result, decision: Decision, identity: Identity) -> ListedDecision:
    author, reason = identity.decision(decision)
    return ListedDecision(
        name=identity.name(student),
        page=identity.page(student),
        title=f"{result.part} {result.title}".lstrip(),
        old=decision.old,
        new=decision.new,
        available=decision.available,
        author=author,
        reason=reason,
        time=decision.time,
    )
