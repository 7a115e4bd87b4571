"""The entries of a reviewing session in order, grouped by question or by student.

For what is open in a run see :mod:`grader.moderation.queue`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.model import FLAG, PART1, Report, Result, Status, UsageFault, flag_in
from grader.moderation.audit import unmarked
from grader.moderation.queue import is_fault, is_flagged, is_waiting, queue_of
from grader.storage.json_files import encodable
from grader.submissions.student_patterns import matching

UNANSWERED = "part1"
"""The id for all parts of a submission in which no answer could be read."""
DISPUTED = "disputed"
"""The id for entries that tutors decided differently, without seeing each other's decisions."""
FLAGS = "flags"
"""The id for flags of submissions with nothing else to decide."""
FLAGS_HIDDEN = "To look into a flag takes the student's files and name, which this review hides."
FOR_ALL = (DISPUTED, FLAGS)
"""What is dealt to nobody, so that every tutor sees it."""

_INTRODUCED = re.compile(r"(?:question|item|q|part(?=\W+\d+[a-z]))\W*(\w+)", re.IGNORECASE)
"""A part with a word before it; ``Part 1`` may be a whole part of the lab sheet."""
_WHOLE = (UNANSWERED, FLAGS)
"""What is about a whole submission, so no item of the rubric."""


@dataclass(frozen=True)
class Scope:
    """The entries to review: all that wait, or only those of some ``items`` or ``students`` (shell patterns).

    With ``by_student`` they are grouped by student. With ``settled_too`` settled ones are included, with
    ``decided_too`` those that a tutor has decided. In a blind audit only the settled answers in ``audit`` are shown,
    students with items. ``dealt`` leaves only these students with items, and what is for all tutors. Pseudonyms,
    ``names``, decide the order, so that it reveals nothing about the students.
    """

    by_student: bool = False
    items: tuple[str, ...] = ()
    students: tuple[str, ...] = ()
    settled_too: bool = False
    decided_too: bool = False
    audit: frozenset[tuple[str, str]] | None = None
    dealt: frozenset[tuple[str, str]] | None = None
    names: Mapping[str, str] | None = None

    @property
    def has_flags(self) -> bool:
        """Whether flags can be looked at: that takes the student's files and name, which some reviews hide."""
        return self.audit is None and self.names is None


@dataclass(frozen=True)
class Entry:
    """One thing to decide: an item of a student, all parts of a submission without readable answers, or a flag."""

    student: str
    items: tuple[str, ...]

    @property
    def flag(self) -> str:
        """The id of the flag to look at; empty if there are points to give."""
        return flag_in(self.items[0])


def results_of(entry: Entry, report: Report, *, is_blind: bool) -> tuple[Result, ...]:
    """The results of an entry in the ``report`` on its student; in a blind audit without the grader's marks."""
    results = (result for result in report.results if result.id in entry.items)
    return tuple(map(unmarked, results) if is_blind else results)


def waits(entry: Entry, report: Report, *, is_blind: bool) -> bool:
    """Whether an entry needs a tutor: a result of it, or its flag if nothing else of the submission is open."""
    if entry.flag:
        return is_flagged(report) and report.look(entry.flag) is None
    return any(map(is_waiting, results_of(entry, report, is_blind=is_blind)))


@dataclass(frozen=True)
class Group:
    """Entries that belong together: a question, or a student."""

    id: str
    title: str
    entries: tuple[Entry, ...]


