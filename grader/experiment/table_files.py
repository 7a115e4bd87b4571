"""Which file of a submission holds the experiments, whatever it is called and wherever it lies."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from grader.experiment.table import LARGEST, read_table
from grader.model import Submission
from grader.model.experiment import Experiment
from grader.storage.fingerprints import code_digest

MOST_FILES = 8
"""Tables of one submission that are looked at, the likeliest first."""
_TABLES = frozenset({".csv", ".tsv"})
_WORKBOOKS = frozenset({".xlsx", ".xls", ".ods", ".numbers"})
_WORD = "experiment"


def candidates(submission: Submission) -> tuple[str, ...]:
    """The files that may hold the experiments, by how likely their names are. Nothing is opened."""
    found = [name for name in submission.files if _rank(name) < 4]
    return tuple(sorted(found, key=lambda name: (_rank(name), name.count("/"))))[:MOST_FILES]


def gather(submission: Submission) -> Experiment | None:
    """The fullest table of experiments in a submission; None where no file could be one. Never raises for a file."""
    read = [(name, _read(submission.root / name, name)) for name in candidates(submission)]
    # A table with another name counts only where it really is one.
    found = [one for name, one in read if _rank(name) in {0, 1, 2} or one.trials]
    return max(found, key=lambda one: (len(one.trials), one.unread), default=None)


def _rank(name: str) -> int:
    path = PurePosixPath(name.casefold())
    if path.suffix in _TABLES:
        return 0 if path.name == "experiments.csv" else 1 if _WORD in path.name else 3
    if _WORD in path.name and path.suffix in _WORKBOOKS | {".txt"}:
        return 2 if path.suffix in _WORKBOOKS else 3
    return 4


def _read(path: Path, name: str) -> Experiment:
    if path.suffix.casefold() in _WORKBOOKS:
        return Experiment(
            name, problems=(f"{name} is a workbook, which is not read here; please save it as CSV.",), unread=1
        )
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError:
        return Experiment(name, problems=(f"{name} could not be opened.",), unread=1)
    return read_table(content, name)


def table_digest() -> str:
    """SHA-256 of the code that makes trials of a file, so that what other code read is not reused."""
    return code_digest("experiment.table", "experiment.table_files")


def experiment_key(submission: Submission, *recipe: str) -> str:
    """Digest of all that an experiment as stored depends on; empty where no file could hold one.

    ``recipe`` is what the brief re-run depends on besides the table.
    """
    if not candidates(submission):
        return ""
    parts = (submission.digest, table_digest(), *recipe)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
