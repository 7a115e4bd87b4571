"""Where networks are measured: in processes of this machine, or on a cluster. The rest of a run does not know which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from grader.model import DataFiles, UsageFault
from grader.model.command_lines import command_line
from grader.pipeline.settings import AUTO, RunSettings
from grader.sandbox import WorkerPool
from grader.sandbox.machine import machine_name

Say = Callable[[str], None]
"""Gets sentences for the tutor about the run as a whole."""


class Backend(Protocol):
    """Answers requests to measure; ``measure`` is as in :class:`WorkerPool` and may be called from many threads."""

    def measure(self, request: bytes, *, seconds: float) -> bytes:
        """The reply of a measuring process."""

    def stop(self) -> None:
        """End all measurements at once."""

    @property
    def devices(self) -> frozenset[str]:
        """The kinds of device that train networks."""

    @property
    def places(self) -> int:
        """How many networks are measured at a time besides what this machine does."""

    @property
    def isolations(self) -> Mapping[str, str]:
        """How each machine isolates its measuring processes, as one sentence."""

    @property
    def measured(self) -> Mapping[str, int]:
        """The number of requests that each machine of a cluster has answered, most first."""


@dataclass(frozen=True)
class OwnMachine:
    """The processes of ``pool``, which also records submissions."""

    pool: WorkerPool
    device: str
    places: int = 0
    measured: Mapping[str, int] = field(default_factory=dict)

    @property
    def devices(self) -> frozenset[str]:
        """The device that trains networks."""
        return frozenset({self.device})

    @cached_property
    def isolations(self) -> Mapping[str, str]:
        """That of the pool."""
        return {machine_name(): str(self.pool.isolation)}

    def measure(self, request: bytes, *, seconds: float) -> bytes:
        """As in :class:`WorkerPool`."""
        return self.pool.measure(request, seconds=seconds)

    def stop(self) -> None:
        """Nothing: the pool is stopped by itself."""


@contextmanager
def open_backend(
    settings: RunSettings, pool: WorkerPool, files: DataFiles, scratch: Path, say: Say
) -> Iterator[Backend]:
    """Open what measures by these settings, with the data in ``files``.

    Raises UsageFault for a device that is not there, and for a cluster that cannot be used.
    """
    if settings.cluster is None:
        yield OwnMachine(pool, _device(settings, pool))
        return
    from grader.sandbox.cluster.cluster import Cluster  # here, because it imports Dask

    def versions() -> Mapping[str, str]:
        if not pool.isolation.shuts_in:
            raise UsageFault(
                "With --cluster, submissions must reach neither the network nor the certificates, which this machine's "
                f"isolation ({pool.isolation.name}) does not ensure; {command_line('doctor')} says what to do."
            )
        return pool.versions

    with Cluster(
        settings.cluster,
        files,
        versions,
        device=settings.device,
        isolation=settings.isolation,
        folder=scratch,
        say=say,
        at_once=settings.networks_at_once,
        is_mixed=settings.is_mixed,
    ) as cluster:
        yield cluster


def _device(settings: RunSettings, pool: WorkerPool) -> str:
    device = pool.devices[0] if settings.device == AUTO else settings.device
    if device not in pool.devices:
        raise UsageFault(
            f"The networks of this run are trained on {device}, which this machine does not have; "
            f"with --device {pool.devices[0]}, and without --student, all of them are trained there; "
            "with --remark, none is trained."
        )
    return device
