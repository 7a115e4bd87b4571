"""Pools of workers that run the entries of :mod:`tests.support.worker_entries`, and functions to wait for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from grader.model import Job
from grader.sandbox import Limits, Wish, WorkerPool
from tests.support.places import ROOT

ENTRY = "tests.support.worker_entries:observe"
MEASURE = "tests.support.worker_entries:open_service"
LIMITS = Limits(stage_seconds={"load": 8.0, "build": 1.0}, memory_bytes=256 << 20, file_bytes=8 << 20)


def make_pool(
    workers: int = 2,
    limits: Limits = LIMITS,
    warm: tuple[str, ...] = (),
    entry: str = ENTRY,
    isolation: Wish = Wish.OFF,
    prefix: Sequence[str] = (),
    **settings: Any,
) -> WorkerPool:
    """A pool that is held in by limits and deadlines alone, as on a system that has nothing better."""
    return WorkerPool(
        workers=workers,
        limits=limits,
        settings={"device": "cpu", **settings},
        entry=entry,
        measure=MEASURE,
        warm=warm,
        paths=[str(ROOT)],
        isolation=isolation,
        prefix=prefix,
    )


def make_job(behaviour: str, root: Path) -> Job:
    return Job(str(root), f"{behaviour}.py", seed=7)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    give_up = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True
