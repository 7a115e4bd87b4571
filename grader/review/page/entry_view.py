"""The values that the page shows of one entry: what the student wrote, what the grader says, and what can be given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from grader.model import Decision, Flag, Report, Result
from grader.model.submission import CodePiece
from grader.moderation.offers import is_unsure, proposal
from grader.moderation.queue import is_open
from grader.moderation.seen import Marks
from grader.moderation.worklist import Entry
from grader.report.highlighting import pieces
from grader.report.html.anonymity import Identity
from grader.report.html.network_view import compare
from grader.report.html.student_page import lost_checks
from grader.review.page.actions import ACCEPT, FULL, HALF, NONE, choices, version
from grader.review.page.listing import Listed, Listing, Question, key_of
from grader.review.page.student_files import files_of
from grader.review.page.together import together
from grader.storage import records

_KEYS = {FULL: "1", HALF: "5", NONE: "0", ACCEPT: "a"}
_OTHER_KEYS = "2346789"
"""Digits that give no points, so they lead to the other open criteria of the same code."""
_NAMED_LINE = re.compile(r"(?:\bcell (\d{1,6}), )?\b[Ll]ines? (\d{1,6})\b(?: of code cell (\d{1,6}))?")


@dataclass(frozen=True)
class Choice:
    """Points that one key gives."""

    key: str
    word: str
    points: Decimal


@dataclass(frozen=True)
class Row:
    """An item with its choices. ``offer`` is what is proposed or stands, and ``version`` names the decision."""

    result: Result
    choices: tuple[Choice, ...]
    offer: Decimal | None
    is_open: bool
    is_unsure: bool
    version: str


@dataclass(frozen=True)
class CodeLine:
    """A line of the script; ``is_named`` if a message about the entry names it."""

    number: int
    text: str
    is_named: bool


@dataclass(frozen=True)
class ShownFlag:
    """A flag as it is shown, and who has looked at it."""

    id: str
    text: str
    look: Decision | None


@dataclass(frozen=True)
class Criterion:
    """Another open item of the same code, and the digit that leads to it."""

    digit: str
    key: str
    title: str


@dataclass(frozen=True)
class EntryViews:
    """Makes the values for ``desk_entry.html`` of the run at ``folder``; ``identity`` says how students are named.

    ``offered`` gives the comments that were used before on an item.
    """

    folder: Path
    marks: Marks
    listing: Listing
    identity: Identity
    offered: Callable[[str], tuple[str, ...]]

    def of(self, question: Question, listed: Listed) -> dict[str, Any]:
        """The values of one entry."""
        report, is_blind = self.marks.report(listed.entry.student), self.listing.is_blind
        rows = [self._row(report, result) for result in self.listing.results(listed)]
        first = rows[0].result
        alike = [result for result in report.results if (result.answer is None) == (first.answer is None)]
        values = {
            "listed": listed,
            "who": self.identity.name(report.student),
            "rows": rows,
            "whole": rows if len(rows) > 1 else [self._row(report, result) for result in alike],
            "bank": self.offered(first.id),
            "asked": list(self._asked(report, [row.result for row in rows])),
            "flags": self._flags(report.flags, report),
            "is_blind": is_blind,
            "is_anonymous": self.identity.is_anonymous,
            "together": together(self.listing, question, listed, mask=self.identity.answer),
            "name_of": lambda other: self.identity.name(other.entry.student)[0],
        }
        if first.answer is not None:
            text = self.identity.answer(report.student, first.answer.text)
            values["answer"] = tuple(pieces(text, first.answer.spans, first.answer.against))
        return values | self._evidence(report, first, is_hidden=is_blind)

    def of_flag(self, listed: Listed) -> dict[str, Any]:
        """The values of an entry about a flag, for ``desk_flag.html``."""
        report = self.marks.report(listed.entry.student)
        values = {
            "listed": listed,
            "who": self.identity.name(report.student),
            "flags": self._flags((flag for flag in report.flags if flag.id == listed.entry.flag), report),
            "is_anonymous": self.identity.is_anonymous,
        }
        return values | self._evidence(report, None, is_hidden=False)

    def _flags(self, flags: Iterable[Flag], report: Report) -> list[ShownFlag]:
        looks = {look.flag: replace(look, reason=self.identity.decision(look)[1]) for look in report.looks}
        return [ShownFlag(flag.id, self.identity.flag(flag), looks.get(flag.id)) for flag in flags]

    def _asked(self, report: Report, results: Iterable[Result]) -> Iterator[tuple[Result, tuple[Decision, ...]]]:
        """The results that the student has asked to look at again, each with what was said and decided about it."""
        for result in results:
            if result.asked is not None:
                entries = self.marks.decisions.on(report.student, result.id)
                yield result, tuple(self._masked(report, entry) for entry in entries)

    def _masked(self, report: Report, entry: Decision) -> Decision:
        return replace(entry, reason=self.identity.remark(report.student, entry.reason))

    def _row(self, report: Report, result: Result) -> Row:
        given = tuple(Choice(_KEYS[word], word, points) for word, points in choices(result).items())
        message, expected, seen, hint = (
            self.identity.answer(report.student, text)
            for text in (result.message, result.expected, result.seen, result.hint)
        )
        shown = replace(
            result,
            message=message,
            expected=expected,
            seen=seen,
            hint=hint,
            decision=result.decision and self._masked(report, result.decision),
            comments=tuple(self._masked(report, entry) for entry in result.comments),
            readings=tuple(self._masked(report, entry) for entry in result.readings),
            answered=result.answered and self._masked(report, result.answered),
        )
        return Row(shown, given, proposal(result), is_open(result), is_unsure(result), version(result))

    def _evidence(self, report: Report, result: Result | None, *, is_hidden: bool) -> dict[str, Any]:
        """The script and the network of an entry about code or a flag, and the student's files."""
        stored = None if is_hidden else records.read_evidence(self.folder, report.student)
        submission = stored.submission if stored is not None else None
        values: dict[str, Any] = {"code": [], "criteria": [], "network": None, "files": []}
        if submission is not None and not self.identity.is_anonymous:
            values["files"] = files_of(submission)
        if stored is None or (result is not None and result.answer is not None):
            return values
        code = submission.code if submission is not None else ()
        named = _named(result) if result is not None else frozenset()
        values["code"] = [(piece.cell, self._lines(report, piece, named)) for piece in code]
        values["criteria"] = list(self._criteria(report, result)) if result is not None else []
        trace = stored.evidence.trace if stored.evidence is not None else None
        if trace is not None and trace.operations:
            values |= {"trace": trace, "network": compare(trace, lost_checks(report.code_results))}
        return values

    def _lines(self, report: Report, piece: CodePiece, named: frozenset[tuple[int, int]]) -> list[CodeLine]:
        lines = self.identity.answer(report.student, piece.text).split("\n")
        return [CodeLine(at, line, (piece.cell, at) in named) for at, line in enumerate(lines, start=1)]

    def _criteria(self, report: Report, shown: Result) -> Iterator[Criterion]:
        others = [result for result in report.code_results if is_open(result) and result.id != shown.id]
        keys = [key_of(Entry(report.student, (result.id,))) for result in others]
        listed = [(key, result) for key, result in zip(keys, others, strict=True) if self.listing.find(key) is not None]
        for digit, (key, result) in zip(_OTHER_KEYS, listed, strict=False):
            yield Criterion(digit, key, result.title)


def _named(result: Result) -> frozenset[tuple[int, int]]:
    """The lines that the messages name: the code cell, 0 in a script, and the number."""
    found = _NAMED_LINE.findall(" ".join((result.message, result.expected, result.seen)))
    return frozenset((int(before or after or 0), int(line)) for before, line, after in found)
