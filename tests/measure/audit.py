"""Audit the grader: grade the sample cohort and every attack together and list wrong results (``nox -s audit``).

First the samples are graded alone, to see whether an attack changes the results of other submissions. Then everything
is graded with the command that a tutor uses. A table counts the results for each kind of submission, another one the
skipped items by their cause, and a line follows for every deviation. The exit code is 1 if there is a deviation.
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

from grader.storage import records
from grader.storage.folder_names import safe_folder_name
from tests.support.attack_corpus import LEAK, MARKER, POINTS, Attack, build
from tests.support.places import ROOT
from tests.support.sample_cohort import CASES, COHORT, KEY, LEAST, Expected, differences, expected_of

SUSPICIONS = frozenset({
    "program-differs", "backward-differs", "passes-differ", "modes-differ", "unseen-values",
    "large-constants", "trained-before", "worker-crashed", "worker-lost", "worker-unobserved", "worker-unrecorded",
    "worker-starved", "worker-unmeasured",
})  # fmt: skip
"""Flags about the behaviour of code. An honest submission must not get one."""
RANK = {"passed": 2, "partial": 1}
"""Statuses that earn points, in order; all others earn nothing."""
COLUMNS = (
    "full marks", "right result", "marks too high", "marks too low", "flag right", "flag missing",
    "flag wrong",
)  # fmt: skip
ROWS = (*LEAST, "attack")
UNESCAPED = (b"<script>alert(1)", b"<script>document.title", b"<img src=x", b"\x1b[")
"""Text of submissions that must not appear in a page unescaped."""
PR_SET_CHILD_SUBREAPER = 36
LONGEST_SECONDS = 6 * 3600
RUN_COMMAND = (sys.executable, "-m", "grader", "grade")


@dataclass(frozen=True)
class Graded:
    """A run of the command: exit code, output, wall seconds, and by student the results, the evidence and the causes.

    ``causes`` has the item that caused it for each item that was skipped.
    """

    code: int
    printed: str
    seconds: float
    entries: Mapping[str, Mapping[str, Any]]
    evidence: Mapping[str, Mapping[str, Any]]
    causes: Mapping[str, Sequence[str]]
    out: Path

    def ending(self, student: str) -> Mapping[str, str]:
        """How the worker ended; with an empty kind if no code ran."""
        ending: Mapping[str, str] = self.evidence.get(student, {}).get("ending", {})
        return {"kind": "", "stage": "", "detail": "", **ending}

    def worker_seconds(self, student: str) -> float:
        """Seconds for a student: wall seconds of recording and CPU seconds of measuring."""
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
    """The tutor's command for ``cohort``; ``data`` is empty for the usual images."""
    workers, images = ["--jobs", str(jobs)] if jobs else [], ["--data", data] if data else []
    return [*RUN_COMMAND, str(cohort), "--out", str(out), "--key", str(KEY), "--quiet", *images, *workers]


def graded(cohort: Path, out: Path, scratch: Path, *, data: str, jobs: int = 0) -> Graded:
    """Grade ``cohort`` into ``out`` with ``scratch`` as the temporary folder, and read the stored results."""
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
    """Read the results, evidence and causes in ``out``; all are empty if there are none."""
    entries: dict[str, Mapping[str, Any]] = {}
    evidence: dict[str, Mapping[str, Any]] = {}
    causes: dict[str, Sequence[str]] = {}
    if (out / "results.json").exists():
        stored = json.loads((out / "results.json").read_text(encoding="utf-8"))
        entries = {entry["student"]: entry for entry in stored["submissions"]}
    for student in entries:
        record = out / "students" / safe_folder_name(student) / "evidence.json"
        if record.exists():
            evidence[student] = json.loads(record.read_text(encoding="utf-8")).get("evidence") or {}
        report = records.read_report(out, student)
        if report is not None:
            causes[student] = [item.cause for item in report.code_results if item.cause]
    return Graded(code, printed, seconds, entries, evidence, causes, out)


# ---- comparing a submission with what it must get --------------------------------------------------------------------


