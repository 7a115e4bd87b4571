"""What a self-check found: one record, of which the console, the page and the tests are views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grader.model import Finding
from grader.model.evidence import Evidence
from grader.selfcheck.steps import shapes_seen


@dataclass(frozen=True)
class SelfCheck:
    """The findings of a self-check by step, and the evidence that they were made from; None if nothing was run.

    ``notes`` are sentences about the work: which file was checked if it has another name, and what was left out.
    """

    findings: Mapping[str, Finding]
    evidence: Evidence | None = None
    notes: tuple[str, ...] = ()

    @property
    def shapes(self) -> tuple[str, ...]:
        """The layers that ran, with their input and output sizes."""
        return shapes_seen(self.evidence) if self.evidence is not None else ()

    @property
    def printed(self) -> str:
        """The end of what the script printed."""
        return self.evidence.output if self.evidence is not None else ""
