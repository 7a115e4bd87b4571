"""What crosses the pipe of a self-check: the task and orders to its process, and the types of the records sent back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Self

from grader.model import DataFiles, TrainingPlan
from grader.model.evidence import Behind, Building, Evidence, Loading, Measurements, Recording, Training
from grader.model.graph import Graph

RECORDS: dict[str, type] = {
    "load": Loading,
    "build": Building,
    "record": Recording,
    "graph": Graph,
    "measure": Measurements,
    "behind": Behind,
    "train": Training,
    "overfit": Training,
}
"""The types of the records by stage, in the order in which they are sent."""

BEFORE_TRAINING = "behind"
"""The last stage before training."""


@dataclass(frozen=True)
class Order:
    """What the parent asks for: stage ``train`` or ``overfit``, its seed, and the most CPU seconds that it may take."""

    stage: str
    seed: int
    seconds: float


@dataclass(frozen=True)
class Task:
    """The script to check, the images and the plan for measuring it, and the last stage to run."""

    root: str
    script: str
    seed: int
    data: DataFiles
    plan: TrainingPlan
    last: str = "overfit"

    def line(self) -> str:
        """The task as one line of JSON, without the plan's bands."""
        return json.dumps(asdict(replace(self, plan=replace(self.plan, bands=()))))

    @classmethod
    def read(cls, line: bytes) -> Self:
        """The task in a line of JSON."""
        fields = json.loads(line)
        plan = {**fields["plan"], "bands": ()}
        return cls(**{**fields, "data": DataFiles(**fields["data"]), "plan": TrainingPlan(**plan)})


@dataclass(frozen=True)
class Observed:
    """Evidence, and the result of overfitting one batch (None if it was not tried)."""

    evidence: Evidence
    overfitting: Training | None = None
