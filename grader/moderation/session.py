"""A tutor's way through the queue of a run: what comes next, what was decided, and how a decision is taken back.

Every decision is on disk before the next entry comes up. What it looks like is in :mod:`grader.review.screen`,
which key does what in :mod:`grader.review.prompt`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from grader.model import Decision, Report, Result
from grader.moderation.decisions import STEP, Decisions, subject_digest, with_decisions
from grader.moderation.decisions_file import DecisionsFile
from grader.moderation.finished_run import FinishedRun
from grader.moderation.queue import is_open
from grader.moderation.worklist import Entry, Group, Wishes, groups_of

ACCEPTED = "accepted"
NOTHING_ANSWERED = "no answer was found"
QUARTER = Decimal("0.25")


class Refused(Exception):
    """What a tutor asked for cannot be done; the message says why. Nothing was written."""


@dataclass(frozen=True)
class Step:
    """What one key did at the entry ``at``; ``made`` is on disk and can be taken back."""

    at: int
    made: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where an entry stands: as the ``number``-th of ``count`` in its group, the ``group_number``-th of ``groups``."""

    group: Group
    number: int
    group_number: int
    groups: int

    @property
    def count(self) -> int:
        """Entries of the group, settled or not."""
        return len(self.group.entries)


def _utc() -> datetime:
    return datetime.now(UTC)


