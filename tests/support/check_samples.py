"""Evidence with a single change for the tests of the checks, and the findings on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from grader.model import Finding, Status
from grader.model.evidence import Evidence, Operation, Pass, Problem, Repair
from tests.support import evidence_samples as samples
from tests.support.evidence_samples import (
    CONV1,
    CONV2,
    DROPOUT,
    FLATTEN,
    HEALTHY,
    LAYERS,
    POOL,
    RELU,
    findings_of,
    stopped,
    trace,
    until,
)

HEAD = (CONV1, POOL, RELU, CONV2, DROPOUT, POOL, RELU, FLATTEN)
"""The lab's network up to the flatten."""
ERROR = Problem("forward", "name 'nn' is not defined", "NameError", "task1_cnn.py", 20, 0, "x = nn.ReLU()(x)")


def statuses(evidence: Evidence) -> dict[str, str]:
    """The checks that did not pass, with their status."""
    return {
        id_: str(finding.status)
        for id_, finding in findings_of(evidence).items()
        if finding.status is not Status.PASSED
    }


def text_of(finding: Finding) -> str:
    return f"{finding.message} | {finding.hint} | {finding.expected} | {finding.seen}"


def only_failed(evidence: Evidence, id_: str) -> Finding:
    """The finding of the check that fails; all other checks must pass."""
    assert statuses(evidence) == {id_: "failed"}
    return findings_of(evidence)[id_]


def only_partial(evidence: Evidence, id_: str) -> Finding:
    """The finding of the check that earns a part of its points; all other checks must pass."""
    assert statuses(evidence) == {id_: "partial"}
    return findings_of(evidence)[id_]


def with_trace(*operations: Operation) -> Evidence:
    return replace(HEALTHY, trace=trace(*operations))


def broken_forward(*repairs: Repair, problem: Problem = ERROR, **changes: Any) -> Evidence:
    """forward raises ``problem`` in every pass; with the ``repairs``, the trace covers the whole network."""
    mended = trace(*LAYERS, repairs=repairs) if repairs else stopped(*HEAD, problem=problem)
    evidence = until("modes", "finished")
    probe = replace(
        samples.PROBE,
        passes=tuple(Pass(size, problem) for size in samples.BATCHES),
        scores=None,
        row_error=None,
        score_row_error=None,
    )
    return replace(evidence, trace=mended, probe=probe, **changes)


# ---- forward.batch ---------------------------------------------------------------------------------------------------


def probed(works: set[int], problem: Problem | None = ERROR, **changes: Any) -> Evidence:
    passes = tuple(run if run.batch in works else Pass(run.batch, problem) for run in samples.PROBE.passes)
    return replace(HEALTHY, probe=replace(samples.PROBE, passes=passes, **changes))


# ---- output.log_softmax ----------------------------------------------------------------------------------------------


def scored(**changes: Any) -> Evidence:
    return replace(HEALTHY, probe=replace(samples.PROBE, scores=replace(samples.SCORES, **changes)))


# ---- behaviour.dropout_train_eval ------------------------------------------------------------------------------------


def moded(evidence: Evidence = HEALTHY, **changes: Any) -> Evidence:
    return replace(evidence, modes=replace(samples.MODES, **changes))


# ---- behaviour.gradients ---------------------------------------------------------------------------------------------


def graded(state: str = "ok", names: tuple[str, ...] = ("conv1.w", "conv1.b"), **changes: Any) -> Evidence:
    """Evidence in which the gradients of the parameters in ``names`` have this state."""
    parameters = tuple(
        replace(parameter, state=state, **changes) if parameter.name in names else parameter
        for parameter in samples.PARAMETERS
    )
    return replace(HEALTHY, gradients=replace(samples.GRADIENTS, parameters=parameters))
