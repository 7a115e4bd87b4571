"""Measure the distributions that a run's canary is held against, and how often they raise a false alarm.

The command is ``python -m tests.measure.canary [--data DIR] > FILE.csv``, then ``mv FILE.csv grader/lab4/canary.csv``.
With ``--changes N`` it prints instead how many of N canaries notice each change of the training plan.
It trains the networks with many seeds, exactly as a run does, on the bundled images and on those of each ``--data``.
A summary goes to standard error. Run it again, in the project's root, when the rubric's training table or the images
change, or when torch trains in another way for a known reason.
"""

from __future__ import annotations

import argparse
import csv
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from grader.checks.training import accuracy_of
from grader.data import DataSet, resolve_data, user_cache, write_worker_files
from grader.experiment.reference_network import reference_script
from grader.lab4.files import SCRIPT
from grader.model import Job, TrainingPlan
from grader.model.evidence import Evidence
from grader.pipeline.canary import LIMIT, RUNS, Stored, judged, stored_for, stored_text
from grader.pipeline.measurement import Measuring, counted
from grader.rubric.loading import load_rubric
from grader.sandbox import WorkerPool

NETWORKS = {"reference": ((10, 20, 5, 5), 50), "weak": ((4, 8, 3, 3), 90)}
"""Channels and kernel sizes of the lab's own network and of one that learns much more slowly, and training steps.

After so many steps accuracies still rise, but seldom does a run stay near chance, which would cause false alarms.
"""
DRAWS = 1_000_000
"""Canaries that are drawn with replacement from the measured runs, to count false alarms."""


CHANGES: dict[str, Callable[[TrainingPlan], TrainingPlan]] = {
    "half the batch size": lambda plan: replace(plan, batch_size=plan.batch_size // 2),
    "a quarter of the batch size": lambda plan: replace(plan, batch_size=plan.batch_size // 4),
    "half the learning rate": lambda plan: replace(plan, learning_rate=plan.learning_rate / 2),
    "a quarter of the learning rate": lambda plan: replace(plan, learning_rate=plan.learning_rate / 4),
    "momentum 0.8": lambda plan: replace(plan, momentum=0.8),
}

Train = Callable[[tuple[int, int, int, int], TrainingPlan], Evidence]
"""Trains a network, given by channels and kernel sizes, by a plan, with other seeds each time."""


@contextmanager
def trained_on(data: DataSet, *, jobs: int) -> Iterator[Train]:
    """Yield a function that trains networks on a data set."""
    with tempfile.TemporaryDirectory() as name:
        files, labels = write_worker_files(data, Path(name) / "data", order_seed=0)
        with WorkerPool(workers=jobs, settings={"data": asdict(files), "device": "cpu", "machine": ""}) as pool:

            @cache
            def recorded(sizes: tuple[int, int, int, int]) -> Evidence:
                folder = Path(tempfile.mkdtemp(dir=name))
                (folder / SCRIPT).write_text(reference_script(*sizes), encoding="utf-8")
                return pool.record(Job(str(folder), SCRIPT, 0))

            def train(sizes: tuple[int, int, int, int], plan: TrainingPlan) -> Evidence:
                measuring = Measuring(pool, plan, counted(labels), 0, secrets.randbelow(2**56))
                return measuring.complete(recorded(sizes), lambda stage: None)

            yield train


def rows(data: DataSet, *, seeds: int, jobs: int) -> Iterator[dict[str, object]]:
    """The rows of the file for one data set, each measured with ``seeds`` seeds."""
    plan = load_rubric().training
    with trained_on(data, jobs=jobs) as train, ThreadPoolExecutor(jobs) as threads:
        for network, (sizes, steps) in NETWORKS.items():
            own = Stored(network, sizes, steps, 0, 0).plan(plan)
            times = seeds // RUNS
            trained = threads.map(train, [sizes] * times, [own] * times)
            reached = [accuracy_of(run) for evidence in trained for run in evidence.trainings]
            yield {
                "images": data.fingerprint,
                "network": network,
                **dict(zip(("channels1", "channels2", "kernel1", "kernel2"), sizes, strict=True)),
                "steps": steps,
                "batch_size": plan.batch_size,
                "learning_rate": plan.learning_rate,
                "momentum": plan.momentum,
                "runs": len(reached),
                "mean": round(mean(reached), 4),
                "spread": round(stdev(reached), 4),
            }
            print(summary(data.name, network, reached), file=sys.stderr)


def noticed(data: DataSet, *, canaries: int, jobs: int) -> Iterator[str]:
    """How many of so many canaries each change of the training plan makes raise an alarm."""
    plan = load_rubric().training
    networks = stored_for(data, plan, stored_text())
    with trained_on(data, jobs=jobs) as train, ThreadPoolExecutor(jobs) as threads:
        for words, changed in CHANGES.items():

            def alarm(_: int) -> bool:
                return judged([(net, train(net.sizes, net.plan(changed(plan)))) for net in networks]).is_outside  # noqa: B023

            alarms = sum(threads.map(alarm, range(canaries)))
            yield f"{data.name}, {words}: {alarms} of {canaries} canaries raise an alarm"


def summary(data: str, network: str, reached: Sequence[float]) -> str:
    """What the rule does with these accuracies: how often it raises a false alarm, and which change it would notice."""
    middle, spread = mean(reached), stdev(reached)
    drawn = np.random.default_rng(0).choice(np.array(reached), (DRAWS, RUNS)).mean(axis=1)
    apart = np.abs(drawn - middle) / (spread / RUNS**0.5)
    change = (LIMIT + 1.28) * spread / RUNS**0.5
    return (
        f"{data}, {network}: {len(reached)} runs, {middle:.3f} on average, spread {spread:.3f}, {min(reached):.3f} to "
        f"{max(reached):.3f}; {(apart > LIMIT).sum()} of {DRAWS:,} canaries would raise a false alarm, the furthest at "
        f"{apart.max():.2f} standard deviations; a change by {change:.3f} is noticed in nine of ten runs"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print the file as CSV."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", default=[], help="more images, as for grade")
    parser.add_argument("--seeds", type=int, default=66, help="runs of each network (default: %(default)s)")
    parser.add_argument("--changes", type=int, metavar="N", help="instead: how many of N canaries notice a change")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args(argv)
    writer = None
    for choice in (None, *arguments.data):
        data = resolve_data(choice, environment={}, cache=user_cache(os.environ), download=None)
        if arguments.changes:
            for line in noticed(data, canaries=arguments.changes, jobs=arguments.jobs):
                print(line, flush=True)
            continue
        for row in rows(data, seeds=arguments.seeds, jobs=arguments.jobs):
            if writer is None:
                writer = csv.DictWriter(sys.stdout, row, lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
