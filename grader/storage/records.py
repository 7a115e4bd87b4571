"""What is stored of each student: evidence.json with what a report is made from, and report.json with the report.

Every file is replaced whole or not at all, so a run that is killed leaves nothing half-written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.model import AnswerSheet, KnownFindings, Report, Submission
from grader.model.evidence import FORMAT as OBSERVATION_FORMAT
from grader.model.evidence import Evidence
from grader.model.experiment import Experiment
from grader.storage.json_files import encodable, read_json, read_record, write_record
from grader.storage.run_folder import student_folder

EVIDENCE_FILE = "evidence.json"
EVIDENCE_FORMAT = 1
REPORT_FILE = "report.json"
REPORT_FORMAT = 2
"""2: code and written answers are one list of results."""
EARLIER_REPORT_FILE = "verdict.json"
"""What held the report in format 1."""


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
        return cls(EVIDENCE_FORMAT, "", student, submission, None)


@dataclass(frozen=True)
class StoredReport:
    """A report before any decision, and what the marker said of its answers."""

    format: int
    report: Report
    answers: KnownFindings


def write_report(folder: Path, report: Report, findings: KnownFindings | None = None) -> None:
    """Store the report in the run at ``folder``, as it is before any decision.

    The ``findings`` on its answers are stored with it, for a later run by the same key.
    """
    target = student_folder(folder, report.student)
    target.mkdir(parents=True, exist_ok=True)
    stored = StoredReport(REPORT_FORMAT, report, findings or KnownFindings())
    write_record(target / REPORT_FILE, stored, is_durable=False)
    (target / EARLIER_REPORT_FILE).unlink(missing_ok=True)


def read_report(folder: Path, student: str) -> Report | None:
    """The report on ``student`` before any decision; None when it is missing, garbled or of another format."""
    stored = _read_report(folder, student)
    return stored.report if stored is not None else None


def read_findings(folder: Path, student: str) -> KnownFindings:
    """The findings on the answers of ``student`` as stored; none when they are missing or garbled."""
    stored = _read_report(folder, student)
    return stored.answers if stored is not None else KnownFindings()


def _read_report(folder: Path, student: str) -> StoredReport | None:
    stored = read_record(student_folder(folder, student) / REPORT_FILE, StoredReport)
    is_theirs = stored is not None and stored.report.student == encodable(student)
    return stored if stored is not None and is_theirs and stored.format == REPORT_FORMAT else None


def has_earlier_report(folder: Path, student: str) -> bool:
    """Whether a report of another format is stored, which has to be made again from the stored evidence."""
    target = student_folder(folder, student)
    content = read_json(target / REPORT_FILE)
    return (target / EARLIER_REPORT_FILE).exists() if content is None else content.get("format") != REPORT_FORMAT


def write_evidence(folder: Path, evidence: StoredEvidence) -> None:
    """Store what a report is made from, durably, in the run at ``folder``."""
    target = student_folder(folder, evidence.student)
    target.mkdir(parents=True, exist_ok=True)
    write_record(target / EVIDENCE_FILE, evidence)


def read_evidence(folder: Path, student: str) -> StoredEvidence | None:
    """What is stored of ``student``; None when it is missing, half-written, garbled or of another format."""
    record = read_record(student_folder(folder, student) / EVIDENCE_FILE, StoredEvidence)
    if record is None or record.format != EVIDENCE_FORMAT or record.student != encodable(student):
        return None
    if record.evidence is not None and record.evidence.format != OBSERVATION_FORMAT:
        return None
    return record


def is_outdated(folder: Path, student: str) -> bool:
    """Whether evidence of another form is stored, which cannot be marked any more."""
    content = read_json(student_folder(folder, student) / EVIDENCE_FILE)
    stored = content.get("evidence") if content is not None else None
    return isinstance(stored, dict) and stored.get("format") != OBSERVATION_FORMAT
