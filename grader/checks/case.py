"""The input of every check, and functions that make its finding: passed, failed, skipped or for a tutor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from grader.checks.executed_network import ExecutedNetwork
from grader.model import Finding, Status, TrainingPlan
from grader.model.evidence import Evidence

PASS = Decimal(1)


@dataclass(frozen=True)
class Case:
    """One submission's evidence and executed network, with the rubric's limits."""

    evidence: Evidence
    network: ExecutedNetwork
    plan: TrainingPlan
    max_parameters: int
    max_forward_seconds: float

    @property
    def has_fresh_layers(self) -> bool:
        """Whether forward creates a layer on the path each time, so that two forward passes never agree."""
        return any(operation.is_fresh for operation in self.network.weighted)

    @property
    def has_comparable_outputs(self) -> bool:
        """Whether outputs are finite and differ from image to image, so that forward passes can be compared."""
        probe = self.evidence.probe
        if probe is None:
            return False
        return not probe.constant_rows and (probe.scores is None or probe.scores.is_finite)

    @property
    def has_dropout_of_everything(self) -> bool:
        """Whether a dropout with p=1 sets every value to zero in training mode."""
        dropouts = self.network.between(None, None, "dropout")
        return any(dropout.drops_everything for dropout in dropouts)


def passed(message: str, *, seen: str = "", expected: str = "") -> Finding:
    """The check passes and earns all its points."""
    return Finding(Status.PASSED, message, fraction=PASS, seen=seen, expected=expected)


def failed(message: str, hint: str, *, expected: str = "", seen: str = "") -> Finding:
    """The check fails: what is wrong and what to try, each in one sentence."""
    return Finding(Status.FAILED, message, hint, expected=expected, seen=seen)


def skipped(reason: str) -> Finding:
    """The check cannot be carried out. That does not count as a fault."""
    return Finding(Status.SKIPPED, reason)


def not_reached(need: str) -> Finding:
    """The check is skipped, because the check ``need`` did not pass."""
    return skipped(f"Not checked, because {need} did not pass.")


def undecided(message: str, *, proposed: Decimal, hint: str = "", seen: str = "") -> Finding:
    """A tutor has to decide; ``proposed`` is the fraction of the points that the grader suggests."""
    return Finding(Status.NEEDS_REVIEW, message, hint, proposed, seen=seen)


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence: ``conv1``, ``conv1 and conv2``, ``conv1, conv2 and fc1``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
