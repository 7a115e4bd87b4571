"""Chooses the settled answers of a run that a tutor marks blind, to count how many were settled wrongly.

How they are shown is in :mod:`grader.review`; what the count says is in :mod:`grader.moderation.agreement`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from grader.model import Report, Result, Status
from grader.moderation.queue import is_open
from grader.storage.json_files import encodable


def audited(automatic: Iterable[Report], share: Decimal, secret: str) -> frozenset[tuple[str, str]]:
    """A ``share`` (0..1) of the answers that the grader settled, at least one of each part: students and items.

    ``automatic`` are the reports without decisions, and the run's ``secret`` is the seed. So the choice is the same
    each time, whatever was decided in between. A part without any text is left out: there is nothing to mark.
    """
    settled: defaultdict[str, list[str]] = defaultdict(list)
    for report in automatic:
        for result in report.answer_results:
            if not is_open(result) and result.answer is not None and result.answer.text.strip():
                settled[result.id].append(report.student)
    chosen: set[tuple[str, str]] = set()
    for item, students in settled.items():
        count = max(1, int((share * len(students)).quantize(Decimal(1), ROUND_HALF_UP)))
        drawn = sorted((_draw(secret, item, student), student) for student in students)
        chosen.update((student, item) for _, student in drawn[:count])
    return frozenset(chosen)


def unmarked(result: Result) -> Result:
    """The result as a tutor sees it in a blind audit: open, and without what the grader found."""
    result = replace(result, asked=None, answered=None)  # the student's words may say what the grader gave
    if result.decision is not None or result.answer is None:
        return result
    answer = replace(result.answer, spans=(), against=(), confidence=0.0)
    return replace(
        result, status=Status.NEEDS_REVIEW, awarded=Decimal(0), proposed=None, message="", hint="", answer=answer
    )


def _draw(secret: str, item: str, student: str) -> str:
    return hashlib.sha256(encodable(f"audit\n{secret}\n{item}\n{student}").encode()).hexdigest()
