"""How much one child may take before it is ended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

STAGE_SECONDS: dict[str, float] = {"load": 9.0, "build": 4.0, "record": 9.0}
_OTHER_SECONDS = 10.0


@dataclass(frozen=True)
class Limits:
    """What a child may use before it is ended. Seconds are wall seconds.

    ``memory_bytes`` and ``processes`` count the child's whole tree of processes; ``output_bytes`` is how much of the
    end of its output is kept (the rest is counted and dropped); ``file_bytes`` bounds each file that it writes and
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
        return self.stage_seconds.get(stage, STAGE_SECONDS.get(stage, _OTHER_SECONDS))

    @property
    def cpu_seconds(self) -> int:
        """A CPU time that no submission can use within its deadlines: the kernel's backstop."""
        return math.ceil(sum(map(self.seconds, STAGE_SECONDS))) + 10

    def allowance(self) -> dict[str, int | None]:
        """The limits of a recording child as :class:`grader.worker.isolate.confinement.Allowance` names them."""
        return {
            "file_bytes": self.file_bytes,
            "cpu_seconds": self.cpu_seconds,
            "data_bytes": 2 * self.memory_bytes,
            "disk_bytes": self.disk_bytes,
            "processes": self.processes,
        }
