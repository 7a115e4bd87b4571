"""Limits for one child: time, memory, output, files and processes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

STAGE_SECONDS: dict[str, float] = {"load": 9.0, "build": 4.0, "record": 9.0}
_OTHER_SECONDS = 10.0


@dataclass(frozen=True)
class Limits:
    """What a child may use before it is ended. Seconds count as :mod:`grader.sandbox.deadline` says.

    ``memory_bytes`` and ``processes`` apply to the child and its descendants together, and so does ``threads``, where
    the kernel can count them. ``output_bytes`` is the size of the last part of its output that is kept; the rest is
    counted and dropped. ``file_bytes`` limits each file that it writes. ``disk_bytes`` limits all files together,
    including the copy of the submission, if the child has its own file system. ``descriptors`` is what each process may
    have open.
    """

    stage_seconds: Mapping[str, float] = field(default_factory=lambda: dict(STAGE_SECONDS))
    memory_bytes: int = 4 << 30
    output_bytes: int = 8 << 10
    file_bytes: int = 256 << 20
    disk_bytes: int = 512 << 20
    processes: int = 16
    threads: int = 64
    descriptors: int = 256

    def seconds(self, stage: str) -> float:
        """Return the time limit of ``stage``; the default if ``stage_seconds`` does not list it."""
        return self.stage_seconds.get(stage, STAGE_SECONDS.get(stage, _OTHER_SECONDS))

    @property
    def cpu_seconds(self) -> int:
        """CPU limit for the kernel, as a fallback: more than a submission can use within its deadlines."""
        return math.ceil(sum(map(self.seconds, STAGE_SECONDS))) + 10

    def allowance(self) -> dict[str, int | None]:
        """The limits of a recording child, as fields of :class:`grader.worker.isolate.confinement.Allowance`."""
        return {
            "file_bytes": self.file_bytes,
            "cpu_seconds": self.cpu_seconds,
            "data_bytes": 2 * self.memory_bytes,
            "disk_bytes": self.disk_bytes,
            "threads": self.threads,
            "descriptors": self.descriptors,
        }
