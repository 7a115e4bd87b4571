"""run.json in the folder of a run, as the mark by which such a folder is recognised. What else it says is not here."""

from __future__ import annotations

import json
from pathlib import Path

RUN_FILE = "run.json"
RUN_KIND = "lab4-grader-run"
CLUTTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""Files that a file manager adds to any folder."""


def is_run(folder: Path) -> bool:
    """Whether ``folder`` is the folder of a run of any version."""
    path = folder / RUN_FILE
    try:
        content = json.loads(path.read_bytes()) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.get("kind") == RUN_KIND


def has_runs(folder: Path) -> bool:
    """Whether ``folder`` is the folder of a run of any version, or contains only such folders."""
    if (folder / RUN_FILE).is_file():
        return is_run(folder)
    inside = [entry for entry in folder.iterdir() if entry.name not in CLUTTER]
    return bool(inside) and all((entry / RUN_FILE).is_file() and has_runs(entry) for entry in inside)
