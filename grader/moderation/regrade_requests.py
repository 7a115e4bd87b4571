"""Reads students' requests to look at a mark again, and stores them among the decisions of a run.

What comes of a request is in :mod:`grader.moderation.decisions`. A request by itself changes no mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from grader.model import Decision, Report, Result, UsageFault
from grader.moderation.decisions import Decisions, subject_digest, with_decisions
from grader.moderation.decisions_file import DecisionsFile
from grader.moderation.desk import utc
from grader.moderation.finished_run import FinishedRun
from grader.moderation.queue import is_fault, is_open
from grader.moderation.student_names import ClassList
from grader.moderation.worklist import near_item, with_name
from grader.safe_text import visible
from grader.storage.csv_files import numbered, read_csv_text

COLUMNS = ("student", "item", "words")
_DELIMITERS = (",", ";", "\t")
_MOST_QUOTED = 300
"""Characters of a line that a sentence about it shows."""


@dataclass(frozen=True)
class Taken:
    """What came of files of requests: how many are ``new`` and ``known``, and a sentence for each line not taken."""

    new: int
    known: int
    problems: tuple[str, ...]


@dataclass(frozen=True)
class _Line:
    """A line of a file: its ``place``, all of its text, and its three cells."""

    place: str
    text: str
    student: str
    item: str
    words: str


class _NotTaken(Exception):
    """Why a line cannot be stored as a request."""


def take_requests(finished: FinishedRun, path: Path, *, author: str, now: Callable[[], datetime] = utc) -> Taken:
    """Store the requests in the CSV file ``path``, or in all those of a folder, in the run ``finished``.

    The ``author`` is the tutor who brings them. A request that the run has already is stored once. Raises UsageFault,
    with nothing stored, if a file cannot be read or lacks a column.
    """
    lines = [line for file in _files(path) for line in _lines(file)]
    listed = ClassList((report.student, report.origin) for report in finished.automatic)
    automatic = {report.student: report for report in finished.automatic}
    time = now().isoformat(timespec="seconds")
    file = DecisionsFile(finished.folder)
    new: dict[tuple[str, str, str], Decision] = {}
    known, problems = 0, []
    with file.locked() as decisions:
        stored = {_key(entry) for entry in decisions.entries if entry.request}
        for line in lines:
            try:
                request = _request(line, listed, automatic, decisions, author, time)
            except _NotTaken as reason:
                problems.append(f'{line.place}: {reason} The line says: "{_quoted(line.text)}"')
                continue
            if _key(request) in stored or _key(request) in new:
                known += 1
            else:
                new[_key(request)] = request
        if new:
            file.add(*new.values())
    return Taken(len(new), known, tuple(problems))


def _request(
    line: _Line, listed: ClassList, automatic: dict[str, Report], decisions: Decisions, author: str, time: str
) -> Decision:
    """The entry for one line. Raises _NotTaken with a sentence."""
    report = with_decisions(automatic[_student(line, listed)], decisions)
    if not line.item:
        raise _NotTaken("it names no item.")
    result = with_name(line.item, report.results)
    if result is None:
        raise _NotTaken(f'there is no item "{_quoted(line.item)}". {near_item(line.item, report.results)}')
    if not line.words:
        raise _NotTaken("it has no words of the student.")
    if is_fault(report):
        raise _NotTaken("the grader failed on this submission; grade it again, and bring the request then.")
    return Decision(
        student=report.student,
        item=result.id,
        author=author,
        time=time,
        reason=line.words,
        digest=subject_digest(report, result),
        available=result.available,
        old=_mark(result),
        request=True,
    )


def _student(line: _Line, listed: ClassList) -> str:
    if not line.student:
        raise _NotTaken("it names no student.")
    found = listed.called(line.student)
    if not found:
        raise _NotTaken(f'nobody in this run is called "{_quoted(line.student)}".')
    if len(found) > 1:
        fitting = " and ".join(map(visible, found))
        raise _NotTaken(f'"{_quoted(line.student)}" fits {fitting}; write the account instead.')
    return found[0]


def _mark(result: Result) -> Decimal | None:
    return None if is_open(result) else result.awarded


def _key(entry: Decision) -> tuple[str, str, str]:
    return entry.student, entry.item, " ".join(entry.reason.split())


def _quoted(text: str) -> str:
    shown = visible(" ".join(text.split()))
    return shown if len(shown) <= _MOST_QUOTED else f"{shown[:_MOST_QUOTED]} …"


# ---- the files -------------------------------------------------------------------------------------------------------


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix.casefold() == ".csv")
    if not files:
        raise UsageFault(f"--requests: {visible(str(path))} has no file whose name ends with .csv.")
    return files


def _lines(path: Path) -> Iterator[_Line]:
    delimiter, rows = numbered(read_csv_text(path), _DELIMITERS)
    header = [cell.strip().casefold() for cell in rows[0][1]] if rows else []
    if missing := [name for name in COLUMNS if name not in header]:
        raise UsageFault(
            f"{visible(path.name)}: the first line should name the columns {', '.join(COLUMNS)}, in any order; "
            f"{missing[0]} is missing."
        )
    words = header.index("words")
    for number, row in rows[1:]:
        cells = [cell.strip() for cell in row]
        if words == len(header) - 1:  # words with commas that nobody put into quotes
            cells[words:] = [delimiter.join(row[words:]).strip()]
        named = dict(zip(header, cells, strict=False))
        student, item, said = (named.get(name, "") for name in COLUMNS)
        yield _Line(f"{visible(path.name)}, line {number}", delimiter.join(row), student, item, said)
