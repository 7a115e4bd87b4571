"""What a student reads about one item, as plain text for platforms that show no page."""

from __future__ import annotations

from grader.model import Result
from grader.safe_text import visible


def told(result: Result) -> tuple[str, ...]:
    """The sentences about a result of a report that :func:`~grader.report.html.feedback.for_the_student` returned.

    They are what the grader says with its hint, then what tutors wrote.
    """
    decisions = ((result.decision,) if result.decision else ()) + result.comments
    texts = (result.message, result.hint, *(decision.reason for decision in decisions))
    return tuple(visible(text) for text in texts if text)
