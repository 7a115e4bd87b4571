"""Reads a late policy, a TOML file with a list of extensions beside it, or refuses it with a reason.

docs/tutors.md describes both files.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from grader.model import Extension, LatePolicy, UsageFault
from grader.model.lateness import DAY, WORKING_DAY
from grader.rubric.tables import near_miss

_NEEDED = ("due", "time_zone", "percent")
_NAMES = (*_NEEDED, "per", "grace_minutes", "last_day", "holidays", "extensions")
_COLUMNS = ("student", "until")
_DELIMITERS = ",;\t"


def load_late_policy(path: Path) -> LatePolicy:
    """The policy in the file at ``path``, with its extensions. Raises UsageFault for anything that is not one."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        raise UsageFault(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # neither UTF-8 nor TOML
        raise UsageFault(f"{path}: not valid TOML: {error}.") from error
    for name in given:
        if name not in _NAMES:
            raise UsageFault(f"{path}: {name} is not known.{near_miss(name, _NAMES)}")
    for name in _NEEDED:
        if name not in given:
            raise UsageFault(f"{path}: {name} is missing.")
    zone = _zone(path, given["time_zone"])
    due = _time(f"{path}: due", given["due"])
    if due.tzinfo is not None:
        raise UsageFault(f"{path}: due should have no offset from UTC; it is on the clock of time_zone.")
    last = str(_date(f"{path}: last_day", given["last_day"])) if "last_day" in given else ""
    if last and last < str(due.date()):
        raise UsageFault(f"{path}: last_day is before the due date.")
    holidays = given.get("holidays", [])
    if not isinstance(holidays, list):
        raise UsageFault(f"{path}: holidays should be a list of dates, such as [2026-04-03].")
    return LatePolicy(
        due=due.isoformat(),
        zone=zone.key,
        percent=_percent(path, given),
        per=_per(path, given),
        grace_minutes=_minutes(path, given),
        last_day=last,
        holidays=tuple(str(_date(f"{path}: holidays", day)) for day in holidays),
        extensions=_extensions(path, given, due, zone),
    )


def _zone(path: Path, name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (ValueError, OSError, KeyError) as error:  # zoneinfo raises any of them for names that are none
        raise UsageFault(f'{path}: time_zone should be a name such as "Australia/Sydney".') from error


def _percent(path: Path, given: Mapping[str, object]) -> Decimal:
    percent = given["percent"]
    if not isinstance(percent, bool) and isinstance(percent, int | Decimal):
        number = Decimal(percent)
        if number.is_finite() and 0 <= number <= 100:
            return number
    raise UsageFault(f"{path}: percent should be a number from 0 to 100.")


def _per(path: Path, given: Mapping[str, object]) -> str:
    per = str(given.get("per", DAY))
    if per not in (DAY, WORKING_DAY):
        raise UsageFault(f'{path}: per should be "{DAY}" or "{WORKING_DAY}".')
    return per


def _minutes(path: Path, given: Mapping[str, object]) -> int:
    minutes = given.get("grace_minutes", 0)
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 0 <= minutes <= 7 * 24 * 60:
        raise UsageFault(f"{path}: grace_minutes should be a whole number of minutes, at most a week.")
    return minutes


def _time(place: str, value: object) -> datetime:
    """A date with a time, from TOML or from text."""
    try:
        if isinstance(value, datetime):
            return value
        if isinstance(value, str) and len(value) > len("2026-03-27"):
            return datetime.fromisoformat(value)
    except ValueError:
        pass
    raise UsageFault(f"{place} should be a date with a time, such as 2026-03-27 17:00:00.")


def _date(place: str, value: object) -> date:
    try:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if isinstance(value, str):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise UsageFault(f"{place} should be a date, such as 2026-04-10.")


def _extensions(path: Path, given: Mapping[str, object], due: datetime, zone: ZoneInfo) -> tuple[Extension, ...]:
    if "extensions" not in given:
        return ()
    file = path.parent / str(given["extensions"])
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UsageFault(f"{file} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UsageFault(f"{file} is not UTF-8; save it as CSV UTF-8.") from error
    delimiter = max(_DELIMITERS, key=lambda mark: lines[0].count(mark) if lines else 0)
    rows = csv.reader(lines, delimiter=delimiter)
    header = [cell.strip().lower() for cell in next(rows, [])]
    if missing := [name for name in _COLUMNS if name not in header]:
        raise UsageFault(f"{file}: the first line should name the columns student and until; {missing[0]} is missing.")
    found = []
    for row in rows:
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        if not any(cells.values()):
            continue
        place = f"{file}, line {rows.line_num}"
        if not cells["student"]:
            raise UsageFault(f"{place}: student is empty.")
        until = _until(place, cells.get("until", ""), due, zone)
        found.append(Extension(cells["student"], until.isoformat()))
    return tuple(found)


def _until(place: str, text: str, due: datetime, zone: ZoneInfo) -> datetime:
    """The end of an extension, on the clock of ``zone``; a date alone ends at the time of day of ``due``."""
    try:
        is_date = len(text) <= len("2026-03-27")
        until = datetime.combine(date.fromisoformat(text), time()) if is_date else datetime.fromisoformat(text)
        if until.tzinfo is not None:
            until = until.astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        example = "2026-03-30 17:00, or a date alone"
        raise UsageFault(f'{place}: until should be a date with a time, such as {example}, not "{text}".') from error
    if is_date:
        until = datetime.combine(until, due.time())
    if until <= due:
        raise UsageFault(f"{place}: until is not after the due time, {due:%Y-%m-%d %H:%M}.")
    return until
