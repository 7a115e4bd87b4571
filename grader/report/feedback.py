"""What of a report is for the student: what the student's page and the files for learning platforms are made from.

They cannot say more than it does: no proposals, no flags, no digests, and no name of a tutor. A field that is not named
here is not in it.
"""

from __future__ import annotations

from dataclasses import replace

from grader.model import Decision, Lateness, MarkedAnswer, Report, Result, Status
from grader.moderation.decisions import STANDARD_REASONS
from grader.report.formats import points
from grader.safe_text import visible


def for_the_student(report: Report) -> Report:
    """A settled ``report`` with only what its student should read.

    Tutors' reasons and comments are kept, as from "a tutor": marks are the course's, and the author may be the name of
    somebody's account on a computer. What the grader wrote about a mark is kept where it still explains the mark.
    """
    return Report(
        student=report.student,
        status=report.status,
        awarded=report.awarded,
        available=report.available,
        results=tuple(map(_told, report.results)),
        flags=(),
        unmarked=tuple(map(_told, report.unmarked)),
        origin=report.origin,
        lateness=_decided(report.lateness),
    )


def sentences(result: Result) -> tuple[str, ...]:
    """What a student reads about a result of :func:`for_the_student`, as plain text for platforms that show no page.

    First comes what the grader says, with its hint, and then what tutors wrote.
    """
    decisions = ((result.decision,) if result.decision else ()) + result.comments
    texts = (result.message, result.hint, outcome(result), *(decision.reason for decision in decisions))
    return tuple(visible(text) for text in dict.fromkeys(texts) if text)


def outcome(result: Result) -> str:
    """What came of the student's request to look at a mark again: a sentence to the student, or empty without one."""
    request, made = result.answered, result.decision
    if request is None or made is None or made.new is None:
        return ""
    if request.old is None:
        what = f"the mark is {points(made.new)}"
    elif request.old == made.new:
        what = f"the mark stays {points(made.new)}"
    else:
        what = f"the mark changed from {points(request.old)} to {points(made.new)}"
    return f"You asked for this to be looked at again: {what} of {points(made.available)}."


def _decided(late: Lateness | None) -> Lateness | None:
    """What the late policy says, if no tutor has to decide."""
    return Lateness(late.days, late.deduction, late.text) if late is not None and late.deduction is not None else None


def _told(result: Result) -> Result:
    decision = result.decision
    is_explained = decision is None and result.status is not Status.NEEDS_REVIEW
    told = result.message if is_explained else result.told
    is_whole = told == result.message
    answer = result.answer
    return Result(
        id=result.id,
        title=result.title,
        status=result.status,
        awarded=result.awarded,
        available=result.available,
        message=told,
        hint=result.hint if is_whole else "",
        expected=result.expected if is_whole else "",
        seen=result.seen if is_whole else "",
        cause=result.cause,
        decision=_signed(decision) if decision is not None else None,
        comments=tuple(map(_signed, result.comments)),
        answered=replace(_signed(result.answered), old=result.answered.old, reason="") if result.answered else None,
        answer=answer
        and MarkedAnswer(
            text=answer.text,
            source=answer.source,
            spans=answer.spans,
            against=answer.against,
            note=answer.note,
            full_answer=answer.full_answer,
        ),
    )


def _signed(decision: Decision) -> Decision:
    """A decision or comment without its author and what it replaced."""
    return Decision(
        student="",
        item="",
        author="",
        time="",
        reason="" if decision.reason.strip() in STANDARD_REASONS else decision.reason,
        digest="",
        available=decision.available,
        new=decision.new,
    )
