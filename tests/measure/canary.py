"""Measure the distributions that a run's canary is held against, and how often they raise a false alarm.

The command is ``python -m tests.measure.canary [--data DIR] > FILE.csv``, then ``mv FILE.csv grader/lab4/canary.csv``.
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
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from grader.checks.training import accuracy_of
from grader.data import DataSet, resolve_data, user_cache, write_worker_files
from grader.experiment.reference_network import reference_script
from grader.lab4.files import SCRIPT
from grader.model import Job
from grader.model.recorded import graph_of
from grader.pipeline.canary import LIMIT, RUNS, Stored
from grader.pipeline.measurement import Measuring, counted
from grader.rubric.loading import load_rubric
from grader.sandbox import WorkerPool

NETWORKS = {"reference": ((10, 20, 5, 5), 50), "weak": ((4, 8, 3, 3), 90)}
"""Channels and kernel sizes of the lab's own network and of one that learns much more slowly, and training steps.

After so many steps accuracies still rise, but seldom does a run stay near chance, which would cause false alarms.
"""
DRAWS = 1_000_000
"""Canaries that are drawn with replacement from the measured runs, to count false alarms."""


def rows(data: DataSet, *, seeds: int, jobs: int) -> Iterator[dict[str, object]]:
    """The rows of the file for one data set, each measured with ``seeds`` seeds."""
    plan = load_rubric().training
    with tempfile.TemporaryDirectory() as name:
        files, labels = write_worker_files(data, Path(name) / "data", order_seed=0)
        with WorkerPool(workers=jobs, settings={"data": asdict(files), "device": "cpu"}) as pool:
            for network, (sizes, steps) in NETWORKS.items():
                folder = Path(name) / network
                folder.mkdir()
                (folder / SCRIPT).write_text(reference_script(*sizes), encoding="utf-8")
                recording = pool.record(Job(str(folder), SCRIPT, 0)).record
                assert recording is not None
                graph = graph_of(recording).graph
                assert graph is not None
                own = Stored(network, sizes, steps, 0, 0).plan(plan)

                def accuracies(_: int) -> list[float]:
                    measuring = Measuring(pool, own, counted(labels), 0, secrets.randbelow(2**56))  # noqa: B023
                    return [accuracy_of(run) for run in measuring.train(graph)[0]]  # noqa: B023

                with ThreadPoolExecutor(jobs) as threads:
                    reached = [share for runs in threads.map(accuracies, range(seeds // RUNS)) for share in runs]
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


def summary(data: str, network: str, reached: Sequence[float]) -> str:
    """What the rule does with these accuracies: how often it raises a false alarm, and which change it would notice."""
    middle, spread = mean(reached), stdev(reached)
    drawn = np.random.default_rng(0).choice(np.array(reached), (DRAWS, RUNS)).mean(axis=1)
    apart = np.abs(drawn - middle) / (spread / RUNS**0.5)
    noticed = (LIMIT + 1.28) * spread / RUNS**0.5
    return (
        f"{data}, {network}: {len(reached)} runs, {middle:.3f} on average, spread {spread:.3f}, {min(reached):.3f} to "
        f"{max(reached):.3f}; {(apart > LIMIT).sum()} of {DRAWS:,} canaries would raise a false alarm, the furthest at "
        f"{apart.max():.2f} standard deviations; a change by {noticed:.3f} is noticed in nine of ten runs"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print the file as CSV."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", default=[], help="more images, as for grade")
    parser.add_argument("--seeds", type=int, default=66, help="runs of each network (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args(argv)
    writer = None
    for choice in (None, *arguments.data):
        data = resolve_data(choice, environment={}, cache=user_cache(os.environ), download=None)
        for row in rows(data, seeds=arguments.seeds, jobs=arguments.jobs):
            if writer is None:
                writer = csv.DictWriter(sys.stdout, row, lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
