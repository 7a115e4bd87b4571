"""The command ``similar``: compares the works of a stored run, writes the page, and says what is on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.answers.marker.key import AnswerKey
from grader.model import Report
from grader.moderation.finished_run import FinishedRun
from grader.similarity.comparison import Comparison, compare
from grader.similarity.page import write_page
from grader.similarity.work import background_of, handed_out, told_by, works_of
from grader.storage.records import StoredEvidence, read_evidence


@dataclass(frozen=True)
class Compared:
    """The comparison of a run, the reports by student, and the page that shows it."""

    comparison: Comparison
    reports: dict[str, Report]
    page: Path


def compare_run(finished: FinishedRun, key: AnswerKey | None, handout: Path | None) -> Compared:
    """Compare the works of a run and write the page. Nothing else in the run changes.

    ``key`` and ``handout``, the folder that students were given, say what is no sign; both may be None.
    """
    reports = {report.student: report for report in finished.reports}
    stored = (
        read_evidence(finished.folder, student) or StoredEvidence.unobserved(student) for student in reports
    )
    background = background_of(key)
    works = works_of(stored, [answer for answers in background.values() for answer in answers])
    given = told_by(key) | (handed_out(handout) if handout is not None else frozenset())
    comparison = compare(works, background=background, given=given)
    return Compared(comparison, reports, write_page(finished.folder, comparison, reports, finished.run))
