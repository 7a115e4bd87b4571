"""Tests of late work: days, deductions and extensions."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from grader.model import Extension, Lateness, LatePolicy, Origin, Person, Report, Status, UsageFault
from grader.moderation.lateness import LateWork, exported_mark, open_lateness
from grader.rubric.late_policy import load_late_policy

POLICY = LatePolicy(due="2026-03-27T17:00:00", zone="Australia/Sydney", percent=Decimal(5))
"""Due on a Friday. In Sydney, summer time ends on Sunday, 5 April 2026 at 3:00, and begins on 4 October at 2:00."""
WORKING = replace(POLICY, per="working day", holidays=("2026-04-03", "2026-04-06"))


def report(origin: Origin, *, student: str = "ann", awarded: str = "13.5") -> Report:
    return Report(student, Status.PARTIAL, Decimal(awarded), Decimal(20), (), (), origin=origin)


def lateness(handed_in: str, policy: LatePolicy = POLICY, *, is_late: bool | None = None) -> Lateness:
    given = report(Origin(handed_in=handed_in, is_late=is_late))
    found = LateWork.of(policy, [(given.student, given.origin)]).on(given).lateness
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("handed_in", "days", "working_days"),
    [
        ("2026-03-27T17:00:00", 0, 0),
        ("2026-03-27T17:00:01", 1, 1),
        ("2026-03-27T06:00:00Z", 0, 0),  # 17:00 in Sydney
        ("2026-03-27T06:00:01+00:00", 1, 1),
        ("2026-03-28T17:00:00", 1, 1),
        ("2026-03-28T17:00:01", 2, 1),  # the working part of the first day is Friday evening
        ("2026-03-30T17:00:00", 3, 1),
        ("2026-03-30T17:00:01", 3 + 1, 2),
        ("2026-04-02T17:00:00", 6, 4),
        ("2026-04-03T12:00:00", 7, 5),  # Good Friday adds nothing to Thursday evening
        ("2026-04-07T16:59:00", 11, 5),
        ("2026-04-07T17:00:01", 12, 6),
    ],
)
def test_days_that_have_begun_count(handed_in: str, days: int, working_days: int) -> None:
    assert (lateness(handed_in).days, lateness(handed_in, WORKING).days) == (days, working_days)


@pytest.mark.parametrize(
    ("due", "handed_in", "days"),
    [
        ("2026-04-04T17:00:00", "2026-04-05T17:00:00", 1),  # 25 hours later
        ("2026-04-04T17:00:00", "2026-04-05T07:00:00Z", 1),
        ("2026-04-04T17:00:00", "2026-04-05T07:00:01Z", 2),
        ("2026-10-03T17:00:00", "2026-10-04T17:00:00", 1),  # 23 hours later
        ("2026-10-03T17:00:00", "2026-10-04T06:00:01Z", 2),
        ("2026-04-05T02:30:00", "2026-04-04T16:15:00Z", 1),  # 2:15 for the second time, 45 minutes after 2:30
        ("2026-04-05T02:30:00", "2026-04-04T15:15:00Z", 0),  # 2:15 for the first time
    ],
)
def test_days_end_at_the_due_time_when_summer_time_changes(due: str, handed_in: str, days: int) -> None:
    assert lateness(handed_in, replace(POLICY, due=due)).days == days


def test_a_weekend_alone_is_no_working_day() -> None:
    on_saturday = replace(WORKING, due="2026-03-28T12:00:00")
    assert lateness("2026-03-29T12:00:00", on_saturday).deduction == 0
    assert lateness("2026-03-30T00:00:01", on_saturday).days == 1


def test_grace_forgives_or_counts_from_the_due_time() -> None:
    policy = replace(POLICY, grace_minutes=30)
    assert lateness("2026-03-27T17:30:00", policy).days == 0
    assert lateness("2026-03-28T17:10:00", policy).days == 2


def test_the_deduction_is_of_the_available_points_and_leaves_no_mark_below_zero() -> None:
    assert lateness("2026-03-30T10:00:00").deduction == 3
    assert lateness("2027-03-30T10:00:00").deduction == 20
    given = report(Origin(handed_in="2026-03-30T10:00:00"), awarded="2.5")
    late = LateWork.of(POLICY, []).on(given)
    assert (late.awarded, late.deduction) == (Decimal("2.5"), Decimal("2.5"))
    assert exported_mark(late, apply_late=True) == 0
    assert exported_mark(late, apply_late=False) == Decimal("2.5")
    assert "3 days late. 5% of 20 points a day makes 3 points." in str(late.lateness)


@pytest.mark.parametrize(
    ("origin", "days"),
    [
        (Origin(is_late=True), None),
        (Origin(), None),
        (Origin(handed_in="2026-03-27"), None),
        (Origin(handed_in="yesterday"), None),
        (Origin(handed_in="0001-01-01T00:00:00"), None),
        (Origin(handed_in="9999-12-31T23:00:00"), None),
        (Origin(handed_in="2026-04-11T00:00:00"), 15),
    ],
)
def test_a_tutor_decides_what_the_policy_does_not(origin: Origin, days: int | None) -> None:
    late = LateWork.of(replace(POLICY, last_day="2026-04-10"), []).on(report(origin))
    assert late.lateness is not None
    assert (late.lateness.days, late.deduction) == (days, None)
    assert "a tutor decides" in open_lateness(late, apply_late=True)
    assert open_lateness(late, apply_late=False) == ""
    assert exported_mark(late, apply_late=False) == Decimal("13.5")
    with pytest.raises(ValueError, match="a tutor decides"):
        exported_mark(late, apply_late=True)


def test_the_platform_is_believed_where_no_time_is_known() -> None:
    assert lateness("", is_late=False).days == 0
    assert "does not call it late" in lateness("2026-03-28T10:00:00", is_late=False).note
    assert "calls it late" in lateness("2026-03-27T16:00:00", is_late=True).note
    assert lateness("2026-03-27T17:05:00", replace(POLICY, grace_minutes=5), is_late=True).note == ""


def test_an_extension_belongs_to_one_student() -> None:
    cohort = {
        "Ann Lee_501": Origin(name="Ann Lee", account="501"),
        "Ann Lee_502": Origin(name="Ann Lee", account="502"),
        "Team 3": Origin(name="Team 3", is_group=True, members=(Person("Bo Chu", "u7", "bo@uni.edu"),)),
    }
    policy = replace(
        POLICY,
        last_day="2026-03-29",
        extensions=(
            Extension("502", "2026-03-30T09:00:00"),
            Extension(" BO@uni.edu ", "2026-03-31T09:00:00"),
            Extension("Ann Lee", "2026-04-30T09:00:00"),
            Extension("Cleo", "2026-04-30T09:00:00"),
        ),
    )
    work = LateWork.of(policy, cohort.items())
    assert [*work.until] == ["Ann Lee_502", "Team 3"]
    assert ["Ann Lee_501 and Ann Lee_502" in work.unmatched[0], "Cleo" in work.unmatched[1]] == [True, True]
    late = work.on(report(replace(cohort["Team 3"], handed_in="2026-03-31T09:00:01"), student="Team 3")).lateness
    assert late is not None
    assert (late.days, late.is_extended) == (1, True)
    in_time = work.on(report(replace(cohort["Ann Lee_502"], handed_in="2026-03-30T08:00:00"), student="Ann Lee_502"))
    assert in_time.deduction == 0


FILE = """\
due = 2026-03-27 17:00:00
time_zone = "Australia/Sydney"
percent = 2.5
per = "working day"
grace_minutes = 15
last_day = 2026-04-10
holidays = [2026-04-03, "2026-04-06"]
extensions = "extensions.csv"
"""


@pytest.mark.parametrize("zone", ["Australia/Sydney", "America/Los_Angeles"])
def test_an_extension_without_an_end(zone: str) -> None:
    for until in ("2099-12-31T17:00:00", "9999-12-31T23:59:00"):
        policy = replace(POLICY, zone=zone, extensions=(Extension("ann", until),))
        assert lateness("2026-08-01T10:00:00", policy).days == 0


def test_a_policy_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "late.toml").write_text(FILE)
    (tmp_path / "extensions.csv").write_bytes("\ufeffUntil;Student\r\n2026-03-30;Zoë\r\n;\r\n".encode())
    policy = load_late_policy(tmp_path / "late.toml")
    assert policy == LatePolicy(
        due="2026-03-27T17:00:00",
        zone="Australia/Sydney",
        percent=Decimal("2.5"),
        per="working day",
        grace_minutes=15,
        last_day="2026-04-10",
        holidays=("2026-04-03", "2026-04-06"),
        extensions=(Extension("Zoë", "2026-03-30T17:00:00"),),
    )


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        ("percent = 2.5", "percent = 250", "from 0 to 100"),
        ("percent = 2.5", "percent = nan", "from 0 to 100"),
        ("percent = 2.5", "procent = 2.5", 'procent is not known. Did you mean "percent"'),
        ("percent = 2.5\n", "", "percent is missing"),
        ('"Australia/Sydney"', '"Sydney"', "time_zone should be a name such as"),
        ('"Australia/Sydney"', '"../../etc"', "time_zone should be a name such as"),
        ("17:00:00\n", "17:00:00+10:00\n", "no offset"),
        ("2026-03-27 17:00:00", "2026-03-27", "due should be a date with a time"),
        ("2026-04-10", "2026-03-10", "last_day is before the due date"),
        ('"working day"', '"week"', 'should be "day" or "working day"'),
        ("= 15", "= -1", "grace_minutes should be"),
        ("[2026-04-03, ", "[7, ", "holidays should be a date"),
        ("due =", "due", "not valid TOML"),
        ('"extensions.csv"', '"none.csv"', "none.csv cannot be read"),
    ],
)
def test_a_wrong_policy_is_refused(line: str, instead: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "extensions.csv").write_text("student,until\n")
    (tmp_path / "late.toml").write_text(FILE.replace(line, instead))
    with pytest.raises(UsageFault, match=message):
        load_late_policy(tmp_path / "late.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "should name the columns"),
        ("name,until\n", "student is missing"),
        ("student,until\nann,30/03/2026\n", "line 2: until should be a date with a time"),
        ("student,until\nann\n", "line 2: until should be"),
        ("student,until\n,2026-03-30\n", "line 2: student is empty"),
        ("student,until\nann,2026-03-20\n", "line 2: until is not after the due time"),
        ("student,until\nann,9999-12-31T23:59-12:00\n", "line 2: until should be a date with a time"),
    ],
)
def test_a_wrong_list_of_extensions_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "extensions.csv").write_text(text)
    (tmp_path / "late.toml").write_text(FILE)
    with pytest.raises(UsageFault, match=message):
        load_late_policy(tmp_path / "late.toml")


def test_an_extension_with_an_offset_is_moved_to_the_policys_clock(tmp_path: Path) -> None:
    (tmp_path / "extensions.csv").write_text("student,until\nann,2026-04-06T09:00:00Z\n")
    (tmp_path / "late.toml").write_text(FILE)
    assert load_late_policy(tmp_path / "late.toml").extensions == (Extension("ann", "2026-04-06T19:00:00"),)
    assert ZoneInfo("Australia/Sydney")
