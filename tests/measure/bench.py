"""Measures what a submission costs in CPU time: ``nox -s bench``, or with ``-- --sizes 6,12`` in a few minutes.

It grades cohorts of the lab's network with other numbers of channels for each student, without written answers: once
with all networks different, and once with half of them equal. Each is compared with two other ways:

- the naive way: one process for each student, which imports torch and runs the model solution's script for one epoch on
  60,000 images, with a DataLoader, as a tutor's script would;
- bare steps: the same networks trained for the same steps, one after the other in one warm process, and nothing else.

Nothing uses a GPU, and each process has one thread. No figure is stored.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import psutil
import torch
from torch.nn import functional

from grader.data.bundled import bundled_data
from grader.data.sources import DATA_VARIABLE
from grader.data.worker_files import MNIST_MEAN, MNIST_STD
from grader.lab4.files import SCRIPT
from grader.rubric.loading import load_rubric
from tests.support.places import ROOT

SOLUTION = ROOT / "solutions" / SCRIPT
CHANNELS = [pair for pair in itertools.product(range(9, 24), range(22, 43)) if pair != (16, 32)]
"""Around the solution's own, so that a network costs as much on average as the solution's."""
MNIST_SIZES = {"train": 60_000, "t10k": 10_000}
SAMPLING_SECONDS = 0.02
MEBIBYTE = 1 << 20
HEADER = (
    "| students | networks | CPU s each | naive / this | bare steps, s each | this / bare | wall s | parent, MiB |",
    "|--:|--:|--:|--:|--:|--:|--:|--:|",
)


@dataclass(frozen=True)
class GraderRun:
    """A graded cohort: CPU seconds of the command and all its processes, wall seconds, the parent's peak in bytes."""

    students: int
    cpu: float
    wall: float
    peak: int
    steps: Mapping[Path, int]
    """Training steps of each distinct network, by a script that has it."""
    stages: Mapping[str, float]
    """Mean seconds by stage: wall seconds of recording, CPU seconds of measuring."""

    @property
    def each(self) -> float:
        """CPU seconds for each submission."""
        return self.cpu / self.students


def solution_with(channels: tuple[int, int]) -> str:
    """The model solution with other numbers of channels."""
    text = SOLUTION.read_text(encoding="utf-8")
    first, second = channels
    for own, other in (
        ("Conv2d(1, 16,", f"Conv2d(1, {first},"),
        ("Conv2d(16, 32,", f"Conv2d({first}, {second},"),
        ("Linear(32 * 4 * 4,", f"Linear({second} * 4 * 4,"),
    ):
        assert text.count(own) == 1, f"the solution has no {own}"
        text = text.replace(own, other)
    return text


def write_cohort(folder: Path, size: int, *, half_equal: bool) -> None:
    """Write ``size`` submissions with different networks; with ``half_equal`` every second is the solution."""
    different = Random(0).sample(CHANNELS, len(CHANNELS))
    for number in range(size):
        is_equal = half_equal and number % 2
        text = SOLUTION.read_text(encoding="utf-8") if is_equal else solution_with(different[number])
        student = folder / f"student-{number:03d}"
        student.mkdir(parents=True)
        (student / SCRIPT).write_text(f"{text}\n# handed in by student {number}\n", encoding="utf-8")


def environment(**more: str) -> dict[str, str]:
    """The environment of both ways: no GPU, the grader's own images, and the variables ``more``."""
    kept = {name: value for name, value in os.environ.items() if name != DATA_VARIABLE}
    return {**kept, "CUDA_VISIBLE_DEVICES": "", **more}


def children_cpu() -> float:
    """CPU seconds of the finished child processes and their children."""
    times = os.times()
    return times.children_user + times.children_system


