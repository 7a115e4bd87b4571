"""The sample cohort in ``tests/submissions``: its cases, and the expected result of each.

A case is a folder named after what it shows: ``valid-`` cases earn every mark, ``fault-`` cases have a single fault,
``broken-`` cases cannot be read or run, ``written-`` cases are about Part 1, and ``experiment-`` cases about the table
of experiments. The keys of ``expected.toml`` are ``about`` (one sentence), ``default`` (the status of every item not
listed), ``[items]`` (the other items), ``message`` (words in the first failed item's message or hint), ``flags``
(required ids), ``default_answer`` and ``[answers]`` (the same for the parts of Part 1), and ``[experiment]`` (for the
items of the experiment, which carry no points).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.lab4.items import PART1_IDS, PART2_TITLES
from grader.model import Status
from grader.moderation.pseudonyms import SECRET_FILE
from grader.storage import run_folder
from tests.support.places import ROOT

COHORT = ROOT / "tests" / "submissions"
LEAST = {"valid": 35, "fault": 30, "broken": 10, "written": 10, "experiment": 5}
KEY = Path("solutions", "key.toml")
RUBRIC = Path("grader", "lab4", "rubric.toml")
SHORTER = {
    "steps = 1000": "steps = 400",
    "retry_steps = 2000": "retry_steps = 600",
    "runs = 3": "runs = 2",
    "evaluate_every = 20": "evaluate_every = 10",
    "stop_accuracy = 0.84": "stop_accuracy = 0.60",
    "margin = 0.05": "margin = 0.02",
    "accuracy = 0.70,": "accuracy = 0.45,",
    "accuracy = 0.40,": "accuracy = 0.20,",
}
"""Lines of the rubric's training plan, and their shorter replacements, which still distinguish a network that learns
from one that cannot, in half the time. docs/calibration.md describes the rubric's own plan."""


@dataclass(frozen=True)
class Expected:
    """The expected result of a case: a status for every item and answer, words of the first failed item, and flags.

    ``experiment`` has the statuses of the experiment's items; empty if none are expected.
    """

    about: str
    items: Mapping[str, str]
    message: tuple[str, ...]
    flags: tuple[str, ...]
    answers: Mapping[str, str]
    experiment: Mapping[str, str]


def expected_of(case: str) -> Expected:
    table = tomllib.loads((COHORT / case / "expected.toml").read_text(encoding="utf-8"))
    items = dict.fromkeys(PART2_TITLES, table["default"]) | table.get("items", {})
    default = table.get("default_answer")
    answers = (dict.fromkeys(PART1_IDS, default) if default else {}) | table.get("answers", {})
    tried = {f"experiment.{name}": status for name, status in table.get("experiment", {}).items()}
    words, flags = tuple(table.get("message", ())), tuple(table.get("flags", ()))
    return Expected(table["about"], items, words, flags, answers, tried)


def run_with_known_seeds(out: Path) -> Path:
    """Make ``out`` the folder of a run whose networks are trained with the same seeds each time, and return it."""
    run_folder.claim_folder(out)
    (out / SECRET_FILE).write_text("0\n", encoding="utf-8")
    return out


CASES = sorted(path.name for path in COHORT.iterdir() if path.is_dir())


def with_shorter_training(rubric: str) -> str:
    return changed_lines(rubric, SHORTER)


def changed_lines(rubric: str, changes: Mapping[str, str]) -> str:
    """The rubric with each of ``changes``, which must be in it exactly once."""
    for line, shorter in changes.items():
        rubric, count = re.subn(rf"(?<![a-z_]){re.escape(line)}", shorter, rubric)
        assert count == 1, f"{line} is {count} times in the rubric, not once"
    return rubric


def differences(expected: Expected, entry: Mapping[str, Any]) -> list[str]:
    """A line for each difference between a graded submission and the expectation."""
    items = {item["id"]: item for item in entry["items"]}
    lines = [f"item {id_} is missing" for id_ in PART2_TITLES if id_ not in items]
    lines += [
        f"{id_}: expected {expected.items[id_]}, got {item['status']}: {item['message']} {item['hint']}".rstrip()
        for id_, item in items.items()
        if item["status"] != expected.items.get(id_)
    ]
    failed = next((item for id_ in PART2_TITLES if (item := items.get(id_)) and item["status"] == Status.FAILED), None)
    if failed is not None:
        text = f"{failed['message']} {failed['hint']}"
        lines += [
            f"{failed['id']}: {word!r} is not in {text!r}"
            for word in expected.message
            if word.casefold() not in text.casefold()
        ]
    lines += [
        f"part {answer['part']}: expected {wanted}, got {answer['status']}: {answer['message']}"
        for answer in entry["answers"]
        if (wanted := expected.answers.get(answer["part"], answer["status"])) != answer["status"]
    ]
    found = {flag["id"] for flag in entry["flags"]}
    lines += [f"flag {flag} is missing; there are {sorted(found)}" for flag in expected.flags if flag not in found]
    return lines
