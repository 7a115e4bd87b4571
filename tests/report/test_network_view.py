"""The comparison with the lab's network: aligned rows, marked rows, and agreement with the checks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from grader.checks import find
from grader.checks.executed_network import executed_network
from grader.lab4.network import PLACES
from grader.model import Status
from grader.model.evidence import Evidence, Operation, Problem, Repair, Scores, Tracing
from grader.report.html.network_view import Comparison, State, compare
from tests.support import evidence_samples as samples
from tests.support.evidence_samples import CONV1, CONV2, DROPOUT, FC1, FC2, FLATTEN, LOG_SOFTMAX, POOL, RELU, op

LOST = {Status.FAILED, Status.PARTIAL}
CONV3 = replace(CONV2, layer="conv3", shape_in=(4, 20, 8, 8))
CHECKS = {check for place in PLACES for check in place.checks}
SOFTMAX, TANH, SIGMOID = op("softmax", dim=1), op("activation", "tanh"), op("activation", "sigmoid")
IDLE = replace(DROPOUT, probability=0.0)
HEAD = (CONV1, RELU, POOL)
NECK = (RELU, POOL, DROPOUT, FLATTEN)
TAIL = (FC1, RELU, DROPOUT, FC2, LOG_SOFTMAX)


def evidence_of(trace: Tracing) -> Evidence:
    """Evidence of a network with this trace, with outputs that agree with the end of the trace."""
    network = executed_network(trace)
    last = network.weighted[-1].index if network.weighted else -1
    tail = tuple(operation.name for operation in network.path if operation.index > last)
    scores = samples.SCORES
    if "log_softmax" not in tail:
        scores = Scores(True, 3.0, -3.0, sum_error=9.0, column_error=9.0, probability_error=9.0, tail=tail)
    ends = [at for at, word in enumerate(tail) if word == "log_softmax"]
    scores = replace(scores, tail=tail, lead=tail[: ends[0]] if ends else None)
    probe = replace(samples.PROBE, scores=scores)
    return replace(samples.HEALTHY, trace=trace, probe=None if trace.problem else probe)


def lost_in(evidence: Evidence) -> frozenset[str]:
    findings = find(evidence, samples.PLAN, max_parameters=10**6, max_forward_seconds=1.0)
    return frozenset(id for id, finding in findings.items() if finding.status in LOST)


def compared(*operations: Operation) -> Comparison:
    trace = samples.trace(*operations)
    return compare(trace, lost_in(evidence_of(trace)))


def shown(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Every row whose state is not SAME, as (state, place, operation)."""
    return [
        (row.state.value, row.place.name if row.place else "", row.step.layer or row.step.name if row.step else "")
        for row in comparison.rows
        if row.state is not State.SAME
    ]


RIGHT = {
    "the lab's own": samples.LAYERS,
    "pool after ReLU": (*HEAD, CONV2, *NECK, *TAIL),
    "pool before ReLU": (CONV1, POOL, RELU, CONV2, POOL, RELU, DROPOUT, FLATTEN, *TAIL),
    "dropout before all": (CONV1, RELU, CONV2, DROPOUT, POOL, RELU, FLATTEN, FC1, DROPOUT, RELU, FC2, LOG_SOFTMAX),
    "dropout after flatten": (CONV1, RELU, CONV2, RELU, FLATTEN, DROPOUT, *TAIL),
    "functional": tuple(replace(operation, layer="") for operation in (*HEAD, CONV2, *NECK, *TAIL)),
}


@pytest.mark.parametrize("operations", RIGHT.values(), ids=RIGHT)
def test_a_correct_network_shows_no_difference(operations: Sequence[Operation]) -> None:
    comparison = compared(*operations)
    assert comparison.first is None
    assert comparison.summary == "No difference: these are the lab's layers in the lab's order."
    assert {state for state, *_ in shown(comparison)} <= {"open"}
    assert {place for _, place, _ in shown(comparison)} <= {"pooling", "flatten"}


def test_additional_operations_are_shown_as_additional() -> None:
    norm, scale = op("norm", "batch_norm"), op("arithmetic", "mul")
    comparison = compared(scale, CONV1, norm, RELU, RELU, DROPOUT, CONV2, *NECK, *TAIL)
    assert comparison.first is None
    assert shown(comparison) == [
        ("also", "", "mul"),
        ("also", "", "batch_norm"),
        ("open", "pooling", ""),
        ("also", "", "relu"),
        ("also", "", "drop"),
    ]


