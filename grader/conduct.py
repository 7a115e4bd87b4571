"""Flags for a tutor, and the marks that wait for one, from what is doubtful about a recorded network.

A pure function of stored evidence, like the checks. docs/threat-model.md lists every flag with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader.model import Flag
from grader.model.evidence import Evidence

ENDINGS = {
    "crashed": "The submission wrote to the grader's own channel; look at its code.",
    "unobserved": "The grader met something in it that it is not made for; run the script by hand.",
    "lost": "The submission brought the grader's worker down twice; look at its code.",
    "unrecorded": "Its network could not be recorded as a graph; run the script by hand.",
    "unmeasured": "Its recorded network could not be measured to the end; run the script by hand.",
}
ALL = ""


@dataclass(frozen=True)
class Hold:
    """Why marks wait for a tutor: those of one check, or with an empty ``check`` all that were earned."""

    check: str
    reason: str


@dataclass(frozen=True)
class Conduct:
    """The flags, and the holds."""

    flags: tuple[Flag, ...]
    holds: tuple[Hold, ...]


def conduct(evidence: Evidence) -> Conduct:
    """What a tutor should know of a submission, and which of its marks wait."""
    kind = evidence.ending.kind
    ends = (Flag(f"worker-{kind}", ENDINGS[kind]),) if kind in ENDINGS else ()
    flags = dict.fromkeys((*ends, *(Flag(one.id, one.message) for one in evidence.doubts)))
    return Conduct(tuple(flags), tuple(Hold(one.check, one.message) for one in evidence.doubts))
