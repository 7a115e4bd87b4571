"""A run on disk: the marker of its folder, a stored record for each student, results.json and marks.csv.

What stands in the records is the worker's and intake's; what is awarded is grading's. Pages belong to ``report/``.
Every file is replaced whole or not at all, so a run that is killed leaves nothing half-written.
"""

from __future__ import annotations

import csv
import glob
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec

from grader.answers.marker.cache import KnownFindings, Memory
from grader.model import JSON, AnswerSheet, MarkedAnswer, Report, Result, Run, Status, Submission, UsageFault
from grader.model.evidence import FORMAT as EVIDENCE_FORMAT
from grader.model.evidence import Evidence
from grader.model.experiment import Experiment
from grader.safe_text import shorten, visible
from grader.storage import json_files
from grader.storage.json_files import (
    encodable,
    finite,
    packed,
    read_json,
    unpacked,
    write_file,
    write_json,
    write_json_rows,
)
from grader.submissions import safe_folder_name

FORMAT = 1
"""Of each file written here but the next; raised when the meaning of one changes."""
REPORT_FORMAT = 2
"""Of the automatic marks as stored. 2: code and written answers are one list of results."""

RUN_FILE = "run.json"
RESULTS_FILE = "results.json"
EVIDENCE_FILE = "evidence.json"
REPORT_FILE = "verdict.json"
PAGE_FILE = "report.html"
_RUN_KIND = "lab4-grader-run"
_CLUTTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
# What Excel, LibreOffice and Google Sheets take for the start of a formula, with the full-width forms.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Where a semicolon separates columns, a spreadsheet takes a whole row for one text and cuts it at each semicolon.
_FORMULA_WITHIN = re.compile(r"(;[\s\"']*)(?=[=+\-@＝＋－＠])")
_LONGEST_CELL = 30_000
"""Characters. Excel holds 32767 in a cell and pours the rest into the next row."""


@dataclass(frozen=True)
class StoredEvidence:
    """What was kept of one submission: enough to mark and to render it again without running anything."""

    format: int
    key: str
    """Digest of all that the evidence depends on; evidence stored under another key is not reused."""
    student: str
    submission: Submission | None
    evidence: Evidence | None
    sheet_key: str = ""
    """Digest of all that the answers as read depend on; empty when none were read."""
    sheet: AnswerSheet | None = None
    experiment_key: str = ""
    """Digest of all that the experiment depends on; empty when there was none."""
    experiment: Experiment | None = None

    @classmethod
    def unobserved(cls, student: str, submission: Submission | None = None) -> StoredEvidence:
        """Of a submission of which nothing else is known."""
        return cls(FORMAT, "", student, submission, None)


@dataclass(frozen=True)
class StoredRun:
    """The marker of a run's folder. ``run`` is None until the run's facts were first written."""

    is_finished: bool
    run: Run | None


def student_folder(folder: Path, student: str) -> Path:
    """Where the files of ``student`` lie in the run at ``folder``; the name is safe on every file system."""
    return folder / "students" / safe_folder_name(student)


def page_path(student: str) -> str:
    """Path of a student's page relative to the run's folder, with forward slashes."""
    return f"students/{safe_folder_name(student)}/{PAGE_FILE}"


