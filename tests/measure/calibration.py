"""Measure how correct networks train, to choose the training plan.

The command is ``python -m tests.measure.calibration > FILE.csv``. Every ``valid-*`` sample is recorded and its
network trained with several seeds, exactly as in grading, including retries. The rows are those of
docs/calibration.csv, which docs/calibration.md explains; a summary goes to standard error. Run it again, in the
project's root, when the plan, torch or the samples change.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grader.checks.training import accuracy_of, fraction_of
from grader.data import resolve_data, user_cache, write_worker_files
from grader.data.heldout_accuracy import Predictions, with_accuracy
from grader.model import DataFiles, Job, TrainingPlan
from grader.model.evidence import Building, Loading, Recording
from grader.model.graph import size_of
from grader.model.recorded import graph_of
from grader.rubric.loading import load_rubric
from grader.submissions.discovery import discover
from grader.submissions.files import copy_submission
from grader.worker.environment import SETTINGS
from tests.support.places import TESTS

SAMPLES = TESTS / "submissions"
COLUMNS = (
    "net",
    "parameters",
    "least_steps",
    "most_steps",
    "mean",
    "spread",
    "lowest",
    "most_runs",
    "misses",
    "start",
    "cpu_seconds",
)
SEED_STEP = 1000
"""Distance between the seeds of a run and its retries, so that every run has its own seed."""


@dataclass(frozen=True)
class Work:
    """A network to train: its files, and how to train it."""

    student: str
    folder: str
    script: str
    files: DataFiles
    plan: TrainingPlan
    labels: NDArray[np.uint8]
    seeds: int


@dataclass(frozen=True)
class Result:
    """Results of a network: for each seed the accuracies of its attempts, and CPU seconds of the first one."""

    student: str
    parameters: int
    shapes: str
    accuracies: tuple[tuple[float, ...], ...]
    steps: tuple[int, ...]
    starts: tuple[float, ...]
    seconds: tuple[float, ...]


class Recorded:
    """Collects the records that the stages of a submission's process send."""

    def __init__(self) -> None:
        self.records: dict[str, Loading | Building | Recording] = {}

    def begin(self, stage: str) -> None:
        """Do nothing: only the records count."""

    def send(self, record: Loading | Building | Recording, stage: str) -> None:
        """Keep the record."""
        self.records[stage] = record


def measure(work: Work) -> Result:
    """Record a network and train its graph with every seed, in its own process."""
    os.environ.update(SETTINGS)  # as in the process of a submission
    import torch

    from grader.measure.doubts import untrained_accuracy
    from grader.measure.images import load_images
    from grader.measure.network import open_network
    from grader.measure.training import attempt_of, train
    from grader.worker.stages import observe

    torch.set_num_threads(1)
    images = load_images(work.files)
    recorded = Recorded()
    observe(Job(work.folder, work.script, seed=0), recorded)
    recording = recorded.records.get("record")
    graph = graph_of(recording).graph if isinstance(recording, Recording) else None
    if graph is None:
        raise SystemExit(f"{work.student} gives no network: {recorded.records}")
    shapes = " ".join("x".join(map(str, weight.shape)) for weight in graph.weights if len(weight.shape) > 1)
    parameters = sum(size_of(weight.shape) for weight in graph.weights if weight.is_registered)

    def probes(count: int) -> torch.Tensor:
        return images.probes(count, seed=0)

    accuracies, steps, starts, seconds = [], [], [], []
    for seed in range(1, work.seeds + 1):
        reached: list[float] = []
        for number in range(work.plan.runs):
            clock = time.process_time()
            attempt = attempt_of(work.plan, number, seed=seed + number * SEED_STEP)
            record, outputs = train(graph, images, work.plan, attempt, probes=probes)
            record = with_accuracy(record, Predictions(record.seed, outputs.heldout.numpy()), work.labels)
            reached.append(accuracy_of(record))
            if number == 0:
                steps.append(record.steps)
                starts.append(untrained_accuracy(open_network(graph, probes, seed=seed), images))
                seconds.append(time.process_time() - clock)
            if fraction_of(reached[-1], work.plan) == 1:
                break
        accuracies.append(tuple(reached))
    return Result(work.student, parameters, shapes, tuple(accuracies), tuple(steps), tuple(starts), tuple(seconds))


def row(result: Result, plan: TrainingPlan) -> tuple[str | int, ...]:
    """A row of the table, in the order of COLUMNS."""
    first = [reached[0] for reached in result.accuracies]
    return (
        result.student.removeprefix("valid-"),
        result.parameters,
        min(result.steps),
        max(result.steps),
        f"{statistics.mean(first):.3f}",
        f"{statistics.pstdev(first):.3f}",
        f"{min(first):.3f}",
        max(map(len, result.accuracies)),
        sum(fraction_of(max(reached), plan) < 1 for reached in result.accuracies),
        f"{max(result.starts):.2f}",
        f"{statistics.mean(result.seconds):.1f}",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print the table as CSV. The exit code is 1 if a correct network misses the top band."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="as for grade")
    parser.add_argument("--seeds", type=int, default=5, help="seeds for each net (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    parser.add_argument("--samples", type=Path, default=SAMPLES)
    parser.add_argument("--steps", type=int, help="another number of steps")
    arguments = parser.parse_args(argv)
    data = resolve_data(arguments.data, environment=os.environ, cache=user_cache(os.environ), download=None)
    plan = load_rubric().training
    plan = replace(plan, steps=arguments.steps or plan.steps)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        files, labels = write_worker_files(data, scratch / "data", order_seed=0)
        work = []
        for sample in discover(arguments.samples, scratch / "unpacked"):
            id = sample.id
            if sample.script is not None and id.startswith("valid-") and arguments.only in id:
                copy_submission(sample, scratch / id)
                work.append(Work(id, str(scratch / id), sample.script, files, plan, labels, arguments.seeds))
        print(f"{data.name}, {len(work)} nets x {arguments.seeds} seeds, CPU, {_versions()}", file=sys.stderr)
        table = csv.writer(sys.stdout, lineterminator="\n")
        table.writerow(COLUMNS)
        results = []
        # A new process for each network, because loading a submission changes the process permanently.
        with get_context("spawn").Pool(arguments.jobs, maxtasksperchild=1) as pool:
            for result in pool.imap(measure, work):
                results.append(result)
                table.writerow(row(result, plan))
                sys.stdout.flush()
    first = [reached[0] for result in results for reached in result.accuracies]
    misses = sum(fraction_of(max(reached), plan) < 1 for result in results for reached in result.accuracies)
    distinct = len({result.shapes for result in results})
    print(
        f"\n{len(first)} runs of {len(results)} nets with {distinct} different sets of weight shapes: first run "
        f"{statistics.mean(first):.3f} on average, lowest {min(first):.3f}; {misses} misses; "
        f"best before training {max(start for result in results for start in result.starts):.2f}.",
        file=sys.stderr,
    )
    return 1 if misses else 0


def _versions() -> str:
    from importlib.metadata import version

    return f"torch {version('torch')}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
