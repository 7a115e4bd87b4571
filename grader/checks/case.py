"""The input of every check, and functions that make its finding: passed, failed, skipped or for a tutor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from grader.checks.executed_network import ExecutedNetwork
from grader.model import Finding, Status, TrainingPlan
from grader.model.evidence import Evidence, Gradients, Modes, Probing, RecordedPass
from grader.model.repair_kinds import ASSUMED

PASS = Decimal(1)
NOT_SEEN = "Not checked, because forward stops with an error first."


@dataclass(frozen=True)
class Case:
    """One submission's evidence and executed network, with the rubric's limits."""

    evidence: Evidence
    network: ExecutedNetwork
    plan: TrainingPlan
    max_parameters: int
    max_forward_seconds: float

    def assumed(self, kind: str) -> str:
        """The sentence on a repair of the graph, with a space before it; empty if it was not made."""
        if kind not in self.evidence.behind.repairs:
            return ""
        return f" The rest was assessed as if {ASSUMED[kind]}."

    @property
    def modes(self) -> Modes | None:
        """The comparison of passes in both modes, behind faults of other checks."""
        behind = self.evidence.behind.measurements
        return self.evidence.modes if behind is None or behind.modes is None else behind.modes

    @property
    def rows(self) -> Probing | None:
        """How far the rows of a batch depend on each other, behind faults of other checks."""
        behind = self.evidence.behind.measurements
        return self.evidence.probe if behind is None or behind.probe is None else behind.probe

    @property
    def gradients(self) -> Gradients | None:
        """The gradients, behind faults of other checks."""
        behind = self.evidence.behind.measurements
        return self.evidence.gradients if behind is None or behind.gradients is None else behind.gradients

    @property
    def unrepaired(self) -> tuple[RecordedPass, ...]:
        """The passes before forward was repaired; empty if it was not."""
        return self.evidence.record.unrepaired if self.evidence.record is not None else ()


def passed(message: str, *, seen: str = "", expected: str = "") -> Finding:
    """The check passes and earns all its points."""
    return Finding(Status.PASSED, message, fraction=PASS, seen=seen, expected=expected)


def failed(message: str, hint: str, *, expected: str = "", seen: str = "", fault: str = "") -> Finding:
    """The check fails: what is wrong and what to try, each in one sentence; ``fault`` as in :class:`Finding`."""
    return Finding(Status.FAILED, message, hint, expected=expected, seen=seen, fault=fault)


def skipped(cause: str, reason: str) -> Finding:
    """The check cannot be carried out, because of the item ``cause``. That does not count as a second fault."""
    return Finding(Status.SKIPPED, reason, cause=cause)


def not_reached(need: str) -> Finding:
    """The check is skipped, because the check ``need`` did not pass."""
    return skipped(need, f"Not checked, because {need} did not pass.")


def unassessed(what: str) -> Finding:
    """The check cannot be carried out, and no other item is the cause: it costs nothing before a tutor decides."""
    return undecided(f"{what} could not be checked, so a tutor decides.", proposed=PASS)


def undecided(message: str, *, proposed: Decimal, hint: str = "", seen: str = "", told: str = "") -> Finding:
    """A tutor has to decide; ``proposed`` is the fraction of the points that the grader suggests.

    ``told`` is what the student is told if the tutor confirms that.
    """
    return Finding(Status.NEEDS_REVIEW, message, hint, proposed, seen=seen, told=told)


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence: ``conv1``, ``conv1 and conv2``, ``conv1, conv2 and fc1``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
