"""Makes a finding on a written answer from a mark and a confidence, and decides whether a tutor has to look."""

from __future__ import annotations

import re
from decimal import Decimal

from grader.model import AnswerFinding, Status

REVIEW_BELOW = 0.6
"""Below this confidence, a finding is a proposal to a tutor. Chosen on the 156 development answers."""
SHOWN_FROM = 0.5
"""Below this confidence, no mark is proposed: it would be wrong too often and mislead a tutor (docs/calibration.md)."""
_AFTERWARDS = (
    "(?:sorry|this one|this|it|the answer|what to write|yet|an answer|at all|about this|that one|here|question|lol)"
)
NOTHING_CLAIMED = re.compile(
    r"[\W_]*+(?:(?:i )?(?:(?:really )?(?:do ?n[o']?t|dont|do not|did ?n'?t|did not) (?:\w+ )?(?:know|remember|"
    r"understand|recall|get it|have)"
    r"|ca ?n[o']?t (?:remember|recall|answer|say)|cannot (?:remember|recall|answer)"
    r"|idk|dunno|no (?:idea|clue|answer)|not sure|unsure|n ?/? ?a|none|nil|skip(?:ped)?|pass|todo|tbd|tba|blank|"
    r"empty|nothing|"
    r"see (?:above|below|previous|prev)|same as (?:above|before)|as above|forgot|no time|ran out of time|x|xx+)"
    rf"|(?<= ){_AFTERWARDS})?(?: {_AFTERWARDS})*[\W_]*",
    re.IGNORECASE,
)
"""A text that claims nothing: it is empty, has only signs, or says that the student does not know."""


def finding(
    awarded: Decimal, confidence: float, message: str, spans: tuple[tuple[int, int], ...] = ()
) -> AnswerFinding:
    """A finding with the status that follows from ``awarded`` (0..1) and ``confidence`` (0..1)."""
    sure = round(min(1.0, max(0.0, confidence)), 2)
    if sure < REVIEW_BELOW:
        status = Status.NEEDS_REVIEW
    elif awarded == 1:
        status = Status.PASSED
    else:
        status = Status.PARTIAL if awarded else Status.FAILED
    return AnswerFinding(status, awarded, sure, message, spans)
