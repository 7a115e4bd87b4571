"""Flags for a tutor, and the marks that wait for one, from what is doubtful about a recorded network.

A pure function of stored evidence, like the checks. docs/threat-model.md lists every flag with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from grader.model import Finding, Flag, Status
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


def held(id: str, finding: Finding, seen: Conduct) -> Finding:
    """The finding on the check ``id``, or the same as a proposal when it has to wait for a tutor.

    A doubt about the whole network makes losses wait as well as gains: what was judged may not be what was handed in.
    Only that Net loads was seen for itself.
    """
    is_earned = finding.status in {Status.PASSED, Status.PARTIAL}
    is_settled = finding.status in {Status.NEEDS_REVIEW, Status.ERROR}
    reasons = [hold.reason for hold in seen.holds if hold.check == ALL and id != "loads"]
    reasons += [hold.reason for hold in seen.holds if hold.check == id and is_earned]
    if is_settled or not reasons:
        return finding
    more = "" if finding.status is Status.PASSED else f" {finding.message}"
    return replace(finding, status=Status.NEEDS_REVIEW, message=f"Held: {reasons[0]}{more}", hint="")


def conduct(evidence: Evidence) -> Conduct:
    """What a tutor should know of a submission, and which of its marks wait."""
    kind = evidence.ending.kind
    ends = (Flag(f"worker-{kind}", ENDINGS[kind]),) if kind in ENDINGS else ()
    flags = dict.fromkeys((*ends, *(Flag(one.id, one.message) for one in evidence.doubts)))
    return Conduct(tuple(flags), tuple(Hold(one.check, one.message) for one in evidence.doubts))
