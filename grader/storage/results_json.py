"""Writes results.json: every report of a run for other programs, as docs/report-format.md describes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from grader.model import JSON, Decision, Flag, MarkedAnswer, Origin, Report, Result, Run, UsageFault
from grader.model.origin import UNSTATED
from grader.safe_text import visible
from grader.storage.json_files import encodable, number, packed, unpacked, write_json_rows
from grader.storage.run_folder import FORMAT, page_path, read_run

RESULTS_FILE = "results.json"


def write_results(folder: Path, run: Run, reports: Sequence[Report]) -> None:
    """Write results.json into the run at ``folder``."""
    facts = asdict(run) | {
        "bands": [{"accuracy": band.accuracy, "fraction": number(band.fraction)} for band in run.bands],
        "late": packed(run.late),
        "shard": None if run.shard is None else str(run.shard.shard),
    }
    head = {"format": FORMAT, "run": facts}
    write_json_rows(folder / RESULTS_FILE, head, "submissions", map(_submission, reports))


def students_of(folder: Path) -> tuple[str, ...]:
    """The students of the run at ``folder``, in its order. Raises UsageFault when it is not a run with results."""
    listed = _listed(folder) if read_run(folder) is not None else None
    if listed is None:
        raise UsageFault(f"{visible(str(folder))} is not a run of this grader with results; name the folder of a run.")
    return tuple(entry.student for entry in listed)


def origins_of(folder: Path) -> dict[str, Origin]:
    """Where the work of each student of the run at ``folder`` comes from. Empty when there are no results.

    What somebody has damaged counts as unstated.
    """
    found = {}
    for entry in _listed(folder) or ():
        origin = None
        with suppress(msgspec.ValidationError):
            origin = unpacked(entry.origin, Origin)
        found[entry.student] = origin or UNSTATED
    return found


class _Listed(msgspec.Struct):
    """What is read of a submission; the rest of its row is skipped, so that a large file takes little memory."""

    student: str
    origin: Any = None


class _Results(msgspec.Struct):
    submissions: list[_Listed]


def _listed(folder: Path) -> list[_Listed] | None:
    """The submissions in the results at ``folder``; None if there are none, or if somebody has damaged the file."""
    try:
        return msgspec.json.decode((folder / RESULTS_FILE).read_bytes(), type=_Results).submissions
    except (OSError, ValueError):
        return None


def _submission(report: Report) -> JSON:
    return {
        "student": encodable(report.student),
        "origin": asdict(report.origin),
        "status": report.status.value,
        "awarded": number(report.awarded),
        "available": number(report.available),
        "lateness": _lateness(report),
        "flags": [_flag(flag, report.look(flag.id)) for flag in report.flags],
        "items": [_item(result) for result in report.results if result.answer is None],
        "answers": [_answer(result, result.answer) for result in report.results if result.answer is not None],
        "network": report.network,
        "report": page_path(report.student),
    }


def _lateness(report: Report) -> JSON | None:
    if (late := report.lateness) is None:
        return None
    return {
        "days": late.days,
        "deduction": None if report.deduction is None else number(report.deduction),
        "text": late.text,
        "extended": late.is_extended,
        "note": late.note,
    }


def _item(result: Result) -> JSON:
    return {
        "id": result.id,
        "status": result.status.value,
        "awarded": number(result.awarded),
        "available": number(result.available),
        "message": result.message,
        "hint": result.hint,
        "cause": result.cause or None,
        "proposed": _proposal(result),
        "override": _decision(result),
    }


def _answer(result: Result, answer: MarkedAnswer) -> JSON:
    return {
        "part": result.part,
        "status": result.status.value,
        "awarded": number(result.awarded),
        "available": number(result.available),
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
    return None if result.proposed is None else number(result.proposed)


def _flag(flag: Flag, look: Decision | None) -> JSON:
    said: JSON = {"id": flag.id, "message": flag.message}
    if look is not None:
        said["looked_at"] = {"author": look.author, "time": look.time, "reason": look.reason}
    return said


def _decision(result: Result) -> JSON | None:
    made = result.decision
    if made is None or made.new is None:
        return None
    points = {"old": None if made.old is None else number(made.old), "new": number(made.new)}
    return {"author": made.author, "time": made.time, "reason": made.reason, **points, "audit": made.audit}
