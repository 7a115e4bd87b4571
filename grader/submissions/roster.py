"""Complete what Moodle's names say by its grading worksheet: full names, groups, late work, times.

A submission and a row belong together by the participant's number, or for a group by the group's name, and never by a
student's name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.model import Flag, UsageFault
from grader.model.origin import MOODLE, Origin, Person
from grader.submissions.assembly import Delivery
from grader.submissions.lms_names import blind_name, moodle_file
from grader.submissions.naming import folded, printable
from grader.submissions.worksheet import Worksheet, plain, read_worksheet, time_in

CLOCK = "the worksheet"


@dataclass(frozen=True)
class _Row:
    """A participant. ``is_late`` is None if the worksheet does not say."""

    person: Person
    group: str
    is_late: bool | None
    handed_in: str


def with_roster(deliveries: Sequence[Delivery], sheets: Iterable[Path]) -> list[Delivery]:
    """The deliveries with what the worksheets among the CSV files ``sheets`` say.

    Of a participant's rows in several, the one with the latest time counts, and of equal ones the latest file's. If a
    row has another name than the folder with its number, nothing is taken from it, and a flag says so.
    """
    if not any(delivery.origin.platform == MOODLE for delivery in deliveries):
        return list(deliveries)
    rows: dict[str, _Row] = {}
    for path in sorted(sheets, key=_changed):
        with contextlib.suppress(UsageFault):  # another table, such as a list of marks
            found = _rows(read_worksheet(path))
            rows |= {n: row for n, row in found.items() if n not in rows or row.handed_in >= rows[n].handed_in}
    groups: dict[tuple[str, ...], list[_Row]] = {}  # by what of the name is in file names
    for row in rows.values():
        if row.group:
            groups.setdefault(_compared(row.group), []).append(row)
    return [_completed(found, rows, groups) if found.origin.platform == MOODLE else found for found in deliveries]


def _changed(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def may_be_worksheet(path: Path) -> bool:
    """Whether a file may be a worksheet, by its name; not one that a student handed in."""
    return path.suffix.casefold() == ".csv" and moodle_file(path.name) is None and path.is_file()


def tables_beside(path: Path) -> list[Path]:
    """The files beside ``path`` that may be worksheets; none if its folder cannot be listed."""
    with contextlib.suppress(OSError):
        return sorted(filter(may_be_worksheet, path.parent.iterdir()))
    return []


def _completed(delivery: Delivery, rows: Mapping[str, _Row], groups: Mapping[tuple[str, ...], list[_Row]]) -> Delivery:
    origin = delivery.origin
    row, members = rows.get(origin.account), groups.get(_compared(origin.name))
    is_blind = origin.name == blind_name(origin.account)
    is_named = row is not None and bool(row.person.name)
    if row is not None and is_named and (is_blind or _compared(row.person.name) == _compared(origin.name)):
        return _stating(delivery, replace(origin, name=row.person.name, members=(row.person,)), [row])
    is_one_group = len({member.group for member in members or ()}) == 1
    if members and is_one_group and not is_blind:  # a group's number may be a participant's too
        people = tuple(member.person for member in members)
        return _stating(delivery, replace(origin, name=members[0].group, is_group=True, members=people), members)
    if row is None:
        return delivery
    if not is_named:  # a worksheet of blind marking
        return _stating(delivery, replace(origin, members=(row.person,)), [row])
    sentence = (
        f"The worksheet has another name for participant {origin.account} ({printable(row.person.name)}), so nothing "
        "was taken from it; find out whether it is the worksheet of this assignment."
    )
    return replace(delivery, flags=(*delivery.flags, Flag("worksheet-name", sentence)))


def _stating(delivery: Delivery, origin: Origin, rows: Sequence[_Row]) -> Delivery:
    """The delivery with ``origin``, and with the latest time and the lateness of its rows."""
    said = [row.is_late for row in rows if row.is_late is not None]
    time = max(row.handed_in for row in rows)
    if said:
        origin = replace(origin, is_late=any(said))
    if time:
        origin = replace(origin, handed_in=time, clock=CLOCK)
    return replace(delivery, origin=origin)


def _rows(sheet: Worksheet) -> dict[str, _Row]:
    return {number: _row(sheet, cells, number) for cells in sheet.rows if (number := sheet.participant(cells))}


def _row(sheet: Worksheet, cells: tuple[str, ...], number: str) -> _Row:
    status = plain(sheet.cell(cells, "Status"))
    is_late = any(part.endswith(" late") for part in status.split(" - "))
    return _Row(
        Person(sheet.full_name(cells), number, plain(sheet.cell(cells, "Email address"))),
        plain(sheet.cell(cells, "Group")),
        is_late if is_late or status.startswith("Submitted") else None,
        time_in(sheet.cell(cells, "Last modified (submission)")),
    )


def _compared(name: str) -> tuple[str, ...]:
    """The words of a name in any order, without the signs that Moodle leaves out of the names of files."""
    text = "".join(c if c.isalnum() else " " if c.isspace() or c == "_" else "" for c in folded(name))
    return tuple(sorted(text.split()))
