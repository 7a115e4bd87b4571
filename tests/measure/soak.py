"""Grade hundreds of submissions in one run and look for leaks of memory, descriptors, processes and files.

The command is ``nox -s soak -- [--count 300]``. The cohort is a random mixture of valid samples, faults and attacks;
``--seed`` sets choice and order. Few attacks wait for a deadline, so that the run ends in reasonable time. The parent
process is measured once a second. The exit code is 1 if something leaked, a row is missing, or the parent's memory grew
by more than a tenth between the first tenth of the run and its end.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from tests.measure.audit import (
    Graded,
    Tally,
    adopt_orphans,
    command,
    end_leftovers,
    leftover_processes,
    markers,
    read_back,
)
from tests.support.attack_corpus import Attack, build
from tests.support.places import ROOT
from tests.support.sample_cohort import CASES, COHORT

SHARES = {"valid": 0.5, "fault": 0.17, "broken": 0.05, "slow": 0.08}
"""Shares of the cohort; the rest are quick attacks. ``slow`` are attacks that wait for a deadline."""
SLOW = {
    "broken-infinite-loop-in-forward", "exits-del-is-slow", "exits-kills-its-parent", "exits-stops-its-parent",
    "exits-swallows-every-exception", "loops-for-a-constant", "loops-once-while-training",
}  # fmt: skip
"""Slow attacks other than those whose expected ending is ``deadline``."""
SAMPLE_SECONDS = 1.0
MOST_GROWTH = 0.10
"""Highest growth of the parent's resident memory from the first tenth of the run to its end."""
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Sample:
    """A measurement of the parent: seconds since the start, stored submissions, bytes, descriptors, child processes."""

    seconds: float
    done: int
    memory: int
    descriptors: int
    processes: int


@dataclass(frozen=True)
class Soaked:
    """A finished run with the measurements made during it."""

    run: Graded
    samples: tuple[Sample, ...]
    expected: tuple[str, ...]

    def median(self, start: float, end: float) -> Sample:
        """Medians over the part of the run from ``start`` to ``end``, both fractions (0..1) of the submissions."""
        count = len(self.expected)
        within = [sample for sample in self.samples if start * count <= sample.done <= end * count]
        chosen = within or list(self.samples[-1:])
        return Sample(
            seconds=chosen[0].seconds,
            done=chosen[0].done,
            memory=int(statistics.median(sample.memory for sample in chosen)),
            descriptors=int(statistics.median(sample.descriptors for sample in chosen)),
            processes=int(statistics.median(sample.processes for sample in chosen)),
        )

    @property
    def growth(self) -> float:
        """Growth of the parent's memory from the first tenth of the run to the last, as a fraction."""
        return self.median(0.9, 1.0).memory / max(self.median(0.1, 0.2).memory, 1) - 1


def is_slow(attack: Attack) -> bool:
    """Whether an attack waits for a deadline."""
    return "deadline" in attack.endings or attack.name in SLOW


def mixed(count: int, attacks: Sequence[Attack], generator: random.Random) -> list[str]:
    """The names of ``count`` samples and attacks in random order, repeated if needed."""
    kinds: Mapping[str, list[str]] = {
        "valid": [case for case in CASES if case.startswith("valid-")],
        "fault": [case for case in CASES if case.startswith("fault-")],
        "broken": [case for case in CASES if case.startswith("broken-") and case not in SLOW],
        "slow": [attack.name for attack in attacks if is_slow(attack)],
        "quick": [attack.name for attack in attacks if not is_slow(attack)],
    }
    wanted = {kind: round(count * share) for kind, share in SHARES.items()}
    wanted["quick"] = count - sum(wanted.values())
    chosen = [name for kind, names in kinds.items() for name in _repeated(names, wanted[kind], generator)]
    generator.shuffle(chosen)
    return chosen


def _repeated(names: Sequence[str], count: int, generator: random.Random) -> list[str]:
    shuffled = generator.sample(names, len(names))
    return [shuffled[number % len(shuffled)] for number in range(count)]


def build_cohort(target: Path, spare: Path, *, count: int, seed: int) -> tuple[str, ...]:
    """Write a mixed cohort into ``target``; the names of its students. ``spare`` gets a copy of each attack."""
    attacks = [attack for attack in build(spare) if (spare / attack.name).is_dir()]
    target.mkdir()
    students = []
    for number, name in enumerate(mixed(count, attacks, random.Random(seed)), start=1):
        student = f"s{number:04}-{name}"
        source = COHORT / name if name in CASES else spare / name
        shutil.copytree(source, target / student, symlinks=True, ignore=_special, copy_function=shutil.copyfile)
        students.append(student)
    return tuple(students)


def _special(folder: str, names: list[str]) -> list[str]:
    """Names that are not copied: pipes, sockets, and the description of a case."""
    places = ((name, Path(folder) / name) for name in names)
    return [name for name, path in places if path.is_fifo() or path.is_socket() or name == "expected.toml"]


