"""A reviewing session without its terminal: the current entry, and the commands to decide, skip and undo.

The decisions are written by :mod:`grader.moderation.desk`. The terminal is in :mod:`grader.review`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from grader.model import Decision, Flag, Report, Result
from grader.moderation.decisions import ACCEPTED as ACCEPTED
from grader.moderation.decisions import MARKED_BLIND as MARKED_BLIND
from grader.moderation.desk import READ_TWICE, Desk, Given, utc
from grader.moderation.finished_run import FinishedRun
from grader.moderation.offers import Refused, is_unsure, proposal
from grader.moderation.worklist import FLAGS_HIDDEN, Entry, Group, Scope, groups_of, results_of, waits

NOTHING_ANSWERED = "no answer was found"


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


class Review:
    """One session over the run ``finished``; ``author`` is the tutor who decides, ``now`` the clock.

    :attr:`entry` is the current entry, None at the end. Each command below acts on it. If the run was dealt out, the
    session has what was dealt to the author, or ``is_for_all``. ``note`` is a sentence if nothing was; else empty.
    """

    def __init__(
        self,
        finished: FinishedRun,
        scope: Scope,
        *,
        author: str,
        is_for_all: bool = False,
        now: Callable[[], datetime] = utc,
    ) -> None:
        self._desk = Desk(finished, now=now)
        self._author = author = self._desk.named(author)
        self._marks = self._desk.seen_by(author)
        self._scope = scope = scope if is_for_all else replace(scope, dealt=self._desk.dealt_to(author))
        self.note = "" if is_for_all else self._desk.note_on(author)
        self.groups = tuple(groups_of(self._marks.reports, scope))
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
        """Number of entries in this session that wait for a tutor."""
        return sum(self._is_open(entry) for _, entry in self._entries)

    @property
    def reports(self) -> tuple[Report, ...]:
        """All reports of the run, with the decisions applied."""
        return self._desk.reports

    def report(self, about: Entry | Decision) -> Report:
        """The report that an entry or a decision belongs to."""
        return self._marks.report(about.student)

    def results(self, entry: Entry) -> tuple[Result, ...]:
        """The results of an entry, with the decisions applied; in a blind audit without the grader's marks."""
        return results_of(entry, self.report(entry), is_blind=self.is_blind)

    def history(self, entry: Entry) -> tuple[Decision, ...]:
        """The decisions, comments and requests on the items of an entry, oldest first."""
        return tuple(made for item in entry.items for made in self._marks.decisions.on(entry.student, item))

    def offered(self) -> tuple[str, ...]:
        """What tutors wrote before on the item of the current entry, most used first."""
        return self._desk.offered(self._author, self._current().items[0])

    def flags(self, entry: Entry) -> tuple[Flag, ...]:
        """The flags that are shown with an entry: its own, or with code and unread answers all of the submission."""
        if self.is_blind or (len(entry.items) == 1 and any(result.answer for result in self.results(entry))):
            return ()
        return tuple(flag for flag in self.report(entry).flags if entry.flag in ("", flag.id))

    def next_flag(self, entry: Entry) -> Flag | None:
        """The first flag shown with an entry that nobody has looked at; none in a review that hides names."""
        new = self.report(entry).new_flags if self._scope.has_flags else ()
        return next((flag for flag in self.flags(entry) if flag in new), None)

    def single(self) -> Result:
        """The result of the current entry. Raises Refused when the entry is about several parts, or about a flag."""
        entry = self._current()
        if entry.flag:
            raise Refused("There are no points to give here: f says that you looked at the flag, s leaves it open.")
        if len(entry.items) > 1:
            raise Refused(
                "No answer could be read here: 0 gives no points for all parts, c alone shows them one by one for your "
                "marks, s leaves them open."
            )
        return self.results(entry)[0]

    def refresh(self) -> None:
        """Apply new decisions of other sessions, and skip entries that are settled."""
        self._desk.refresh()
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

    def separate(self) -> None:
        """Replace an entry of several parts by an entry for each, as where only some answers could not be read."""
        entry, place = self._current(), self.place
        begin = place.number - 1
        parts = (Entry(entry.student, (item,)) for item in entry.items)
        group = replace(place.group, entries=(*place.group.entries[:begin], *parts, *place.group.entries[begin + 1 :]))
        self._entries[self._at - begin : self._at - begin + place.count] = [
            (replace(place, group=group, number=number), other) for number, other in enumerate(group.entries, start=1)
        ]
        self.refresh()

    def comment(self, text: str) -> None:
        """Add a comment, which changes no mark, and stay at the entry. Of several parts, the first gets it."""
        entry = self._current()
        result = self.results(entry)[0] if len(entry.items) > 1 else self.single()
        comment = Given(entry.student, result, None)
        self._write(self._at, [comment], _needed(text, "An empty comment was not saved."))

    def look(self, reason: str = "") -> tuple[Decision, ...]:
        """Say that the tutor has looked at the next flag that is shown. An entry about a flag is settled by it."""
        entry, at = self._current(), self._at
        if not self._scope.has_flags:
            raise Refused(FLAGS_HIDDEN)
        flag = self.next_flag(entry)
        if flag is None:
            raise Refused("No flag that waits is shown here.")
        made = self._desk.look(entry.student, flag.id, author=self._author, reason=reason.strip())
        self._steps.append(Step(at, made))
        self._at = at + bool(entry.flag)
        self.refresh()
        return made

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
        removed = self._desk.withdraw(step.made) if step.made else ()
        self._steps.pop()
        if step.made and not removed:
            raise Refused(READ_TWICE)
        self._at = step.at
        self.refresh()
        return replace(step, made=removed)

    # ---- summary -----------------------------------------------------------------------------------------------------

    @property
    def made(self) -> tuple[Decision, ...]:
        """The decisions and comments of this session, without those undone."""
        return tuple(entry for step in self._steps for entry in step.made)

    def changed_students(self) -> frozenset[str]:
        """The students whose decisions differ from the start of the session, whoever made them."""
        return self._desk.changed_students()

    def keep_comments(self) -> None:
        """Write the run's file of what tutors wrote, to be offered again."""
        self._desk.keep_comments()

    # ---- internal ----------------------------------------------------------------------------------------------------

    def _current(self) -> Entry:
        if self.entry is None:
            raise Refused("There are no more entries: u undoes the last step, q quits.")
        return self.entry

    def _is_open(self, entry: Entry) -> bool:
        return waits(entry, self.report(entry), is_blind=self.is_blind)

    def _settle(self, entry: Entry, marks: Mapping[str, Decimal], reason: str) -> tuple[Decision, ...]:
        at = self._at
        given = [Given(entry.student, result, marks[result.id]) for result in self.results(entry)]
        made = self._write(at, given, reason)
        self._at = at + 1
        self.refresh()
        return made

    def _write(self, at: int, given: Sequence[Given], reason: str) -> tuple[Decision, ...]:
        made = self._desk.write(given, author=self._author, reason=reason, is_blind=self.is_blind)
        self._steps.append(Step(at, made))
        return made


def _needed(text: str, refusal: str) -> str:
    if not text.strip():
        raise Refused(refusal)
    return text.strip()
