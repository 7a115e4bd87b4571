"""Finds the row, or for a group the rows, of each submission in Moodle's worksheet, by Moodle's own numbers."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grader.export.selection import LeftOut
from grader.model import Report
from grader.model.origin import MOODLE
from grader.submissions.worksheet import IDENTIFIER, Worksheet, plain

GROUP = "Group"
"""The column of an assignment that groups hand in together."""
Row = tuple[str, ...]
_REMOVED = re.compile(r"""[\x00-\x1f\x7f&<>"`|':\\/]""")
"""What Moodle's clean_filename takes out of names."""


@dataclass(frozen=True)
class Roster:
    """Which submission belongs to which row of a worksheet. ``rows`` are in the worksheet's order."""

    rows: tuple[tuple[Row, Report], ...]
    without_row: tuple[LeftOut, ...]
    """Submissions, with the reason."""
    without_submission: tuple[str, ...]
    """Names of participants."""
    undecided: tuple[LeftOut, ...]
    """Participants with two rows or two submissions, or in a group that has no name of its own."""
    other_names: tuple[LeftOut, ...]
    """Participants whose name in the worksheet is not the submission's."""


def roster_of(sheet: Worksheet, reports: Iterable[Report]) -> Roster:
    """Join the rows of ``sheet`` with ``reports``: individuals by their numbers, groups by their names."""
    is_grouped = sheet.column(GROUP) is not None
    owners: dict[str, list[Report]] = defaultdict(list)
    without_row: list[LeftOut] = []
    keys = [_key_of_row(sheet, row, is_grouped=is_grouped) for row in sheet.rows]
    known = set(keys)
    for report in reports:
        key = _key_of(report, is_grouped=is_grouped)
        if key and key in known:
            owners[key].append(report)
        else:
            without_row.append(LeftOut(report.name, _why_without_row(report, is_grouped=is_grouped)))
    copies = Counter(sheet.participant(row) for row in sheet.rows)
    names: dict[str, set[str]] = defaultdict(set)  # of groups that have the same name in file names
    for row, key in zip(sheet.rows, keys, strict=True):
        names[key].add(plain(sheet.cell(row, GROUP)))
    rows: list[tuple[Row, Report]] = []
    without_submission, undecided = [], []
    for row, key in zip(sheet.rows, keys, strict=True):
        found, name = owners.get(key, []) if key else [], row_name(sheet, row)
        if found and not participant(sheet, row):
            undecided.append(LeftOut(name, f"its {IDENTIFIER} has no number of a participant, so Moodle would skip it"))
        elif not found:
            without_submission.append(name)
        elif copies[sheet.participant(row)] > 1:
            undecided.append(LeftOut(name, "the worksheet has two rows for this participant; enter the mark by hand"))
        elif is_grouped and len(names[key]) > 1:
            listed = ", ".join(sorted(names[key]))
            undecided.append(LeftOut(name, f"the groups {listed} have one name in file names; enter the mark by hand"))
        elif len(found) > 1:
            listed = ", ".join(report.student for report in found)
            undecided.append(LeftOut(name, f"{listed} are all this participant's; decide which counts"))
        else:
            rows.append((row, found[0]))
    return Roster(
        tuple(rows),
        tuple(without_row),
        tuple(without_submission),
        tuple(undecided),
        () if is_grouped else tuple(_other_names(sheet, rows)),
    )


def _key_of_row(sheet: Worksheet, row: Row, *, is_grouped: bool) -> str:
    """What the row is joined by: the participant's number, or the group's name as in file names; or empty."""
    return _cleaned(plain(sheet.cell(row, GROUP))) if is_grouped else participant(sheet, row)


def participant(sheet: Worksheet, row: Row) -> str:
    """Moodle's number for the row; empty if the identifier is not a word and a number, so that Moodle skips it."""
    words = sheet.cell(row, IDENTIFIER).split()
    return words[-1] if len(words) > 1 and words[-1] == sheet.participant(row) else ""


def row_name(sheet: Worksheet, row: Row) -> str:
    """How the summary names a row: the student's name, or else the identifier."""
    return sheet.full_name(row) or sheet.cell(row, IDENTIFIER).strip() or "a row without an identifier"


def folder_name(sheet: Worksheet, row: Row) -> str:
    """The start of a folder's name for the row, without underscores, at which Moodle splits the name."""
    return _cleaned(sheet.full_name(row))[:80].strip(" .~") or "Participant"


def _cleaned(name: str) -> str:
    """A name as Moodle has it in the names of files."""
    return " ".join(unicodedata.normalize("NFC", _REMOVED.sub("", name.replace("_", " "))).split())


def _key_of(report: Report, *, is_grouped: bool) -> str:
    if report.origin.platform != MOODLE or (report.origin.is_group and not is_grouped):
        return ""
    return _cleaned(report.origin.name) if is_grouped else report.origin.account


def _why_without_row(report: Report, *, is_grouped: bool) -> str:
    if report.origin.platform != MOODLE:
        return "it does not come from a download of Moodle, so the participant is not known"
    if report.origin.is_group and not is_grouped:
        return "it is a group's, but the worksheet has no column Group; switch that column on and download it again"
    return "no row of the worksheet has this " + ("group" if is_grouped else f"participant, {report.origin.account}")


def _other_names(sheet: Worksheet, rows: Iterable[tuple[Row, Report]]) -> Iterable[LeftOut]:
    """Rows with other words in the name than the submission's.

    In blind marking a submission's name says nothing: all have the same one, or it ends with the number.
    """
    listed = list(rows)
    uses: Mapping[str, int] = Counter(report.origin.name for _, report in listed)
    for row, report in listed:
        expected, seen = _words(sheet.full_name(row)), _words(report.origin.name)
        is_blind = uses[report.origin.name] > 1 or report.origin.account in seen
        if expected and seen and expected != seen and not is_blind:
            yield LeftOut(row_name(sheet, row), f"the submission's name is {report.name}")


def _words(name: str) -> list[str]:
    """The words of a name in any order, because platforms write first and last names in either."""
    return sorted(unicodedata.normalize("NFKC", _cleaned(name)).casefold().split())
