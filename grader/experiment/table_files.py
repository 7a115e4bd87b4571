"""Finds the file of a submission that contains the experiments, whatever its name and folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from grader.experiment.table import LARGEST, read_table
from grader.lab4.files import EXPERIMENTS
from grader.model import Submission
from grader.model.experiment import Experiment
from grader.storage.fingerprints import code_digest, reuse_key

MOST_FILES = 8
"""Tables of a submission that are read, the likeliest first."""
_TABLES = frozenset({".csv", ".tsv"})
_WORKBOOKS = frozenset({".xlsx", ".xls", ".ods", ".numbers"})
_WORD = "experiment"


def candidates(submission: Submission) -> tuple[str, ...]:
    """The files that may contain the experiments, the likeliest names first. Opens no file."""
    found = [name for name in submission.files if _rank(name) < 4]
    return tuple(sorted(found, key=lambda name: (_rank(name), name.count("/"))))[:MOST_FILES]


def gather(submission: Submission) -> Experiment | None:
    """The table with the most trials; None where no file could be a table. Never raises for a student's file."""
    read = [(name, _read(submission.root / name, name)) for name in candidates(submission)]
    # A file with another name counts only where it contains trials.
    found = [experiment for name, experiment in read if _rank(name) in {0, 1, 2} or experiment.trials]
    return max(found, key=lambda experiment: (len(experiment.trials), experiment.unread), default=None)


def _rank(name: str) -> int:
    path = PurePosixPath(name.casefold())
    if path.suffix in _TABLES:
        return 0 if path.name == EXPERIMENTS else 1 if _WORD in path.name else 3
    if _WORD in path.name and path.suffix in _WORKBOOKS | {".txt"}:
        return 2 if path.suffix in _WORKBOOKS else 3
    return 4


def _read(path: Path, name: str) -> Experiment:
    if path.suffix.casefold() in _WORKBOOKS:
        return Experiment(
            name, problems=(f"{name} is a workbook, which the grader cannot read; please save it as CSV.",), unread=1
        )
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError:
        return Experiment(name, problems=(f"{name} could not be opened.",), unread=1)
    return read_table(content, name)


def table_digest() -> str:
    """SHA-256 of the code that reads trials from a file, so that tables read by other code are not reused."""
    return code_digest("experiment.table", "experiment.table_files", "source.decoding")


def experiment_key(submission: Submission, *recipe: str) -> str:
    """Key of everything that a stored experiment depends on; empty where no file could contain one.

    ``recipe`` is what the brief re-run depends on besides the table.
    """
    return reuse_key(submission.digest, table_digest(), *recipe) if candidates(submission) else ""
