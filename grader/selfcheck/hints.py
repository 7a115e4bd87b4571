"""Hints on each fault, which a student asks for one after the other: first where to look, then the pattern in code.

No hint contains a number of the student's network. The texts are in :mod:`grader.selfcheck.hint_texts`.
"""

from __future__ import annotations

import re
from typing import Any

from grader.model import Finding
from grader.selfcheck.hint_texts import HINTS, Hint

NONE, WHERE, PATTERN = range(3)
"""The rungs: only what is wrong; where to look; the pattern in code."""

OPTION: dict[str, Any] = {
    "nargs": "?",
    "type": int,
    "choices": (WHERE, PATTERN),
    "const": WHERE,
    "default": NONE,
    "help": "show where to look for each fault, and what the next step needs; --hint 2 also shows the pattern in code",
}
"""The option ``--hint``, as argparse and pytest take it."""


def hint_on(id: str, finding: Finding) -> Hint:
    """The hint on the fault of a step; the step's own one if its fault has none, and an empty one if it has none."""
    return HINTS.get(finding.fault) or HINTS.get(id) or Hint(())


def without_own_numbers(finding: Finding) -> str:
    """What the grader would tell the student to try, with dots in place of the numbers of the student's network."""
    own = {number for number in re.findall(r"\d+", f"{finding.expected} {finding.seen}") if int(number) > 10}
    return re.sub(r"\d+", lambda found: "..." if found[0] in own else found[0], finding.hint)
