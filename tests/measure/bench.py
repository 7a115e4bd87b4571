"""Compare the speed of the grader with the naive way, in one run on the same cores (``nox -s bench``).

The naive way starts a ``python`` process for each student that trains the reference script for one epoch, with
torchvision's DataLoader and one thread, as many processes at once as there are cores. The grader grades cohorts of
different submissions, of the sizes in ``--sizes``, with as many jobs. Neither uses a GPU. No figure is stored.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from grader.data.bundled import bundled_data
from tests.support.places import ROOT

SOLUTION = ROOT / "solutions" / "task1_cnn.py"
SAMPLES = ROOT / "tests" / "submissions"
MNIST_SIZES = {"train": 60_000, "t10k": 10_000}
WITH_MNIST = "MNIST from LAB4_DATA, for both ways."
WITHOUT_MNIST = (
    "the grader's own images of MNIST, for both ways; the naive way has them several times, as many as MNIST has."
)
SAMPLING_SECONDS = 0.02
MEBIBYTE = 1 << 20

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class NaiveRun:
    """``students`` processes took ``wall`` seconds together; ``alone`` is the median time of one process."""

    students: int
    wall: float
    alone: float

    @property
    def per_minute(self) -> float:
        return 60 * self.students / self.wall


@dataclass(frozen=True)
class GraderRun:
    """A graded cohort: wall seconds, peak memory of the parent process (bytes), mean seconds by stage.

    ``networks`` is the number of different networks, each of which is trained once.
    """

    students: int
    jobs: int
    wall: float
    peak: int
    stages: dict[str, float]
    networks: int
    data: str
    code: int
    cpu: float
    """CPU seconds of the command and all its workers."""

    @property
    def per_minute(self) -> float:
        return 60 * self.students / self.wall

    @property
    def overhead(self) -> float:
        """Core seconds for each submission besides training, including the start of the command."""
        return self.wall * self.jobs / self.students - self.stages.get("train", 0.0)


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def is_busy() -> bool:
    """Whether other programs used more than a quarter of the cores over the last minute."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > cores() / 4


def without_gpu(**more: str) -> dict[str, str]:
    """The environment for both ways: without CUDA, and with the variables ``more``."""
    return {**os.environ, "CUDA_VISIBLE_DEVICES": "", **more}


def write_idx(path: Path, array: Bytes) -> None:
    """Write ``array`` in the IDX format of MNIST's files: magic number, big-endian sizes, bytes."""
    header = (0x0800 + array.ndim).to_bytes(4, "big") + b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(header + array.tobytes())


def build_mnist_stand_in(folder: Path) -> Path:
    """Write a data set in the size of MNIST from the bundled images, so that an epoch costs exactly as much."""
    data = bundled_data()
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    sets = {"train": (data.train_images, data.train_labels), "t10k": (data.heldout_images, data.heldout_labels)}
    for prefix, (images, labels) in sets.items():
        places = np.arange(MNIST_SIZES[prefix]) % len(labels)
        write_idx(raw / f"{prefix}-images-idx3-ubyte", images[places])
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", labels[places])
    return folder


def run_naively(folder: Path, data: Path, *, students: int, jobs: int) -> NaiveRun:
    """Run one epoch of the reference script for each student, ``jobs`` at once."""

    def run_student(number: int) -> float:
        home = folder / f"student-{number}"
        home.mkdir(parents=True)
        script = shutil.copy(SOLUTION, home)
        # One thread each: with a process on every core, more threads would only slow each other down.
        environment = without_gpu(LAB4_DATA=str(data), OMP_NUM_THREADS="1")
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, script, "--epochs", "1", "--no-cuda"],
            cwd=home,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.perf_counter() - start

    start = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        times = list(pool.map(run_student, range(students)))
    return NaiveRun(students=students, wall=time.perf_counter() - start, alone=statistics.median(times))


def originals() -> list[Path]:
    """The reference script and every valid sample submission with a Python script."""
    samples = sorted(folder for folder in SAMPLES.glob("valid-*") if any(folder.rglob("*.py")))
    return [SOLUTION, *samples]


