"""How much one submission may take before it is ended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

STAGE_SECONDS: dict[str, float] = {
    "load": 20.0,
    "build": 20.0,
    "trace": 30.0,
    "probe": 30.0,
    "modes": 30.0,
    "gradients": 30.0,
    "resources": 30.0,
    "train": 180.0,
}
_USUAL_TRAININGS = 5


@dataclass(frozen=True)
class Limits:
    """What a submission may use before it is ended. Seconds are wall seconds; ``train`` is meant for each seed.

    ``memory_bytes`` and ``processes`` count the submission's whole tree of processes; ``output_bytes`` is how much of
    the end of its output is kept (the rest is counted and dropped); ``file_bytes`` bounds each file that it writes and
    ``disk_bytes`` all of them together, its own copy included, where it has a file system of its own.
    """

    stage_seconds: Mapping[str, float] = field(default_factory=lambda: dict(STAGE_SECONDS))
    memory_bytes: int = 4 << 30
    output_bytes: int = 8 << 10
    file_bytes: int = 256 << 20
    disk_bytes: int = 512 << 20
    processes: int = 64

    def seconds(self, stage: str) -> float:
        """Return the deadline of ``stage``; a stage that is not listed has its usual one."""
        return self.stage_seconds.get(stage, STAGE_SECONDS.get(stage, 20.0))

    def cpu_seconds(self, threads: int) -> int:
        """Return a CPU time that no submission can use within its deadlines: the kernel's backstop."""
        wall = sum(map(self.seconds, STAGE_SECONDS)) + self.seconds("train") * (_USUAL_TRAININGS - 1)
        return math.ceil(wall * max(1, threads)) + 10

