"""A rubric with a training run of a second, for tests that grade a cohort."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from grader.lab4.items import PART1_IDS, PART2_TITLES

TRAINING = """
steps = 200
batch_size = 64
learning_rate = 0.05
retry_learning_rate = 0.05
retry_steps = 200
momentum = 0.9
runs = 1
evaluate_every = 10
stop_accuracy = 0.6
margin = 0
bands = [{ accuracy = 0.4, fraction = 1 }]
"""


def write_rubric(path: Path, *, points: str = "1", part1: bool = False) -> Path:
    """Write a rubric with a short training run, ``points`` for output.log_softmax, and 1 point for each other item."""
    given = dict.fromkeys(PART2_TITLES, "1") | {"output.log_softmax": points}
    sections = {
        "totals": [f"part2 = {sum(map(Decimal, given.values()))}", *([f"part1 = {len(PART1_IDS)}"] if part1 else [])],
        "part2": [f'"{id_}" = {value}' for id_, value in given.items()],
        "training": [TRAINING],
        "resources": ["max_parameters = 50_000_000", "max_forward_seconds = 10"],
    }
    if part1:
        sections["part1"] = [f'"{id_}" = 1' for id_ in PART1_IDS]
    text = 'title = "Quick"\n' + "".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items())
    path.write_text(text, encoding="utf-8")
    return path
