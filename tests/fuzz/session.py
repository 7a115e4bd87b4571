"""Try files of every kind on the functions that read submissions, for as long as the user has time.

The command is ``nox -s fuzz -- [SECONDS]``. It prints what was tried, the worst CPU time for each target, and the
findings. Findings and worst files are kept below ``--out``. The exit code is 1 if there is a finding;
``nox -s fuzz -- --again FOLDER`` reads the files of one again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import Flaky
from rich.console import Console
from rich.table import Table

from tests.fuzz.properties import Place, key
from tests.fuzz.targets import BLOWN_UP, HANDED_IN, Target, explore
from tests.support.places import ROOT

TARGETS = HANDED_IN | BLOWN_UP
DEFAULT_SECONDS = 60
EXAMPLES, LONG_EXAMPLES = 15, 3
"""In a round, of files and of files of 1 MB."""
LONGEST_SECONDS = 60.0
"""CPU time of one example, after which its process is ended."""
_FORK = multiprocessing.get_context("fork")


@dataclass
class Tally:
    """What was tried for one target: its examples and the largest CPU time of one."""

    examples: int = 0
    worst_seconds: float = 0.0
    findings: int = 0


@dataclass
class Fuzzing:
    """A run of the fuzzer. ``out`` is the folder for findings and worst files."""

    out: Path
    seed: int
    tallies: dict[str, Tally] = field(default_factory=dict)
    findings: dict[str, Path] = field(default_factory=dict)
    """The folder of the first example by what is wrong."""

    def round(self, name: str, seed: int, scratch: Path) -> None:
        """Try some examples of a target in a process of its own, because one of them may end the process."""
        tally = self.tallies.setdefault(name, Tally())
        place = Place(scratch / "place")
        ours, theirs = _FORK.Pipe(duplex=False)
        worst = self.out / "worst" / name.replace(" ", "-")
        child = _FORK.Process(target=_try, args=(name, seed, place, worst, tally.worst_seconds, theirs))
        child.start()
        theirs.close()
        cause = reason = ""
        try:
            while True:
                said = ours.recv()
                tally.examples += "seconds" in said
                tally.worst_seconds = max(tally.worst_seconds, said.get("seconds", 0.0))
                cause, reason = said.get("cause", ""), said.get("reason", "")
        except EOFError:
            child.join()
        if child.exitcode:
            ended = signal.Signals(-child.exitcode).name if child.exitcode < 0 else f"exit code {child.exitcode}"
            cause = f"{name}: {ended}"
            reason = f"{ended}; SIGVTALRM means that one example took more than {LONGEST_SECONDS:.0f} s of CPU time."
        if cause:
            tally.findings += 1
            if cause not in self.findings:
                folder = self.out / "findings" / f"{name.replace(' ', '-')}-{len(self.findings) + 1}"
                _keep(folder, name, place, reason)
                self.findings[cause] = folder


def _try(name: str, seed: int, place: Place, worst: Path, worst_seconds: float, to_parent: Connection) -> None:
    """Try examples, and tell the parent the CPU time of each, or what is wrong with one."""

    def tried(place: Place) -> None:
        nonlocal worst_seconds
        seconds = max(place.seconds.values(), default=0.0) if name in BLOWN_UP else place.total
        to_parent.send({"seconds": seconds})
        if seconds > worst_seconds:
            worst_seconds = seconds
            _keep(worst, name, place, json.dumps(place.seconds, indent=1))
        signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_SECONDS)

    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_SECONDS)
    warnings.simplefilter("ignore")  # hypothesis warns of the length of what it shows in a message
    examples = LONG_EXAMPLES if name in BLOWN_UP else EXAMPLES
    try:
        explore(TARGETS[name], place, examples=examples, seed=seed, tried=tried)
    except Exception as error:  # whatever is wrong is a finding
        if not (isinstance(error, Flaky) and name in BLOWN_UP):  # a time that was not measured again
            to_parent.send({"cause": _cause(name, error), "reason": traceback.format_exc()})


def _cause(name: str, error: Exception) -> str:
    """The place in the grader's code where the error was raised, so that each is reported once."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/grader/" in frame.filename]
    if isinstance(error, AssertionError) or not frames:
        return f"{name}: {type(error).__name__} {str(error)[:20]}"
    return f"{type(error).__name__} at {Path(frames[-1].filename).relative_to(ROOT)}:{frames[-1].lineno}"


