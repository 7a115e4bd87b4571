"""Evidence of a network that does everything that the lab asks for, and its records, for tests of checks and marking.

A test changes the record that it is about with ``dataclasses.replace``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from grader.checks import find
from grader.model import Band, Finding, TrainingPlan
from grader.model.evidence import (
    MEASURED,
    STAGES,
    Building,
    Ending,
    Evidence,
    Gradients,
    Layer,
    Loading,
    Modes,
    Operation,
    ParameterGradient,
    Pass,
    Probing,
    Recording,
    Resources,
    Scores,
    Tracing,
    Training,
)

FINISHED = Ending("finished")
BATCHES = (1, 2, 3, 64, 100)
PLAN = TrainingPlan(
    steps=100,
    batch_size=64,
    learning_rate=0.01,
    retry_learning_rate=0.05,
    retry_steps=200,
    momentum=0.9,
    runs=3,
    evaluate_every=25,
    stop_accuracy=0.95,
    margin=0.02,
    bands=(Band(0.9, Decimal(1)), Band(0.5, Decimal("0.5"))),
)
MAX_PARAMETERS = 1_000_000
MAX_SECONDS = 1.0


def op(kind: str, name: str = "", **details: Any) -> Operation:
    """One operation; :func:`path` sets its index and inputs."""
    return Operation(-1, kind, name or kind, **details)


CONV1 = op("conv", "conv2d", layer="conv1", shape_in=(4, 1, 28, 28), shape_out=(4, 10, 24, 24), parameters=260)
CONV2 = op("conv", "conv2d", layer="conv2", shape_in=(4, 10, 12, 12), shape_out=(4, 20, 8, 8), parameters=5020)
FC1 = op("linear", layer="fc1", shape_in=(4, 320), shape_out=(4, 50), parameters=16050)
FC2 = op("linear", layer="fc2", shape_in=(4, 50), shape_out=(4, 10), parameters=510)
POOL = op("pool", "max_pool2d")
RELU = op("relu")
FLATTEN = op("reshape", "view", shape_in=(4, 20, 4, 4), shape_out=(4, 320))
DROPOUT = op("dropout", layer="drop", probability=0.5, is_active=True)
LOG_SOFTMAX = op("log_softmax", dim=1)

LAYERS = (CONV1, POOL, RELU, CONV2, DROPOUT, POOL, RELU, FLATTEN, FC1, RELU, DROPOUT, FC2, LOG_SOFTMAX)
"""The operations of the lab's network, in order."""


def path(*operations: Operation) -> tuple[Operation, ...]:
    """The operations with their indices; without ``inputs``, an operation reads the result before it."""
    return tuple(
        replace(operation, index=index, inputs=operation.inputs or (index - 1,))
        for index, operation in enumerate(operations)
    )


def trace(*operations: Operation, **changes: Any) -> Tracing:
    """A complete pass, in which the last operation returns the result."""
    steps = path(*operations)
    return replace(Tracing(None, 4, steps, len(steps) - 1, "Tensor"), **changes)


def stopped(*operations: Operation, **changes: Any) -> Tracing:
    """A pass that ran these operations and then stopped with the ``problem`` in ``changes``."""
    return trace(*operations, **{"output": None, "returned": "", **changes})


def passes(shape: tuple[int, ...] = (10,), **changes: Any) -> tuple[Pass, ...]:
    """A pass for each batch size, which returns rows of ``shape``."""
    return tuple(replace(Pass(size, None, "Tensor", (size, *shape), "float32"), **changes) for size in BATCHES)


def training(accuracy: float, seed: int = 1, **changes: Any) -> Training:
    """A training run with this ``accuracy`` on a thousand held-out images."""
    return replace(Training(None, seed, "cpu", 100, 1.0, (), round(1000 * accuracy), 1000), **changes)


PARAMETERS = tuple(
    ParameterGradient(f"{layer}.{part}", (1,), "ok") for layer in ("conv1", "conv2", "fc1", "fc2") for part in "wb"
)
LOAD = Loading(None, "slice", "task1_cnn.py", (), ("__init__", "forward"))
BUILD = Building(
    None,
    21_840,
    (
        Layer("conv1", "Conv2d", 260),
        Layer("conv2", "Conv2d", 5020),
        Layer("drop", "Dropout", 0),
        Layer("fc1", "Linear", 16050),
        Layer("fc2", "Linear", 510),
    ),
)
SCORES = Scores(True, -1e-4, -9.0, 1e-7, 0.8, 30.0, ("log_softmax",), ())
PROBE = Probing(passes(), SCORES, row_error=1e-6, score_row_error=1e-6)
MODES = Modes(None, train_difference=2.0)
GRADIENTS = Gradients(None, PARAMETERS)
RESOURCES = Resources(None, 21_840, 0.01)
HEALTHY = Evidence(
    FINISHED,
    LOAD,
    BUILD,
    Recording(),
    trace=trace(*LAYERS),
    probe=PROBE,
    modes=MODES,
    gradients=GRADIENTS,
    resources=RESOURCES,
    trainings=(training(0.97),),
)
ALL_STAGES = (*STAGES, *MEASURED)


def until(stage: str, kind: str, evidence: Evidence = HEALTHY, detail: str = "") -> Evidence:
    """The evidence of a process that ended in ``stage``, without that stage and later ones."""
    lost: dict[str, Any] = dict.fromkeys(ALL_STAGES[ALL_STAGES.index(stage) : -1])
    return replace(evidence, ending=Ending(kind, stage, detail), trainings=(), **lost)


def findings_of(evidence: Evidence) -> Mapping[str, Finding]:
    """What every check says, under the limits of this module."""
    return find(evidence, PLAN, max_parameters=MAX_PARAMETERS, max_forward_seconds=MAX_SECONDS)
