"""The entries of the page, question by question: those that are open, and those that tutors have decided."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from grader.model import Decision, Report, Result
from grader.moderation.decisions import Decisions
from grader.moderation.likeness import Group, alike
from grader.moderation.seen import Marks
from grader.moderation.worklist import FLAGS, FOR_ALL, Entry, Scope, groups_of, results_of, waits
from grader.storage.json_files import encodable

_KEY_LENGTH = 16


@dataclass(frozen=True)
class Listed:
    """An entry; ``key`` names it in addresses, also after the server was started again.

    ``decisions`` are the tutors' decisions on its results, or who has looked at its flag, and ``is_open`` whether
    it waits for a tutor. ``is_asked``: the student asked to look at it again. ``is_for_all``: it is dealt to nobody, so
    every tutor sees it.
    """

    key: str
    entry: Entry
    is_open: bool
    is_asked: bool
    is_for_all: bool
    decisions: tuple[Decision, ...]


@dataclass(frozen=True)
class Question:
    """The entries of a question, or of a student if ``id`` is empty. Like answers stand together in ``groups``.

    The order says nothing about the students.
    """

    id: str
    title: str
    entries: tuple[Listed, ...]
    groups: tuple[Group, ...] = ()

    @property
    def left(self) -> int:
        """How many entries are open."""
        return sum(listed.is_open for listed in self.entries)


class Listing:
    """The entries in ``scope`` of the run with these ``marks``."""

    def __init__(self, marks: Marks, scope: Scope) -> None:
        self._marks = marks
        self._scope = replace(scope, decided_too=True)
        self._made_from: Decisions | None = None
        self._questions: tuple[Question, ...] = ()
        self._by_key: dict[str, tuple[Question, Listed]] = {}
        self._groups: dict[tuple[str, frozenset[str]], tuple[Group, ...]] = {}
        self._known: dict[Entry, tuple[Report, Listed]] = {}
        """What was made of each entry, and from which report; a decision changes the reports of few students."""

    def seen_as(self, marks: Marks) -> Listing:
        """The same entries with other marks, as another tutor sees them."""
        return Listing(marks, self._scope)

    @property
    def has_flags(self) -> bool:
        """Whether flags can be looked at; an audit and an anonymous review hide what that takes."""
        return self._scope.has_flags

    @property
    def is_blind(self) -> bool:
        """Whether this is an audit of settled answers, in which nothing may reveal the grader's marks."""
        return self._scope.audit is not None

    @property
    def has_settled(self) -> bool:
        """Whether settled entries are listed too, for second marking."""
        return self._scope.settled_too

    @property
    def questions(self) -> tuple[Question, ...]:
        """All questions that have entries, with the decisions of now."""
        if self._made_from is not self._marks.decisions:
            self._questions = tuple(self._listed())
            self._by_key = {entry.key: (question, entry) for question in self._questions for entry in question.entries}
            self._made_from = self._marks.decisions
        return self._questions

    @property
    def left(self) -> int:
        """How many entries are open."""
        return sum(question.left for question in self.questions)

    def find(self, key: str) -> tuple[Question, Listed] | None:
        """The entry with this key, and its question; None if there is none."""
        _ = self.questions
        return self._by_key.get(key)

    def results(self, listed: Listed) -> tuple[Result, ...]:
        """The results of an entry; in a blind audit without the grader's marks."""
        return self._results(listed.entry)

    def _listed(self) -> Iterator[Question]:
        for group in groups_of(self._marks.reports, self._scope):
            entries = list(map(self._as_listed, group.entries))
            if group.id == FLAGS:  # without those that wait for other entries of their students
                entries = [listed for listed in entries if listed.is_open or listed.decisions]
            groups = () if self.is_blind or group.id in ("", *FOR_ALL) else self._alike(group.id, entries)
            if groups:
                of_student = {listed.entry.student: listed for listed in entries}
                entries = [of_student[student] for like in groups for student in like.students]
            if entries:
                yield Question(group.id, group.title, tuple(entries), groups)

    def _alike(self, question: str, entries: Sequence[Listed]) -> tuple[Group, ...]:
        """The answers of a question in groups; none for code. A text never changes, so each set is compared once."""
        texts: dict[str, str] = {}
        for listed in entries:
            results = self._results(listed.entry)
            if len(results) != 1 or results[0].answer is None:
                return ()
            texts[listed.entry.student] = results[0].answer.text
        key = (question, frozenset(texts))
        if key not in self._groups:
            self._groups[key] = alike(texts)
        return self._groups[key]

    def _as_listed(self, entry: Entry) -> Listed:
        report = self._marks.report(entry.student)
        known = self._known.get(entry)
        if known is None or known[0] is not report:
            known = self._known[entry] = report, self._made_of(entry, report)
        return known[1]

    def _made_of(self, entry: Entry, report: Report) -> Listed:
        results = self._results(entry)
        made = (result.readings or (result.decision,) for result in results)
        decisions = [*(decision for of_result in made for decision in of_result), report.look(entry.flag)]
        return Listed(
            key_of(entry),
            entry,
            is_open=waits(entry, report, is_blind=self.is_blind),
            is_asked=any(result.asked for result in results),
            is_for_all=bool(entry.flag) or any(result.is_disputed for result in results),
            decisions=tuple(filter(None, decisions)),
        )

    def _results(self, entry: Entry) -> tuple[Result, ...]:
        return results_of(entry, self._marks.report(entry.student), is_blind=self.is_blind)


def key_of(entry: Entry) -> str:
    """A name for an entry that says nothing about the student."""
    return hashlib.sha256(encodable("\n".join((entry.student, *entry.items))).encode()).hexdigest()[:_KEY_LENGTH]
