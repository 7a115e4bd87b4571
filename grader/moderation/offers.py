"""What a tutor can accept or give for one result: the points that are proposed, and those that may be typed."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from grader.answers.marker.finding import REVIEW_BELOW
from grader.model import Result
from grader.moderation.decisions import STEP
from grader.moderation.queue import is_open

QUARTER = Decimal("0.25")


class Refused(Exception):
    """A command of the tutor cannot be executed; the message says why. Nothing was written."""


def is_unsure(result: Result) -> bool:
    """Whether the points proposed for an answer are only the nearest, so that no single key may accept them."""
    is_offered = is_open(result) and result.proposed is not None
    return is_offered and result.answer is not None and result.answer.confidence < REVIEW_BELOW


def proposal(result: Result) -> Decimal | None:
    """The points that accepting gives: those proposed, or those of a settled item."""
    return result.proposed if is_open(result) else result.awarded


def points_from(text: str, result: Result) -> Decimal:
    """The points that a tutor typed, with a decimal point or comma. Raises Refused for anything else."""
    try:
        points = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        raise Refused(f"{text.strip()} is not a number; write points such as 0.5.") from None
    if not points.is_finite() or points < 0:
        raise Refused("Points must be 0 or more.")
    if points > result.available:
        raise Refused(f"You can give at most {result.available.normalize():f} here.")
    step = QUARTER if result.available % QUARTER == 0 else STEP
    if points % step and points != proposal(result):
        raise Refused(f"Points must be a multiple of {step:f} here.")
    return points
