"""Who a cohort page says that somebody is, and what it quotes: all that is known, or numbers for blind moderation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from grader.model import Decision, Flag, Report, Result, Status
from grader.storage.run_folder import page_path

UNTOLD = "The reason names a file, so it stands on the student's own page."
_FILE_NAME = re.compile(r"[^\s.]\.[A-Za-z]\w{1,7}\b")
"""``answers.docx`` in a sentence; whatever stands before the dot may be a person's name."""
_SHORTEST_NAME = 3
"""Characters; anything shorter in a name is too often part of a plain sentence."""


class Identity(Protocol):
    """How a page speaks of students."""

    @property
    def is_anonymous(self) -> bool:
        """Whether the page must not tell who somebody is."""

    @property
    def names(self) -> Mapping[str, str] | None:
        """What all students are called; None where that is their own names."""

    def name(self, student: str) -> str:
        """What the student is called."""

    def page(self, student: str) -> str:
        """Where a link to the student's page leads; empty when there is none."""

    def answer(self, student: str, text: str) -> str:
        """An answer as it is shown; it has as many characters as ``text``, for spans point into it."""

    def reason(self, student: str, result: Result) -> str:
        """What is said about an item or an answer."""

    def saying(self, message: str) -> str:
        """What is said to many about an answer."""

    def cause(self, report: Report) -> str:
        """What is said about the first loss of marks."""

    def flag(self, flag: Flag) -> str:
        """What is said about a flag."""

    def decision(self, decision: Decision) -> tuple[str, str]:
        """Who decided, and why."""


@dataclass(frozen=True)
class ByName:
    """Everything that is known."""

    is_anonymous: bool = False
    names: None = None

    def name(self, student: str) -> str:
        return student

    def page(self, student: str) -> str:
        return quote(page_path(student))

    def answer(self, student: str, text: str) -> str:
        return text

    def reason(self, student: str, result: Result) -> str:
        return result.message

    def saying(self, message: str) -> str:
        return message

    def cause(self, report: Report) -> str:
        return report.message

    def flag(self, flag: Flag) -> str:
        return flag.message

    def decision(self, decision: Decision) -> tuple[str, str]:
        return decision.author, decision.reason


class ByNumber:
    """The ``names`` of :mod:`grader.moderation.pseudonyms`; what a student or a tutor wrote freely is left
    out, but for answers.

    In an answer, the student's own name and number as they stand in the name of the submission are blacked out.
    """

    is_anonymous = True

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        self._own_words = {student: _words_of(student) for student in names}

    def name(self, student: str) -> str:
        return self.names[student]

    def page(self, student: str) -> str:
        return ""

    def answer(self, student: str, text: str) -> str:
        return self._own_words[student].sub(lambda found: "█" * len(found[0]), text)

    def reason(self, student: str, result: Result) -> str:
        if result.answer is None:
            return ""  # it may quote what the student called a file, a class or a variable
        source = result.answer.source
        message = result.message.replace(source, "a document") if source else result.message
        is_telling = _FILE_NAME.search(message) or self._own_words[student].search(message)
        return UNTOLD if is_telling else message

    def saying(self, message: str) -> str:
        return "" if _FILE_NAME.search(message) else message

    def cause(self, report: Report) -> str:
        lost = [item for item in report.items if item.status not in (Status.PASSED, Status.SKIPPED)]
        lost += [answer for answer in report.answers if answer.status in (Status.FAILED, Status.PARTIAL)]
        return lost[0].title if lost and lost[0].status is not Status.ERROR else ""

    def flag(self, flag: Flag) -> str:
        return flag.id

    def decision(self, decision: Decision) -> tuple[str, str]:
        return "", ""


def _words_of(student: str) -> re.Pattern[str]:
    """What in a text would tell that it is ``student``'s: the whole name, or its words that look like a person's.

    Those are words with a digit, and words with a capital letter, as they stand or in capitals.
    """
    words = [word for word in re.split(r"[\W_]+", student) if len(word) >= _SHORTEST_NAME]
    own = {word for word in words if any(map(str.isdigit, word)) and len(word) > _SHORTEST_NAME}
    own |= {form for word in words if word[0].isupper() for form in (word, word.upper())}
    alternatives = [re.escape(word) for word in sorted(own, key=lambda one: (-len(one), one))]
    if len(student) >= _SHORTEST_NAME:
        alternatives.insert(0, f"(?i:{re.escape(student)})")
    return re.compile(rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)" if alternatives else r"(?!)")
