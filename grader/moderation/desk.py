"""The marks of a run while tutors decide: the one writer of decisions, for the terminal and for the page.

Every decision is on disk before the method that makes it returns, and decisions of other sessions are seen. Where an
entry was dealt to two tutors, the second does not see what the first decided: see :mod:`grader.moderation.seen`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from grader.model import Decision, Report, Result
from grader.moderation.comment_bank import CommentBank
from grader.moderation.dealing import read_deal, same_name
from grader.moderation.decisions import Decisions, look_at, subject_digest, with_decisions
from grader.moderation.decisions_file import DecisionsFile
from grader.moderation.finished_run import FinishedRun
from grader.moderation.offers import Refused, proposal
from grader.moderation.seen import Marks, Place, Seen, shares_of
from grader.moderation.worklist import Entry
from grader.storage.json_files import encodable

READ_TWICE = "What a second tutor has read blind stays, as it cannot be read blind again. To change it, decide again."


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
        deal = read_deal(finished.folder)
        self._shares = shares_of(deal, finished.automatic) if deal is not None else {}
        self._seen = {tutor: Seen(self, self._automatic, share) for tutor, share in self._shares.items()}
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

    def offered(self, author: str, item: str) -> tuple[str, ...]:
        """What tutors wrote before on an item, as far as this tutor may see it, most used first."""
        return self._bank.offered(self.seen_by(author).decisions, item)

    def keep_comments(self) -> None:
        """Write the run's file of what tutors wrote, without what some of them may not see yet."""
        self.refresh()
        hidden = {place for share in self._shares.values() for place in share.hidden(self._decisions)}
        seen = (entry for entry in self._decisions.entries if (entry.student, entry.item) not in hidden)
        self._bank.keep(Decisions(tuple(seen)))

    def named(self, author: str) -> str:
        """The name of this tutor as the deal spells it; otherwise the name without spaces around it."""
        same = (tutor for tutor in self._shares if same_name(tutor) == same_name(author))
        return next(same, author.strip())

    def seen_by(self, author: str) -> Marks:
        """The marks as this tutor sees them; all of them if nothing was dealt to him."""
        return self._seen.get(author, self)

    @property
    def tutors(self) -> tuple[str, ...]:
        """The tutors to whom the run was dealt out; empty if it was not."""
        return tuple(self._shares)

    def dealt_to(self, author: str) -> frozenset[Place] | None:
        """What is for this tutor; None if all is, because nothing was dealt to him."""
        share = self._shares.get(author)
        return None if share is None else share.own

    def is_dealt_to(self, author: str, entry: Entry) -> bool:
        """Whether this entry is for this tutor."""
        own = self.dealt_to(author)
        return own is None or (encodable(entry.student), encodable(entry.items[0])) in own

    def note_on(self, author: str) -> str:
        """A sentence about a tutor to whom nothing was dealt, although the run was dealt out; otherwise empty."""
        if not self._shares or author in self._shares:
            return ""
        return f"{author or 'Nobody'} is not among the tutors ({', '.join(self._shares)}), so all entries are shown."

    def refresh(self) -> None:
        """Apply new decisions of other sessions."""
        self._apply(self._file.read())

    def write(
        self, given: Sequence[Given], *, author: str, reason: str, is_blind: bool = False
    ) -> tuple[Decision, ...]:
        """Save decisions, all or none. Raises Refused if a result was decided since it was shown.

        A decision that the ``author`` may not see is no reason to refuse: then this one is a second reading.
        """
        with self._file.locked() as decisions:
            self._apply(decisions)
            share = self._shares.get(author)
            hidden = share.hidden(decisions) if share is not None else frozenset()
            made = tuple(self._decision(one, author, reason, hidden, is_blind=is_blind) for one in given)
            for one, decision in zip(given, made, strict=True):
                if decision.new is not None:
                    self._refuse_changed(one, decision)
            self._apply(self._file.add(*made))
        return made

    def look(self, student: str, flag: str, *, author: str, reason: str = "") -> tuple[Decision, ...]:
        """Save that the ``author`` has looked at a flag. Raises Refused if somebody has, or if there is none."""
        with self._file.locked() as decisions:
            self._apply(decisions)
            report = self._reports[student]
            if (look := report.look(flag)) is not None:
                raise Refused(f"{look.author} has looked at this flag. Nothing was saved.")
            if all(flag != own.id for own in report.flags):
                raise Refused("The submission has no such flag. Load the page again.")
            made = look_at(report, flag, author=author, time=self._time(), reason=reason)
            self._apply(self._file.add(made))
        return (made,)

    def withdraw(self, made: Iterable[Decision]) -> tuple[Decision, ...]:
        """Remove decisions and comments again, and return those that were removed.

        A decision stays if another tutor has decided the same blind: its author may have seen what, and could not read
        it blind again.
        """
        with self._file.locked() as decisions:
            self._apply(decisions)
            removed = tuple(entry for entry in made if not self._is_read_twice(entry))
            self._apply(self._file.remove(*removed))
        return removed

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

    def _time(self) -> str:
        return self._now().isoformat(timespec="seconds")

    def _is_read_twice(self, made: Decision) -> bool:
        results = self._reports[made.student].results if made.new is not None else ()
        return any(made in result.readings for result in results if result.id == made.item)

    def _is_decided(self, given: Given) -> bool:
        now = _result(self._reports[given.student], given.shown.id)
        return now.decision is not None or now.is_disputed

    def _refuse_changed(self, given: Given, made: Decision) -> None:
        result = _result(self._reports[given.student], given.shown.id)
        if not made.audit and result.asked is not None and result.asked != given.shown.asked:
            raise Refused("The student asked to look at this again while you were reviewing it. Nothing was saved.")
        if made.second:
            return
        now = result.decision
        if now is not None and now != given.shown.decision:
            raise Refused(
                f"{now.author} set {now.new:f} while you were reviewing this. "
                "That decision stands; yours was not saved."
            )
        if result.is_disputed and result.readings != given.shown.readings:
            raise Refused("Two tutors set different points while you were reviewing this. Yours were not saved.")

    def _decision(
        self, given: Given, author: str, reason: str, hidden: Collection[Place], *, is_blind: bool
    ) -> Decision:
        """The decision; its ``old`` is what the grader gave or proposed, also after earlier decisions."""
        automatic, result = self._automatic[given.student], given.shown
        place = encodable(given.student), encodable(result.id)
        is_second = given.points is not None and place in hidden and self._is_decided(given)
        return Decision(
            student=given.student,
            item=result.id,
            author=author,
            time=self._time(),
            reason=reason,
            digest=subject_digest(automatic, result),
            available=result.available,
            old=proposal(_result(automatic, result.id)),
            new=given.points,
            audit=is_blind and given.points is not None,
            like=given.like,
            second=is_second,
        )


def _result(report: Report, id: str) -> Result:
    return next(result for result in report.results if result.id == id)
