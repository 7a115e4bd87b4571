"""How late each submission is by the run's late policy, what that costs, and the mark that leaves the grader.

For the policy's file see :mod:`grader.rubric.late_policy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from grader.model import Extension, Lateness, LatePolicy, Origin, Report, UsageFault
from grader.model.lateness import WORKING_DAY
from grader.model.quantities import quantity
from grader.moderation.student_names import ClassList
from grader.safe_text import visible

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=3650)
_FRIDAY = 4


def open_lateness(report: Report, *, apply_late: bool) -> str:
    """Why the mark of ``report`` cannot be exported yet because of its lateness: one sentence, or empty.

    Without ``apply_late`` it is always empty.
    """
    return report.lateness.text if apply_late and report.lateness is not None and report.deduction is None else ""


def exported_mark(report: Report, *, apply_late: bool) -> Decimal:
    """The points to export: those awarded, with ``apply_late`` less the deduction of the late policy; never below 0.

    They are exact; whoever writes them rounds. Raises ValueError if a tutor has to decide about the lateness first: see
    :func:`open_lateness`.
    """
    if not apply_late:
        return report.awarded
    if report.deduction is None:
        raise ValueError(f"{report.student}: {open_lateness(report, apply_late=True)}")
    return report.awarded - report.deduction


@dataclass(frozen=True)
class LateWork:
    """A late policy, applied to a cohort; without one nothing is said. ``until`` are the ends of extensions by student.

    ``unmatched`` are sentences about the extensions that do not belong to exactly one submission; nobody gets them.
    """

    policy: LatePolicy | None = None
    zone: ZoneInfo = ZoneInfo("UTC")  # noqa: RUF009  # immutable
    until: Mapping[str, datetime] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()

    @classmethod
    def of(cls, policy: LatePolicy | None, cohort: Iterable[tuple[str, Origin]]) -> LateWork:
        """The policy for the students of ``cohort``: their ids, and where their work comes from.

        Raises UsageFault if this machine does not know the time zone.
        """
        if policy is None:
            return cls()
        try:
            zone = ZoneInfo(policy.zone)
        except (ValueError, OSError, KeyError) as error:
            raise UsageFault(f"This machine does not know the time zone {visible(policy.zone)}.") from error
        listed = ClassList(cohort)
        until: dict[str, datetime] = {}
        unmatched = []
        for extension in policy.extensions:
            students = listed.called(extension.student)
            if len(students) == 1:
                (student,) = students
                end = datetime.fromisoformat(extension.until).replace(tzinfo=zone)
                until[student] = max(end, until.get(student, end))
            else:
                unmatched.append(_unmatched(extension, students))
        return cls(policy, zone, until, tuple(unmatched))

    def on(self, report: Report) -> Report:
        """The report with its lateness."""
        return replace(report, lateness=None if self.policy is None else self._lateness(report, self.policy))

    def _lateness(self, report: Report, policy: LatePolicy) -> Lateness:
        origin = report.origin
        is_extended = report.student in self.until
        due = datetime.fromisoformat(policy.due).replace(tzinfo=self.zone)
        handed_in = _moment(origin.handed_in, self.zone, due)
        due = self.until.get(report.student, due)
        if handed_in is None:
            return replace(_untimed(origin), is_extended=is_extended)
        stated = f"Handed in on {handed_in:%Y-%m-%d at %H:%M}, due on {due:%Y-%m-%d at %H:%M} ({self.zone.key}"
        stated += ", with an extension)" if is_extended else ")"
        after = (handed_in - _EPOCH) - (due - _EPOCH)  # not on the clock, which can be put back in between
        if after <= timedelta(minutes=policy.grace_minutes):
            is_doubtful = bool(origin.is_late) and not is_extended and after <= timedelta()
            note = "The learning platform calls it late; compare its due time and time zone." if is_doubtful else ""
            return Lateness(0, Decimal(0), f"{stated}: in time.", is_extended, note)
        days = late_days(due, handed_in, policy)
        last_day = max(policy.last_day, str(due.date()))  # an extension moves it
        if policy.last_day and str(handed_in.date()) > last_day:
            text = f"{stated}. Work is accepted until {last_day}; a tutor decides whether this counts."
            return Lateness(days, None, text, is_extended)
        deduction = min(report.available, report.available * policy.percent * days / 100)
        rate = f"{policy.percent.normalize():f}% of {_points(report.available)} a {policy.per}"
        text = f"{stated}: {quantity(days, policy.per)} late. {rate} makes {_points(deduction)}."
        note = "The learning platform does not call it late." if origin.is_late is False else ""
        return Lateness(days, deduction, text, is_extended, note)


def late_days(due: datetime, handed_in: datetime, policy: LatePolicy) -> int:
    """How many of the policy's days have begun between ``due`` and ``handed_in``, which is later, in one time zone.

    A day is 24 hours on the clock, so it ends at the time of day of ``due`` also when summer time begins or ends. Of
    working days only time on working days counts, so that a weekend adds nothing.
    """
    start, end = due.replace(tzinfo=None), handed_in.replace(tzinfo=None)
    end = max(end, start + timedelta(microseconds=1))  # the clock may have been put back in between
    if policy.per != WORKING_DAY:
        return -(-(end - start) // _DAY)
    spent = timedelta()
    day = start.date()
    while day <= end.date():
        midnight = datetime.combine(day, datetime.min.time())
        if _is_working(day, policy):
            spent += max(min(end, midnight + _DAY) - max(start, midnight), timedelta())
        day += _DAY
    return -(-spent // _DAY)


def _is_working(day: date, policy: LatePolicy) -> bool:
    return day.weekday() <= _FRIDAY and str(day) not in policy.holidays


def _untimed(origin: Origin) -> Lateness:
    """The lateness of work for which no time is known."""
    if origin.is_late is False:
        return Lateness(0, Decimal(0), "Handed in in time, as the learning platform says.")
    said = "Late, as the learning platform says, but by how much" if origin.is_late else "When this was handed in"
    return Lateness(None, None, f"{said} is not known; a tutor decides.")


def _moment(text: str, zone: ZoneInfo, due: datetime) -> datetime | None:
    """The time ``text`` on the clock of ``zone``, whose time it is if it has no offset; None for anything else.

    A time that is years from ``due`` is none: it may be the student's own.
    """
    try:
        if len(text) <= len("2026-03-27"):  # a date alone
            return None
        found = datetime.fromisoformat(text)
        found = found.astimezone(zone) if found.tzinfo is not None else found.replace(tzinfo=zone)
        return found if abs(found - due) < _LONGEST else None
    except (ValueError, OverflowError):
        return None


def _points(points: Decimal) -> str:
    whole = points.to_integral_value()
    shown = whole if whole == points else points.normalize()
    return f"{shown:f} {'point' if shown == 1 else 'points'}"


def _unmatched(extension: Extension, students: list[str]) -> str:
    name = visible(extension.student)
    if not students:
        return f'The extension of "{name}" names no submission of this run.'
    fitting = " and ".join(map(visible, students))
    return f'The extension of "{name}" fits {fitting}, so nobody gets it; write the account instead.'
