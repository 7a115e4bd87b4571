"""The task for the process of a self-check, and the types of the records that it sends back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Self

from grader.model import DataFiles, TrainingPlan
from grader.model.evidence import Behind, Building, Loading, Measurements, Recording, Training
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


FIRST_SEED = 1
"""Seed of the first training run of a self-check. The grader takes seeds that nobody knows before."""


@dataclass(frozen=True)
class Task:
    """The script to check, and the images and the plan for measuring it."""

    root: str
    script: str
    seed: int
    data: DataFiles
    plan: TrainingPlan

    def line(self) -> str:
        """The task as one line of JSON, without the plan's bands."""
        return json.dumps(asdict(replace(self, plan=replace(self.plan, bands=()))))

    @classmethod
    def read(cls, line: bytes) -> Self:
        """The task in a line of JSON."""
        fields = json.loads(line)
        plan = {**fields["plan"], "bands": ()}
        return cls(fields["root"], fields["script"], fields["seed"], DataFiles(**fields["data"]), TrainingPlan(**plan))
