"""What a self-check found: one record, of which the console, the page and the tests are views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from grader.checks.policy import repair_rules
from grader.lab4.files import SCRIPT
from grader.model import Finding, Status
from grader.model.evidence import Evidence
from grader.rubric.loading import load_rubric
from grader.selfcheck.milestones import MILESTONES, Progress, progress
from grader.selfcheck.steps import shapes_seen


@dataclass(frozen=True)
class SelfCheck:
    """The findings of a self-check by step, and the evidence that they were made from; None if nothing was run.

    ``about_work`` are sentences: which file was checked if it has another name, and what was left out.
    """

    findings: Mapping[str, Finding]
    evidence: Evidence | None = None
    note: str = ""
    """What may be the reason for a fault besides the script: that the editor holds a newer version of it."""
    about_work: tuple[str, ...] = ()
    checked: str = SCRIPT
    """The file with the network."""

    @property
    def shapes(self) -> tuple[str, ...]:
        """The layers that ran, with their input and output sizes."""
        return shapes_seen(self.evidence) if self.evidence is not None else ()

    @property
    def printed(self) -> str:
        """The end of what the script printed."""
        return self.evidence.output if self.evidence is not None else ""

    @property
    def is_blank(self) -> bool:
        """Whether Net is still as in the template."""
        return self.evidence is not None and self.evidence.load is not None and self.evidence.load.is_blank

    @cached_property
    def progress(self) -> Progress | None:
        """How far an unfinished forward has come; None if it is finished, or cannot be run at all."""
        return progress(self.evidence, self.findings)

    def told(self, finding: Finding) -> str:
        """What is wrong; while forward is unfinished, without what the rest, which is not shown, was assessed as."""
        if self.progress is None or self.evidence is None:
            return finding.message
        rule = repair_rules(self.evidence, load_rubric().repairs)["forward.shape"]
        return finding.message.removesuffix(rule.sentence)

    def is_next(self, id: str) -> bool:
        """Whether a step fails only because forward is unfinished."""
        if self.progress is None or self.findings[id].status not in (Status.FAILED, Status.PARTIAL):
            return False
        if id == "loads":
            return self.is_blank
        return id != "forward.shape" or not self.progress.is_stopped

    @property
    def counted(self) -> tuple[str, ...]:
        """What the student sees as steps, by name: for an unfinished forward, the layers of the lab's network."""
        if self.progress is None:
            return tuple(self.findings)
        return ("loads", *(milestone.name for milestone in MILESTONES))

    @property
    def ok(self) -> tuple[str, ...]:
        """Those of them that are ok."""
        reached = {reached.milestone.name for reached in self.progress.reached} if self.progress is not None else set()
        passed = {id for id, finding in self.findings.items() if finding.status is Status.PASSED}
        return tuple(name for name in self.counted if name in reached | passed)
