"""Simulate how long many submissions take on many machines, in shards and from one queue, as Dask's scheduler has it.

The command is ``python -m tests.measure.makespan [--submissions 20000] [--machines 100] [--times 20]``. The seconds of
a submission are drawn from docs/calibration.csv, and the rest is in the constants below, with where it comes from. A
machine has one core. The seed of each repetition is its number. The table has the mean and the longest makespan: the
seconds from the deadline to the last mark.
"""

from __future__ import annotations

import argparse
import csv
import heapq
import math
import random
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from rich.console import Console
from rich.table import Table

from grader.model import Shard
from grader.sandbox.limits import STAGE_SECONDS
from tests.support.places import ROOT

RECORDED, MEASURED, REST = 0.18, 0.11, 0.27
"""CPU seconds to record a submission, to measure all but its training, and for everything else: docs/tutors.md."""
START = 9.0
"""CPU seconds more for a shard than for its submissions alone: docs/scale.md."""
STUCK = 0.01
"""Share of submissions that run into all limits of time; assumed."""
TRAINED_LONGEST = 27.0
"""CPU seconds after which training is stopped: docs/calibration.md."""
SLOW, SLOWNESS = 5, 4.0
"""So many machines of a hundred are so many times slower than the others; assumed."""
LOST = 3
"""So many of a hundred are lost in the first half of the time that the work takes; assumed."""
REQUEUED = 60.0
"""Seconds until the work of a lost machine is given to another; assumed."""
OWN_CORES = (16, 64)
"""Cores of the machine that has the submissions, and records them for the queue; assumed."""
MEAN_HOURS = 6.0
"""How long before the deadline a submission comes, if they are graded as they come; assumed to be exponential."""


@dataclass(frozen=True)
class Machine:
    """``speed`` is 1 for a usual one. It takes work from ``since`` until it is ``lost_at``, both in seconds."""

    speed: float = 1.0
    lost_at: float = math.inf
    since: float = 0.0


@dataclass(frozen=True)
class Job:
    """What one machine does in one piece from ``ready`` on: ``start``, then each of the ``tasks``, in CPU seconds.

    A finished task is kept if the machine is lost.
    """

    tasks: tuple[float, ...]
    ready: float = 0.0
    start: float = 0.0


def finish_times(jobs: Sequence[Job], machines: Iterable[Machine], *, requeued: float = REQUEUED) -> list[float]:
    """When each job is finished; each free machine takes the job that is ready first. All machines may not be lost."""
    free = [(machine.since, at, machine) for at, machine in enumerate(machines)]
    waiting = [(job.ready, at, job) for at, job in enumerate(jobs)]
    heapq.heapify(free)
    heapq.heapify(waiting)
    finished = [0.0] * len(jobs)
    while waiting:
        ready, at, job = heapq.heappop(waiting)
        since, number, machine = heapq.heappop(free)
        if machine.lost_at <= max(since, ready):
            heapq.heappush(waiting, (ready, at, job))
            continue
        now = max(since, ready) + job.start / machine.speed
        done = 0
        while done < len(job.tasks) and (end := now + job.tasks[done] / machine.speed) <= machine.lost_at:
            now, done = end, done + 1
        if done < len(job.tasks):
            rest = Job(job.tasks[done:], machine.lost_at + requeued, job.start)
            heapq.heappush(waiting, (rest.ready, at, rest))
        else:
            finished[at] = now
            heapq.heappush(free, (now, number, machine))
    return finished


@dataclass(frozen=True)
class Work:
    """The CPU seconds of one submission: on the machine that has the files, and on one that measures networks."""

    own: float
    measuring: float


def drawn(count: int, chance: random.Random) -> list[Work]:
    """The work of ``count`` submissions."""
    with (ROOT / "docs" / "calibration.csv").open(encoding="utf-8", newline="") as file:
        trained = [float(row["cpu_seconds"]) for row in csv.DictReader(file)]
    usual = [Work(RECORDED + REST, MEASURED + seconds) for seconds in trained]
    stuck = Work(sum(STAGE_SECONDS.values()) + REST, MEASURED + TRAINED_LONGEST)
    return [stuck if chance.random() < STUCK else chance.choice(usual) for _ in range(count)]


