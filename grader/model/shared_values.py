"""Keeps the texts and points that many reports have in common only once in memory."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from grader.model.answers import MarkedAnswer
from grader.model.report import Report, Result


class SharedValues:
    """Returns equal reports in which equal texts and points are one object. What students wrote stays as it is.

    Methods may be called from many threads.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._points: dict[str, Decimal] = {}

    def report(self, report: Report) -> Report:
        """The report with shared values."""
        return replace(report, results=tuple(map(self._result, report.results)))

    def _result(self, result: Result) -> Result:
        text, points, answer = self._text, self._exactly, result.answer
        return replace(
            result,
            id=text(result.id),
            title=text(result.title),
            awarded=points(result.awarded),
            available=points(result.available),
            message=text(result.message),
            hint=text(result.hint),
            expected=text(result.expected),
            seen=text(result.seen),
            proposed=None if result.proposed is None else points(result.proposed),
            cause=text(result.cause),
            told=text(result.told),
            answer=None if answer is None else self._answer(answer),
        )

    def _answer(self, answer: MarkedAnswer) -> MarkedAnswer:
        text = self._text
        return replace(
            answer,
            source=text(answer.source),
            note=text(answer.note),
            full_answer=text(answer.full_answer),
            doubt=text(answer.doubt),
        )

    def _text(self, text: str) -> str:
        return self._texts.setdefault(text, text)

    def _exactly(self, points: Decimal) -> Decimal:
        return self._points.setdefault(str(points), points)  # 1.0 equals 1, but is written in another way