def peak_memory(process: subprocess.Popen[bytes]) -> int:
    """Wait until ``process`` ends; its peak resident memory in bytes, without its children."""
    peak, watched = 0, psutil.Process(process.pid)
    while process.poll() is None:
        try:
            peak = max(peak, watched.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(SAMPLING_SECONDS)
    process.wait()
    return peak


def graded(folder: Path, size: int, *, half_equal: bool = False, isolation: str = "auto", jobs: int) -> GraderRun:
    """Grade a new cohort of ``size`` submissions, and read the figures from the stored run."""
    cohort, out = folder / "cohort", folder / "out"
    write_cohort(cohort, size, half_equal=half_equal)
    options = ["--out", str(out), "--jobs", str(jobs), "--isolation", isolation, "--device", "cpu", "--quiet"]
    command = [sys.executable, "-m", "grader", "grade", str(cohort), *options]
    start, cpu = time.perf_counter(), children_cpu()
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL)
    peak = peak_memory(process)
    wall, cpu = time.perf_counter() - start, children_cpu() - cpu
    if process.returncode not in {0, 1}:
        raise SystemExit(f"the grader ended with exit code {process.returncode}: {' '.join(command)}")
    stored = [stored_evidence(path) for path in sorted(out.glob("students/*/evidence.json"))]
    if len(stored) != size:
        raise SystemExit(f"{len(stored)} of {size} submissions were graded")
    networks = {trainings[0]["network"]: (name, trainings) for name, _, trainings in stored}
    totals: Counter[str] = Counter()
    for _, seconds, _ in stored:
        totals.update(seconds)
    return GraderRun(
        students=size,
        cpu=cpu,
        wall=wall,
        peak=peak,
        steps={
            cohort / name / SCRIPT: sum(training["steps"] for training in trainings)
            for name, trainings in networks.values()
        },
        stages={stage: seconds / size for stage, seconds in totals.items()},
    )


def stored_evidence(path: Path) -> tuple[str, dict[str, float], list[dict[str, Any]]]:
    """Student, seconds by stage and training runs in a file of evidence."""
    evidence = json.loads(path.read_text(encoding="utf-8"))["evidence"]
    return path.parent.name, evidence["seconds"], evidence["trainings"]


def bare_seconds(steps: Mapping[Path, int]) -> float:
    """CPU seconds to train the networks for so many steps, in this process, and nothing else."""
    plan, data = load_rubric().training, bundled_data()
    images = (torch.tensor(data.train_images).unsqueeze(1).float() / 255 - MNIST_MEAN) / MNIST_STD
    labels = torch.tensor(data.train_labels).long()

    def train(script: Path, count: int) -> float:
        net = runpy.run_path(str(script))["Net"]().train()
        optimizer = torch.optim.SGD(net.parameters(), lr=plan.learning_rate, momentum=plan.momentum)
        start = time.process_time()
        for step in range(count):
            begin = step * plan.batch_size % (len(labels) - plan.batch_size)
            picks = slice(begin, begin + plan.batch_size)
            optimizer.zero_grad()
            functional.nll_loss(net(images[picks]), labels[picks]).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
        return time.process_time() - start

    torch.set_num_threads(1)
    train(SOLUTION, 20)  # warm up
    return sum(train(script, count) for script, count in steps.items())


def naive_seconds(folder: Path, students: int) -> float:
    """Mean CPU seconds of a process that trains the solution for one epoch."""
    data = write_mnist_stand_in(folder / "data")
    before = children_cpu()
    for _ in range(students):
        # In a terminal the script would use all cores; with one thread it needs the least CPU time.
        command = [sys.executable, str(SOLUTION), "--epochs", "1", "--no-cuda"]
        given = environment(LAB4_DATA=str(data), OMP_NUM_THREADS="1")
        subprocess.run(command, cwd=folder, env=given, check=True, stdout=subprocess.DEVNULL)
    return (children_cpu() - before) / students