def build_cohort(folder: Path, size: int) -> Path:
    """Copy the originals in turn until there are ``size`` students; a comment makes each copy different."""
    sources = originals()
    for number in range(size):
        source = sources[number % len(sources)]
        student = folder / f"student-{number:03d}"
        if source.is_dir():
            shutil.copytree(source, student, ignore=shutil.ignore_patterns("expected.toml", "__pycache__"))
        else:
            student.mkdir(parents=True)
            shutil.copy(source, student)
        for script in student.rglob("*.py"):
            content = script.read_bytes()
            if b"\0" not in content:  # an ASCII comment would damage UTF-16
                script.write_bytes(content + f"\n# copy {number}\n".encode())
    return folder


def watch_memory(process: subprocess.Popen[bytes]) -> int:
    """Wait until ``process`` ends; its peak resident memory in bytes, without its children."""
    peak = 0
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            peak = max(peak, watched.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(SAMPLING_SECONDS)
    process.wait()
    return peak


def stored_evidence(out: Path) -> list[dict[str, Any]]:
    """The evidence that a run stored."""
    stored = sorted(out.glob("students/*/evidence.json"))
    return [json.loads(path.read_text(encoding="utf-8"))["evidence"] for path in stored]


def mean_stage_seconds(stored: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Mean seconds by stage: wall seconds of recording, CPU seconds of measuring."""
    totals: dict[str, float] = {}
    for evidence in stored:
        for stage, seconds in evidence["seconds"].items():
            totals[stage] = totals.get(stage, 0.0) + seconds
    return {stage: seconds / len(stored) for stage, seconds in totals.items()}


def run_grader(folder: Path, *, size: int, jobs: int, isolation: str = "auto") -> GraderRun:
    """Grade a new cohort of ``size`` submissions and read the figures from the stored run."""
    cohort = build_cohort(folder / "cohort", size)
    out = folder / "out"
    options = ["--out", str(out), "--jobs", str(jobs), "--isolation", isolation, "--quiet"]
    command = [sys.executable, "-m", "grader", "grade", str(cohort), *options]
    start, cpu = time.perf_counter(), children_cpu()
    process = subprocess.Popen(command, cwd=ROOT, env=without_gpu(), stdout=subprocess.DEVNULL)
    peak = watch_memory(process)
    wall = time.perf_counter() - start
    if process.returncode not in {0, 1}:
        raise SystemExit(f"the grader ended with exit code {process.returncode}: {' '.join(command)}")
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    if len(results["submissions"]) != size:
        raise SystemExit(f"{len(results['submissions'])} of {size} submissions were graded")
    stored = stored_evidence(out)
    return GraderRun(
        students=size,
        jobs=jobs,
        wall=wall,
        peak=peak,
        stages=mean_stage_seconds(stored),
        networks=len({training["network"] for evidence in stored for training in evidence["trainings"]}),
        data=str(results["run"]["data"]),
        code=process.returncode,
        cpu=children_cpu() - cpu,
    )


def children_cpu() -> float:
    """CPU seconds of the finished child processes and their children."""
    times = os.times()
    return times.children_user + times.children_system


def isolation_cost(folder: Path, *, size: int, jobs: int) -> str:
    """Grade a cohort with and without isolation, alternately, twice: what isolation adds for each submission."""
    runs: dict[str, list[GraderRun]] = {"off": [], "auto": []}
    for number, isolation in enumerate(("off", "auto", "auto", "off")):
        place = folder / f"isolation-{number}"
        runs[isolation].append(run_grader(place, size=size, jobs=jobs, isolation=isolation))
    walls = {isolation: sum(run.wall for run in both) / 2 / size for isolation, both in runs.items()}
    cpus = {isolation: sum(run.cpu for run in both) / 2 / size for isolation, both in runs.items()}
    return (
        f"isolation      {100 * (cpus['auto'] / cpus['off'] - 1):+7.1f} % CPU time, "
        f"{100 * (walls['auto'] / walls['off'] - 1):+.1f} % wall time a submission (CPU {cpus['off']:.3f} s without, "
        f"{cpus['auto']:.3f} s with; wall {walls['off']:.3f} s and {walls['auto']:.3f} s; {size} students, four runs)"
    )


def describe(naive: NaiveRun, runs: Sequence[GraderRun], headline: GraderRun) -> str:
    """The figures as plain text."""
    lines = [
        "",
        f"naive way      {naive.per_minute:7.1f} submissions/min   ({naive.students} students, {naive.wall:.1f} s; "
        f"{naive.alone:.1f} s for one)",
        f"this grader    {headline.per_minute:7.1f} submissions/min   ({headline.students} students, "
        f"{headline.wall:.1f} s; {headline.networks} different networks; data set: {headline.data})",
        f"ratio          {headline.per_minute / naive.per_minute:7.1f} times the naive way",
        f"overhead       {headline.overhead:7.3f} core seconds a submission besides training",
        "",
        "Mean seconds a submission by stage (wall seconds of recording, CPU seconds of measuring):",
        *(f"  {stage:<12} {seconds:8.4f}" for stage, seconds in headline.stages.items()),
        "",
        "Cohorts:         submissions/min   overhead (s)   parent's peak memory (MiB)",
        *(
            f"  {run.students:4d} students {run.per_minute:15.1f} {run.overhead:14.3f} {run.peak / MEBIBYTE:17.1f}"
            for run in runs
        ),
    ]
    smallest, largest = runs[0], runs[-1]
    if largest.students > smallest.students:
        growth = (largest.peak - smallest.peak) / (largest.students - smallest.students)
        more = largest.students - smallest.students
        # The start cancels out, and so does training, which depends on the networks of the cohort.
        marginal = (largest.overhead * largest.students - smallest.overhead * smallest.students) / more
        lines += [
            "",
            f"From {smallest.students} to {largest.students} students the parent's peak grew by "
            f"{growth / 1024:.1f} KiB a student; without the start, overhead is {marginal:.3f} core seconds a student.",
        ]
    return "\n".join(lines)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Compare this grader with one python process for each student.")
    parser.add_argument("--sizes", default="10,40,80", help="cohort sizes, ascending (default: %(default)s)")
    parser.add_argument("--headline", type=int, default=40, help="cohort size to compare (default: %(default)s)")
    parser.add_argument("--students", type=int, default=4, help="students for the naive way (default: %(default)s)")
    parser.add_argument("--isolation", type=int, default=16, help="students to measure isolation with (0: none)")
    parser.add_argument("--jobs", type=int, default=cores(), help="processes at once, both ways (default: all cores)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both ways and print the figures."""
    args = parse_arguments(arguments)
    if is_busy():
        print("Warning: other programs are using the cores, so these figures are not reliable.")
    sizes = sorted({*(int(size) for size in args.sizes.split(",")), args.headline})
    given = os.environ.get("LAB4_DATA", "")
    with tempfile.TemporaryDirectory(prefix="lab4-bench-") as name:
        folder = Path(name)
        data = Path(given).resolve() if given else build_mnist_stand_in(folder / "data")
        print(f"{platform.platform()}, Python {platform.python_version()}, {args.jobs} jobs on {cores()} cores, no GPU")
        print(f"Data: {WITH_MNIST if given else WITHOUT_MNIST}")
        print(f"Cohort: the reference script and {len(originals()) - 1} valid sample submissions in turn.", flush=True)
        naive = run_naively(folder / "naive", data, students=args.students, jobs=args.jobs)
        print(f"naive: {naive.students} students in {naive.wall:.1f} s", flush=True)
        runs = []
        for size in sizes:
            run = run_grader(folder / f"grader-{size}", size=size, jobs=args.jobs)
            print(f"grader: {run.students} students in {run.wall:.1f} s", flush=True)
            runs.append(run)
        if args.isolation:
            print(isolation_cost(folder, size=args.isolation, jobs=args.jobs), flush=True)
        headline = next(run for run in runs if run.students == args.headline)
        print(describe(naive, runs, headline))


if __name__ == "__main__":
    main()
