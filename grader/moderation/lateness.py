"""How late each submission is by the run's late policy, what that costs, and the mark that leaves the grader.

For the policy's file see :mod:`grader.moderation.late_policy`.
"""

from __future__ import annotations

from decimal import Decimal

from grader.model import Report


def open_lateness(report: Report, *, apply_late: bool) -> str:
    """Why the mark of ``report`` cannot be exported yet because of its lateness: one sentence, or empty.

    Without ``apply_late`` it is always empty.
    """
    return report.lateness.text if apply_late and report.lateness is not None and report.deduction is None else ""


def exported_mark(report: Report, *, apply_late: bool) -> Decimal:
    """The points to export: those awarded, with ``apply_late`` less the deduction of the late policy; never below 0.

    They are exact; whoever writes them rounds. Raises ValueError if a tutor has to decide about the lateness first: see
    :func:`open_lateness`.
    """
    if not apply_late:
        return report.awarded
    if report.deduction is None:
        raise ValueError(f"{report.student}: {open_lateness(report, apply_late=True)}")
    return report.awarded - report.deduction