def sharded(work: Sequence[Work], count: int) -> list[Job]:
    """A job for each of ``count`` shards, in which the submissions are by their ids."""
    own = [one.own + one.measuring for one in work]
    return [Job(tuple(own[at] for at in members), start=START) for members in members_of(len(work), count)]


@lru_cache
def members_of(submissions: int, count: int) -> tuple[tuple[int, ...], ...]:
    """Which submissions are in which shard."""
    shards = [Shard(number, count) for number in range(1, count + 1)]
    found: list[list[int]] = [[] for _ in shards]
    for at in range(submissions):
        found[next(number for number, shard in enumerate(shards) if shard.has(f"u{7_000_000 + at}"))].append(at)
    return tuple(map(tuple, found))


def queued(work: Sequence[Work], arrivals: Sequence[float], own_cores: int) -> list[Job]:
    """A job for each submission, ready when the machine that has the files has recorded it."""
    own = [Job((one.own,), arrival) for one, arrival in zip(work, arrivals, strict=True)]
    recorded = finish_times(own, [Machine(since=min(arrivals))] * own_cores)
    return [Job((one.measuring,), ready) for one, ready in zip(work, recorded, strict=True)]


def machines(count: int, busy: float, chance: random.Random, *, slow: int = 0, lost: int = 0) -> list[Machine]:
    """``count`` machines, of which ``slow`` are slow, and ``lost`` others are lost within ``busy`` seconds."""
    made = [Machine(speed=1 / SLOWNESS if at < slow else 1.0) for at in range(count)]
    return [
        replace(machine, lost_at=chance.uniform(0, busy)) if at >= count - lost else machine
        for at, machine in enumerate(made)
    ]


def makespans(submissions: int, count: int, seed: int, *, slow: int, lost: int) -> dict[str, float]:
    """Seconds from the deadline to the last mark, for each way of working; ``count`` machines."""
    chance = random.Random(seed)
    work = drawn(submissions, chance)
    busy = sum(one.own + one.measuring for one in work) / count
    pool = machines(count, busy / 2, chance, slow=slow, lost=lost)
    warm = [replace(machine, since=START) for machine in pool]
    at_once = [0.0] * len(work)
    arrived = [-chance.expovariate(1 / (3600 * MEAN_HOURS)) for _ in work]
    early = [replace(machine, since=min(arrived)) for machine in pool]
    found = {
        "a shard each": finish_times(sharded(work, count), pool),
        "4 shards each": finish_times(sharded(work, 4 * count), pool),
        **{f"queue, {cores} cores": finish_times(queued(work, at_once, cores), warm) for cores in OWN_CORES},
        "as they come": finish_times(queued(work, arrived, OWN_CORES[0]), early),
    }
    return {"work / machines": busy} | {name: max(finished) for name, finished in found.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="makespan", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--submissions", type=int, default=20_000, metavar="N")
    parser.add_argument("--machines", type=int, default=100, metavar="N")
    parser.add_argument("--times", type=int, default=20, metavar="N")
    given = parser.parse_args(argv)
    slow, lost = (max(1, round(share * given.machines / 100)) for share in (SLOW, LOST))
    rows = {"equal machines": (0, 0), f"{slow} slow": (slow, 0), f"{lost} lost": (0, lost), "both": (slow, lost)}
    table = Table(box=None, header_style="bold")
    table.add_column("seconds, mean (longest)")
    for about, (slow, lost) in rows.items():
        runs = [
            makespans(given.submissions, given.machines, seed, slow=slow, lost=lost)
            for seed in range(1, given.times + 1)
        ]
        if not table.rows:
            for name in runs[0]:
                table.add_column(name, justify="right")
        columns = [[run[name] for run in runs] for name in runs[0]]
        table.add_row(about, *(f"{statistics.mean(column):.0f} ({max(column):.0f})" for column in columns))
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
