"""The marks of a run while tutors decide: the one writer of decisions, for the terminal and for the page.

Every decision is on disk before the method that makes it returns, and decisions of other sessions are seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from grader.model import Decision, Report, Result
from grader.moderation.comment_bank import CommentBank
from grader.moderation.decisions import Decisions, subject_digest, with_decisions
from grader.moderation.decisions_file import DecisionsFile
from grader.moderation.finished_run import FinishedRun
from grader.moderation.offers import Refused, proposal


@dataclass(frozen=True)
class Given:
    """Points for one result of a student; ``points`` is None for a comment. ``shown`` is the result as it was seen.

    ``like`` is the student whose equal entry was looked at; empty if it was this one.
    """

    student: str
    shown: Result
    points: Decimal | None
    like: str = ""


def utc() -> datetime:
    """The time now."""
    return datetime.now(UTC)


class Desk:
    """The reports of the run ``finished`` with all decisions applied; ``now`` is the clock."""

    def __init__(self, finished: FinishedRun, *, now: Callable[[], datetime] = utc) -> None:
        self._now = now
        self._file = DecisionsFile(finished.folder)
        self._bank = CommentBank(finished.folder, finished.automatic)
        self._automatic = {report.student: report for report in finished.automatic}
        self._first, self._decisions = finished.decisions, self._file.read()
        self._reports = {
            student: with_decisions(report, self._decisions) for student, report in self._automatic.items()
        }

    @property
    def reports(self) -> tuple[Report, ...]:
        """All reports of the run, with the decisions applied."""
        return tuple(self._reports.values())

    @property
    def decisions(self) -> Decisions:
        """All decisions and comments on the run."""
        return self._decisions

    def report(self, student: str) -> Report:
        """The report on a student. Raises KeyError for one that the run does not have."""
        return self._reports[student]

    def offered(self, item: str) -> tuple[str, ...]:
        """What tutors wrote before on an item, most used first."""
        return self._bank.offered(self._decisions, item)

    def history(self, student: str, item: str) -> tuple[Decision, ...]:
        """The decisions, comments and requests on one item of a student, oldest first."""
        return tuple(entry for entry in self._decisions.of(student) if entry.item == item)

    def refresh(self) -> None:
        """Apply new decisions of other sessions."""
        self._apply(self._file.read())

    def write(
        self, given: Sequence[Given], *, author: str, reason: str, is_blind: bool = False
    ) -> tuple[Decision, ...]:
        """Save decisions, all or none. Raises Refused if a result was decided since it was shown."""
        made = tuple(self._decision(one, author, reason, is_blind=is_blind) for one in given)
        with self._file.locked() as decisions:
            self._apply(decisions)
            for one in given:
                if one.points is not None:
                    self._refuse_changed(one, is_blind=is_blind)
            self._apply(self._file.add(*made))
        return made

    def withdraw(self, made: Iterable[Decision]) -> None:
        """Remove decisions and comments again."""
        with self._file.locked():
            self._apply(self._file.remove(*made))

    def changed_students(self) -> frozenset[str]:
        """The students whose decisions differ from those in the run as it was loaded, whoever made them."""
        self.refresh()
        return frozenset(
            student for student in self._automatic if self._first.of(student) != self._decisions.of(student)
        )

    def _apply(self, decisions: Decisions) -> None:
        before, self._decisions = self._decisions, decisions
        if before is decisions:
            return
        for student, report in self._automatic.items():
            if before.of(student) != decisions.of(student):
                self._reports[student] = with_decisions(report, decisions)

    def _refuse_changed(self, given: Given, *, is_blind: bool) -> None:
        result = _result(self._reports[given.student], given.shown.id)
        if not is_blind and result.asked is not None and result.asked != given.shown.asked:
            raise Refused("The student asked to look at this again while you were reviewing it. Nothing was saved.")
        now = result.decision
        if now is not None and now != given.shown.decision:
            raise Refused(
                f"{now.author} set {now.new:f} while you were reviewing this. "
                "That decision stands; yours was not saved."
            )

    def _decision(self, given: Given, author: str, reason: str, *, is_blind: bool) -> Decision:
        """The decision; its ``old`` is what the grader gave or proposed, also after earlier decisions."""
        automatic, result = self._automatic[given.student], given.shown
        return Decision(
            student=given.student,
            item=result.id,
            author=author,
            time=self._now().isoformat(timespec="seconds"),
            reason=reason,
            digest=subject_digest(automatic, result),
            available=result.available,
            old=proposal(_result(automatic, result.id)),
            new=given.points,
            audit=is_blind and given.points is not None,
            like=given.like,
        )


def _result(report: Report, id: str) -> Result:
    return next(result for result in report.results if result.id == id)