def groups_of(reports: Sequence[Report], scope: Scope) -> Iterator[Group]:
    """The groups of entries in ``scope``. Raises UsageFault for an item or a student that the run does not have."""
    wanted = _wanted_items(reports, scope.items)
    chosen = matching(scope.students, {report.student: (report.name, report.origin.account) for report in reports})
    named = [report for report in reports if not scope.students or report.student in chosen]
    if scope.names is not None:
        names = scope.names
        named.sort(key=lambda report: names[report.student])
    queue = queue_of(named, is_wanted=_wanted_in(scope), names=scope.names)
    groups = [
        Group(
            question.id,
            question.title,
            tuple(Entry(found.report.student, (question.id,)) for found in question.entries),
        )
        for question in queue.questions
        if question.id in wanted
    ]
    if scope.audit is not None:
        groups = [replace(group, entries=tuple(_audited(group, scope.audit))) for group in groups]
        groups = [group for group in groups if group.entries]
    elif UNANSWERED in wanted and queue.unanswered:
        entries = (
            Entry(report.student, tuple(answer.id for answer in report.answer_results)) for report in queue.unanswered
        )
        groups.append(Group(UNANSWERED, "Submissions without readable answers", tuple(entries)))
    disputed = {
        Entry(found.report.student, (question.id,))
        for question in queue.questions
        for found in question.entries
        if found.result.is_disputed
    }
    groups = list(_with_first(disputed, groups, scope.dealt))
    if scope.has_flags and FLAGS in wanted and (flags := tuple(_flags(named, scope))):
        groups.append(Group(FLAGS, "Flags", flags))
    if not scope.by_student:
        return iter(groups)
    by_student: dict[str, list[Entry]] = {report.student: [] for report in named}
    for group in groups:
        for entry in group.entries:
            by_student[entry.student].append(entry)
    return (Group("", student, tuple(own)) for student, own in by_student.items() if own)


def _with_first(
    disputed: Collection[Entry], groups: Sequence[Group], dealt: Collection[tuple[str, str]] | None
) -> Iterator[Group]:
    """The disputed entries as a group of their own, which everybody sees, and then what was dealt of the others."""
    if first := tuple(entry for group in groups for entry in group.entries if entry in disputed):
        yield Group(DISPUTED, "Tutors differ", first)
    for group in groups:
        entries = [
            entry
            for entry in group.entries
            if entry not in disputed
            and (dealt is None or (encodable(entry.student), encodable(entry.items[0])) in dealt)
        ]
        if entries:
            yield replace(group, entries=tuple(entries))


def _flags(reports: Iterable[Report], scope: Scope) -> Iterator[Entry]:
    """An entry for each flag; those that wait for other entries of the student, too, as these may be settled."""
    is_all = scope.settled_too or scope.decided_too
    found = {
        Entry(report.student, (FLAG + flag.id,)): None
        for report in reports
        if not is_fault(report)
        for flag in (report.flags if is_all else report.new_flags)
    }
    return iter(sorted(found, key=lambda entry: entry.flag))


def _audited(group: Group, audit: frozenset[tuple[str, str]]) -> Iterator[Entry]:
    return (entry for entry in group.entries if (entry.student, *entry.items) in audit)


def _wanted_in(scope: Scope) -> Callable[[Result], bool]:
    if scope.settled_too or scope.audit is not None:
        return _is_reviewable
    return _is_waiting_or_decided if scope.decided_too else is_waiting


def _is_waiting_or_decided(result: Result) -> bool:
    return is_waiting(result) or result.decision is not None


def _is_reviewable(result: Result) -> bool:
    return result.status is not Status.ERROR


def _wanted_items(reports: Sequence[Report], named: Sequence[str]) -> set[str]:
    results = {result.id: result for report in reports for result in report.results}
    wanted = set()
    for name in named:
        found = with_name(name, results.values())
        if found is None and name not in _WHOLE:
            raise UsageFault(f"--only {name}: this run has no such item. {near_item(name, results.values(), *_WHOLE)}")
        wanted.add(found.id if found is not None else name)
    return wanted or {*results, *_WHOLE}


def with_name(name: str, results: Collection[Result]) -> Result | None:
    """The result whose id, part or title this is, whatever its case and spaces; None if there is none.

    A part may have a word before it, as in ``Question 7c``. A name of several items is none.
    """
    wanted = _compared(name)
    for result in results:
        if wanted in map(_compared, (result.id, result.id.removeprefix(PART1), result.title)):
            return result
    introduced = _INTRODUCED.fullmatch(name.strip())
    return with_name(introduced[1], results) if introduced else None


def near_item(name: str, results: Iterable[Result], *others: str) -> str:
    """A sentence with the item that was probably meant by ``name``, or else with all of them."""
    short = sorted({*others, *(result.id.removeprefix(PART1) for result in results)})
    near = difflib.get_close_matches(name, short, n=1)
    return f"Did you mean {near[0]}?" if near else f"The items are {', '.join(short)}."


def _compared(name: str) -> str:
    return "".join(name.split()).casefold()
