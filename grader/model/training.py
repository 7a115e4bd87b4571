"""One training run of a network: its curve, and what it made of the held-out images."""

from __future__ import annotations

from dataclasses import dataclass

from grader.model.images import Filters, Mistake
from grader.model.recording import Problem, Remark


@dataclass(frozen=True)
class CurvePoint:
    """Accuracy on the worker's own validation images, and the loss since the last point, after ``step`` steps."""

    step: int
    accuracy: float
    loss: float


@dataclass(frozen=True)
class Training:
    """Stage ``train``: one seeded training run of a network. ``seconds`` are CPU seconds of the measuring process.

    What follows from the predictions is filled in by the parent, for it alone has the labels: ``correct`` of ``total``
    held-out images, ``confusion`` with rows of true digits by columns of predicted ones, and the ``mistakes`` that the
    net was surest of, surest first. ``filters`` are only shown. ``network`` is the digest of the graph that was
    trained: submissions with the same one share the run.
    """

    problem: Problem | None
    seed: int
    device: str = "cpu"
    steps: int = 0
    seconds: float = 0.0
    curve: tuple[CurvePoint, ...] = ()
    correct: int = 0
    total: int = 0
    confusion: tuple[tuple[int, ...], ...] = ()
    remarks: tuple[Remark, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    filters: Filters | None = None
    network: str = ""
