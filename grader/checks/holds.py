"""Flags for a tutor, and marks on hold until a tutor decides, because a recorded network is in doubt.

Like the checks, these are pure functions of stored evidence. docs/threat-model.md lists every flag with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from grader.model import Finding, Flag, Status
from grader.model.evidence import Evidence

ENDINGS = {
    "crashed": "The submission wrote to the grader's own channel; read its code.",
    "unobserved": "The submission does something that the grader does not support; run the script by hand.",
    "lost": "The submission crashed the grader's worker process twice; read its code.",
    "unrecorded": "The network could not be recorded as a graph; run the script by hand.",
    "unmeasured": "Measuring the recorded network did not finish; run the script by hand.",
}
ALL = ""
"""The ``check`` of a hold that concerns all checks."""


@dataclass(frozen=True)
class Hold:
    """Why marks wait for a tutor: those of one check, or of all checks if ``check`` is ALL."""

    check: str
    reason: str


@dataclass(frozen=True)
class Conduct:
    """What was noticed about one submission: flags for a tutor, and marks on hold."""

    flags: tuple[Flag, ...]
    holds: tuple[Hold, ...]


def held(id: str, finding: Finding, seen: Conduct) -> Finding:
    """The finding of the check ``id``; as a proposal if it has to wait for a tutor.

    A doubt about one check holds back the points that it gives. A doubt about the whole network holds back every check
    except ``loads``, and failed checks too, because the network that was checked may not be the one handed in.
    """
    is_earned = finding.status in {Status.PASSED, Status.PARTIAL}
    is_settled = finding.status in {Status.NEEDS_REVIEW, Status.ERROR}
    reasons = [hold.reason for hold in seen.holds if hold.check == ALL and id != "loads"]
    reasons += [hold.reason for hold in seen.holds if hold.check == id and is_earned]
    if is_settled or not reasons:
        return finding
    more = "" if finding.status is Status.PASSED else f" {finding.message}"
    return replace(finding, status=Status.NEEDS_REVIEW, message=f"Waiting for a tutor: {reasons[0]}{more}", hint="")


def conduct(evidence: Evidence) -> Conduct:
    """What a tutor should know about a submission, and which of its marks are on hold."""
    kind = evidence.ending.kind
    ends = (Flag(f"worker-{kind}", ENDINGS[kind]),) if kind in ENDINGS else ()
    flags = dict.fromkeys((*ends, *(Flag(doubt.id, doubt.message) for doubt in evidence.doubts)))
    return Conduct(tuple(flags), tuple(Hold(doubt.check, doubt.message) for doubt in evidence.doubts))
