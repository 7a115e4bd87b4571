"""The results of a stored run, without what differs from run to run."""

from __future__ import annotations

import json
from pathlib import Path

TIMES = {"started", "finished", "seconds", "timing", "jobs"}
MACHINES = {"machines"}


def results_of(folder: Path) -> dict[str, object]:
    """results.json of the run at ``folder``, without times and machines."""
    content: dict[str, object] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    facts = content["run"]
    assert isinstance(facts, dict)
    return {**content, "run": {name: value for name, value in facts.items() if name not in TIMES | MACHINES}}
