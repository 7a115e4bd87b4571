"""Tests of the cost of a recorded graph: a graph that costs too much is refused before it runs."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from grader.measure.cost import cost_of
from grader.measure.measurements import Subject, measure
from grader.measure.replay import values_of
from grader.measure.weights import fresh_state
from grader.model.graph import Constant, Graph, GraphRefused, Node, Program, Weight
from tests.support.network_samples import (
    INPUT,
    RECORDED_SEED,
    SEED,
    Lab,
    With,
    graph_from,
    held,
    images,
    node,
    program,
    recording_of,
    result,
)

# ---- what it costs, before anything runs -----------------------------------------------------------------------------


def of(*nodes: Node, **parts: Any) -> Graph:
    """A graph that runs these nodes in both modes."""
    both = program(*nodes)
    return Graph(both, both, **parts)


PLACE: dict[str, Any] = {"dtype": {"word": "float32"}, "device": {"word": "device"}}
BIG = Weight("", (20_000, 1, 28, 28))


@pytest.mark.parametrize(
    "graph",
    [
        of(node("constant_pad_nd", INPUT, [100_000, 100_000, 100_000, 100_000])),
        of(
            node("expand", INPUT := {"tensor": ["input", 0, 0, False]}, [20_000, 64, 1, 28, 28]),
            node("clone", result(0)),
        ),
        of(node("repeat", INPUT, [10_000, 1, 100, 100])),
        of(node("arange", 10**14, **PLACE)),
        of(node("full", [10**7, 10**7], 1, **PLACE)),
        of(node("zeros", [2**40], **PLACE)),
        of(node("new_empty", INPUT, [2**40])),
        of(node("tile", INPUT, [1000, 1000, 1, 1])),
        of(node("eye", 10**6, **PLACE)),
        of(node("upsample_nearest2d", INPUT, [100_000, 100_000])),
        of(node("one_hot", INPUT, 10**9)),
        of(node("conv2d", INPUT, held("parameter", 0), None, [1, 1], [14, 14]), weights=(BIG,)),
        of(node("linear", INPUT, held("parameter", 0)), weights=(Weight("", (10_000_000, 28)),)),
        of(*[node("repeat", INPUT, [20, 1, 1, 1])] * 2999),
        of(
            node("repeat", INPUT, [1, 64, 1, 1]),
            *[node("conv2d", result(0), held("parameter", 0), None, [1, 1], [2, 2])] * 200,
            weights=(Weight("", (64, 64, 5, 5)),),
        ),
    ],
)
def test_a_graph_that_costs_too_much_is_refused_before_it_runs(graph: Graph) -> None:
    with pytest.raises(GraphRefused, match=r"too many multiplications|too much memory|cannot be run|not known"):
        cost_of(graph)


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (of(node("conv2d.nonsense", INPUT)), "this torch has no operation aten.conv2d.nonsense"),
        (of(node("relu")), "relu cannot be run"),
        (of(node("relu", "text")), "relu cannot be run"),
        (of(node("relu", INPUT, 1, 2, 3)), "relu cannot be run"),
        (of(node("relu", INPUT, nonsense=1)), "relu cannot be run"),
        (of(node("view", INPUT, [7, 7])), "view cannot be run"),
        (of(node("linear", INPUT, held("parameter", 0)), weights=(Weight("", (3, 5)),)), "linear cannot be run"),
        (of(node("to.dtype", INPUT, {"word": "quint8"})), "it uses the type quint8"),
        (of(node("to.dtype", INPUT, {"word": "nn"})), "it uses the type nn"),
        (of(node("relu", INPUT), constants=(Constant("", (2,), "complex64"),)), "it uses the type complex64"),
        (of(node("relu", INPUT), weights=(Weight("", (2,), "object"),)), "it uses the type object"),
        (of(node("relu", INPUT), weights=(Weight("", (2,), "strided"),)), "it uses the type strided"),
    ],
)
def test_arguments_that_no_operation_accepts_are_refused(graph: Graph, reason: str) -> None:
    with pytest.raises(GraphRefused) as refusal:
        cost_of(graph)
    assert reason in str(refusal.value) or "cannot be run" in reason


def test_the_cost_of_the_lab_network() -> None:
    cost = cost_of(graph_from(Lab()))
    assert cost.images == 64
    per_image = 4 * 24 * 24 * 25 + 8 * 8 * 8 * 100 + 128 * 20 + 20 * 10
    assert per_image < cost.multiplications / 64 < 1.3 * per_image
    assert 0 < cost.bytes < 10_000_000


def test_values_that_do_not_fit_are_refused() -> None:
    four = base64.b64encode(np.arange(4, dtype="<f4").tobytes()).decode()
    assert values_of(four, (2, 2), "float32").tolist() == [[0, 1], [2, 3]]
    assert values_of("", (2,), "int64").tolist() == [0, 0]
    for text, shape, dtype in (
        (four, (3,), "float32"),
        (four, (2,), "float16"),
        ("!!", (1,), "float32"),
        (four[:5], (1,), "int64"),
    ):
        with pytest.raises(GraphRefused):
            values_of(text, shape, dtype)


def test_a_graph_that_lies_about_its_sample_is_refused() -> None:
    graph = of(node("mul.Tensor", INPUT, held("parameter", 0)), weights=(Weight("", (1,), sample="AAA"),))
    with pytest.raises(GraphRefused):
        fresh_state(graph, seed=1)


def test_a_graph_without_a_pass_is_measured() -> None:
    recording = recording_of(With(lambda net, x: x.nothing()))  # type: ignore[attr-defined]
    found = measure(Subject(Graph(Program(), Program()), recording, 0, RECORDED_SEED), images(), seed=SEED)
    assert found.trace.problem is not None
    assert (found.trace.problem.exception, found.trace.operations, found.is_trainable) == ("AttributeError", (), False)