def awarded(entry: Mapping[str, Any]) -> float:
    """Points of Part 2."""
    return float(sum(item["awarded"] for item in entry["items"]))


def flags_of(entry: Mapping[str, Any]) -> set[str]:
    """The ids of the flags."""
    return {flag["id"] for flag in entry["flags"]}


def missing_flags(attack: Attack, entry: Mapping[str, Any]) -> list[str]:
    """For each required flag that is missing, its alternative ids."""
    found = flags_of(entry)
    return [" or ".join(ids) for ids in attack.flags if found.isdisjoint(ids)]


def attack_faults(attack: Attack, entry: Mapping[str, Any], ending: str) -> list[str]:
    """What is wrong with an attack's results, without its flags, as sentences; some start with a column's name."""
    points = awarded(entry)
    lines = []
    if points > attack.at_most:
        lines.append(f"marks too high: {points:g} points; it deserves at most {attack.at_most:g}")
    if attack.at_least is not None and points < attack.at_least:
        lines.append(f"marks too low: {points:g} points; it deserves at least {attack.at_least:g}")
    errors = [item["id"] for item in entry["items"] if item["status"] == "error"]
    if errors:
        lines.append(f"the grader failed ({errors[0]}): {entry['items'][0]['message'][:120]}")
    if attack.endings and ending not in attack.endings:
        lines.append(f"the worker's ending is {ending!r}, not {' or '.join(attack.endings)}")
    return lines


def count_attack(tally: Tally, attack: Attack, run: Graded) -> None:
    """Count an attack's results and flags."""
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
        tally.deviates(attack.name, f"flag {ids} is missing; the flags are {sorted(flags_of(entry))}")
    if attack.flags:
        tally.add("attack", "flag missing" if missing else "flag right")


def count_sample(tally: Tally, case: str, run: Graded) -> None:
    """Count the results of a case of the sample cohort, which must be exactly the expected ones."""
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
        tally.add(row, "flag right")


def sample_column(expected: Expected, entry: Mapping[str, Any]) -> str:
    """Whether wrong results are too high or too low."""
    gained = sum(RANK.get(item["status"], 0) - RANK.get(expected.items[item["id"]], 0) for item in entry["items"])
    return "marks too high" if gained > 0 else "marks too low"


def messages(entry: Mapping[str, Any], ids: Collection[str]) -> str:
    """The messages of the flags with these ids."""
    return " ".join(flag["message"] for flag in entry["flags"] if flag["id"] in ids)[:200]


# ---- checking the run ------------------------------------------------------------------------------------------------


def check_run(tally: Tally, run: Graded, expected: Collection[str]) -> None:
    """Check exit code, rows and pages of the whole run."""
    if run.code not in (0, 1):
        tally.deviates("the run", f"exit code {run.code}; the end of its output: {run.printed[-600:]}")
    for student in sorted(set(expected) - set(run.entries)):
        tally.deviates(student, "has no row in results.json")
    for student in sorted(set(run.entries) - set(expected)):
        tally.deviates(student, "has an unexpected row")
    table = run.out / "marks.csv"
    if table.exists():
        with table.open(encoding="utf-8-sig", newline="") as stream:
            count = sum(1 for _ in csv.reader(stream)) - 1
        if count != len(run.entries):
            tally.deviates("the run", f"marks.csv has {count} rows for {len(run.entries)} students")
    for path in sorted(run.out.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        if LEAK.encode() in content:
            tally.deviates(path.parent.name, f"{path.name} contains text that no submission may read")
        if path.suffix == ".html" and (found := [text for text in UNESCAPED if text in content]):
            tally.deviates(path.parent.name, f"{path.name} contains {found[0]!r} unescaped")


def check_neighbours(tally: Tally, alone: Graded, together: Graded) -> None:
    """Check that no attack changed the results of a sample."""
    for student, before in alone.entries.items():
        after = together.entries.get(student)
        if after is not None and (differing := results_of(before) ^ results_of(after)):
            changed = sorted(map(str, differing))[:4]
            tally.deviates(student, f"its results change when attacks are graded with it: {'; '.join(changed)}")


def results_of(entry: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """Status and points of each item, and the flags."""
    items = {(item["id"], str(item["status"]), str(item["awarded"])) for item in entry["items"]}
    return items | {(flag["id"], "flag", "") for flag in entry["flags"]}


# ---- checking the machine --------------------------------------------------------------------------------------------


def adopt_orphans() -> None:
    """Make this process the parent of all processes that a run leaves over, so that they can be found (Linux)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def leftover_processes(before: Collection[int] = ()) -> list[str]:
    """The child processes that still run, each in a few words, without those that ran ``before``."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.pid not in before and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {' '.join(process.cmdline())[:80]}")
        except psutil.NoSuchProcess:
            continue
    return found


def end_leftovers() -> None:
    """Kill the processes that a run left over."""
    for process in psutil.Process().children(recursive=True):
        try:
            process.kill()
            process.wait(5)
        except psutil.Error:
            continue


def markers(*places: Path) -> set[str]:
    """Files that attacks left in folders where everybody can write, and anywhere below ``places``."""
    usual = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path.home(), ROOT]
    found = {str(path) for place in usual for path in _globbed(place, f"{MARKER}*")}
    return found | {str(path) for place in places for path in _globbed(place, f"**/{MARKER}*")}


