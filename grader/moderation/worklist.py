"""What a tutor goes through in a reviewing session, and in which order: questions or students, and their entries.

What is open at all is told by :mod:`grader.moderation.queue`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader.model import PART1, Report, Result, Status, UsageFault
from grader.moderation.queue import is_open, queue_of
from grader.submissions.student_patterns import is_named

UNANSWERED = "part1"
"""The question that stands for all parts of a submission in which no answer was found."""


@dataclass(frozen=True)
class Wishes:
    """Which entries are gone through: all that is open, or only some ``items`` or ``students`` (shell patterns).

    With ``by_student`` all of one student's come together; with ``settled_too`` what is settled comes up as well.
    The ``names`` that students go by, if not by their own, decide the order, so that it tells nothing about them.
    """

    by_student: bool = False
    items: tuple[str, ...] = ()
    students: tuple[str, ...] = ()
    settled_too: bool = False
    names: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Entry:
    """One thing to decide: an item of a student, or all parts of a submission without answers."""

    student: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Entries that belong together: a question, or a student."""

    id: str
    title: str
    entries: tuple[Entry, ...]


def groups_of(reports: Sequence[Report], wishes: Wishes) -> Iterator[Group]:
    """What there is to go through. Raises UsageFault for an item or a student that the run does not have."""
    wanted = _wanted_items(reports, wishes.items)
    named = [report for report in reports if not wishes.students or is_named(report.student, wishes.students)]
    if wishes.names is not None:
        names = wishes.names
        named.sort(key=lambda report: names[report.student])
    if not named and reports:
        raise UsageFault(f"--student: nobody in this run is called {' or '.join(wishes.students)}.")
    queue = queue_of(named, is_wanted=_is_reviewable if wishes.settled_too else is_open, names=wishes.names)
    groups = [
        Group(one.id, one.title, tuple(Entry(found.report.student, (one.id,)) for found in one.entries))
        for one in queue.questions
        if one.id in wanted
    ]
    if UNANSWERED in wanted and queue.unanswered:
        parts = {one.student: tuple(answer.id for answer in one.answers) for one in queue.unanswered}
        groups.append(Group(UNANSWERED, "Submissions without any answers", tuple(Entry(*one) for one in parts.items())))
    if not wishes.by_student:
        return iter(groups)
    theirs: dict[str, list[Entry]] = {report.student: [] for report in named}
    for group in groups:
        for entry in group.entries:
            theirs[entry.student].append(entry)
    return (Group("", student, tuple(entries)) for student, entries in theirs.items() if entries)


def _is_reviewable(result: Result) -> bool:
    return result.status is not Status.ERROR


def _wanted_items(reports: Sequence[Report], named: Sequence[str]) -> set[str]:
    known = {result.id for report in reports for result in report.results} | {UNANSWERED}
    wanted = set()
    for name in named:
        found = {name, PART1 + name} & known
        if not found:
            short = sorted(one.removeprefix(PART1) for one in known)
            near = difflib.get_close_matches(name, short, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(short)}."
            raise UsageFault(f"--only {name}: this run has no such item. {hint}")
        wanted |= found
    return wanted or known
