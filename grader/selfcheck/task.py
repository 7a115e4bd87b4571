"""What the process of a self-check is told, and the records that it sends back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Self

from grader.model import DataFiles, TrainingPlan
from grader.model.evidence import Building, Loading, Measurements, Recording, Training
from grader.model.graph import Graph

RECORDS: dict[str, type] = {
    "load": Loading,
    "build": Building,
    "record": Recording,
    "graph": Graph,
    "measure": Measurements,
    "train": Training,
    "overfit": Training,
}
"""What is sent, in order: the stages' records, and the graph that is measured."""


@dataclass(frozen=True)
class Task:
    """What to look at, and on which images."""

    root: str
    script: str
    seed: int
    data: DataFiles
    plan: TrainingPlan

    def line(self) -> str:
        """The task as JSON; the plan's bands stay behind."""
        return json.dumps(asdict(replace(self, plan=replace(self.plan, bands=()))))

    @classmethod
    def read(cls, line: bytes) -> Self:
        """The task that a line holds."""
        fields = json.loads(line)
        plan = {**fields["plan"], "seeds": tuple(fields["plan"]["seeds"]), "bands": ()}
        return cls(fields["root"], fields["script"], fields["seed"], DataFiles(**fields["data"]), TrainingPlan(**plan))
