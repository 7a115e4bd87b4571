"""One training run of a network: its learning curve, and its predictions for the held-out images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from grader.model.images import Filters, Mistake
from grader.model.recording import Problem, Remark

CANARY = "canary"
"""Id of the remark on a run that was made while the grader's own networks did not train as usual."""
ON_CPU = "trained-on-cpu"
"""Id of the remark on a run for which the CPU had to stand in for another device."""


@dataclass(frozen=True)
class CurvePoint:
    """Accuracy on the worker's validation images, and the loss since the last point, after ``step`` steps."""

    step: int
    accuracy: float
    loss: float


@dataclass(frozen=True)
class Training:
    """Stage ``train``: one seeded training run of a network. ``seconds`` are CPU seconds of the measuring process.

    The parent process, which alone has the labels, fills in what follows from the predictions: ``correct`` of ``total``
    held-out images, ``confusion`` with rows of true digits and columns of predicted digits, and the most confident
    ``mistakes``, the most confident first. ``filters`` are only shown. ``network`` is the digest of the graph that was
    trained: submissions with the same digest share the run. ``machine`` is the name and the kind of the machine.
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
    machine: str = ""


def remark_on(trainings: Iterable[Training], id: str) -> Remark | None:
    """The first remark with this id on a training run; None if there is none."""
    return next((remark for run in trainings for remark in run.remarks if remark.id == id), None)


def devices_of(trainings: Iterable[Training]) -> frozenset[str]:
    """The devices that trained a network, except where the CPU stood in for another one."""
    return frozenset(run.device for run in trainings if remark_on([run], ON_CPU) is None)
