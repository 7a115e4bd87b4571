"""What runs on a Dask worker: plain functions from bytes to bytes, which Dask finds by their names.

They hand requests to a :class:`WorkerPool` of this machine, which validates a graph and its cost, isolates and limits
the measuring process as in a run without a cluster. Whatever goes wrong is an answer, not an exception.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib.metadata import version

from grader import __version__
from grader.model import GraderFault, UsageFault
from grader.sandbox.cluster import data_files
from grader.sandbox.cluster.address import certificate_files
from grader.sandbox.cluster.messages import (
    AUTO,
    Answer,
    Measured,
    Missing,
    Preparation,
    Ready,
    Unfit,
    Unmeasured,
    Unprepared,
    decode_preparation,
    encode,
    with_paths,
)
from grader.sandbox.level import Wish
from grader.sandbox.machine import machine_name
from grader.sandbox.measuring import MeasurementFailed
from grader.sandbox.pool import Stopped, WorkerPool
from grader.storage.fingerprints import code_digest

DASK = "distributed"
"""The library whose version workers and the grader must share besides those that measure."""
_IDLE_SECONDS = 3600.0
"""After so long without a request the measuring processes of a run end, because whoever asked may be gone."""


@dataclass
class _Open:
    """The measuring processes for one run, and when they were last used, by ``time.monotonic``."""

    pool: WorkerPool
    ready: Ready
    used: float = field(default_factory=time.monotonic)
    busy: int = 0


_PROCESS = secrets.token_hex(8)
"""Tells this process from one that had its address before."""
_open: dict[str, _Open] = {}
_known: list[tuple[Mapping[str, str], Sequence[str]]] = []
"""Versions of libraries, and the devices of this machine, after measuring processes were opened once."""
_lock = threading.Lock()
_opening = threading.Lock()


def missing(preparation: bytes) -> bytes:
    """Answer :class:`Missing` with the files that this machine lacks, or :class:`Unfit` without starting anything."""
    wanted = decode_preparation(preparation)
    if reason := _other_grader(wanted):
        return encode(Unfit(machine_name(), reason))
    return encode(Missing(tuple(checksum for checksum in wanted.checksums if data_files.find(checksum) is None)))


def keep(content: bytes) -> bytes:
    """Store a data file on this machine; answer nothing, or :class:`Unfit` if that is not possible."""
    try:
        data_files.keep(content)
    except OSError as fault:
        return encode(Unfit(machine_name(), f"cannot store the images: {fault}"))
    return b""


def prepare(preparation: bytes, at_once: int) -> bytes:
    """Open measuring processes, at most ``at_once``; answer :class:`Ready`, :class:`Missing` or :class:`Unfit`."""
    wanted = decode_preparation(preparation)
    with _opening:
        return encode(_prepared(wanted, at_once))


def answer(run: str, request: bytes, seconds: float) -> bytes:
    """Answer :class:`Measured` and the reply of a measuring process, or :class:`Unmeasured`.

    Answer :class:`Unprepared` if the run has no measuring processes here, and :class:`Unfit` if none can be started.
    """
    with _lock:
        opened = _open.get(run)
        if opened is None:
            return encode(Unprepared(_PROCESS))
        opened.busy += 1
    try:
        return encode(Measured(), opened.pool.measure(request, seconds=seconds))
    except MeasurementFailed as failure:
        ending = failure.ending
        output = "\n".join(getattr(failure, "__notes__", ()))
        return encode(Unmeasured(ending.kind, ending.stage, ending.detail, output))
    except Stopped:
        return encode(Unprepared(_PROCESS))
    except (GraderFault, UsageFault, OSError, MemoryError, RuntimeError) as fault:  # of this machine, not the network
        _close(run)
        return encode(Unfit(machine_name(), f"cannot measure: {type(fault).__name__}: {fault}"))
    finally:
        with _lock:
            opened.busy -= 1
            opened.used = time.monotonic()


async def leave(run: str) -> None:
    """End the measuring processes of a run at once."""
    await asyncio.to_thread(_close, run)


def libraries(measuring: Mapping[str, str]) -> dict[str, str]:
    """The versions that all machines must share: those of a measuring process, and Dask's."""
    return {**measuring, DASK: version(DASK)}


def _prepared(wanted: Preparation, at_once: int) -> Answer:
    machine = machine_name()
    if reason := _other_grader(wanted) or _unlike(wanted):
        return Unfit(machine, reason)
    if (opened := _open.get(wanted.run)) is not None:
        return opened.ready
    found = {checksum: data_files.find(checksum) for checksum in wanted.checksums}
    if lacking := tuple(checksum for checksum, path in found.items() if path is None):
        return Missing(lacking)
    files = with_paths(wanted.data, {checksum: str(path) for checksum, path in found.items()})
    with ExitStack() as stack:
        pool = WorkerPool(
            workers=at_once,
            settings={"data": asdict(files), "device": wanted.device, "machine": machine},
            isolation=Wish(wanted.isolation),
            hidden=[str(path) for path in (data_files.folder(), *certificate_files())],
        )
        try:
            stack.enter_context(pool)
            _known[:] = [(libraries(pool.versions), pool.devices)]
            isolation = pool.isolation
        except (GraderFault, UsageFault, OSError) as fault:
            return Unfit(machine, f"cannot measure: {fault}")
        if reason := _unlike(wanted):
            return Unfit(machine, reason)
        device = pool.devices[0] if wanted.device == AUTO else wanted.device
        ready = Ready(machine, device, str(isolation), _PROCESS)
        with _lock:
            _open[wanted.run] = _Open(pool, ready)
        stack.pop_all()
    _end_idle_ones()
    return ready


def _other_grader(wanted: Preparation) -> str:
    """What of the grader on this machine is another one than wanted; empty if nothing is."""
    if __version__ != wanted.grader:
        return f"has version {__version__} of the grader, and this run has {wanted.grader}"
    return "" if code_digest("") == wanted.code else "has other code of the grader, although it is the same version"


def _unlike(wanted: Preparation) -> str:
    """Which libraries or devices of this machine are other ones than wanted; empty if none is, or none is known yet."""
    for own, devices in _known:
        if own != wanted.libraries:
            names = sorted(name for name in {*own, *wanted.libraries} if own.get(name) != wanted.libraries.get(name))
            here, there = (
                ", ".join(f"{name} {versions.get(name, 'missing')}" for name in names)
                for versions in (own, wanted.libraries)
            )
            return f"has {here}, and this run has {there}"
        if wanted.device not in (AUTO, *devices):
            return f"has no {wanted.device}, on which this run trains"
    return ""


def _close(run: str) -> None:
    with _lock:
        opened = _open.pop(run, None)
    if opened is not None:
        opened.pool.__exit__(None, None, None)


@lru_cache
def _end_idle_ones() -> None:
    """Start, once, to end the measuring processes of runs that ask for nothing any more."""

    def look() -> None:
        while True:
            time.sleep(_IDLE_SECONDS / 4)
            now = time.monotonic()
            with _lock:
                idle = [run for run, one in _open.items() if not one.busy and now - one.used > _IDLE_SECONDS]
            for run in idle:
                _close(run)

    threading.Thread(target=look, daemon=True).start()
