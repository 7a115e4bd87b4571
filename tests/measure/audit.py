"""Grades the sample cohort and every attack in one run and lists unexpected results: ``nox -s audit``.

The samples are graded by themselves first, so that it shows when an attack changes a neighbour's result. Then the
cohort is graded once through the command that a tutor uses, and the table counts, for each kind of submission, what the
grader said. A line follows for every deviation, and the exit code is 1 when there is one.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import fnmatch
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from grader.storage.folder_names import safe_folder_name
from tests.support.attack_corpus import LEAK, MARKER, POINTS, Attack, build
from tests.support.places import ROOT
from tests.support.sample_cohort import CASES, COHORT, KEY, LEAST, Expected, differences, expected_of

SUSPICIONS = frozenset({
    "program-differs", "backward-differs", "passes-differ", "modes-differ", "unseen-values",
    "large-constants", "trained-before", "worker-crashed", "worker-lost", "worker-unobserved", "worker-unrecorded",
    "worker-unmeasured",
})  # fmt: skip
"""Flags that suspect manipulation: one of these on an honest submission is a false alarm."""
RANK = {"passed": 2, "partial": 1}
"""Statuses that earn something, by how much; all others earn nothing."""
COLUMNS = (
    "full marks", "right result", "marks too high", "marks too low", "flag as due", "flag missing",
    "flag wrong",
)  # fmt: skip
ROWS = (*LEAST, "attack")
UNESCAPED = (b"<script>alert(1)", b"<script>document.title", b"<img src=x", b"\x1b[")
"""What no page may contain unescaped."""
PR_SET_CHILD_SUBREAPER = 36
LONGEST_SECONDS = 6 * 3600
RUN_COMMAND = (sys.executable, "-m", "grader", "grade")


@dataclass(frozen=True)
class Graded:
    """A run of the command: exit code, what it printed, wall seconds, and by student the results and the evidence."""

    code: int
    printed: str
    seconds: float
    entries: Mapping[str, Mapping[str, Any]]
    evidence: Mapping[str, Mapping[str, Any]]
    out: Path

    def ending(self, student: str) -> Mapping[str, str]:
        """How the worker ended; with an empty kind when nothing was run."""
        ending: Mapping[str, str] = self.evidence.get(student, {}).get("ending", {})
        return {"kind": "", "stage": "", "detail": "", **ending}

    def worker_seconds(self, student: str) -> float:
        """Seconds that were spent on a student: wall seconds of recording, CPU seconds of measuring."""
        return float(sum(self.evidence.get(student, {}).get("seconds", {}).values()))


@dataclass
class Tally:
    """Counts for the table, and a line for each deviation."""

    cells: Counter[tuple[str, str]] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)

    def add(self, row: str, column: str) -> None:
        self.cells[row, column] += 1

    def deviates(self, who: str, what: str) -> None:
        self.lines.append(f"{who}: {what}")


def command(cohort: Path, out: Path, *, data: str, jobs: int = 0) -> list[str]:
    """The tutor's command over ``cohort``; the data set is MNIST where it is at hand, else the bundled digits."""
    source = data or os.environ.get("LAB4_DATA") or "digits"
    workers = ["--jobs", str(jobs)] if jobs else []
    return [*RUN_COMMAND, str(cohort), "--out", str(out), "--key", str(KEY), "--data", source, "--quiet", *workers]


