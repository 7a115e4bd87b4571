"""Chooses whose marks leave the grader: only settled ones, and each other student with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.model import Report, Status, UsageFault
from grader.model.command_lines import command_line
from grader.model.quantities import quantity
from grader.model.status import open_results
from grader.moderation.finished_run import FinishedRun
from grader.report.tally import UNSETTLED
from grader.storage import run_folder


@dataclass(frozen=True)
class LeftOut:
    """A student, or a row of the platform's file, that is not in what is exported, with the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class Chosen:
    """What is exported of the run at ``folder``: the ``settled`` reports, in its order. ``left_out`` are the others."""

    folder: Path
    settled: tuple[Report, ...]
    open: tuple[Report, ...] = ()

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The students whose marks are not settled, with what is open."""
        return tuple(LeftOut(report.name, _open_words(report)) for report in self.open)

    def feedback(self, report: Report) -> Path:
        """The student's page. Raises UsageFault if the run has none, as one that an earlier version wrote."""
        path = self.folder / run_folder.feedback_path(report.student)
        if not path.is_file():
            raise UsageFault(
                f"The run has no page for {report.name} to return; write it with "
                f"{command_line('render', str(self.folder))}, then export again."
            )
        return path


def is_settled(report: Report) -> bool:
    """Whether nothing about the report waits for a tutor."""
    return bool(report.results) and report.status not in UNSETTLED and not open_results(report.results)


def choose(finished: FinishedRun, *, settled_only: bool) -> Chosen:
    """The settled reports of a run. Raises UsageFault if any are open, unless ``settled_only`` leaves them out.

    An unfinished run is refused, because it does not know all students.
    """
    stored = run_folder.read_run(finished.folder)
    if stored is None or not stored.is_finished:
        raise UsageFault("This run was interrupted: finish it with grade before marks are exported.")
    reports = finished.reports
    settled = tuple(report for report in reports if is_settled(report))
    waiting = tuple(report for report in reports if not is_settled(report))
    if waiting and not settled_only:
        raise UsageFault(
            f"{len(waiting)} of {quantity(len(reports), 'student')} have something open. "
            f"Settle it with {command_line('review', str(finished.folder))}, or export the other "
            f"{quantity(len(settled), 'student')} with --settled-only."
        )
    return Chosen(finished.folder, settled, waiting)


def _open_words(report: Report) -> str:
    found = open_results(report.results)
    if any(result.status is Status.ERROR for result in found) or not found:
        return "the grader failed on this submission; grade it again"
    return f"{quantity(len(found), 'item')} open; settle with review"