def _keep(folder: Path, name: str, place: Place, reason: str) -> None:
    """Save the files of an example so that ``--again`` finds them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "target.txt").write_text(name, encoding="utf-8")
    (folder / "reason.txt").write_text(reason, encoding="utf-8", errors="replace")
    if place.handed_in.exists():
        shutil.copytree(place.handed_in, folder / "files", symlinks=True)


def again(folder: Path, console: Console) -> int:
    """Read the files of a finding again; 1 if something is still wrong."""
    target: Target = TARGETS[(folder / "target.txt").read_text(encoding="utf-8")]
    with tempfile.TemporaryDirectory(prefix="lab4-fuzz-") as scratch:
        place = Place(Path(scratch) / "place")
        shutil.copytree(folder.resolve() / "files", place.cleared(), symlinks=True, dirs_exist_ok=True)
        try:
            target.check(place)
        except Exception:  # as above
            console.print(traceback.format_exc(), markup=False)
            return 1
        finally:
            console.print({step: round(seconds, 2) for step, seconds in place.seconds.items()})
    console.print("Nothing is wrong.")
    return 0


def fuzz(fuzzing: Fuzzing, names: Sequence[str], seconds: float) -> None:
    """Go through the targets, a round of examples each, until the time is over."""
    end = time.monotonic() + seconds
    key()  # once for all processes, and not in anybody's time
    with tempfile.TemporaryDirectory(prefix="lab4-fuzz-") as scratch:
        set_hypothesis_home_dir(Path(scratch) / "hypothesis")
        for number in count():
            for name in names:
                if time.monotonic() >= end:
                    return
                fuzzing.round(name, fuzzing.seed + number, Path(scratch))


def show(fuzzing: Fuzzing, console: Console) -> None:
    """Print the tallies and how to read the files of each finding again."""
    table = Table("target", "examples", "worst CPU seconds", "findings")
    for name, tally in fuzzing.tallies.items():
        table.add_row(name, str(tally.examples), f"{tally.worst_seconds:.2f}", str(tally.findings or ""))
    console.print(table)
    console.print(f"The file with the worst time of each target is in {fuzzing.out / 'worst'}.", soft_wrap=True)
    for cause, folder in fuzzing.findings.items():
        console.print(f"\nFINDING {cause}\n  nox -s fuzz -- --again {folder}", markup=False, soft_wrap=True)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="nox -s fuzz --", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("seconds", nargs="?", type=float, default=DEFAULT_SECONDS, help="how long (default: 60)")
    parser.add_argument("--only", action="append", choices=TARGETS, help="only this target (more than once: several)")
    parser.add_argument("--seed", type=int, default=time.time_ns() // 1_000_000_000 * 1000, help="of the first round")
    parser.add_argument("--out", type=Path, default=Path("reports", "fuzz"), help="for findings and worst files")
    parser.add_argument("--again", type=Path, metavar="FOLDER", help="read the files of a finding again")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """1 if something was found."""
    options = parsed(arguments)
    console = Console()
    if options.again:
        return again(options.again, console)
    fuzzing = Fuzzing(options.out.resolve(), options.seed)
    console.print(f"Seed {options.seed}; findings will be in {fuzzing.out / 'findings'}.", soft_wrap=True)
    try:
        fuzz(fuzzing, options.only or list(TARGETS), options.seconds)
    except KeyboardInterrupt:
        console.print("Interrupted.")
    show(fuzzing, console)
    return 1 if fuzzing.findings else 0


if __name__ == "__main__":
    sys.exit(main())
