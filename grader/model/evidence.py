"""The evidence on one submission: what was recorded in its process, and what was measured on its graph.

A submission's process sends the first three stages, the last of which records its network; the other stages are
measured on the graph made from it. The same types serve the sandbox, the stored ``evidence.json`` and the self-check.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from grader.model.graph import Graph
from grader.model.measurement import (
    ALL_CHECKS,
    CHECKED_BATCHES,
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
    "CHECKED_BATCHES",
    "ECHO_IMAGES",
    "FORMAT",
    "LEAST_EFFECT",
    "LEAST_RATE",
    "MEASURED",
    "NO_PROGRAM",
    "ROW_TOLERANCE",
    "STAGES",
    "WEIGHTED",
    "Behind",
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
"""Raised whenever a field changes its meaning; stored evidence of another format is never reused.

4: the network is recorded as a graph, and all measurements use that graph."""


@dataclass(frozen=True)
class Ending:
    """How the observation of a submission ended, as the parent saw it.

    ``kind`` is finished, deadline, exit, signal, memory, crashed (it sent invalid data), lost (the worker died),
    starved (other programs left it no CPU), fault (of the grader), unobserved (the recorder does not support
    something), unrecorded (it sent a network that cannot be run) or unmeasured (measuring its network failed).
    ``stage`` is the stage at that time.
    """

    kind: str
    stage: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Behind:
    """What lies behind faults that the graph shows: the network was trained after ``repairs`` of its graph.

    ``repairs`` are kinds of :mod:`grader.model.repair_kinds`. ``measurements`` were made after those of them that
    change values; None if there were none.
    """

    repairs: tuple[str, ...] = ()
    measurements: Measurements | None = None


NOT_REPAIRED = Behind()


@dataclass(frozen=True)
class Evidence:
    """Everything observed about one submission. A stage that was not reached is None."""

    ending: Ending
    load: Loading | None = None
    build: Building | None = None
    record: Recording | None = None
    """Without the programs of its passes, which are in the graph."""
    graph: Graph | None = None
    trace: Tracing | None = None
    probe: Probing | None = None
    modes: Modes | None = None
    gradients: Gradients | None = None
    resources: Resources | None = None
    behind: Behind = NOT_REPAIRED
    trainings: tuple[Training, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    output: str = ""
    """The end of the submission's printed output."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds by stage: wall seconds for recording, as the parent measured them, and CPU seconds for measuring."""
    isolation: str = ""
    """How the submission was isolated, as one sentence that begins with the level."""
    machine: str = ""
    """The name and the kind of the machine that recorded the submission."""
    measured_on: str = ""
    """Those of the machine that measured its graph; each training run has its own."""
    measuring_isolation: str = ""
    """The weakest isolation of the processes that measured and trained its graph, in the same way."""
    versions: dict[str, str] = field(default_factory=dict)
    """The versions of the libraries with which it was recorded and measured, by name."""
    format: int = FORMAT

    def with_measurements(self, found: Measurements) -> Evidence:
        """The evidence with everything that was measured on the graph except training."""
        return replace(
            self,
            trace=found.trace,
            probe=found.probe,
            modes=found.modes,
            gradients=found.gradients,
            resources=found.resources,
            doubts=tuple(dict.fromkeys((*self.doubts, *found.doubts))),
            seconds={**self.seconds, **found.seconds},
            measured_on=found.machine,
        )
