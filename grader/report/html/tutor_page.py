"""The values that the tutor's page of one student shows beside those of the student's own page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from grader.checks.endings import CHECK_OF
from grader.model import Canary, Report, Result, Run, Status
from grader.model.evidence import Training
from grader.model.training import CANARY, remark_on
from grader.moderation.finished_run import ALONE, Neighbours
from grader.report import tally
from grader.report.formats import alarm
from grader.report.html import student_page
from grader.report.html.observed_view import printed
from grader.sandbox.level import Shortfall, shortfall
from grader.storage.records import StoredEvidence
from grader.storage.run_folder import COHORT_PAGE_FILE, page_path

_UP = "../../"
"""From the folder of a student's files to that of the run."""


@dataclass(frozen=True)
class Ways:
    """Links to the cohort's page, and to the pages of the previous and the next student; empty where there is none."""

    cohort: str
    previous: str
    next: str


def context(report: Report, stored: StoredEvidence, run: Run, beside: Neighbours | None = ALONE) -> dict[str, Any]:
    """The values that ``tutor_report.html`` is rendered with; without ``beside`` it has no links to other pages."""
    evidence, submission = stored.evidence, stored.submission
    isolation, missing = isolation_of(stored, run)
    values = student_page.context(report, stored, run) | printed(evidence)
    return values | {
        "ways": _ways(beside) if beside is not None else None,
        "stored": stored,
        "isolation": isolation,
        "shortfall": missing,
        "alarm": _alarm(report, evidence.trainings if evidence else ()),
        "part1": tally.add_up(report.answer_results),
        "part2": tally.add_up(report.code_results),
        "decided": [result for result in report.results if result.decision],
        "is_unanswered": all(_is_untouched(answer) for answer in report.answer_results),
        "code": submission.code if submission else (),
    }


def isolation_of(stored: StoredEvidence, run: Run) -> tuple[str, Shortfall | None]:
    """How the submission was isolated, and what was missing there or in the run."""
    isolation = (stored.evidence.isolation if stored.evidence else "") or run.isolation
    return isolation, shortfall(isolation) or shortfall(run.isolation)


def _alarm(report: Report, trainings: Iterable[Training]) -> str:
    """What to say if the accuracy waits because the canary was outside the stored range when it was measured."""
    remark = remark_on(trainings, CANARY)
    is_open = any(result.id == CHECK_OF["train"] and result.status is Status.NEEDS_REVIEW for result in report.results)
    return alarm(Canary(remark.message, is_outside=True)) if remark is not None and is_open else ""


def _ways(beside: Neighbours) -> Ways:
    previous, following = (f"{_UP}{quote(page_path(other))}" if other is not None else "" for other in beside)
    return Ways(f"{_UP}{COHORT_PAGE_FILE}", previous, following)


def _is_untouched(result: Result) -> bool:
    """Whether an answer only waits for a tutor: no text, no proposal, no comment."""
    is_waiting = result.status is Status.NEEDS_REVIEW and result.proposed is None
    return is_waiting and not (result.answer and result.answer.text) and not (result.comments or result.asked)
