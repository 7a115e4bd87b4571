"""The exit codes of the commands."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from grader.model import Status


class ExitCode(IntEnum):
    """Exit codes. ``diff`` returns SAME or DIFFERS."""

    SETTLED = 0
    NEEDS_TUTOR = 1
    USAGE = 2
    FAULT = 3
    INTERRUPTED = 130
    SAME = 0
    DIFFERS = 1


def exit_code(statuses: Iterable[Status]) -> ExitCode:
    """The exit code for a run whose reports have these statuses."""
    found = set(statuses)
    if Status.ERROR in found:
        return ExitCode.FAULT
    return ExitCode.NEEDS_TUTOR if Status.NEEDS_REVIEW in found else ExitCode.SETTLED
