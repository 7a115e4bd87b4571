"""The check of the outputs: they are the log-softmax of the scores."""

from __future__ import annotations

from dataclasses import replace

from grader.checks.case import Case, failed, passed, skipped
from grader.checks.endings import ended
from grader.model import Finding, Status
from grader.model.repair_kinds import OTHER_OUTPUTS

SUM_TOLERANCE = 1e-3
"""How far a sum of probabilities may be from 1. Rounding in float32 over ten classes gives about 1e-7."""


def log_softmax(case: Case) -> Finding:
    """Outputs are finite and at most 0, their exp adds up to 1 in each row, and they are the scores' log-softmax."""
    finding = _of_outputs(case)
    if finding.status is not Status.FAILED:
        return finding
    return replace(finding, message=finding.message + case.assumed(OTHER_OUTPUTS))


def _of_outputs(case: Case) -> Finding:
    probe = case.evidence.probe
    if probe is None:
        return ended(case.evidence.ending, "Reading the outputs", "probe")
    scores = probe.scores
    if scores is None:
        return skipped("forward.shape", "Not checked, because the outputs could not be read a second time.")
    expected = "log-probabilities: F.log_softmax(x, dim=1)"
    if not scores.is_finite:
        return failed(
            "Some outputs are not finite (NaN or infinity).",
            "Look for a log of zero, a division by zero, or a square root of a negative number.",
            expected=expected,
            seen="NaN or infinite values",
        )
    span = f"outputs from {scores.smallest:.3g} to {scores.largest:.3g}"
    is_normalised = scores.sum_error <= SUM_TOLERANCE and scores.largest <= SUM_TOLERANCE
    if is_normalised:
        return _normalised(scores.tail, scores.lead, span)
    if scores.probability_error <= SUM_TOLERANCE and scores.smallest >= 0:
        return failed(
            "The outputs are probabilities (softmax), not log-probabilities.",
            "Use F.log_softmax(x, dim=1) instead of softmax; F.nll_loss expects log-probabilities.",
            expected=expected,
            seen=span,
        )
    if scores.column_error <= SUM_TOLERANCE and scores.largest <= SUM_TOLERANCE:
        return failed(
            "The log-softmax is computed over the batch (dim=0) instead of the ten classes (dim=1).",
            "Use F.log_softmax(x, dim=1).",
            expected=expected,
            seen="log_softmax with dim=0",
        )
    if any(word in {"log_softmax", "logsumexp"} for word in scores.tail):
        return failed(
            "The outputs are not log-probabilities, although forward calls log-softmax.",
            "Return the result of F.log_softmax(x, dim=1) without changing it.",
            expected=expected,
            seen=span,
        )
    last = scores.tail[-1] if scores.tail else ""
    if last in {"sigmoid", "tanh", "logsigmoid", "relu"}:
        return failed(
            f"The outputs are the result of {last}, not log-probabilities.",
            "Add the layers that are still to follow, and return F.log_softmax(x, dim=1)."
            if case.network.ends_early and last == "relu"
            else f"Remove {last} and return F.log_softmax(x, dim=1).",
            expected=expected,
            seen=span,
        )
    return failed(
        "The outputs are plain scores, because forward does not apply log-softmax.",
        "Return F.log_softmax(x, dim=1).",
        expected=expected,
        seen=span,
    )


def _normalised(tail: tuple[str, ...], lead: tuple[str, ...] | None, span: str) -> Finding:
    squashed = {"softmax", "softmin", "sigmoid"}
    ends = [index for index, word in enumerate(tail) if word == "log_softmax"]
    before_log = set(tail[: ends[-1]]) if ends else set(lead or ())
    if squashed & before_log:
        word = sorted(squashed & before_log)[0]
        return failed(
            f"forward applies {word} before the log-softmax, which makes the scores almost equal.",
            f"Remove {word}, so that F.log_softmax(x, dim=1) gets the scores of the last layer.",
            expected="log_softmax applied directly to the scores",
            seen=" then ".join(word for word in tail if word in squashed | {"log_softmax", "log"}),
        )
    if tail.count("log_softmax") > 1:
        return passed(
            "The outputs are log-probabilities; the second log_softmax changes nothing and can be removed.",
            seen=span,
        )
    if "softmax" in tail and "log" in tail:
        return passed(
            "The outputs are log-probabilities; F.log_softmax does both steps at once and is more exact.",
            seen=span,
        )
    return passed("The outputs are log-probabilities.", seen=span)
