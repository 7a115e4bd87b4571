"""What is observed about one submission, as plain records.

A submission's process sends the first three stages, the last of which is its network as a graph; the others are
measured on that graph. No mark is made here. The records need only the standard library, so the same ones serve the
sandboxed run, the stored ``evidence.json`` and a student's self-check.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from grader.model.graph import Graph
from grader.model.measurement import (
    ALL_CHECKS,
    LEAST_EFFECT,
    LEAST_RATE,
    MEASURED,
    ROW_TOLERANCE,
    WEIGHTED,
    Doubt,
    Gradients,
    Measurements,
    Modes,
    Operation,
    ParameterGradient,
    Pass,
    Probing,
    Resources,
    Scores,
    Tracing,
)
from grader.model.recording import (
    ECHO_IMAGES,
    NO_PROGRAM,
    STAGES,
    Building,
    Echo,
    Layer,
    Loading,
    Problem,
    RecordedPass,
    Recording,
    Remark,
    Repair,
)
from grader.model.training import CurvePoint, Training

__all__ = [
    "ALL_CHECKS",
    "ECHO_IMAGES",
    "FORMAT",
    "LEAST_EFFECT",
    "LEAST_RATE",
    "MEASURED",
    "NO_PROGRAM",
    "ROW_TOLERANCE",
    "STAGES",
    "WEIGHTED",
    "Building",
    "CurvePoint",
    "Doubt",
    "Echo",
    "Ending",
    "Evidence",
    "Gradients",
    "Layer",
    "Loading",
    "Measurements",
    "Modes",
    "Operation",
    "ParameterGradient",
    "Pass",
    "Probing",
    "Problem",
    "RecordedPass",
    "Recording",
    "Remark",
    "Repair",
    "Resources",
    "Scores",
    "Tracing",
    "Training",
]

FORMAT = 4
"""Raised whenever a record changes its meaning; stored evidence of another format is never reused.

4: the network is recorded as a graph, and all that is measured is measured on it."""


@dataclass(frozen=True)
class Ending:
    """How the observation of a submission ended, as the parent saw it.

    ``kind`` is finished, deadline, exit, signal, memory, crashed (what it sent is not evidence), lost (the worker died
    under it), fault (the grader's own), unobserved (the recorder met something that it is not made for), unrecorded
    (what it sent is no network that could be run) or unmeasured (measuring its network failed); ``stage`` is the stage
    that was under way.
    """

    kind: str
    stage: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Evidence:
    """Everything observed about one submission. A stage that was never reached is None."""

    ending: Ending
    load: Loading | None = None
    build: Building | None = None
    record: Recording | None = None
    """Without the programs of its passes, which the graph was made from."""
    graph: Graph | None = None
    trace: Tracing | None = None
    probe: Probing | None = None
    modes: Modes | None = None
    gradients: Gradients | None = None
    resources: Resources | None = None
    trainings: tuple[Training, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    output: str = ""
    """The tail of what the submission printed."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds by stage: wall seconds of recording, measured by the parent, and CPU seconds of measuring."""
    isolation: str = ""
    """What held the submission in, as one sentence that begins with the level."""
    format: int = FORMAT
