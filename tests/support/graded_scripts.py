"""Grade scripts in one run of the command that a tutor uses, with the shorter training of the sample cohort."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from grader.lab4.files import SCRIPT
from grader.model import Report
from grader.storage import records
from tests.support.places import ROOT
from tests.support.sample_cohort import RUBRIC, changed_lines, run_with_known_seeds, with_shorter_training

SMALL_BATCHES = {"batch_size = 64": "batch_size = 32"}
"""In half the time. No canary is stored for such batches, so a run trains none; the sample cohort's run does."""


def write_scripts(folder: Path, scripts: Mapping[str, str]) -> None:
    """Write a submission with one script for each name into ``folder``, which is made if it is missing."""
    for name, script in scripts.items():
        (folder / name).mkdir(parents=True)
        (folder / name / SCRIPT).write_text(script, encoding="utf-8")


def run_grader(
    path: Path, work: Path, *options: str, seconds: float, changes: Mapping[str, str] = MappingProxyType({})
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Grade the submissions at ``path`` within ``seconds``. Returns the process and the run's folder, in ``work``.

    ``changes`` are lines of the shorter training plan and their replacements.
    """
    rubric = work / "rubric.toml"
    text = changed_lines(with_shorter_training((ROOT / RUBRIC).read_text(encoding="utf-8")), changes)
    rubric.write_text(text, encoding="utf-8")
    out = run_with_known_seeds(work / "out")
    command = [sys.executable, "-m", "grader", "grade", str(path), "--out", str(out), "--quiet"]
    command += ["--rubric", str(rubric), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False), out


def graded_run(
    path: Path, work: Path, *options: str, seconds: float, changes: Mapping[str, str] = MappingProxyType({})
) -> Path:
    """The folder of a run that succeeds: see :func:`run_grader`."""
    done, out = run_grader(path, work, *options, seconds=seconds, changes=changes)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return out


def graded_scripts(work: Path, scripts: Mapping[str, str], *, seconds: float) -> Mapping[str, Report]:
    """Grade the scripts in the empty folder ``work`` within ``seconds``, and return the report on each by its name."""
    write_scripts(work / "cohort", scripts)
    out = graded_run(work / "cohort", work, seconds=seconds, changes=SMALL_BATCHES)
    found = {}
    for name in scripts:
        report = records.read_report(out, name)
        assert report is not None, name
        found[name] = report
    return found
