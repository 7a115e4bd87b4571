"""Names and messages on a cohort page: everything that is known, or numbers instead of names for anonymous review."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Protocol
from urllib.parse import quote

from grader.model import Decision, Flag, Report, Result, Status
from grader.moderation.student_names import NamesOfMany, names_of, words_that_name
from grader.report.formats import name_and_number
from grader.storage.run_folder import page_path

WITHHELD = "The reason names a file, so only the student's own page shows it."
ANOTHER = "(This names another student, so it is left out here.)"
_FILE_NAME = re.compile(r"[^\s.]\.[A-Za-z]\w{1,7}\b")
"""Matches ``answers.docx`` in a sentence: the part before the dot may be a person's name."""


class Identity(Protocol):
    """How a page names students and quotes messages."""

    @property
    def is_anonymous(self) -> bool:
        """Whether the page must not identify students."""

    @property
    def names(self) -> Mapping[str, str] | None:
        """The name shown for each student; None when these are the students' own names."""

    def name(self, student: str) -> tuple[str, str]:
        """The name shown for the student, and the platform's number; or empty."""

    def page(self, student: str) -> str:
        """The link to the student's page; empty for no link."""

    def answer(self, student: str, text: str) -> str:
        """An answer as it is shown, with as many characters as ``text``, because spans are offsets into it."""

    def remark(self, student: str, text: str) -> str:
        """What a tutor, or the student in a request, wrote about the student's work."""

    def reason(self, student: str, result: Result) -> str:
        """The message of a result."""

    def common_message(self, message: str) -> str:
        """A message that many students got for an answer."""

    def cause(self, report: Report) -> str:
        """The first cause of lost marks."""

    def flag(self, flag: Flag) -> str:
        """The text shown for a flag."""

    def decision(self, decision: Decision) -> tuple[str, str]:
        """Author and reason of a decision."""


class ByName:
    """Students by their own names, with all messages."""

    is_anonymous = False
    names = None

    def __init__(self, reports: Iterable[Report]) -> None:
        self._names = {report.student: name_and_number(report) for report in reports}

    def name(self, student: str) -> tuple[str, str]:
        return self._names[student]

    def page(self, student: str) -> str:
        return quote(page_path(student))

    def answer(self, student: str, text: str) -> str:
        return text

    def remark(self, student: str, text: str) -> str:
        return text

    def reason(self, student: str, result: Result) -> str:
        return result.message

    def common_message(self, message: str) -> str:
        return message

    def cause(self, report: Report) -> str:
        return report.message

    def flag(self, flag: Flag) -> str:
        return flag.message

    def decision(self, decision: Decision) -> tuple[str, str]:
        return decision.author, decision.reason


class ByNumber:
    """Students by their pseudonyms, ``names``. All free text of students and tutors is left out, except answers and,
    in the review, remarks.

    In these, the names, numbers and addresses of those who handed the work in are blacked out, as far as they are
    known. A remark that names another student of the run is left out.
    """

    is_anonymous = True

    def __init__(self, names: Mapping[str, str], reports: Iterable[Report]) -> None:
        self.names = names
        self._origins = {report.student: report.origin for report in reports}
        self._known: dict[str, re.Pattern[str]] = {}

    def name(self, student: str) -> tuple[str, str]:
        return self.names[student], ""

    def page(self, student: str) -> str:
        return ""

    def answer(self, student: str, text: str) -> str:
        return self._own_words(student).sub(lambda found: "█" * len(found[0]), text)

    def remark(self, student: str, text: str) -> str:
        shown = self.answer(student, text)
        return ANOTHER if self._names_of_all.are_in(shown) else shown

    def reason(self, student: str, result: Result) -> str:
        if result.answer is None:
            return ""  # it may quote the student's names of files, classes or variables
        source = result.answer.source
        message = result.message.replace(source, "a document") if source else result.message
        is_identifying = _FILE_NAME.search(message) or self._own_words(student).search(message)
        return WITHHELD if is_identifying else message

    def _own_words(self, student: str) -> re.Pattern[str]:
        """What names those who handed in. A page of a large cohort quotes few of them."""
        if student not in self._known:
            self._known[student] = words_that_name(names_of(student, self._origins[student]))
        return self._known[student]

    @cached_property
    def _names_of_all(self) -> NamesOfMany:
        return NamesOfMany(name for student, origin in self._origins.items() for name in names_of(student, origin))

    def common_message(self, message: str) -> str:
        return "" if _FILE_NAME.search(message) else message

    def cause(self, report: Report) -> str:
        lost = [item for item in report.code_results if item.status not in (Status.PASSED, Status.SKIPPED)]
        lost += [answer for answer in report.answer_results if answer.status in (Status.FAILED, Status.PARTIAL)]
        return lost[0].title if lost and lost[0].status is not Status.ERROR else ""

    def flag(self, flag: Flag) -> str:
        return flag.id

    def decision(self, decision: Decision) -> tuple[str, str]:
        return "", ""
