"""The late policy of a run, and what it says about one submission. It is never part of the mark of an item."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

DAY, WORKING_DAY = "day", "working day"
"""What a policy deducts for: each 24 hours on the clock that have begun, or only their part on working days."""


@dataclass(frozen=True)
class Extension:
    """More time for the one student whom ``student`` names: by name, account, email address or id.

    ``until`` is ISO 8601, on the clock of the policy's time zone.
    """

    student: str
    until: str


@dataclass(frozen=True)
class LatePolicy:
    """When work is late, and what that costs. Times are ISO 8601 on the clock of the time zone ``zone``."""

    due: str
    zone: str
    percent: Decimal
    """Of the available points, for each ``per`` that has begun."""
    per: str = DAY
    grace_minutes: int = 0
    """After ``due``, work is not late yet for this time. Late work is late since ``due``."""
    last_day: str = ""
    """The last date on which work is accepted; empty: there is none."""
    holidays: tuple[str, ...] = ()
    """Dates that are no working days, besides Saturdays and Sundays."""
    extensions: tuple[Extension, ...] = ()


@dataclass(frozen=True)
class Lateness:
    """What the late policy says about a submission."""

    days: int | None
    """Late days by the policy: 0 if it was in time; None if that is not known."""
    deduction: Decimal | None
    """Points by the policy, before the mark limits them; None if a tutor has to decide."""
    text: str
    """What was decided and why, without a name. Students read it, unless a tutor has to decide."""
    is_extended: bool = False
    note: str = ""
    """A sentence for tutors, or empty."""
