"""Fills the file of Canvas's rubric assessments: points and comments for each criterion.

Canvas finds criteria by their titles in the first row, and a criterion without a column loses its points. So the first
row stays as it is, and every criterion is filled.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from grader.export.outcome import Note, note
from grader.export.selection import LeftOut
from grader.model import Report, Result, UsageFault
from grader.model.parts import question_of
from grader.report.feedback import for_the_student, sentences
from grader.report.formats import out_of, points
from grader.safe_text import visible
from grader.storage.csv_files import Table, comma_text, delimited, read_csv_text

_RATING, _POINTS, _COMMENTS = "Rating", "Points", "Comments"
_STUDENT = "Student Id"


@dataclass(frozen=True)
class RubricFile:
    """An exported rubric. ``criteria`` are the ids of the items that each criterion sums up."""

    header: tuple[str, ...]
    rows: Table
    criteria: Mapping[str, frozenset[str]]

    def filled(self, by_id: Mapping[str, Report]) -> str:
        """The text of the file for the students with these reports; other rows are left out."""
        written = [
            (*row[:2], *(self._cell(cell, by_id[row[0].strip()]) for cell in self.header[2:]))
            for row in self.rows
            if row[0].strip() in by_id
        ]
        return comma_text([self.header, *written])

    def notes(self, by_id: Mapping[str, Report]) -> tuple[Note, ...]:
        """The points of each criterion, and the students who have no row."""
        ids = {row[0].strip() for row in self.rows}
        report = next(iter(by_id.values()), None)
        worth = [
            LeftOut(name, points(sum((result.available for result in _of(report, own)), Decimal(0))))
            for name, own in self.criteria.items()
            if report is not None
        ]
        return (
            *note("Points of the criteria", worth, "The rubric in Canvas should give the same points."),
            *note("Students without a row in the rubric's file", [by_id[id].name for id in by_id if id not in ids]),
        )

    def _cell(self, title: str, report: Report) -> str:
        name, _, kind = title.rpartition(" - ")
        results = _of(for_the_student(report), self.criteria.get(name, frozenset()))
        if kind == _POINTS and results:
            return format(sum((result.awarded for result in results), Decimal(0)), "f")
        return " ".join(filter(None, map(_comment, results))) if kind == _COMMENTS else ""


def read_rubric(path: Path, reports: Iterable[Report], criteria: Path | None = None) -> RubricFile:
    """The exported file ``path``, its criteria matched with the items of the reports, by name or by ``criteria``.

    Raises UsageFault unless every criterion has items, and every item with points has one criterion.
    """
    _, table = delimited(read_csv_text(path), (",", ";"))
    header = table[0] if table else ()
    names = _names(path, header)
    items = {result.id: result for report in reports for result in report.results}
    known, chosen = _known(items.values()), _read_criteria(criteria)
    if strange := sorted(chosen.keys() - set(names)):
        raise UsageFault(
            f"The rubric has no criterion {', '.join(map(visible, strange))}; it has {', '.join(map(visible, names))}."
        )
    matched = {name: _matched(name, known, chosen) for name in names}
    unmatched = [name for name, ids in matched.items() if not ids]
    uses = [id for ids in matched.values() for id in ids]
    missing = [id for id, result in items.items() if result.available and id not in uses]
    twice = [id for id in items if uses.count(id) > 1]
    problems = (
        *_listed("criteria that match no item", unmatched),
        *_listed("items without a criterion", missing),
        *_listed("items with more than one criterion", twice),
    )
    if problems:
        raise UsageFault(
            f"The rubric in {visible(path.name)} does not match the marks: {'; '.join(problems)}. A criterion can have "
            "the name of an item (its id or title), a question (Question 7), a group of checks (structure), Part 1 or "
            'Part 2. For other names, write a file with lines such as "CNN design" = ["structure", "forward"] and add '
            "--criteria FILE."
        )
    return RubricFile(header, table[1:], matched)


def _names(path: Path, header: Sequence[str]) -> tuple[str, ...]:
    """The criteria in the first row. Raises UsageFault if it is not that of an export with points."""
    if header[:1] != (_STUDENT,):
        raise UsageFault(
            f"{visible(path.name)} is not an export of rubric assessments: its first row should begin with {_STUDENT}. "
            "Download it in Canvas with the assignment's rubric, Export Rubric Assessments, and do not edit it."
        )
    split = [title.rpartition(" - ") for title in header[2:]]
    names = tuple(dict.fromkeys(name for name, dash, _ in split if dash))
    for name in names:
        kinds = sorted(kind for found, _, kind in split if found == name)
        if kinds not in ([_COMMENTS, _POINTS], [_COMMENTS, _POINTS, _RATING]):
            raise UsageFault(
                f"The criterion {visible(name)} has the columns {', '.join(map(visible, kinds))}, but should have one "
                f"each of {_POINTS} and {_COMMENTS}. Let the rubric show points, give criteria different names, and "
                "export again."
            )
    return names


def _known(results: Iterable[Result]) -> dict[str, frozenset[str]]:
    """Names that a criterion may have, with the ids of the items that each stands for."""
    found: dict[str, set[str]] = {}
    exact: dict[str, set[str]] = {}
    for result in results:
        if part := result.part:
            number = str(question_of(part))
            wide = ["part 1", number, f"q{number}", f"question {number}"]
            narrow = [result.id, result.title, part, f"q{part}", f"question {part}"]
        else:
            wide, narrow = ["part 2", result.id.partition(".")[0]], [result.id, result.title]
        for names, group in ((wide, found), (narrow, exact)):
            for name in names:
                group.setdefault(_folded(name), set()).add(result.id)
    # A name that is an item's own, such as a question without parts, means only that item.
    return {name: frozenset(ids) for name, ids in (found | exact).items()}


def _matched(name: str, known: Mapping[str, frozenset[str]], chosen: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """The items of a criterion; empty if a name is not known."""
    wanted = chosen.get(name, (name,) if _folded(name) in known else (re.split(r"[:(]", name, maxsplit=1)[0],))
    sets = [known.get(_folded(text), frozenset()) for text in wanted]
    return frozenset().union(*sets) if all(sets) else frozenset()


def _read_criteria(path: Path | None) -> dict[str, list[str]]:
    """The tutor's own names: a TOML file with a list of items or groups for each criterion."""
    if path is None:
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageFault(f"{visible(str(path))} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # neither UTF-8 nor TOML
        raise UsageFault(f"{visible(str(path))} cannot be read as TOML: {error}.") from error
    for name, wanted in content.items():
        if not isinstance(wanted, list) or not all(isinstance(text, str) for text in wanted):
            raise UsageFault(f'{visible(str(path))}: {visible(name)} should be a list of names, such as ["structure"].')
    return content


def _of(report: Report, ids: frozenset[str]) -> list[Result]:
    return [result for result in report.results if result.id in ids]


def _comment(result: Result) -> str:
    """What is said about an item that lost points, or that a tutor commented on; empty for any other."""
    if result.awarded == result.available and not result.comments:
        return ""
    label = f"{result.part}. {result.title}" if result.part else result.title
    return " ".join((f"{visible(label)} ({out_of(result.awarded, result.available)}):", *sentences(result)))


def _listed(what: str, names: Sequence[str]) -> tuple[str, ...]:
    return (f"{what}: {', '.join(map(visible, names))}",) if names else ()


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