def write_mnist_stand_in(folder: Path) -> Path:
    """Write a data set in the size of MNIST from the grader's own images, so that an epoch costs exactly as much."""
    data = bundled_data()
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    sets = {"train": (data.train_images, data.train_labels), "t10k": (data.heldout_images, data.heldout_labels)}
    for prefix, arrays in sets.items():
        places = np.arange(MNIST_SIZES[prefix]) % len(arrays[1])
        for array, kind in zip(arrays, ("images-idx3", "labels-idx1"), strict=True):
            chosen = np.asarray(array[places], np.uint8)
            sizes = b"".join(size.to_bytes(4, "big") for size in chosen.shape)
            header = (0x0800 + chosen.ndim).to_bytes(4, "big")  # IDX: unsigned bytes, and the number of dimensions
            (raw / f"{prefix}-{kind}-ubyte").write_bytes(header + sizes + chosen.tobytes())
    return folder


def row(run: GraderRun, *, naive: float, bare: float) -> str:
    """The run's row of the table."""
    return (
        f"| {run.students} | {len(run.steps)} | {run.each:.2f} | {naive / run.each:.1f} | {bare / run.students:.2f} | "
        f"{run.cpu / bare:.1f} | {run.wall:.0f} | {run.peak / MEBIBYTE:.0f} |"
    )


def profile(run: GraderRun) -> list[str]:
    """Where the CPU time of a run went: a row for each stage, and the rest.

    Recording is measured in wall seconds, so it takes too large a share while other programs use the cores.
    """
    rest = run.each - sum(run.stages.values())
    shares = [*sorted(run.stages.items(), key=lambda entry: -entry[1]), ("the rest: start, files, pages", rest)]
    rows = [f"| {stage} | {1000 * seconds:.0f} | {100 * seconds / run.each:.0f} % |" for stage, seconds in shares]
    return ["| stage | ms each | share |", "|---|--:|--:|", *rows]


def isolation_cost(folder: Path, size: int, jobs: int) -> str:
    """What isolation adds, from four runs in turn."""
    each: dict[str, list[GraderRun]] = {"off": [], "auto": []}
    for number, level in enumerate(("off", "auto", "auto", "off")):
        each[level].append(graded(folder / str(number), size, isolation=level, jobs=jobs))
    cpu, wall = (
        sum(getattr(run, name) for run in each["auto"]) / sum(getattr(run, name) for run in each["off"]) - 1
        for name in ("cpu", "wall")
    )
    return f"Isolation adds {100 * cpu:+.1f} % CPU time and {100 * wall:+.1f} % wall time ({size} students, four runs)."


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the figures as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="12,60,300", help="sizes of cohorts, ascending (default: %(default)s)")
    parser.add_argument("--students", type=int, default=2, help="students for the naive way (default: %(default)s)")
    parser.add_argument("--isolation", type=int, default=0, help="students to measure isolation with (default: none)")
    parser.add_argument("--jobs", type=int, default=cores(), help="processes at once (default: all cores)")
    args = parser.parse_args(arguments)
    sizes = [int(size) for size in args.sizes.split(",")]
    if max(sizes) > len(CHANNELS):
        parser.error(f"there are {len(CHANNELS)} different networks, so no cohort can be larger")
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > cores() / 4:
        print("Other programs are using the cores, so these figures are not reliable.\n")
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    with tempfile.TemporaryDirectory(prefix="lab4-bench-") as name:
        folder = Path(name)
        naive = naive_seconds(folder, args.students)
        print(f"{platform.platform()}, {versions}, {args.jobs} jobs on {cores()} cores; naive way {naive:.1f} CPU s.\n")
        print("\n".join(HEADER), flush=True)
        largest = None
        for half_equal in (False, True):
            for size in sizes:
                place = folder / f"{size}-{half_equal}"
                run = graded(place, size, half_equal=half_equal, jobs=args.jobs)
                print(row(run, naive=naive, bare=bare_seconds(run.steps)), flush=True)
                largest = run if not half_equal else largest
                shutil.rmtree(place)
        assert largest is not None
        print(f"\nThe {largest.students} different networks, by stage:\n", *profile(largest), sep="\n")
        if args.isolation:
            print(f"\n{isolation_cost(folder, args.isolation, args.jobs)}")


if __name__ == "__main__":
    main()