def soak(work: Path, *, data: str, count: int, seed: int, jobs: int, console: Console) -> Soaked:
    """Grade a mixed cohort in ``work`` and measure the parent meanwhile."""
    students = build_cohort(work / "cohort", work / "spare", count=count, seed=seed)
    out, scratch, log = work / "out", work / "temporary", work / "printed.txt"
    scratch.mkdir()
    console.print(f"Grading {count} submissions (seed {seed}) ...")
    start = time.monotonic()
    with log.open("wb") as printed:
        process = subprocess.Popen(
            ["env", f"TMPDIR={scratch}", *command(work / "cohort", out, data=data, jobs=jobs)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
        )
        samples = []
        while process.poll() is None:
            sample = _measured(process.pid, out, time.monotonic() - start)
            samples += [sample] if sample is not None else []
            time.sleep(SAMPLE_SECONDS)
    text = log.read_text(encoding="utf-8", errors="replace")
    run = read_back(out, process.returncode, text, time.monotonic() - start)
    return Soaked(run, tuple(samples), students)


def _measured(pid: int, out: Path, seconds: float) -> Sample | None:
    """Measure the parent; None if it has just ended."""
    try:
        parent = psutil.Process(pid)
        with parent.oneshot():
            memory, descriptors = parent.memory_info().rss, parent.num_fds()
        below = len(parent.children(recursive=True))
    except psutil.Error:
        return None
    done = sum(1 for _ in (out / "students").glob("*/report.html")) if (out / "students").exists() else 0
    return Sample(seconds, done, memory, descriptors, below)


def leaks(soaked: Soaked, work: Path, marks: set[str]) -> list[str]:
    """A line for everything that leaked or is missing."""
    tally = Tally()
    run = soaked.run
    if run.code not in (0, 1):
        tally.deviates("the run", f"exit code {run.code}; the end of its output: {run.printed[-600:]}")
    for student in sorted(set(soaked.expected) - set(run.entries)):
        tally.deviates(student, "has no row in results.json")
    for student, entry in run.entries.items():
        if entry["status"] == "error":
            tally.deviates(student, f"the grader failed: {entry['items'][0]['message'][:200]}")
    for process in leftover_processes():
        tally.deviates("the machine", f"a process was left over: {process}")
    for path in sorted((work / "temporary").iterdir()):
        tally.deviates("the machine", f"the temporary folder still contains {path.name}")
    for name in sorted(markers(work / "temporary", work / "cohort") - marks):
        tally.deviates("the machine", f"an attack wrote {name}")
    if soaked.growth > MOST_GROWTH:
        tally.deviates("the parent", f"its memory grew by {soaked.growth:.0%}, more than {MOST_GROWTH:.0%}")
    first, last = soaked.median(0.1, 0.2), soaked.median(0.9, 1.0)
    if last.descriptors > first.descriptors + 4:
        tally.deviates("the parent", f"it has {last.descriptors} descriptors at the end, {first.descriptors} before")
    return tally.lines


def show(console: Console, soaked: Soaked, lines: Sequence[str]) -> None:
    """Print the figures and a line for each deviation."""
    first, last = soaked.median(0.1, 0.2), soaked.median(0.9, 1.0)
    run, peak = soaked.run, max((sample.memory for sample in soaked.samples), default=0)
    table = Table(title=f"{len(soaked.expected)} submissions in {run.seconds:.0f} s", title_justify="left")
    for name in ("", "after 10%", "at the end"):
        table.add_column(name, justify="right" if name else "left")
    table.add_row("parent's memory (MiB)", f"{first.memory / MEBIBYTE:.1f}", f"{last.memory / MEBIBYTE:.1f}")
    table.add_row("descriptors", str(first.descriptors), str(last.descriptors))
    table.add_row("child processes", str(first.processes), str(last.processes))
    console.print(table)
    console.print(
        f"{60 * len(run.entries) / run.seconds:.1f} submissions a minute; memory grew by {soaked.growth:+.1%}, peak "
        f"{peak / MEBIBYTE:.1f} MiB; {len(set(soaked.expected) - set(run.entries))} rows missing; exit code {run.code}."
    )
    for line in lines:
        console.print(f"! {line}", markup=False, highlight=False, soft_wrap=True)
    console.print("Nothing leaked." if not lines else f"{len(lines)} deviations.")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the soak test; 1 if there is a deviation."""
    parser = argparse.ArgumentParser(prog="soak", description="Grade a large mixed cohort and look for leaks.")
    parser.add_argument("--count", type=int, default=300, metavar="N", help="submissions (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="for choice and order (default: %(default)s)")
    parser.add_argument("--data", default="", metavar="DIR", help="as for grade")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes at once")
    arguments = parser.parse_args(argv)
    if arguments.count < 20:
        parser.error("--count: must be 20 or more")
    console = Console()
    data = str(Path(arguments.data).resolve()) if arguments.data not in ("", "mnist") else arguments.data
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="lab4-soak-", ignore_cleanup_errors=True) as name:
        work, marks = Path(name), markers()
        soaked = soak(work, data=data, count=arguments.count, seed=arguments.seed, jobs=arguments.jobs, console=console)
        lines = leaks(soaked, work, marks)
        end_leftovers()
        show(console, soaked, lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
