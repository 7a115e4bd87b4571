"""The entries of the page, question by question: those that are open, and those that tutors have decided."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from grader.model import Decision, Result
from grader.moderation.audit import unmarked
from grader.moderation.decisions import Decisions
from grader.moderation.desk import Desk
from grader.moderation.queue import is_open
from grader.moderation.worklist import Entry, Scope, groups_of
from grader.storage.json_files import encodable

_KEY_LENGTH = 16


@dataclass(frozen=True)
class Listed:
    """An entry of the question ``question``; ``key`` names it in addresses, also after the server was started again.

    ``decisions`` are the tutors' decisions on its results, and ``is_open`` whether one of them waits.
    """

    key: str
    question: str
    entry: Entry
    is_open: bool
    decisions: tuple[Decision, ...]


@dataclass(frozen=True)
class Question:
    """The entries of a question in their order, which reveals nothing about the students."""

    id: str
    title: str
    entries: tuple[Listed, ...]

    @property
    def left(self) -> int:
        """How many entries are open."""
        return sum(listed.is_open for listed in self.entries)


class Listing:
    """The entries in ``scope`` of the run on the ``desk``."""

    def __init__(self, desk: Desk, scope: Scope) -> None:
        self._desk = desk
        self._scope = replace(scope, decided_too=True)
        self._made_from: Decisions | None = None
        self._questions: tuple[Question, ...] = ()
        self._by_key: dict[str, Listed] = {}

    @property
    def is_blind(self) -> bool:
        """Whether this is an audit of settled answers, in which nothing may reveal the grader's marks."""
        return self._scope.audit is not None

    @property
    def questions(self) -> tuple[Question, ...]:
        """All questions that have entries, with the decisions of now."""
        if self._made_from is not self._desk.decisions:
            self._questions = tuple(self._listed())
            self._by_key = {listed.key: listed for question in self._questions for listed in question.entries}
            self._made_from = self._desk.decisions
        return self._questions

    def find(self, key: str) -> Listed | None:
        """The entry with this key; None if there is none."""
        _ = self.questions
        return self._by_key.get(key)

    def results(self, listed: Listed) -> tuple[Result, ...]:
        """The results of an entry; in a blind audit without the grader's marks."""
        results = (r for r in self._desk.report(listed.entry.student).results if r.id in listed.entry.items)
        return tuple(map(unmarked, results) if self.is_blind else results)

    def _listed(self) -> Iterator[Question]:
        for group in groups_of(self._desk.reports, self._scope):
            entries = tuple(self._as_listed(group.id or group.title, entry) for entry in group.entries)
            yield Question(group.id or group.title, group.title, entries)

    def _as_listed(self, question: str, entry: Entry) -> Listed:
        results = [result for result in self._desk.report(entry.student).results if result.id in entry.items]
        waits = [unmarked(result) for result in results] if self.is_blind else results
        decisions = tuple(result.decision for result in results if result.decision is not None)
        return Listed(key_of(entry), question, entry, any(map(is_open, waits)), decisions)


def key_of(entry: Entry) -> str:
    """A name for an entry that says nothing about the student."""
    return hashlib.sha256(encodable("\n".join((entry.student, *entry.items))).encode()).hexdigest()[:_KEY_LENGTH]
