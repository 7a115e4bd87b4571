"""Reads and writes the files of each student: evidence.json, from which a report is made, and report.json.

Files are replaced atomically, so a run that is killed leaves no half-written file.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.model import AnswerSheet, KnownFindings, Report, Submission
from grader.model.evidence import FORMAT as OBSERVATION_FORMAT
from grader.model.evidence import Evidence
from grader.model.experiment import Experiment
from grader.storage.json_files import encodable, read_json, read_record, write_file, write_record
from grader.storage.run_folder import student_folder

EVIDENCE_FILE = "evidence.json"
EVIDENCE_FORMAT = 1
REPORT_FILE = "report.json"
REPORT_FORMAT = 4
"""2: code and written answers are one list of results. 3: a skipped result has a cause. 4: all accuracies."""
EARLIER_REPORT_FILE = "verdict.json"
"""The file name of the report in format 1."""


@dataclass(frozen=True)
class StoredEvidence:
    """The stored evidence on one submission: enough to mark and render it again without running anything."""

    format: int
    key: str
    """Digest of all that the evidence depends on; evidence with a different key is not reused."""
    student: str
    submission: Submission | None
    evidence: Evidence | None
    sheet_key: str = ""
    """Digest of all that the sheet of answers depends on; empty when none was read."""
    sheet: AnswerSheet | None = None
    experiment_key: str = ""
    """Digest of all that the experiment depends on; empty when there was none."""
    experiment: Experiment | None = None

    @classmethod
    def unobserved(cls, student: str, submission: Submission | None = None) -> StoredEvidence:
        """A value for a submission that was not observed."""
        return cls(EVIDENCE_FORMAT, "", student, submission, None)


@dataclass(frozen=True)
class StoredReport:
    """A report without decisions, and the marker's findings on its answers."""

    format: int
    report: Report
    answers: KnownFindings


def write_report(folder: Path, report: Report, findings: KnownFindings | None = None) -> None:
    """Store the automatic report, without decisions, in the run at ``folder``.

    The ``findings`` on its answers are stored with it, so that a later run with the same key can reuse them.
    """
    target = student_folder(folder, report.student)
    target.mkdir(parents=True, exist_ok=True)
    stored = StoredReport(REPORT_FORMAT, report, findings or KnownFindings())
    write_record(target / REPORT_FILE, stored, is_durable=False)
    (target / EARLIER_REPORT_FILE).unlink(missing_ok=True)


def read_report(folder: Path, student: str) -> Report | None:
    """The report on ``student`` without decisions; None when it is missing, invalid or of another format."""
    stored = _read_report(folder, student)
    return stored.report if stored is not None else None


def read_findings(folder: Path, student: str) -> KnownFindings:
    """The stored findings on the answers of ``student``; empty when they are missing or invalid."""
    stored = _read_report(folder, student)
    return stored.answers if stored is not None else KnownFindings()


def _read_report(folder: Path, student: str) -> StoredReport | None:
    stored = read_record(student_folder(folder, student) / REPORT_FILE, StoredReport)
    is_theirs = stored is not None and stored.report.student == encodable(student)
    return stored if stored is not None and is_theirs and stored.format == REPORT_FORMAT else None


def has_earlier_report(folder: Path, student: str) -> bool:
    """Whether a report of another format is stored, which has to be marked again from the stored evidence."""
    target = student_folder(folder, student)
    content = read_json(target / REPORT_FILE)
    return (target / EARLIER_REPORT_FILE).exists() if content is None else content.get("format") != REPORT_FORMAT


def write_evidence(folder: Path, evidence: StoredEvidence) -> None:
    """Store the evidence durably in the run at ``folder``."""
    target = student_folder(folder, evidence.student)
    target.mkdir(parents=True, exist_ok=True)
    write_record(target / EVIDENCE_FILE, evidence)


def copy_records(source: Path, target: Path, student: str) -> None:
    """Copy what is stored of ``student`` from the run at ``source`` to the one at ``target``, byte by byte."""
    place = student_folder(target, student)
    place.mkdir(parents=True, exist_ok=True)
    for name, is_durable in ((EVIDENCE_FILE, True), (REPORT_FILE, False)):
        with suppress(FileNotFoundError):  # a fault of the grader may have left no evidence
            write_file(place / name, (student_folder(source, student) / name).read_bytes(), is_durable=is_durable)


def read_evidence(folder: Path, student: str) -> StoredEvidence | None:
    """The stored evidence on ``student``; None when it is missing, invalid or of another format."""
    stored = read_record(student_folder(folder, student) / EVIDENCE_FILE, StoredEvidence)
    if stored is None or stored.format != EVIDENCE_FORMAT or stored.student != encodable(student):
        return None
    if stored.evidence is not None and stored.evidence.format != OBSERVATION_FORMAT:
        return None
    return stored


def is_outdated(folder: Path, student: str) -> bool:
    """Whether evidence of an earlier format is stored, which can no longer be marked."""
    content = read_json(student_folder(folder, student) / EVIDENCE_FILE)
    stored = content.get("evidence") if content is not None else None
    return isinstance(stored, dict) and stored.get("format") != OBSERVATION_FORMAT
