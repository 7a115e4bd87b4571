"""Turns a sheet of answers into results: a pure function of the sheet, the rubric's points and the key.

:mod:`grader.answers.marker.answer_marking` decides what an answer earns; this module combines that with how surely the
answer was found. An answer that was not found, or could not be read, never gets a zero without a tutor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from grader.answers.finding.segmentation import CERTAIN
from grader.answers.marker.answer_marking import TOO_LONG
from grader.answers.marker.finding import SHOWN_FROM, proposal, without_proposal
from grader.answers.marker.references import meant, references
from grader.model import PART1, AnswerFinding, AnswerSheet, Criterion, MarkedAnswer, Result, Status, WrittenAnswer
from grader.safe_text import shorten


class Marker(Protocol):
    """Marks answers by a key."""

    def __call__(self, part: str, text: str) -> AnswerFinding:
        """The finding on the answer ``text`` to ``part``."""

    def full_answer(self, part: str) -> str:
        """One sentence with what a full answer mentions."""


WAITING = "The answer has not been marked yet."
NO_PROPOSAL = "No proposal: the grader is too unsure of this answer."
NO_ANSWERS = "No file that could contain the answers was found; a tutor should look for them."
BLANK = "Not answered."
MOST_QUOTED = 300
"""Characters of another part's answer that are shown where an answer points to it."""
DOUBTED = 0.5
"""The highest confidence in a mark for a text that may not be the whole answer."""


def mark_sheet(
    sheet: AnswerSheet, criteria: Sequence[Criterion], marker: Marker | None, notes: Mapping[str, str]
) -> tuple[Result, ...]:
    """A result for each part: its mark, or why a tutor has to look. Without a ``marker`` every answer waits."""
    found = {answer.part: answer for answer in sheet.answers}
    texts = {criterion.id: found[criterion.id].text if criterion.id in found else "" for criterion in criteria}
    return tuple(
        _found(criterion, found[criterion.id], sheet, marker, texts, notes.get(criterion.id, ""))
        if criterion.id in found
        else _open(criterion, _absence(sheet))
        for criterion in criteria
    )


def wait_for_marking(criteria: Sequence[Criterion]) -> tuple[Result, ...]:
    """A result for each part that says that it is not marked, where no answers were read."""
    return tuple(_open(criterion, WAITING) for criterion in criteria)


def _open(criterion: Criterion, reason: str) -> Result:
    return Result(
        PART1 + criterion.id,
        criterion.title,
        Status.NEEDS_REVIEW,
        Decimal(0),
        criterion.points,
        reason,
        answer=MarkedAnswer(),
    )


def _absence(sheet: AnswerSheet) -> str:
    if sheet.problems:
        return f"{sheet.problems[0]} A tutor should look for this answer."
    if not sheet.documents:
        return NO_ANSWERS
    return f"This answer was not found in {' or '.join(sheet.documents[:3])}; a tutor should look for it."


def _found(
    criterion: Criterion,
    answer: WrittenAnswer,
    sheet: AnswerSheet,
    marker: Marker | None,
    texts: Mapping[str, str],
    note: str,
) -> Result:
    doubt = _doubt(answer, sheet)
    finding = _finding(criterion, answer, marker)
    is_unsure = finding is not None and finding.status is Status.NEEDS_REVIEW and finding.confidence < SHOWN_FROM
    is_open = bool(doubt) or finding is None or finding.status is Status.NEEDS_REVIEW
    earned = criterion.earned(finding.awarded) if finding and not is_unsure else None
    sure = min(finding.confidence, answer.confidence, DOUBTED if doubt else 1.0) if finding else 0.0
    return Result(
        id=PART1 + criterion.id,
        title=criterion.title,
        status=Status.NEEDS_REVIEW if is_open or finding is None else finding.status,
        awarded=Decimal(0) if is_open or earned is None else earned,
        available=criterion.points,
        message=" ".join(
            filter(None, (doubt, _said(finding, is_open, is_unsure), _referred(answer, texts) if is_open else ""))
        ),
        proposed=earned if is_open else None,
        told=_told(finding) if finding is not None and is_open else "",
        answer=MarkedAnswer(
            text=answer.text,
            source=answer.source,
            confidence=round(sure, 2),
            spans=finding.spans if finding else (),
            against=finding.against if finding else (),
            note="" if answer.is_blank else note,
            full_answer=marker.full_answer(criterion.id) if marker is not None else "",
            doubt=doubt,
        ),
    )


def _said(finding: AnswerFinding | None, is_open: bool, is_unsure: bool) -> str:
    """The message of a finding; of a settled one on a doubtful text, as that of a proposal."""
    if finding is None:
        return WAITING
    if is_unsure:
        return f"{NO_PROPOSAL} {without_proposal(finding.message)}".strip()
    is_doubted = is_open and finding.status is not Status.NEEDS_REVIEW
    return proposal(finding.awarded, finding.message) if is_doubted else finding.message


def _told(finding: AnswerFinding) -> str:
    """What the student is told if a tutor confirms the mark of an open answer."""
    return finding.told if finding.status is Status.NEEDS_REVIEW else finding.message


def _referred(answer: WrittenAnswer, texts: Mapping[str, str]) -> str:
    """What the answers say that an open answer points to, by part; ``texts`` has all parts in their order."""
    pointing = references(answer.text[:TOO_LONG])
    parts = dict.fromkeys(meant(reference, answer.part, tuple(texts)) for reference in pointing)
    quoted = {part: shorten(" ".join(texts[part].split()), MOST_QUOTED) for part in parts if part}
    return " ".join(f'The answer to {part} says: "{text}"' for part, text in quoted.items() if text)


def _finding(criterion: Criterion, answer: WrittenAnswer, marker: Marker | None) -> AnswerFinding | None:
    """The finding on the text; None without a marker. A blank earns nothing, even without a key."""
    if answer.is_blank:
        return AnswerFinding(Status.FAILED, Decimal(0), 1.0, BLANK, ())
    return marker(criterion.id, answer.text) if marker is not None else None


def _doubt(answer: WrittenAnswer, sheet: AnswerSheet) -> str:
    """Why a tutor has to look, whatever the text says; empty when the text is certainly the whole answer."""
    if answer.has_picture:
        return f"A picture in {answer.source} may be part of this answer."
    if answer.is_blank and sheet.problems:
        return sheet.problems[0]
    if answer.rivals:
        return f"There is a different answer to this part in {' and '.join(answer.rivals[:3])}."
    if answer.shared:
        return f"Parts {', '.join(answer.shared)} are answered in one text."
    if answer.confidence < CERTAIN:
        return "It is not certain that this text is the answer to this part, or the whole answer."
    if len(answer.text) > TOO_LONG:
        return f"Only the first {TOO_LONG} characters of this answer were marked."
    return ""
