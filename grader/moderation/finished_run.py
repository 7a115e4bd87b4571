"""Loads a stored run with the tutors' decisions applied, and writes its pages and tables again.

No student code is run, no submission is opened and no mark is computed.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from grader.model import LatePolicy, Report, Run, UsageFault
from grader.model.shared_values import SharedValues
from grader.moderation.decisions import Decisions, with_decisions
from grader.moderation.decisions_file import DECISIONS_FILE, read_decisions
from grader.moderation.lateness import LateWork
from grader.safe_text import visible
from grader.storage import marks_csv, records, results_json, run_folder
from grader.storage.records import StoredEvidence

Neighbours = tuple[str | None, str | None]
"""The students before and after a student; None where there is none."""
ALONE: Neighbours = (None, None)


class Pages(Protocol):
    """Renders finished reports; implemented by :mod:`grader.report.html.pages`."""

    def load(self) -> None: ...
    def write_report_page(
        self, folder: Path, report: Report, evidence: StoredEvidence, run: Run, beside: Neighbours
    ) -> object: ...
    def write_cohort_page(self, folder: Path, reports: Sequence[Report], run: Run) -> object: ...


@dataclass(frozen=True)
class FinishedRun:
    """A stored run. ``automatic`` are the reports without decisions, but with their lateness, in the run's order."""

    folder: Path
    run: Run
    automatic: tuple[Report, ...]
    decisions: Decisions

    @property
    def reports(self) -> tuple[Report, ...]:
        """The reports with the tutors' decisions applied."""
        return tuple(with_decisions(report, self.decisions) for report in self.automatic)

    def showing_full_answers(self, shown: bool) -> FinishedRun:
        """The same run with or without full answers on students' pages."""
        return replace(self, run=replace(self.run, shows_full_answers=shown))

    def under(self, policy: LatePolicy) -> FinishedRun:
        """The same run with another late policy."""
        return _with_lateness(replace(self, run=replace(self.run, late=policy)))


def load_run(folder: Path) -> FinishedRun:
    """The run at ``folder``. Raises UsageFault when it is not a run, or is incomplete."""
    students = results_json.students_of(folder)
    stored = run_folder.read_run(folder)
    if stored is None or stored.run is None:
        raise UsageFault(f"{visible(str(folder))}: its run.json is incomplete; grade again into the same folder.")
    shared = SharedValues()
    found = (records.read_report(folder, student) for student in students)
    reports = tuple(shared.report(report) for report in found if report is not None)
    if len(reports) < len(students):
        missing = sorted(set(students) - {report.student for report in reports})
        if any(records.has_earlier_report(folder, student) for student in missing):
            raise UsageFault(
                f"{visible(str(folder))} was marked by an earlier version of the grader; grade with --remark, and "
                "with the same --key, into the same folder to mark it again from the stored evidence."
            )
        raise UsageFault(
            f"{visible(str(folder))} has no report on {', '.join(map(visible, missing[:5]))}; "
            "grade with --remark into the same folder to store it."
        )
    return _with_lateness(FinishedRun(folder, stored.run, reports, read_decisions(folder)))


def _with_lateness(finished: FinishedRun) -> FinishedRun:
    """The run with the lateness of each report by the run's late policy."""
    late = LateWork.of(finished.run.late, ((report.student, report.origin) for report in finished.automatic))
    return replace(finished, automatic=tuple(map(late.on, finished.automatic)))


def is_outdated(folder: Path) -> bool:
    """Whether decisions of the run at ``folder`` are newer than its tables, because a session ended before the end."""
    decided, written = folder / DECISIONS_FILE, folder / results_json.RESULTS_FILE
    return decided.exists() and decided.stat().st_mtime > written.stat().st_mtime


def write_views(finished: FinishedRun, pages: Pages, *, students: Collection[str] | None = None) -> None:
    """Write results.json, marks.csv, the cohort page, and the pages of ``students`` (None: of all students)."""
    reports = finished.reports
    beside = neighbours([report.student for report in reports])
    for report in reports:
        if students is None or report.student in students:
            write_page(finished.folder, report, finished.run, beside[report.student], pages)
    write_tables(finished.folder, reports, finished.run, pages, finished.decisions)


def write_page(folder: Path, report: Report, run: Run, beside: Neighbours, pages: Pages) -> None:
    """Write the pages of a student whose evidence is stored, and who is ``beside`` the others in the cohort."""
    evidence = records.read_evidence(folder, report.student) or StoredEvidence.unobserved(report.student)
    pages.write_report_page(folder, report, evidence, run, beside)


def neighbours(order: Sequence[str]) -> Mapping[str, Neighbours]:
    """Who is before and after each student in ``order``."""
    sides = zip(order, (None, *order), (*order[1:], None), strict=False)
    return {student: (before, after) for student, before, after in sides}


def write_tables(folder: Path, reports: Sequence[Report], run: Run, pages: Pages, decisions: Decisions) -> None:
    """Write the files about the whole cohort: results.json, marks.csv and the cohort page.

    Pages for students who are not in ``reports`` are removed: their marks are no marks of this run. ``decisions`` are
    those in the reports; if a tutor has decided something else meanwhile, the run stays outdated.
    """
    run_folder.remove_feedback_of_others(folder, [report.student for report in reports])
    results_json.write_results(folder, run, reports)
    marks_csv.write_marks_csv(folder, reports)
    pages.write_cohort_page(folder, reports, run)
    if _has_other(folder, decisions):
        with suppress(FileNotFoundError):
            os.utime(folder / DECISIONS_FILE)


def _has_other(folder: Path, decisions: Decisions) -> bool:
    try:
        return read_decisions(folder) != decisions
    except UsageFault:  # edited by hand, and broken
        return True