def _globbed(place: Path, pattern: str) -> list[Path]:
    try:
        return list(place.glob(pattern))
    except OSError:
        return []


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every ordinary file below ``folder``, and the target of every link, by path. No link is followed."""
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
    """The state of the machine before a run, to compare with the state after it."""

    cohort: Path
    scratch: Path
    places: tuple[Path, ...]
    files: dict[str, str] = field(init=False)
    marks: set[str] = field(init=False)
    processes: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self.processes = {process.pid for process in psutil.Process().children(recursive=True)}
        self.files = digests(self.cohort)
        self.marks = markers(*self.places)

    def check(self, tally: Tally) -> None:
        """Report changed input, files written outside, and processes and temporary files left over."""
        after = digests(self.cohort)
        for name in sorted(self.files.keys() | after.keys()):
            if self.files.get(name) != after.get(name):
                tally.deviates("the input", f"{name} has changed")
        for name in sorted(markers(*self.places) - self.marks):
            tally.deviates("the machine", f"an attack wrote {name}")
        for process in leftover_processes(self.processes):
            tally.deviates("the machine", f"a process was left over: {process}")
        for path in sorted(self.scratch.iterdir()) if self.scratch.exists() else []:
            tally.deviates("the machine", f"the temporary folder still contains {path.name}")


# ---- the audit -------------------------------------------------------------------------------------------------------


def copied_samples(cases: Iterable[str], target: Path) -> None:
    """Copy sample submissions into ``target``."""
    for case in cases:
        shutil.copytree(COHORT / case, target / case, symlinks=True)


def build_cohort(target: Path, pattern: str) -> tuple[tuple[str, ...], tuple[Attack, ...]]:
    """The samples and attacks whose names match ``pattern``, and in any case two valid samples."""
    attacks = build(target, wants=lambda name: fnmatch.fnmatchcase(name, pattern))
    always = [case for case in CASES if case.startswith("valid-")][:2]
    return tuple(case for case in CASES if fnmatch.fnmatchcase(case, pattern) or case in always), attacks


def audit(work: Path, *, data: str, pattern: str, jobs: int, console: Console) -> int:
    """Grade, compare and print; the number of deviations."""
    cohort, alone, scratch = work / "cohort", work / "alone", work / "temporary"
    cases, attacks = build_cohort(cohort, pattern)
    copied_samples(cases, alone)
    adopt_orphans()
    console.print(f"{len(cases)} samples alone ...")
    before = graded(alone, work / "out-alone", scratch, data=data, jobs=jobs)
    copied_samples(cases, cohort)
    traces = Traces(cohort, scratch, (cohort, scratch, work / "out"))
    console.print(f"{len(cases)} samples and {len(attacks)} attacks together ...")
    run = graded(cohort, work / "out", scratch, data=data, jobs=jobs)
    tally = Tally()
    check_run(tally, run, [*cases, *(attack.name for attack in attacks)])
    check_neighbours(tally, before, run)
    traces.check(tally)
    end_leftovers()
    for case in cases:
        count_sample(tally, case, run)
    for attack in attacks:
        count_attack(tally, attack, run)
    show(console, tally, run, cases, attacks)
    return len(tally.lines)


def show(console: Console, tally: Tally, run: Graded, cases: Sequence[str], attacks: Sequence[Attack]) -> None:
    """The confusion table, the skipped items by cause, the time by family, and a line for each deviation."""
    sizes = Counter(case.partition("-")[0] for case in cases) | Counter({"attack": len(attacks)})
    table = Table(title="Results by kind of submission", title_justify="left")
    table.add_column("", no_wrap=True)
    table.add_column("number", justify="right")
    for column in COLUMNS:
        table.add_column(column.replace(" ", "\n"), justify="right")
    for row in ROWS:
        table.add_row(row, str(sizes[row]), *(str(tally.cells[row, column] or "–") for column in COLUMNS))
    console.print(table)
    console.print(skips_by_cause(run, cases, attacks))
    times: defaultdict[str, list[float]] = defaultdict(list)
    for attack in attacks:
        times[attack.family].append(run.worker_seconds(attack.name))
    spent = Table(title="Worker seconds by family of attacks", title_justify="left")
    for name in ("family", "attacks", "seconds", "longest"):
        spent.add_column(name, justify="left" if name == "family" else "right")
    for family, seconds in sorted(times.items(), key=lambda item: -sum(item[1])):
        spent.add_row(family, str(len(seconds)), f"{sum(seconds):.1f}", f"{max(seconds):.1f}")
    console.print(spent)
    for line in tally.lines:
        console.print(f"! {line}", markup=False, highlight=False, soft_wrap=True)
    ends = "no deviation" if not tally.lines else f"{len(tally.lines)} deviations"
    console.print(f"{len(run.entries)} submissions in {run.seconds:.0f} s, exit code {run.code}: {ends}.")


def skips_by_cause(run: Graded, cases: Sequence[str], attacks: Sequence[Attack]) -> Table:
    """A table of how many items each item caused to be skipped, with a column for each kind of submission with any."""
    kind_of = {case: case.partition("-")[0] for case in cases} | {attack.name: "attack" for attack in attacks}
    counts = Counter((cause, kind) for student, kind in kind_of.items() for cause in run.causes.get(student, ()))
    by_cause, by_kind = Counter[str](), Counter[str]()
    for (cause, kind), count in counts.items():
        by_cause[cause] += count
        by_kind[kind] += count
    table = Table(title="Skipped items by cause", title_justify="left", show_footer=True)
    table.add_column("cause", footer="all", no_wrap=True)
    kinds = [kind for kind in ROWS if by_kind[kind]]
    for kind in kinds:
        table.add_column(kind, footer=str(by_kind[kind]), justify="right")
    table.add_column("all", footer=str(counts.total()), justify="right")
    for cause, count in by_cause.most_common():
        table.add_row(cause, *(str(counts[cause, kind] or "–") for kind in kinds), str(count))
    return table


def main(argv: Sequence[str] | None = None) -> int:
    """Run the audit; 1 if there is a deviation."""
    parser = argparse.ArgumentParser(prog="audit", description="Grade samples and attacks, and list wrong results.")
    parser.add_argument("--data", default="", metavar="DIR", help="as for grade")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="samples and attacks, for example 'forges-*'")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes at once")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the cohort and the reports in this empty folder")
    arguments = parser.parse_args(argv)
    console = Console()
    data = str(Path(arguments.data).resolve()) if arguments.data not in ("", "mnist") else arguments.data
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        work = arguments.keep.resolve()
        return 1 if audit(work, data=data, pattern=arguments.only, jobs=arguments.jobs, console=console) else 0
    with tempfile.TemporaryDirectory(prefix="lab4-audit-", ignore_cleanup_errors=True) as name:
        return 1 if audit(Path(name), data=data, pattern=arguments.only, jobs=arguments.jobs, console=console) else 0


if __name__ == "__main__":
    sys.exit(main())
