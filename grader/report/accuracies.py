"""How accurate the nets of a run were, read from what is stored without the rest of the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from grader import evidence, store
from grader.model import Report


@dataclass(frozen=True)
class _Training:
    correct: int
    total: int


@dataclass(frozen=True)
class _Evidence:
    trainings: tuple[_Training, ...]
    format: int


@dataclass(frozen=True)
class _Record:
    """The few fields of a stored record that are wanted; the others are skipped, which is what makes this quick."""

    student: str
    evidence: _Evidence | None


def accuracies_of(reports: Iterable[Report], folder: Path | None = None) -> dict[str, float]:
    """The best seed's held-out accuracy (0..1) by student; those whose net was never tested are left out.

    A report without evidence is looked up in the run at ``folder``.
    """
    found = {}
    for report in reports:
        trainings = report.evidence.trainings if report.evidence else _stored(folder, report.student)
        best = max((one.correct / one.total for one in trainings if one.total), default=None)
        if best is not None:
            found[report.student] = best
    return found


def _stored(folder: Path | None, student: str) -> tuple[_Training, ...]:
    if folder is None:
        return ()
    try:
        content = (store.student_folder(folder, student) / store.RECORD_FILE).read_bytes()
        record = msgspec.json.decode(content, type=_Record)
    except (OSError, msgspec.DecodeError):  # never stored, cut off or edited: as for a net that was not tested
        return ()
    is_known = record.evidence is not None and record.evidence.format == evidence.FORMAT
    return record.evidence.trainings if record.evidence is not None and is_known else ()
