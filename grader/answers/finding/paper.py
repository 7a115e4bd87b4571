"""The questions that a document answers: the ids of the parts in order, and the words by which copies are recognised.

What the answers should say is not here: that is the key's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from grader.answers.finding.wording import content
from grader.lab4.items import PART1_IDS, PART1_TITLES
from grader.lab4.questions import QUESTIONS, TEMPLATE, WITH_HEAD, Question
from grader.model.parts import heads_of, in_order, letter_of, question_of

_LAB4 = {question.id: question.words for question in (*QUESTIONS, *WITH_HEAD)}
_LONGEST_TITLE = 60


@dataclass(frozen=True)
class Paper:
    """The parts of a sheet in order. ``wordings`` are their questions and those that head several parts.

    ``has_pooling``: parts 6a and 6b are Lab 4's, which students also label by the names of the two kinds of pooling.
    """

    parts: tuple[str, ...]
    wordings: tuple[Question, ...] = ()
    has_pooling: bool = False

    @cached_property
    def heads(self) -> Mapping[str, tuple[str, ...]]:
        """The questions with several parts, each with its parts."""
        return heads_of(self.parts)

    @cached_property
    def numbers(self) -> frozenset[int]:
        """The numbers of the questions."""
        return frozenset(map(question_of, self.parts))

    @cached_property
    def letters(self) -> Mapping[int, str]:
        """The letters of the parts of each question that has several."""
        return {int(head): "".join(map(letter_of, parts)) for head, parts in self.heads.items()}

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """What can start in a document, in the order of the sheet: the parts, what heads them, and the end."""
        return (*in_order({*self.parts, *self.heads}), "end")

    @cached_property
    def place(self) -> Mapping[str, int]:
        """The index of each of the ``keys``."""
        return {key: index for index, key in enumerate(self.keys)}

    @property
    def end(self) -> int:
        """The place of the end."""
        return len(self.keys) - 1

    @cached_property
    def parts_before(self) -> tuple[int, ...]:
        """The number of parts before each place, and before what follows the last."""
        return tuple(sum(key in self.parts for key in self.keys[:place]) for place in range(len(self.keys) + 1))

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides how documents are cut."""
        return hashlib.sha256(repr((self.parts, self.wordings, self.has_pooling)).encode()).hexdigest()


def paper_of(questions: Mapping[str, str]) -> Paper:
    """The paper that asks these questions, by part. Lab 4's are recognised, also as its template words them."""
    lab4 = {part for part, text in questions.items() if is_lab4(part, text)}
    heads = {head for head, parts in heads_of(questions).items() if lab4.issuperset(parts)}
    known = [question for question in (*QUESTIONS, *TEMPLATE) if question.id in lab4 | heads]
    own = [Question(part, content(text)) for part, text in questions.items() if part not in lab4 and content(text)]
    return Paper(in_order(questions), (*known, *own), {"6a", "6b"} <= lab4)


def paper_with(parts: Iterable[str]) -> Paper:
    """The paper with these parts where nothing says what they ask: Lab 4's, or one whose questions are unknown."""
    ordered = in_order(parts)
    return LAB4 if ordered == LAB4.parts else Paper(ordered)


def is_lab4(part: str, question: str) -> bool:
    """Whether this is the question that Lab 4 asks in this part."""
    return _LAB4.get(part, "") == content(question) != ""


def title_of(part: str, question: str) -> str:
    """How reports call a part: Lab 4's title, or the question, cut off after some words."""
    if is_lab4(part, question):
        return PART1_TITLES[part]
    whole = " ".join(question.split())
    if len(whole) <= _LONGEST_TITLE:
        return whole
    return whole[:_LONGEST_TITLE].rpartition(" ")[0] + " ..."


LAB4 = Paper(PART1_IDS, (*QUESTIONS, *TEMPLATE), has_pooling=True)
"""Lab 4's sheet: the paper where neither a key nor a rubric says otherwise."""