def graded(cohort: Path, out: Path, scratch: Path, *, data: str, jobs: int = 0) -> Graded:
    """Grade ``cohort`` into ``out`` with ``scratch`` as the temporary folder, and read back what was stored."""
    scratch.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    done = subprocess.run(
        command(cohort, out, data=data, jobs=jobs),
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(scratch)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    seconds = time.monotonic() - start
    printed = (done.stdout + done.stderr).decode("utf-8", "replace")
    return read_back(out, done.returncode, printed, seconds)


def read_back(out: Path, code: int, printed: str, seconds: float) -> Graded:
    """What a finished run left in ``out``; without results when it left none."""
    entries: dict[str, Mapping[str, Any]] = {}
    evidence: dict[str, Mapping[str, Any]] = {}
    if (out / "results.json").exists():
        stored = json.loads((out / "results.json").read_text(encoding="utf-8"))
        entries = {entry["student"]: entry for entry in stored["submissions"]}
    for student in entries:
        record = out / "students" / safe_folder_name(student) / "evidence.json"
        if record.exists():
            evidence[student] = json.loads(record.read_text(encoding="utf-8")).get("evidence") or {}
    return Graded(code, printed, seconds, entries, evidence, out)


# ---- one submission --------------------------------------------------------------------------------------------------


def awarded(entry: Mapping[str, Any]) -> float:
    """Points of Part 2."""
    return float(sum(item["awarded"] for item in entry["items"]))


def flags_of(entry: Mapping[str, Any]) -> set[str]:
    """The ids of the flags."""
    return {flag["id"] for flag in entry["flags"]}


def missing_flags(attack: Attack, entry: Mapping[str, Any]) -> list[str]:
    """For each flag that is due and missing, the ids that would have done."""
    found = flags_of(entry)
    return [" or ".join(ids) for ids in attack.flags if found.isdisjoint(ids)]


def attack_faults(attack: Attack, entry: Mapping[str, Any], ending: str) -> list[str]:
    """What is wrong with an attack's result apart from its flags, each as the name of a column and a sentence."""
    points = awarded(entry)
    lines = []
    if points > attack.at_most:
        lines.append(f"marks too high: {points:g} points, at most {attack.at_most:g} are deserved")
    if attack.at_least is not None and points < attack.at_least:
        lines.append(f"marks too low: {points:g} points, at least {attack.at_least:g} are deserved")
    errors = [item["id"] for item in entry["items"] if item["status"] == "error"]
    if errors:
        lines.append(f"the grader calls it a fault of its own ({errors[0]}): {entry['items'][0]['message'][:120]}")
    if attack.endings and ending not in attack.endings:
        lines.append(f"the worker's ending is {ending!r}, not {' or '.join(attack.endings)}")
    return lines


def count_attack(tally: Tally, attack: Attack, run: Graded) -> None:
    """Count an attack's result and flags."""
    entry = run.entries.get(attack.name)
    if entry is None:
        return
    faults = attack_faults(attack, entry, run.ending(attack.name)["kind"])
    for line in faults:
        ending = run.ending(attack.name)
        first = next((item["message"] for item in entry["items"] if item["status"] != "passed"), "")
        where = f"{ending['kind']} {ending['stage']} {ending['detail'][:80]}".strip()
        tally.deviates(attack.name, f"{line} [{where}; {first[:100]}]")
        column = line.partition(":")[0]
        if column in COLUMNS:
            tally.add("attack", column)
    if not faults:
        tally.add("attack", "full marks" if awarded(entry) == POINTS else "right result")
    missing = missing_flags(attack, entry)
    for ids in missing:
        tally.deviates(attack.name, f"flag {ids} is missing; there are {sorted(flags_of(entry))}")
    if attack.flags:
        tally.add("attack", "flag missing" if missing else "flag as due")


def count_sample(tally: Tally, case: str, run: Graded) -> None:
    """Count the result of a case of the sample cohort, which must be exactly the expected result."""
    entry = run.entries.get(case)
    if entry is None:
        return
    row, expected = case.partition("-")[0], expected_of(case)
    lines = differences(expected, entry)
    for line in lines:
        tally.deviates(case, line)
    tally.add(row, sample_column(expected, entry) if lines else ("full marks" if row == "valid" else "right result"))
    suspected = flags_of(entry) & SUSPICIONS - set(expected.flags)
    if suspected:
        tally.add(row, "flag wrong")
        tally.deviates(case, f"wrongly flagged as {', '.join(sorted(suspected))}: {messages(entry, suspected)}")
    elif set(expected.flags) & SUSPICIONS:
        tally.add(row, "flag as due")


def sample_column(expected: Expected, entry: Mapping[str, Any]) -> str:
    """Whether an unexpected result is too high or too low."""
    gained = sum(RANK.get(item["status"], 0) - RANK.get(expected.items[item["id"]], 0) for item in entry["items"])
    return "marks too high" if gained > 0 else "marks too low"


def messages(entry: Mapping[str, Any], ids: Collection[str]) -> str:
    """What the flags say."""
    return " ".join(flag["message"] for flag in entry["flags"] if flag["id"] in ids)[:200]


# ---- the run ---------------------------------------------------------------------------------------------------------


def inspect_run(tally: Tally, run: Graded, expected: Collection[str]) -> None:
    """Check the run as a whole: rows, exit code, pages."""
    if run.code not in (0, 1):
        tally.deviates("the run", f"exit code {run.code}; the end of what it printed: {run.printed[-600:]}")
    for student in sorted(set(expected) - set(run.entries)):
        tally.deviates(student, "has no row in results.json")
    for student in sorted(set(run.entries) - set(expected)):
        tally.deviates(student, "has a row that nobody expects")
    table = run.out / "marks.csv"
    if table.exists():
        with table.open(encoding="utf-8-sig", newline="") as stream:
            count = sum(1 for _ in csv.reader(stream)) - 1
        if count != len(run.entries):
            tally.deviates("the run", f"marks.csv has {count} rows for {len(run.entries)} students")
    for path in sorted(run.out.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        if LEAK.encode() in content:
            tally.deviates(
                path.parent.name, f"{path.name} contains something that the submission must not be able to read"
            )
        if path.suffix == ".html" and (found := [text for text in UNESCAPED if text in content]):
            tally.deviates(path.parent.name, f"{path.name} contains {found[0]!r} unescaped")


def compare_neighbours(tally: Tally, alone: Graded, together: Graded) -> None:
    """Compare the results of the samples without and with attacks: no attack may change them."""
    for student, before in alone.entries.items():
        after = together.entries.get(student)
        if after is not None and (expected := results_of(before)) != (found := results_of(after)):
            changed = sorted({str(pair) for pair in expected ^ found})[:4]
            tally.deviates(student, f"its results change when attacks are graded with it: {'; '.join(changed)}")


def results_of(entry: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """Status and points of each item, and the flags, so that two runs can be compared."""
    items = {(item["id"], str(item["status"]), str(item["awarded"])) for item in entry["items"]}
    return items | {(flag["id"], "flag", "") for flag in entry["flags"]}


# ---- the machine -----------------------------------------------------------------------------------------------------


def adopt_orphans() -> None:
    """Make this process the parent of all processes that a run leaves, so that they can be found (Linux)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def leftover_processes() -> list[str]:
    """The processes below this one that are still there, each in a few words."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {' '.join(process.cmdline())[:80]}")
        except psutil.NoSuchProcess:
            continue
    return found


def end_leftovers() -> None:
    """Kill the processes that a run left, and wait for them."""
    for process in psutil.Process().children(recursive=True):
        try:
            process.kill()
            process.wait(5)
        except psutil.Error:
            continue


def markers(*places: Path) -> set[str]:
    """Files that attacks left in the machine's usual open places, and anywhere below ``places``."""
    usual = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path.home(), ROOT]
    found = {str(path) for place in usual for path in _globbed(place, f"{MARKER}*")}
    return found | {str(path) for place in places for path in _globbed(place, f"**/{MARKER}*")}


def _globbed(place: Path, pattern: str) -> list[Path]:
    try:
        return list(place.glob(pattern))
    except OSError:
        return []


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every ordinary file below ``folder`` and the target of every link, by path. Nothing is followed."""
    found = {}
    for path in _below(folder):
        status = path.lstat()
        name = os.fsencode(path).decode("utf-8", "replace")
        if stat.S_ISLNK(status.st_mode):
            found[name] = f"link to {path.readlink()}"
        elif stat.S_ISREG(status.st_mode):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = f"mode {status.st_mode:o}"
    return found


def _below(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield Path(place)
        yield from (Path(place) / name for name in names)


@dataclass
class Traces:
    """What there was before a run, to be compared with what there is after it."""

    cohort: Path
    scratch: Path
    places: tuple[Path, ...]
    files: dict[str, str] = field(init=False)
    marks: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.files = digests(self.cohort)
        self.marks = markers(*self.places)

    def compare(self, tally: Tally) -> None:
        """Count changes: input that differs, marks outside, processes and temporary files that are left."""
        after = digests(self.cohort)
        for name in sorted(self.files.keys() | after.keys()):
            if self.files.get(name) != after.get(name):
                tally.deviates("the input", f"{name} is not what it was")
        for name in sorted(markers(*self.places) - self.marks):
            tally.deviates("the machine", f"an attack wrote {name}")
        for process in leftover_processes():
            tally.deviates("the machine", f"a process was left: {process}")
        for path in sorted(self.scratch.iterdir()) if self.scratch.exists() else []:
            tally.deviates("the machine", f"the temporary folder still contains {path.name}")


# ---- the audit -------------------------------------------------------------------------------------------------------


def copied_samples(cases: Iterable[str], target: Path) -> None:
    """Copies of sample submissions."""
    for case in cases:
        shutil.copytree(COHORT / case, target / case, symlinks=True)


def build_cohort(target: Path, pattern: str) -> tuple[tuple[str, ...], tuple[Attack, ...]]:
    """The samples and attacks whose names match; with a pattern, two valid neighbours in any case."""
    attacks = build(target, wants=lambda name: fnmatch.fnmatchcase(name, pattern))
    always = [case for case in CASES if case.startswith("valid-")][:2]
    return tuple(case for case in CASES if fnmatch.fnmatchcase(case, pattern) or case in always), attacks


def audit(work: Path, *, data: str, pattern: str, jobs: int, console: Console) -> int:
    """Grade, compare and print. Returns the number of deviations."""
    cohort, alone, scratch = work / "cohort", work / "alone", work / "temporary"
    cases, attacks = build_cohort(cohort, pattern)
    copied_samples(cases, alone)
    adopt_orphans()
    console.print(f"{len(cases)} samples by themselves ...")
    before = graded(alone, work / "out-alone", scratch, data=data, jobs=jobs)
    copied_samples(cases, cohort)
    traces = Traces(cohort, scratch, (cohort, scratch, work / "out"))
    console.print(f"{len(cases)} samples and {len(attacks)} attacks together ...")
    run = graded(cohort, work / "out", scratch, data=data, jobs=jobs)
    tally = Tally()
    inspect_run(tally, run, [*cases, *(attack.name for attack in attacks)])
    compare_neighbours(tally, before, run)
    traces.compare(tally)
    end_leftovers()
    for case in cases:
        count_sample(tally, case, run)
    for attack in attacks:
        count_attack(tally, attack, run)
    show(console, tally, run, cases, attacks)
    return len(tally.lines)


def show(console: Console, tally: Tally, run: Graded, cases: Sequence[str], attacks: Sequence[Attack]) -> None:
    """The confusion table, the time by family, and a line for each deviation."""
    sizes = Counter(case.partition("-")[0] for case in cases) | Counter({"attack": len(attacks)})
    table = Table(title="What each submission is, and what the grader said", title_justify="left")
    table.add_column("", no_wrap=True)
    table.add_column("there\nare", justify="right")
    for column in COLUMNS:
        table.add_column(column.replace(" ", "\n"), justify="right")
    for row in ROWS:
        table.add_row(row, str(sizes[row]), *(str(tally.cells[row, column] or "–") for column in COLUMNS))
    console.print(table)
    times: defaultdict[str, list[float]] = defaultdict(list)
    for attack in attacks:
        times[attack.family].append(run.worker_seconds(attack.name))
    spent = Table(title="Seconds of workers by family of attacks", title_justify="left")
    for name in ("family", "attacks", "seconds", "longest"):
        spent.add_column(name, justify="left" if name == "family" else "right")
    for family, seconds in sorted(times.items(), key=lambda item: -sum(item[1])):
        spent.add_row(family, str(len(seconds)), f"{sum(seconds):.1f}", f"{max(seconds):.1f}")
    console.print(spent)
    for line in tally.lines:
        console.print(f"! {line}", markup=False, highlight=False, soft_wrap=True)
    ends = "no deviation" if not tally.lines else f"{len(tally.lines)} deviations"
    console.print(f"{len(run.entries)} submissions in {run.seconds:.0f} s, exit code {run.code}: {ends}.")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the audit; 1 when there is a deviation."""
    parser = argparse.ArgumentParser(
        prog="audit", description="Grade samples and attacks, and test the grader's results."
    )
    parser.add_argument(
        "--data", default="", metavar="DIR", help="the folder with MNIST (default: LAB4_DATA, else digits)"
    )
    parser.add_argument("--only", default="*", metavar="PATTERN", help="names of samples and attacks, like 'forges-*'")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="submissions at a time")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep cohort and reports in this empty folder")
    arguments = parser.parse_args(argv)
    console = Console()
    data = str(Path(arguments.data).resolve()) if arguments.data not in ("", "digits") else arguments.data
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        work = arguments.keep.resolve()
        return 1 if audit(work, data=data, pattern=arguments.only, jobs=arguments.jobs, console=console) else 0
    with tempfile.TemporaryDirectory(prefix="lab4-audit-", ignore_cleanup_errors=True) as name:
        return 1 if audit(Path(name), data=data, pattern=arguments.only, jobs=arguments.jobs, console=console) else 0


if __name__ == "__main__":
    sys.exit(main())