DIFFERENT = {
    "no ReLU after conv1": (
        (CONV1, POOL, CONV2, *NECK, *TAIL),
        [("missing", "ReLU", "")],
        "After `conv1`, the lab's network has a ReLU; yours has none before `conv2`.",
    ),
    "tanh": (
        (CONV1, TANH, POOL, CONV2, *NECK, *TAIL),
        [("other", "ReLU", "tanh")],
        "After `conv1`, the lab's network has a ReLU; yours has `tanh`, which is a different function.",
    ),
    "no dropout": (
        (*HEAD, CONV2, RELU, POOL, FLATTEN, FC1, RELU, FC2, LOG_SOFTMAX),
        [("missing", "dropout", ""), ("missing", "dropout", "")],
        "After `max_pool2d`, the lab's network has a dropout; yours has none before `fc1`.",
    ),
    "idle dropout": (
        (*HEAD, CONV2, RELU, POOL, IDLE, FLATTEN, *TAIL),
        [("other", "dropout", "drop")],
        "After `max_pool2d`, the lab's network has a dropout; yours has `drop`, which never drops anything.",
    ),
    "three convolutions": (
        (*HEAD, CONV2, RELU, CONV3, *NECK, *TAIL),
        [("extra", "", "conv3"), ("also", "", "relu")],
        "After `relu`, your network runs `conv3`, which is one layer too many.",
    ),
    "one convolution": (
        (*HEAD, DROPOUT, FLATTEN, *TAIL),
        [("missing", "convolution 2", ""), ("open", "ReLU", ""), ("open", "pooling", "")],
        "After `max_pool2d`, the lab's network has convolution 2; yours goes on with `drop`.",
    ),
    "one fully connected layer": (
        (*HEAD, CONV2, *NECK, FC2, LOG_SOFTMAX),
        [("missing", "fully connected 1", ""), ("open", "ReLU", ""), ("open", "dropout", "")],
        "After `view`, the lab's network has fully connected 1; yours goes on with `fc2`.",
    ),
    "swapped": (
        (CONV1, RELU, POOL, FLATTEN, FC1, RELU, DROPOUT, CONV2, RELU, DROPOUT, FC2, LOG_SOFTMAX),
        [
            ("also", "", "view"),
            ("extra", "", "fc1"),
            ("also", "", "relu"),
            ("also", "", "drop"),
            ("open", "flatten", ""),
            ("missing", "fully connected 1", ""),
            ("open", "ReLU", ""),
            ("open", "dropout", ""),
        ],
        "After `view`, your network runs `fc1`, which is in a different place in the lab's network.",
    ),
    "softmax": (
        (*HEAD, CONV2, *NECK, FC1, RELU, DROPOUT, FC2, SOFTMAX),
        [("other", "log-softmax", "softmax")],
        "After `fc2`, the lab's network has a log-softmax; yours has `softmax`, which is a different function.",
    ),
    "softmax, then log-softmax": (
        (*HEAD, CONV2, *NECK, FC1, RELU, DROPOUT, FC2, SOFTMAX, LOG_SOFTMAX),
        [("extra", "", "softmax")],
        "After `fc2`, your network runs `softmax`, which does not belong here.",
    ),
    "plain scores": (
        (*HEAD, CONV2, *NECK, FC1, RELU, DROPOUT, FC2),
        [("missing", "log-softmax", "")],
        "After `fc2`, the lab's network has a log-softmax; yours ends.",
    ),
    "ReLU on the scores": (
        (*HEAD, CONV2, *NECK, FC1, RELU, DROPOUT, FC2, RELU, LOG_SOFTMAX),
        [("extra", "", "relu")],
        "After `fc2`, your network runs `relu`, which does not belong here.",
    ),
    "dropout on the image": (
        (DROPOUT, *HEAD, CONV2, *NECK, *TAIL),
        [("extra", "", "drop")],
        "At the start, your network runs `drop`, which does not belong here.",
    ),
}


@pytest.mark.parametrize(("operations", "rows", "summary"), DIFFERENT.values(), ids=DIFFERENT)
def test_a_difference_is_marked_and_summarised(
    operations: Sequence[Operation], rows: list[tuple[str, str, str]], summary: str
) -> None:
    comparison = compared(*operations)
    listed = [row for row in shown(comparison) if row != ("open", "pooling", "") or row in rows]
    assert listed == rows
    assert comparison.summary == summary
    assert comparison.first is not None
    assert comparison.rows[comparison.first].is_different
    assert not any(row.is_marked for row in comparison.rows[: comparison.first])


def test_a_pass_that_stops_is_compared_as_far_as_it_ran() -> None:
    trace = samples.stopped(*HEAD, CONV2, RELU, problem=Problem("forward", "no attribute 'fc1'"))
    comparison = compare(trace, lost_in(evidence_of(trace)))
    assert [row.state for row in comparison.rows].count(State.UNREACHED) == len(PLACES) - 5
    assert comparison.first is None
    assert comparison.summary == "Your forward pass stops after `relu`; the layers after that could not be compared."
    worse = samples.stopped(CONV1, POOL, CONV2, RELU, problem=Problem("forward", "no attribute 'fc1'"))
    assert compare(worse, lost_in(evidence_of(worse))).summary.startswith("After `conv1`, the lab's network has a ReLU")
    nothing = samples.stopped(problem=Problem("forward", "name 'F' is not defined"))
    assert compare(nothing, ()).summary.startswith("Your forward pass stops before its first layer")