def claim_folder(folder: Path) -> None:
    """Make ``folder`` a run's folder, or go on with the run that is in it.

    Raises UsageFault when it holds anything else, so that no one's files are mixed up with ours.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageFault(f"{visible(str(folder))} is a file; name a folder for the reports with --out.")
        folder.mkdir(parents=True, exist_ok=True)
        if read_run(folder) is not None:
            return
        if any(entry.name not in _CLUTTER and not entry.name.startswith(".run.json.") for entry in folder.iterdir()):
            raise UsageFault(
                f"{visible(str(folder))} is not empty and is no run of this grader; "
                "name a new or empty folder with --out."
            )
        write_json(folder / RUN_FILE, {"format": FORMAT, "kind": _RUN_KIND, "finished": False, "run": None})
    except OSError as error:
        raise UsageFault(f"Reports cannot be written to {visible(str(folder))}: {error.strerror or error}.") from error


def dated_folder(reports: Path, source: Path, day: date) -> tuple[Path, Path | None]:
    """The folder for a run over ``source`` on ``day``, below ``reports``, and the latest earlier run over it, if any.

    A second run on the same day goes on in the same folder; one over another folder of the same name gets its own.
    """
    name = safe_folder_name(source.resolve().name or "submissions")
    earlier = [
        folder
        for folder in sorted(reports.glob(f"{glob.escape(name)}-????-??-??*"), reverse=True)
        if (found := read_run(folder)) is not None and found.run is not None and _is_same(found.run.source, source)
    ]
    today = f"{name}-{day.isoformat()}"
    current = next((folder for folder in earlier if folder.name.startswith(today)), None)
    if current is not None:
        return current, None
    number = 1
    while (folder := reports / (today if number == 1 else f"{today}-{number}")).exists():
        number += 1
    return folder, earlier[0] if earlier else None


def _is_same(stated: str, source: Path) -> bool:
    return Path(stated).resolve() == source.resolve()


def write_run(folder: Path, run: Run, *, is_finished: bool) -> None:
    """Replace the marker of the run at ``folder``."""
    content = {"format": FORMAT, "kind": _RUN_KIND, "finished": is_finished, "run": packed(run)}
    write_json(folder / RUN_FILE, content)


def read_run(folder: Path) -> StoredRun | None:
    """The marker of the run at ``folder``; None when there is none that this version can read."""
    content = read_json(folder / RUN_FILE)
    if content is None or content.get("kind") != _RUN_KIND or content.get("format") != FORMAT:
        return None
    try:
        return StoredRun(is_finished=content.get("finished") is True, run=unpacked(content.get("run"), Run))
    except msgspec.ValidationError:
        return None


@dataclass(frozen=True)
class _StoredVerdict:
    format: int
    report: Report
    answers: KnownFindings


def write_report(folder: Path, report: Report, judge: Memory | None = None) -> None:
    """Store the automatic verdict in the run at ``folder``.

    What the ``judge`` of its answers gave is stored with it, for a later run by the same key.
    """
    target = student_folder(folder, report.student)
    target.mkdir(parents=True, exist_ok=True)
    answers = KnownFindings(judge.marker, judge.given) if judge is not None else KnownFindings()
    json_files.write_record(target / REPORT_FILE, _StoredVerdict(REPORT_FORMAT, report, answers))


def read_report(folder: Path, student: str) -> Report | None:
    """The automatic verdict on ``student``; None when it is missing, garbled or of another format."""
    stored = _read_verdict(folder, student)
    return stored.report if stored is not None else None


def read_findings(folder: Path, student: str) -> KnownFindings:
    """The verdicts on the answers of ``student`` as stored; none when they are missing or garbled."""
    stored = _read_verdict(folder, student)
    return stored.answers if stored is not None else KnownFindings()


def _read_verdict(folder: Path, student: str) -> _StoredVerdict | None:
    stored = json_files.read_record(student_folder(folder, student) / REPORT_FILE, _StoredVerdict)
    is_theirs = stored is not None and stored.report.student == encodable(student)
    return stored if stored is not None and is_theirs and stored.format == REPORT_FORMAT else None


def has_earlier_report(folder: Path, student: str) -> bool:
    """Whether marks of another format are stored, which only marking the stored evidence again makes readable."""
    content = read_json(student_folder(folder, student) / REPORT_FILE)
    return content is not None and content.get("format") != REPORT_FORMAT


def write_record(folder: Path, record: StoredEvidence) -> None:
    """Store what a report is made from, durably, in the run at ``folder``."""
    target = student_folder(folder, record.student)
    target.mkdir(parents=True, exist_ok=True)
    content = packed(record)
    if not record.experiment_key:
        del content["experiment_key"], content["experiment"]
    write_json(target / EVIDENCE_FILE, content)


def read_record(folder: Path, student: str) -> StoredEvidence | None:
    """The stored record of ``student``; None when it is missing, half-written, garbled or of another format."""
    record = json_files.read_record(student_folder(folder, student) / EVIDENCE_FILE, StoredEvidence)
    if record is None or record.format != FORMAT or record.student != encodable(student):
        return None
    if record.evidence is not None and record.evidence.format != EVIDENCE_FORMAT:
        return None
    return record


def is_outdated(folder: Path, student: str) -> bool:
    """Whether evidence of another form is stored, which cannot be marked any more."""
    content = read_json(student_folder(folder, student) / EVIDENCE_FILE)
    stored = content.get("evidence") if content is not None else None
    return isinstance(stored, dict) and stored.get("format") != EVIDENCE_FORMAT


def write_results(folder: Path, run: Run, reports: Sequence[Report]) -> None:
    """Write results.json: every verdict of the run for other programs (docs/report-format.md)."""
    facts = packed(run) | {
        "bands": [{"accuracy": band.accuracy, "fraction": _number(band.fraction)} for band in run.bands]
    }
    head = {"format": FORMAT, "run": finite(facts)}
    write_json_rows(folder / RESULTS_FILE, head, "submissions", map(_submission, reports))


def students_of(folder: Path) -> tuple[str, ...]:
    """The students of the run at ``folder``, in its order. Raises UsageFault when it is no run, or has no results."""
    content = read_json(folder / RESULTS_FILE) if read_run(folder) is not None else None
    listed = content.get("submissions") if content is not None else None
    if not isinstance(listed, list):
        raise UsageFault(f"{visible(str(folder))} is no run of this grader with results; name the folder of a run.")
    return tuple(str(entry.get("student")) for entry in listed if isinstance(entry, dict))


def write_marks_csv(folder: Path, reports: Sequence[Report]) -> None:
    """Write marks.csv: a row for each student, for a spreadsheet.

    The cells of a row add up to ``awarded``; an empty one was not marked yet, or is not in that student's rubric.
    """
    items = list(dict.fromkeys(item.id for report in reports for item in report.items))
    columns = [*items, *dict.fromkeys(answer.id for report in reports for answer in report.answers)]
    text = io.StringIO(newline="")
    # Text is quoted always: a semicolon or a tab in a name must not start a cell in another locale's spreadsheet.
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow(["student", "status", "awarded", "available", *columns, "flags"])
    for report in reports:
        results = {result.id: result for result in report.results}
        cells = [_cell(report.student), report.status.value, _number(report.awarded), _number(report.available)]
        cells += [_points_cell(results.get(id)) for id in columns]
        cells.append(_cell(" | ".join(f"{flag.id}: {flag.message}" for flag in report.flags)))
        writer.writerow(cells)
    write_file(folder / "marks.csv", text.getvalue().encode("utf-8-sig"))


def _submission(report: Report) -> JSON:
    return {
        "student": encodable(report.student),
        "status": report.status.value,
        "awarded": _number(report.awarded),
        "available": _number(report.available),
        "flags": [{"id": flag.id, "message": flag.message} for flag in report.flags],
        "items": [_item(result) for result in report.results if result.answer is None],
        "answers": [_answer(result, result.answer) for result in report.results if result.answer is not None],
        "network": report.network,
        "report": page_path(report.student),
    }


def _item(result: Result) -> JSON:
    return {
        "id": result.id,
        "status": result.status.value,
        "awarded": _number(result.awarded),
        "available": _number(result.available),
        "message": result.message,
        "hint": result.hint,
        "proposed": _proposal(result),
        "override": _decision(result),
    }


def _answer(result: Result, answer: MarkedAnswer) -> JSON:
    return {
        "part": result.part,
        "status": result.status.value,
        "awarded": _number(result.awarded),
        "available": _number(result.available),
        "confidence": answer.confidence,
        "message": result.message,
        "spans": [list(span) for span in answer.spans],
        "answer": answer.text,
        "source": answer.source,
        "note": answer.note,
        "proposed": _proposal(result),
        "override": _decision(result),
    }


def _proposal(result: Result) -> int | float | None:
    return None if result.proposed is None else _number(result.proposed)


def _decision(result: Result) -> JSON | None:
    made = result.decision
    if made is None or made.new is None:
        return None
    told = {"author": made.author, "time": made.time, "reason": made.reason}
    return told | {"old": _number(made.old), "new": _number(made.new)}


def _points_cell(result: Result | None) -> int | float | str:
    if result is None:
        return ""
    is_open = result.status in (Status.NEEDS_REVIEW, Status.ERROR)
    return "" if is_open and not result.awarded else _number(result.awarded)


def _cell(text: str) -> str:
    """``text`` so that no spreadsheet runs it: visible characters, an apostrophe before what looks like a formula."""
    shown = shorten(_FORMULA_WITHIN.sub(r"\1'", visible(text)), _LONGEST_CELL)
    is_formula = any(start.startswith(_FORMULA_STARTS) for start in (text, text.lstrip(), shown.lstrip()))
    return f"'{shown}" if is_formula and not _NUMBER.fullmatch(text) else shown


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
