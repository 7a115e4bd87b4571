"""Makes a finding on a written answer from a mark and a confidence, and decides whether a tutor has to look."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from grader.model import AnswerFinding, Status

RIGHT = "Right: "
"""How the message of a settled full mark begins."""
_NEAREST = "Unsure; nearest: "
_SHARES = {
    Decimal(0): "no marks",
    Decimal("0.25"): "a quarter of the marks",
    Decimal("0.5"): "half marks",
    Decimal("0.75"): "three quarters of the marks",
    Decimal(1): "full marks",
}
_COUNTS = re.compile(r"[^\W\d_]{3}|\d|[^\w\s.,;:'’()\"]")
"""A word of three letters, a digit, or a sign such as ``>``."""

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
    r"empty|nothing|forgot|no time|ran out of time|x|xx+)"
    rf"|(?<= ){_AFTERWARDS})?(?: {_AFTERWARDS})*[\W_]*",
    re.IGNORECASE,
)
"""A text that claims nothing: it is empty, has only signs, or says that the student does not know."""


@dataclass(frozen=True)
class Marked:
    """A finding, the text that it is about, and the rules that decided: sentences for a tutor, in their order."""

    finding: AnswerFinding
    text: str
    rules: tuple[str, ...]

    def doubted(self, most: float, message: str, rule: str = "") -> Marked:
        """The same as a proposal with a confidence of at most ``most``; the rule is the message if none is given."""
        found = self.finding
        doubted = finding(found.awarded, min(most, found.confidence), message, found.spans)
        told = found.told or found.message
        return replace(
            self, finding=replace(doubted, told=told, against=found.against), rules=(*self.rules, rule or message)
        )


def finding(
    awarded: Decimal, confidence: float, message: str, spans: tuple[tuple[int, int], ...] = ()
) -> AnswerFinding:
    """A finding with the status that follows from ``awarded`` (0..1) and ``confidence`` (0..1).

    What counted in an answer that earns nothing counted against it.
    """
    sure = round(min(1.0, max(0.0, confidence)), 2)
    if sure < REVIEW_BELOW:
        status = Status.NEEDS_REVIEW
    elif awarded == 1:
        status = Status.PASSED
    else:
        status = Status.PARTIAL if awarded else Status.FAILED
    return AnswerFinding(status, awarded, sure, message, spans, against=() if awarded else spans)


def proposal(awarded: Decimal, message: str) -> str:
    """The message of a mark (0..1) that a tutor has to confirm; it never says that the answer is right."""
    said, is_right = message.removeprefix(RIGHT), message.startswith(RIGHT)
    nearest = f"{_NEAREST}{_SHARES.get(awarded, f'{awarded:f} of the marks')}"
    return f"{nearest}, for: {said}" if is_right else f"{nearest}. {said}"


def without_proposal(message: str) -> str:
    """What the message of a proposal says beside the mark: nothing where it only says what earned it."""
    return message.partition(". ")[2] if message.startswith(_NEAREST) else message


def whole_words(text: str, spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The spans, widened to whole words; without those that have only words of one or two letters."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        while start > 0 and text[start - 1 : start + 1].isalnum():
            start -= 1
        while end < len(text) and text[end - 1 : end + 1].isalnum():
            end += 1
        if _COUNTS.search(text, start, end) and not (found and start < found[-1][1]):
            found.append((start, end))
    return tuple(found)