class Review:
    """One session over ``finished``; ``author`` is who decides, ``now`` the clock.

    :attr:`entry` is what is shown, or None at the end. Each of the verbs below does one thing to it and goes on.
    """

    def __init__(
        self, finished: FinishedRun, wishes: Wishes, *, author: str, now: Callable[[], datetime] = _utc
    ) -> None:
        self._wishes = wishes
        self._author = author
        self._now = now
        self._file = DecisionsFile(finished.folder)
        self._automatic = {report.student: report for report in finished.automatic}
        self._first = self._decisions = self._file.read()
        self._reports = {
            student: with_decisions(report, self._decisions) for student, report in self._automatic.items()
        }
        self.groups = tuple(groups_of(tuple(self._reports.values()), wishes))
        self._entries = [
            (Place(group, number, at, len(self.groups)), entry)
            for at, group in enumerate(self.groups, start=1)
            for number, entry in enumerate(group.entries, start=1)
        ]
        self._at = 0
        self._steps: list[Step] = []
        self.refresh()

    # ---- what is shown -----------------------------------------------------------------------------------------------

    @property
    def entry(self) -> Entry | None:
        """What is shown; None at the end."""
        return self._entries[self._at][1] if self._at < len(self._entries) else None

    @property
    def place(self) -> Place:
        """Where :attr:`entry` stands; there must be one."""
        return self._entries[self._at][0]

    @property
    def left(self) -> int:
        """Open entries among those that were asked for."""
        return sum(self._is_open(entry) for _, entry in self._entries)

    @property
    def reports(self) -> tuple[Report, ...]:
        """All reports of the run, with every decision that is on disk."""
        return tuple(self._reports.values())

    def report(self, entry: Entry) -> Report:
        """The whole report that an entry belongs to."""
        return self._reports[entry.student]

    def results(self, entry: Entry) -> tuple[Result, ...]:
        """The results that an entry is about, as they stand now."""
        return tuple(one for one in self._reports[entry.student].results if one.id in entry.items)

    def single(self) -> Result:
        """The one result that is shown. Raises Refused where it stands for all parts."""
        entry = self._current()
        if len(entry.items) > 1:
            raise Refused("No answer was found here: 0 gives no points for all parts, s leaves them open.")
        return self.results(entry)[0]

    def refresh(self) -> None:
        """Take in what others decided meanwhile, and go past what is settled."""
        self._lay(self._file.read())
        while (entry := self.entry) is not None and not self._wishes.settled_too and not self._is_open(entry):
            self._at += 1

    # ---- what a tutor does -------------------------------------------------------------------------------------------

    def accept(self) -> tuple[Decision, ...]:
        """Give what is proposed; a settled mark is confirmed."""
        entry, result = self._current(), self.single()
        if (points := proposal(result)) is None:
            raise Refused("Nothing is proposed here; c gives points.")
        return self._settle(entry, {result.id: points}, ACCEPTED)

    def give(self, points: Decimal, reason: str) -> tuple[Decision, ...]:
        """Give other points than those proposed; :func:`points_from` reads them."""
        return self._settle(
            self._current(), {self.single().id: points}, _needed(reason, "Without a reason nothing was changed.")
        )

    def give_nothing(self) -> tuple[Decision, ...]:
        """Give no points for all parts of a submission without answers."""
        entry = self._current()
        if len(entry.items) == 1:
            raise Refused("Only a submission without answers is settled by 0; c 0 gives no points here.")
        return self._settle(entry, dict.fromkeys(entry.items, Decimal(0)), NOTHING_ANSWERED)

    def comment(self, text: str) -> None:
        """Add a comment, which changes no mark, and stay. It goes with the first part where there are several."""
        entry = self._current()
        self._write(
            self._at, (self._decision(self.results(entry)[0], None, _needed(text, "An empty comment is not kept.")),)
        )

    def skip(self) -> None:
        """Leave the entry open."""
        self._current()
        self._steps.append(Step(self._at))
        self._at += 1
        self.refresh()

    def next_group(self) -> None:
        """Leave all that is left of the question, or of the student."""
        self._current()
        place = self.place
        self._steps.append(Step(self._at))
        self._at += place.count - place.number + 1
        self.refresh()

    def undo(self) -> Step:
        """Take the last step back, and return to where it was made."""
        if not self._steps:
            raise Refused("Nothing was done in this session that could be taken back.")
        step = self._steps[-1]
        if step.made:
            with self._file.held():
                self._lay(self._file.remove(*step.made))
        self._steps.pop()
        self._at = step.at
        self.refresh()
        return step

    # ---- what is told at the end -------------------------------------------------------------------------------------

    @property
    def made(self) -> tuple[Decision, ...]:
        """What was decided and said in this session and not taken back."""
        return tuple(entry for step in self._steps for entry in step.made)

    @property
    def skipped(self) -> int:
        """Entries that were looked at in this session and left open."""
        return sum(self._is_open(self._entries[at][1]) for at in {step.at for step in self._steps if not step.made})

    def changed_students(self) -> frozenset[str]:
        """Those on whom the file says something else than when the session began, whoever wrote it."""
        self._lay(self._file.read())
        return frozenset(one for one in self._automatic if self._first.of(one) != self._decisions.of(one))

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _current(self) -> Entry:
        if self.entry is None:
            raise Refused("That was all: u takes the last step back, q leaves.")
        return self.entry

    def _is_open(self, entry: Entry) -> bool:
        return any(map(is_open, self.results(entry)))

    def _lay(self, decisions: Decisions) -> None:
        before, self._decisions = self._decisions, decisions
        if before is decisions:
            return
        for student, report in self._automatic.items():
            if before.of(student) != decisions.of(student):
                self._reports[student] = with_decisions(report, decisions)

    def _settle(self, entry: Entry, marks: Mapping[str, Decimal], reason: str) -> tuple[Decision, ...]:
        shown, at = self.results(entry), self._at
        made = tuple(self._decision(one, marks[one.id], reason) for one in shown)
        self._write(at, made, shown)
        self._at = at + 1
        self.refresh()
        return made

    def _write(self, at: int, made: tuple[Decision, ...], shown: tuple[Result, ...] = ()) -> None:
        """Put decisions on disk, unless somebody decided otherwise than ``shown`` while it was looked at."""
        entry = self._entries[at][1]
        with self._file.held() as decisions:
            self._lay(decisions)
            for before, now in zip(shown, self.results(entry) if shown else (), strict=True):
                if now.decision is not None and now.decision != before.decision:
                    raise Refused(
                        f"{now.decision.author} has given {now.decision.new:f} here meanwhile; that stands, and "
                        "yours was not kept."
                    )
            self._lay(self._file.add(*made))
        self._steps.append(Step(at, made))

    def _decision(self, result: Result, new: Decimal | None, reason: str) -> Decision:
        """The decision; ``old`` is what the grader itself gave or proposed, whoever decided in between."""
        student = self._current().student
        report = self._automatic[student]
        automatic = next(one for one in report.results if one.id == result.id)
        return Decision(
            student=student,
            item=result.id,
            author=self._author,
            time=self._now().isoformat(timespec="seconds"),
            reason=reason,
            digest=subject_digest(report, result),
            available=result.available,
            old=automatic.awarded if automatic.proposed is None else automatic.proposed,
            new=new,
        )


def proposal(result: Result) -> Decimal | None:
    """What accepting gives: the points proposed, or those that a settled item has."""
    return result.proposed if is_open(result) else result.awarded


def points_from(text: str, result: Result) -> Decimal:
    """The points that a tutor typed, with a point or a comma. Raises Refused, saying what would do."""
    try:
        points = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        raise Refused(f"{text.strip() or 'Nothing'} is no number; write points such as 0.5.") from None
    if not points.is_finite() or points < 0:
        raise Refused("Points are 0 or more.")
    if points > result.available:
        raise Refused(f"There are only {result.available.normalize():f} to give here.")
    step = QUARTER if result.available % QUARTER == 0 else STEP
    if points % step and points != proposal(result):
        raise Refused(f"Points go in steps of {step:f} here.")
    return points


def _needed(text: str, complaint: str) -> str:
    if not text.strip():
        raise Refused(complaint)
    return text.strip()
