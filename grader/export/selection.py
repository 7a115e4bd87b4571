"""Chooses whose marks leave the grader: only settled ones, and each other student with the reason."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from grader.model import PART1, Report, Status, UsageFault
from grader.model.command_lines import command_line
from grader.model.quantities import quantity
from grader.model.status import open_results
from grader.moderation.dealing import read_deal
from grader.moderation.finished_run import FinishedRun, is_outdated
from grader.moderation.lateness import exported_mark, open_lateness
from grader.moderation.seen import left_to_read, shares_of
from grader.report.tally import is_settled
from grader.storage import run_folder
from grader.storage.json_files import encodable


@dataclass(frozen=True)
class LeftOut:
    """A student, or a row of the platform's file, that is not in what is exported, with the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class Chosen:
    """What is exported of the run at ``folder``: the ``settled`` reports, in its order. ``open`` are the others."""

    folder: Path
    settled: tuple[Report, ...]
    open: tuple[Report, ...] = ()
    applies_late: bool = False
    """Whether the late policy's deduction is taken from the marks."""
    title: str = ""
    """The title of the rubric, which the platform may have given to the assignment."""
    half_read: tuple[LeftOut, ...] = ()
    """The exported students with a mark that a second tutor has still to read."""

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The students whose marks are not settled, with what is open."""
        return tuple(LeftOut(report.name, self._open_words(report)) for report in self.open)

    @property
    def undeducted(self) -> tuple[LeftOut, ...]:
        """The exported students whom the late policy would cost points that are not deducted here."""
        late = [(report, report.lateness) for report in self.settled if not self.applies_late and report.deduction != 0]
        return tuple(LeftOut(report.name, lateness.text) for report, lateness in late if lateness is not None)

    def mark(self, report: Report) -> Decimal:
        """The exact points of a settled report, out of its ``available``."""
        return exported_mark(report, apply_late=self.applies_late)

    def feedback(self, report: Report) -> Path:
        """The page that a student of a settled report gets."""
        return self.folder / run_folder.feedback_path(report.student)

    def _open_words(self, report: Report) -> str:
        found = open_results(report.results)
        if any(result.status is Status.ERROR for result in found):
            return "the grader failed on this submission; grade it again"
        waiting = f"{quantity(len(found), 'item')} to settle in review" if found else ""
        return waiting or open_lateness(report, apply_late=self.applies_late) or "nothing is marked"


def choose(finished: FinishedRun, *, settled_only: bool = False, applies_late: bool = False) -> Chosen:
    """The settled reports of a run, each with its page for the student.

    Raises UsageFault if any are open, unless ``settled_only`` leaves them out; if pages are missing or older than the
    decisions; and if the run is unfinished, because it does not know all students then.
    """
    folder, reports = finished.folder, finished.reports
    stored = run_folder.read_run(folder)
    if stored is None or not stored.is_finished:
        raise UsageFault("This run was interrupted: finish it with grade before marks are exported.")
    settled = [is_settled(report) and not open_lateness(report, apply_late=applies_late) for report in reports]
    waiting = tuple(report for report, is_done in zip(reports, settled, strict=True) if not is_done)
    done = tuple(itertools.compress(reports, settled))
    chosen = Chosen(folder, done, waiting, applies_late, finished.run.rubric_title, tuple(_half_read(finished, done)))
    if waiting and not settled_only:
        raise UsageFault(_refusal(folder, waiting))
    missing = [report.name for report in chosen.settled if not chosen.feedback(report).is_file()]
    if missing or is_outdated(folder):
        why = f"The page to return is missing for {quantity(len(missing), 'student')}"
        raise UsageFault(
            f"{why if missing else 'The pages are older than the decisions'}; write the pages with "
            f"{command_line('render', str(folder))}, then export again."
        )
    return chosen


def _half_read(finished: FinishedRun, settled: Iterable[Report]) -> Iterator[LeftOut]:
    deal = read_deal(finished.folder)
    if deal is None:
        return
    left = left_to_read(shares_of(deal, finished.automatic).values(), finished.decisions)
    for report in settled:
        for result in report.results:
            if tutors := left.get((encodable(report.student), encodable(result.id))):
                yield LeftOut(report.name, f"{result.id.removeprefix(PART1)}, by {', '.join(tutors)}")


def _refusal(folder: Path, waiting: Sequence[Report]) -> str:
    """What is open, and who settles it: review settles marks, but not how late somebody was."""
    late = [report.name for report in waiting if is_settled(report)]
    if len(late) == len(waiting):
        return (
            f"How late work was is open for {', '.join(late)}. Export without --apply-late and deduct by hand, or add "
            "--settled-only to leave them out."
        )
    return (
        f"{quantity(len(waiting), 'student has', 'students have')} something open. Settle it with "
        f"{command_line('review', str(folder))}, or add --settled-only to leave them out."
    )
