"""Finds the row, or for a group the rows, of each submission in Canvas's gradebook, by Canvas's ids of users."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from grader.export.gradebook import Gradebook, Row, is_same_name
from grader.export.outcome import Note, note
from grader.export.selection import Chosen, LeftOut
from grader.model import Report, UsageFault
from grader.model.origin import CANVAS


@dataclass(frozen=True)
class Roster:
    """Which settled submission belongs to which row, in the gradebook's order, and everything else that was found."""

    rows: tuple[tuple[Row, Report], ...]
    anonymous: tuple[Report, ...]
    """Settled submissions that Canvas named without a user's id."""
    notes: tuple[Note, ...]


def roster_of(gradebook: Gradebook, chosen: Chosen) -> Roster:
    """Join the rows of the gradebook with the submissions. No row gets a mark that more than one submission claims.

    Raises UsageFault if no submission of the run comes from Canvas, or if all students are others than the gradebook's.
    """
    reports = (*chosen.settled, *chosen.open)
    if not any(report.origin.platform == CANVAS for report in reports):
        raise UsageFault(
            "No submission of this run comes from Canvas, so the students' IDs are not known: grade the zip that "
            "Canvas's Download Submissions gives, as it is."
        )
    owners: dict[str, list[Report]] = defaultdict(list)
    for report in reports:
        for account in accounts(report):
            owners[account].append(report)
    if owners and owners.keys().isdisjoint(row.id for row in gradebook.rows):
        raise UsageFault("No row has the ID of a student of this run; is it the gradebook of another course?")
    uses = Counter(report.origin.account for report in reports if is_anonymous(report))
    anonymous = tuple(report for report in chosen.settled if uses[report.origin.account] == 1)
    rows, left_out, idle = [], [], []
    undecided = [LeftOut(account, "two submissions have this anonymous id") for account in uses if uses[account] > 1]
    for row in gradebook.rows:
        found = owners.get(row.id, [])
        if not found:
            idle.append(LeftOut(row.name, row.problem))
        elif len(found) > 1:
            listed = ", ".join(report.student for report in found)
            undecided.append(LeftOut(row.name, f"{listed} are all this student's; decide which counts"))
        elif row.problem:
            left_out.append(LeftOut(row.name, row.problem))
        elif found[0] in chosen.settled:
            rows.append((row, found[0]))
    notes = (
        *note("Left out because something is open", chosen.left_out),
        *note("Rows that cannot take a mark", left_out),
        *note("Students with more than one submission, left out", undecided),
        *note("Submissions without a row", _without_row(gradebook, chosen)),
        *note("Rows without a submission, left out", idle),
        *note("Names that differ", _other_names(rows), _GROUPS),
    )
    return Roster(tuple(rows), anonymous, notes)


_GROUPS = (
    "The ID decides. Where groups hand in together, Canvas names the files after the group and gives one member's ID; "
    "look in Canvas whether the mark reached the other members."
)


def accounts(report: Report) -> tuple[str, ...]:
    """The ids of those who handed in: of a group's members where they are known, else of the one user."""
    if report.origin.platform != CANVAS or is_anonymous(report):
        return ()
    members = dict.fromkeys(person.account for person in report.origin.members if person.account)
    return tuple(members) if report.origin.is_group and members else (report.origin.account,)


def is_anonymous(report: Report) -> bool:
    """Whether Canvas hid whose submission it is."""
    return report.origin.platform == CANVAS and not report.origin.account.isdecimal()


def _without_row(gradebook: Gradebook, chosen: Chosen) -> Iterable[LeftOut]:
    ids = {row.id for row in gradebook.rows}
    for report in chosen.settled:
        if report.origin.platform != CANVAS:
            yield LeftOut(report.name, "it does not come from a download of Canvas, so the user's ID is not known")
        elif is_anonymous(report):
            yield LeftOut(
                report.name,
                "it is anonymous, so no row can be found; let Canvas show the names, download again and grade again",
            )
        for account in accounts(report):
            if account not in ids:
                yield LeftOut(report.name, f"no row has the ID {account}")


def _other_names(rows: Iterable[tuple[Row, Report]]) -> Iterable[LeftOut]:
    for row, report in rows:
        has_members = report.origin.is_group and report.origin.members
        if not has_members and not is_same_name(row.name, report.origin.name):
            yield LeftOut(row.name, f"the files of ID {row.id} have the name {report.name}")
