"""Flags for a tutor, and marks on hold until a tutor decides, because a recorded network is in doubt.

Like the checks, these are pure functions of stored evidence. docs/threat-model.md lists every flag with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from grader.model import Finding, Flag, Result, Status
from grader.model.evidence import ALL_CHECKS, Doubt, Evidence
from grader.model.training import ON_CPU, remark_on

_Found = TypeVar("_Found", Finding, Result)
_WAITING = "Waiting for a tutor: "
ENDINGS = {
    "crashed": "The submission wrote to the grader's own channel; read its code.",
    "unobserved": "The submission does something that the grader does not support; run the script by hand.",
    "lost": "The submission crashed the grader's worker process twice; read its code.",
    "starved": "The machine was too busy to run the submission, twice; grade it again when less runs beside it.",
    "unrecorded": "The network could not be recorded as a graph; run the script by hand.",
    "unmeasured": "Measuring the recorded network did not finish; run the script by hand.",
}


def flags_of(evidence: Evidence) -> tuple[Flag, ...]:
    """What a tutor should know about a submission: an unusual ending, training on another device, and each doubt."""
    kind = evidence.ending.kind
    ends = (Flag(f"worker-{kind}", ENDINGS[kind]),) if kind in ENDINGS else ()
    remark = remark_on(evidence.trainings, ON_CPU)
    runs = (Flag(remark.id, remark.message),) if remark is not None else ()
    return tuple(dict.fromkeys((*ends, *runs, *(Flag(doubt.id, doubt.message) for doubt in evidence.doubts))))


def with_holds(findings: Mapping[str, Finding], doubts: Sequence[Doubt]) -> dict[str, Finding]:
    """The findings by check id; those on hold because of a doubt are proposals that wait for a tutor.

    A doubt about one check holds back the points that it gives. A doubt about the whole network holds back every check
    except ``loads``, and failed checks too, because the network that was checked may not be the one handed in.
    """
    return {id: _with_hold(id, finding, doubts) for id, finding in findings.items()}


def _with_hold(id: str, finding: Finding, doubts: Sequence[Doubt]) -> Finding:
    is_earned = finding.status in {Status.PASSED, Status.PARTIAL}
    is_settled = finding.status in {Status.NEEDS_REVIEW, Status.ERROR}
    reasons = [doubt.message for doubt in doubts if doubt.check == ALL_CHECKS and id != "loads"]
    reasons += [doubt.message for doubt in doubts if doubt.check == id and is_earned]
    return finding if is_settled or not reasons else waiting(finding, reasons[0])


def waiting(finding: _Found, reason: str) -> _Found:
    """``finding`` as one that waits for a tutor, with the reason in front of its message."""
    more = "" if finding.status is Status.PASSED else f" {finding.message.removeprefix(_WAITING)}"
    message = f"{_WAITING}{reason}{more}"
    told = finding.told if finding.status is Status.NEEDS_REVIEW else finding.message
    return replace(finding, status=Status.NEEDS_REVIEW, message=message, hint="", cause="", told=told)
