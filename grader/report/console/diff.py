"""Prints the comparison of two runs in the terminal, or as JSON for other programs (docs/report-format.md)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console
from rich.text import Text

from grader.model import Decision, Report, Result
from grader.model.quantities import quantity
from grader.moderation.comparison import Change, Comparison, StudentChange
from grader.report.console.names import whole_name
from grader.report.console.summary import short_id
from grader.report.formats import STYLES, SYMBOLS, out_of, points, visible
from grader.storage import run_folder
from grader.storage.json_files import encodable


def print_changes(console: Console, comparison: Comparison) -> None:
    """Print each changed student with items and causes, the students that are only in one run, and the sums."""
    for student in comparison.students:
        _print_student(console, student)
    for where, reports in (("first", comparison.only_first), ("second", comparison.only_second)):
        for report in reports:
            line = _bold_name(report)
            line.append(f"  only in the {where} run, {out_of(report.awarded, report.available)}", style="not bold")
            console.print(line, soft_wrap=True)
    if comparison.is_different:
        console.print()
    _print_outcomes(console, comparison)
    _print_sums(console, comparison)


def changes_record(comparison: Comparison) -> dict[str, Any]:
    """The comparison as one JSON object."""
    return {
        "format": run_folder.FORMAT,
        "runs": [str(comparison.first.folder), str(comparison.second.folder)],
        "exit_code": int(comparison.is_different),
        "compared": comparison.compared,
        "change_of_sum": float(comparison.change_of_sum),
        "students": [
            {
                "student": encodable(student.new.student),
                "old": {"awarded": float(student.old.awarded), "available": float(student.old.available)},
                "new": {"awarded": float(student.new.awarded), "available": float(student.new.available)},
                "changes": [
                    {
                        "item": change.item,
                        "old": _mark(change.old),
                        "new": _mark(change.new),
                        "causes": [{"cause": reason.cause.value, "text": reason.text} for reason in change.reasons],
                    }
                    for change in student.changes
                ],
            }
            for student in comparison.students
        ],
        "requests": [
            {
                "student": encodable(outcome.report.student),
                "item": outcome.result.id,
                "old": _number(outcome.result.answered),
                "new": float(outcome.result.awarded),
                "reason": encodable(outcome.result.decision.reason if outcome.result.decision else ""),
            }
            for outcome in comparison.outcomes
        ],
        "only_in_first": _names(comparison.only_first),
        "only_in_second": _names(comparison.only_second),
    }


def _number(request: Decision | None) -> float | None:
    """The mark that a request is about."""
    return None if request is None or request.old is None else float(request.old)


def _names(reports: tuple[Report, ...]) -> list[str]:
    return [encodable(report.student) for report in reports]


def _mark(result: Result | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return {
        "status": result.status.value,
        "awarded": float(result.awarded),
        "available": float(result.available),
    }


def _bold_name(report: Report) -> Text:
    return Text(style="bold").append_text(whole_name(report))


def _print_student(console: Console, student: StudentChange) -> None:
    line = _bold_name(student.new)
    before, after = student.old, student.new
    line.append(f"  {out_of(before.awarded, before.available)} → ", style="not bold")
    line.append(out_of(after.awarded, after.available), style="not bold")
    console.print(line, soft_wrap=True)
    for change in student.changes:
        _print_change(console, change)


def _print_change(console: Console, change: Change) -> None:
    line = Text(f"  {visible(short_id(change.item)):<29} ")
    line.append_text(_shown(change.old)).append(" → ").append_text(_shown(change.new))
    line.append("  ").append(visible("; ".join(reason.text for reason in change.reasons)), style="dim")
    console.print(line, no_wrap=True, overflow="ellipsis")


def _print_outcomes(console: Console, comparison: Comparison) -> None:
    if not comparison.outcomes:
        return
    console.print(Text("Looked at again because the student asked:", style="bold"))
    for outcome in comparison.outcomes:
        result, request, made = outcome.result, outcome.result.answered, outcome.result.decision
        old = request.old if request is not None else None
        what = f"stays {points(result.awarded)}"
        if old != result.awarded:
            what = f"{'open' if old is None else points(old)} → {points(result.awarded)}"
        line = Text("  ").append_text(whole_name(outcome.report)).append(f"  {visible(short_id(result.id))}: {what}")
        if made is not None:
            line.append(f"  {visible(made.author)}: {visible(made.reason)}", style="dim")
        console.print(line, no_wrap=True, overflow="ellipsis")
    console.print()


def _shown(result: Result | None) -> Text:
    if result is None:
        return Text("–")
    return Text(f"{SYMBOLS[result.status]} {out_of(result.awarded, result.available)}", style=STYLES[result.status])


def _print_sums(console: Console, comparison: Comparison) -> None:
    changed = len(comparison.students)
    if not comparison.is_different:
        console.print(f"No mark differs: {quantity(comparison.compared, 'student')} in both runs.")
        return
    up = sum(student.new.awarded > student.old.awarded for student in comparison.students)
    down = sum(student.new.awarded < student.old.awarded for student in comparison.students)
    total = comparison.change_of_sum
    sign = "+" if total > 0 else ""
    line = Text(f"{changed} of {quantity(comparison.compared, 'student')} changed", style="bold")
    line.append(f": {up} up, {down} down, {sign}{points(total)} points in total.", style="not bold")
    console.print(line)
    changes = [change for student in comparison.students for change in student.changes]
    causes = Counter(reason.cause for change in changes for reason in change.reasons)
    if causes:
        counts = ", ".join(f"{cause} {count}" for cause, count in causes.most_common())
        console.print(Text(f"Causes, by item: {counts}."))
