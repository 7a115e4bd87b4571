"""What every check is given, and the few ways in which a check can answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from grader.checks.network import Network
from grader.model import Finding, Status, TrainingPlan
from grader.model.evidence import Evidence

PASS = Decimal(1)


@dataclass(frozen=True)
class Case:
    """One submission's evidence with the limits of the rubric that checks compare it to."""

    evidence: Evidence
    network: Network
    plan: TrainingPlan
    max_parameters: int
    max_forward_seconds: float

    @property
    def has_fresh_layers(self) -> bool:
        """Whether a layer on the path is made anew in each forward pass, so that no two passes are alike."""
        return any(operation.is_fresh for operation in self.network.weighted)

    @property
    def has_living_outputs(self) -> bool:
        """Whether the outputs are finite and differ from image to image, so that passes can be compared at all."""
        probe = self.evidence.probe
        if probe is None:
            return False
        return not probe.constant_rows and (probe.scores is None or probe.scores.is_finite)

    @property
    def zeroes_everything(self) -> bool:
        """Whether a dropout with p=1 lets nothing through in training."""
        dropouts = self.network.between(None, None, "dropout")
        return any(one.drops_everything for one in dropouts)


def passed(message: str, *, seen: str = "", expected: str = "") -> Finding:
    """The check holds: all its points."""
    return Finding(Status.PASSED, message, fraction=PASS, seen=seen, expected=expected)


def failed(message: str, hint: str, *, expected: str = "", seen: str = "") -> Finding:
    """The check does not hold: what is wrong and what to try, one or two sentences."""
    return Finding(Status.FAILED, message, hint, expected=expected, seen=seen)


def skipped(reason: str) -> Finding:
    """The check cannot be assessed; never a second fault."""
    return Finding(Status.SKIPPED, reason)


def review(message: str, *, proposed: Decimal, hint: str = "", seen: str = "") -> Finding:
    """A tutor has to decide; ``proposed`` is the fraction that the grader would give."""
    return Finding(Status.NEEDS_REVIEW, message, hint, proposed, seen=seen)


def counted(number: int, noun: str) -> str:
    """``1 convolution``, ``3 convolutions``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(words: Sequence[str]) -> str:
    """``conv1``, ``conv1 and conv2``, ``conv1, conv2 and fc1``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