def test_a_wrong_size_is_marked_but_is_not_a_difference() -> None:
    repaired = (*HEAD, CONV2, *NECK, replace(FC1, expected=250), RELU, DROPOUT, FC2, LOG_SOFTMAX)
    trace = samples.trace(*repaired, repairs=(Repair("linear-size", "fc1", "expects 250 inputs but is given 320"),))
    comparison = compare(trace, {"forward.shape"})
    assert [row[::2] for row in shown(comparison)] == [("misfit", "fc1")]
    assert comparison.first is not None
    assert comparison.summary == (
        "These are the lab's layers in the lab's order, but `fc1` is declared for 250 inputs and gets 320."
    )
    eleven = samples.trace(*HEAD, CONV2, *NECK, *TAIL[:-2], replace(FC2, shape_out=(4, 11)), LOG_SOFTMAX)
    assert compare(eleven, {"forward.shape"}).summary.endswith("but `fc2` gives 11 scores for 10 digits.")
    mixing = samples.trace(*HEAD, CONV2, *NECK[:3], replace(FLATTEN, shape_out=(2, 640)), *TAIL)
    assert compare(mixing, {"forward.shape"}).summary.endswith("but `view` does not keep one row for each image.")


def test_what_cost_no_points_is_not_marked() -> None:
    trace = samples.trace(*HEAD, CONV2, RELU, POOL, FLATTEN, *TAIL)
    assert compare(trace, {"structure.dropout_conv"}).first is not None
    comparison = compare(trace, ())
    assert comparison.first is None
    assert comparison.summary == "Your layers are not arranged exactly as in the lab, but the checks accept them."


def test_branches_that_the_checks_accept_are_not_marked() -> None:
    second = replace(CONV2, inputs=(0,), shape_in=CONV1.shape_out)
    joined = samples.trace(CONV1, second, op("arithmetic", "add", inputs=(0, 1)), RELU, DROPOUT, FLATTEN, *TAIL)
    around = samples.trace(*HEAD, CONV2, op("arithmetic", "add", inputs=(2, 3)), *NECK, *TAIL)
    for trace in (joined, around):
        assert compare(trace, ()).first is None


def test_a_log_softmax_written_by_hand_fills_its_place() -> None:
    by_hand = (op("other", "logsumexp"), op("arithmetic", "sub"))
    comparison = compare(samples.trace(*HEAD, CONV2, *NECK, FC1, RELU, DROPOUT, FC2, *by_hand), ())
    assert comparison.first is None
    last = comparison.rows[-1]
    assert last.place == PLACES[-1]
    assert last.step is not None
    assert last.step.name == "sub"


def test_a_loss_without_a_differing_layer_refers_to_the_item() -> None:
    comparison = compare(samples.trace(*samples.LAYERS), {"output.log_softmax"})
    assert comparison.first is None
    assert "The checks above say what is wrong." in comparison.summary


def test_an_operation_off_the_path_is_not_shown() -> None:
    aside = op("other", "mean", inputs=(2,))
    comparison = compare(samples.trace(*samples.LAYERS, aside, output=len(samples.LAYERS) - 1), ())
    assert "mean" not in [row.step.name for row in comparison.rows if row.step]
    assert comparison.parameters == 21840


def test_a_very_long_network_is_cut_and_its_difference_summarised() -> None:
    comparison = compared(*[RELU] * 400)
    assert len(comparison.rows) == 80
    assert comparison.hidden > 300
    assert "convolution 1" in comparison.summary


ALPHABET = (CONV1, CONV2, FC1, FC2, RELU, RELU, POOL, DROPOUT, DROPOUT, IDLE, FLATTEN, TANH, SOFTMAX, LOG_SOFTMAX)


def a_chain(seed: int) -> tuple[Operation, ...]:
    """The lab's network with up to three operations removed, inserted, replaced or swapped."""
    rng = random.Random(seed)
    chain = list(rng.choice(list(RIGHT.values())))
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(chain))
        match rng.randrange(4):
            case 0:
                del chain[at]
            case 1:
                chain.insert(at, rng.choice(ALPHABET))
            case 2:
                chain[at] = rng.choice(ALPHABET)
            case _:
                other = rng.randrange(len(chain))
                chain[at], chain[other] = chain[other], chain[at]
    return tuple(chain)


def test_a_difference_is_shown_exactly_where_the_checks_took_points() -> None:
    outcomes = {True: 0, False: 0}
    for seed in range(1500):
        chain = a_chain(seed)
        evidence = evidence_of(samples.trace(*chain))
        lost = lost_in(evidence) & CHECKS
        assert evidence.trace is not None
        comparison = compare(evidence.trace, lost)
        words = [operation.layer or operation.name for operation in chain]
        assert (comparison.first is None) == (not lost), (seed, words, sorted(lost), comparison.summary)
        outcomes[bool(lost)] += 1
        shown_steps = [row.step for row in comparison.rows if row.step]
        assert len(shown_steps) == len(chain)
        places = [row.place for row in comparison.rows if row.place]
        assert sorted(map(id, places)) == sorted(map(id, PLACES))
    assert min(outcomes.values()) > 200
