"""A reviewing session without its terminal: the current entry, and the commands to decide, skip and undo.

Every decision is on disk before the next entry comes up. The terminal is in :mod:`grader.review`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from grader.model import Decision, Report, Result
from grader.moderation.audit import unmarked
from grader.moderation.decisions import Decisions, subject_digest, with_decisions
from grader.moderation.decisions_file import DecisionsFile
from grader.moderation.finished_run import FinishedRun
from grader.moderation.offers import Refused, is_unsure, proposal
from grader.moderation.queue import is_open
from grader.moderation.worklist import Entry, Group, Scope, groups_of

ACCEPTED = "accepted"
NOTHING_ANSWERED = "no answer was found"
MARKED_BLIND = "marked without seeing the grader's mark"


@dataclass(frozen=True)
class Step:
    """What one command did at the entry ``at``. The decisions ``made`` are on disk; undo removes them."""

    at: int
    made: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class Place:
    """The position of an entry: number ``number`` of ``count`` in its group, group ``group_number`` of ``groups``."""

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
    """One session over the run ``finished``; ``author`` is the tutor who decides, ``now`` the clock.

    :attr:`entry` is the current entry, None at the end. Each command below acts on it.
    """

    def __init__(self, finished: FinishedRun, scope: Scope, *, author: str, now: Callable[[], datetime] = _utc) -> None:
        self._scope = scope
        self._author = author
        self._now = now
        self._file = DecisionsFile(finished.folder)
        self._automatic = {report.student: report for report in finished.automatic}
        self._first = self._decisions = self._file.read()
        self._reports = {
            student: with_decisions(report, self._decisions) for student, report in self._automatic.items()
        }
        self.groups = tuple(groups_of(tuple(self._reports.values()), scope))
        self._entries = [
            (Place(group, number, at, len(self.groups)), entry)
            for at, group in enumerate(self.groups, start=1)
            for number, entry in enumerate(group.entries, start=1)
        ]
        self._at = 0
        self._steps: list[Step] = []
        self.refresh()

    # ---- the current entry -------------------------------------------------------------------------------------------

    @property
    def entry(self) -> Entry | None:
        """The current entry; None at the end."""
        return self._entries[self._at][1] if self._at < len(self._entries) else None

    @property
    def place(self) -> Place:
        """The position of :attr:`entry`, which must not be None."""
        return self._entries[self._at][0]

    @property
    def is_blind(self) -> bool:
        """Whether this is an audit of settled answers, in which nothing may reveal the grader's marks."""
        return self._scope.audit is not None

    @property
    def left(self) -> int:
        """Number of open entries in this session."""
        return sum(self._is_open(entry) for _, entry in self._entries)

    @property
    def reports(self) -> tuple[Report, ...]:
        """All reports of the run, with the decisions applied."""
        return tuple(self._reports.values())

    def report(self, about: Entry | Decision) -> Report:
        """The report that an entry or a decision belongs to."""
        return self._reports[about.student]

    def results(self, entry: Entry) -> tuple[Result, ...]:
        """The results of an entry, with the decisions applied; in a blind audit without the grader's marks."""
        results = (result for result in self._reports[entry.student].results if result.id in entry.items)
        return tuple(map(unmarked, results) if self.is_blind else results)

    def single(self) -> Result:
        """The result of the current entry. Raises Refused when the entry has several parts."""
        entry = self._current()
        if len(entry.items) > 1:
            raise Refused("No answer could be read here: 0 gives no points for all parts, s leaves them open.")
        return self.results(entry)[0]

    def refresh(self) -> None:
        """Apply new decisions of other sessions, and skip entries that are settled."""
        self._apply(self._file.read())
        while (entry := self.entry) is not None and not self._scope.settled_too and not self._is_open(entry):
            self._at += 1

    # ---- commands ----------------------------------------------------------------------------------------------------

    def accept(self, points: Decimal | None = None) -> tuple[Decision, ...]:
        """Give the proposed points, or confirm a settled mark. An unsure proposal needs its ``points``."""
        entry, result = self._current(), self.single()
        offer = proposal(result)
        if offer is None:
            raise Refused("Nothing is proposed here; press c to give points.")
        if points is None and is_unsure(result):
            raise Refused(
                f"The grader is unsure here; type a {offer.normalize():f} to accept, or c to give other points."
            )
        if points not in (None, offer):
            raise Refused(f"{offer.normalize():f} is proposed; press c to give other points.")
        return self._settle(entry, {result.id: offer}, ACCEPTED)

    def give(self, points: Decimal, reason: str) -> tuple[Decision, ...]:
        """Give other points than those proposed; :func:`points_from` reads them."""
        return self._settle(
            self._current(),
            {self.single().id: points},
            _needed(reason, "Nothing was saved, because a reason is needed."),
        )

    def give_nothing(self) -> tuple[Decision, ...]:
        """Give no points for all parts of a submission without readable answers."""
        entry = self._current()
        if len(entry.items) == 1:
            raise Refused("0 is only for a submission without readable answers; use c 0 to give no points here.")
        return self._settle(entry, dict.fromkeys(entry.items, Decimal(0)), NOTHING_ANSWERED)

    def comment(self, text: str) -> None:
        """Add a comment, which changes no mark, and stay at the entry. Of several parts, the first gets it."""
        result = self.results(self._current())[0]
        self._write(self._at, (self._decision(result, None, _needed(text, "An empty comment was not saved.")),))

    def skip(self) -> None:
        """Leave the entry open."""
        self._current()
        self._steps.append(Step(self._at))
        self._at += 1
        self.refresh()

    def next_group(self) -> None:
        """Leave the rest of the question, or of the student, open."""
        self._current()
        place = self.place
        self._steps.append(Step(self._at))
        self._at += place.count - place.number + 1
        self.refresh()

    def undo(self) -> Step:
        """Undo the last step, and return to its entry."""
        if not self._steps:
            raise Refused("There is nothing to undo in this session.")
        step = self._steps[-1]
        if step.made:
            with self._file.locked():
                self._apply(self._file.remove(*step.made))
        self._steps.pop()
        self._at = step.at
        self.refresh()
        return step

    # ---- summary -----------------------------------------------------------------------------------------------------

    @property
    def made(self) -> tuple[Decision, ...]:
        """The decisions and comments of this session, without those undone."""
        return tuple(entry for step in self._steps for entry in step.made)

    def changed_students(self) -> frozenset[str]:
        """The students whose decisions differ from the start of the session, whoever made them."""
        self._apply(self._file.read())
        return frozenset(
            student for student in self._automatic if self._first.of(student) != self._decisions.of(student)
        )

    # ---- internal ----------------------------------------------------------------------------------------------------

    def _current(self) -> Entry:
        if self.entry is None:
            raise Refused("There are no more entries: u undoes the last step, q quits.")
        return self.entry

    def _is_open(self, entry: Entry) -> bool:
        return any(map(is_open, self.results(entry)))

    def _apply(self, decisions: Decisions) -> None:
        before, self._decisions = self._decisions, decisions
        if before is decisions:
            return
        for student, report in self._automatic.items():
            if before.of(student) != decisions.of(student):
                self._reports[student] = with_decisions(report, decisions)

    def _settle(self, entry: Entry, marks: Mapping[str, Decimal], reason: str) -> tuple[Decision, ...]:
        shown, at = self.results(entry), self._at
        made = tuple(self._decision(result, marks[result.id], reason) for result in shown)
        self._write(at, made, shown)
        self._at = at + 1
        self.refresh()
        return made

    def _write(self, at: int, made: tuple[Decision, ...], shown: tuple[Result, ...] = ()) -> None:
        """Save decisions, unless another session changed one of the results while they were ``shown``."""
        entry = self._entries[at][1]
        with self._file.locked() as decisions:
            self._apply(decisions)
            for before, now in zip(shown, self.results(entry) if shown else (), strict=True):
                if now.decision is not None and now.decision != before.decision:
                    raise Refused(
                        f"{now.decision.author} set {now.decision.new:f} while you were reviewing this. "
                        "That decision stands; yours was not saved."
                    )
            self._apply(self._file.add(*made))
        self._steps.append(Step(at, made))

    def _decision(self, result: Result, new: Decimal | None, reason: str) -> Decision:
        """The decision; its ``old`` is what the grader gave or proposed, also after earlier decisions."""
        student = self._current().student
        report = self._automatic[student]
        automatic = next(other for other in report.results if other.id == result.id)
        return Decision(
            student=student,
            item=result.id,
            author=self._author,
            time=self._now().isoformat(timespec="seconds"),
            reason=reason,
            digest=subject_digest(report, result),
            available=result.available,
            old=proposal(automatic),
            new=new,
            audit=self.is_blind and new is not None,
        )


def _needed(text: str, refusal: str) -> str:
    if not text.strip():
        raise Refused(refusal)
    return text.strip()
