"""Students' names in the columns of a terminal: cut to a width, and still different from each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from grader.model import Report
from grader.report.formats import name_and_number, visible

_MOST_OF_KEY = 6


def whole_name(report: Report) -> Text:
    """The student's name; a learning platform's number after it is dim."""
    name, number = map(visible, name_and_number(report))
    return Text(name).append(f" {number}" if number else "", style="not bold dim")


def bare_name(report: Report) -> Text:
    """The student's name alone."""
    return Text(visible(report.name))


def fitted_names(reports: Sequence[Report], width: int, name: Callable[[Report], Text] = whole_name) -> dict[str, Text]:
    """The ``name`` of each student in at most ``width`` columns; without numbers, if one of them does not fit.

    Where several would look the same, the name gives way to the number, or else to the end of the submission's name,
    or to the place in the list.
    """
    fits = all(name(report).cell_len <= width for report in reports)
    names = {report.student: name(report) if fits else _cut(bare_name(report), width) for report in reports}
    for marks in (_numbers(reports), _ends(reports), _places(reports)):
        counts = Counter(text.plain.casefold() for text in names.values())
        for report in reports:
            mark = marks[report.student]
            if counts[names[report.student].plain.casefold()] > 1 and 0 < cell_len(mark) < width - 2:
                start = _cut(bare_name(report), width - cell_len(mark) - 1)
                names[report.student] = start.append(f" {mark}", style="dim")
    return names


def _numbers(reports: Sequence[Report]) -> dict[str, str]:
    return {report.student: visible(name_and_number(report)[1]) for report in reports}


def _ends(reports: Sequence[Report]) -> dict[str, str]:
    return {report.student: f"…{visible(report.student)[-_MOST_OF_KEY:]}" for report in reports}


def _places(reports: Sequence[Report]) -> dict[str, str]:
    return {report.student: f"({place})" for place, report in enumerate(reports, 1)}


def _cut(text: Text, width: int) -> Text:
    """As much as fits."""
    return text if text.cell_len <= width else Text(set_cell_size(text.plain, width - 1).rstrip() + "…")
