"""The sample cohort: every submission in ``tests/submissions`` gets exactly the verdict in its ``expected.toml``.

A case is a folder named after what it shows: ``valid-`` styles earn every mark, ``fault-`` cases hold one fault each,
``broken-`` cases cannot be read or run, ``written-`` cases are about Part 1, ``experiment-`` cases about the table of
what was tried. ``expected.toml`` says ``about`` (one sentence), ``default`` (the status of every item not listed),
``[items]`` (the others), ``message`` (words that the first failed item's message or hint must hold), ``flags`` (ids
that must be there); ``default_answer`` and ``[answers]`` say the same of the parts of Part 1, ``[experiment]`` of the
items of the experiment, which carry no points. The cohort is graded once, through the command that a tutor uses, and by
the shipped rubric with a shorter training run; ``nox -s audit`` grades the same cases with the rubric as it is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grader.lab4.items import EXPERIMENT_IDS, PART1_IDS, PART2_IDS
from grader.model import Status
from grader.storage import records
from tests.support.places import ROOT

COHORT = ROOT / "tests" / "submissions"
LEAST = {"valid": 35, "fault": 30, "broken": 10, "written": 10, "experiment": 5}
STATUSES = {Status.PASSED, Status.PARTIAL, Status.FAILED, Status.SKIPPED}
ANSWER_STATUSES = {Status.PASSED, Status.PARTIAL, Status.FAILED, Status.NEEDS_REVIEW}
KEYS = {"about", "default", "message", "flags", "items", "default_answer", "answers", "experiment"}
KEY = Path("solutions", "key.toml")
RUBRIC = Path("grader", "lab4", "rubric.toml")
SHORTER = {
    "steps = 1000": "steps = 300",
    "retry_steps = 2000": "retry_steps = 1000",
    "evaluate_every = 20": "evaluate_every = 10",
    "stop_accuracy = 0.84": "stop_accuracy = 0.60",
    "margin = 0.05": "margin = 0.02",
    "accuracy = 0.70,": "accuracy = 0.45,",
    "accuracy = 0.40,": "accuracy = 0.20,",
}
"""Lines of the rubric's training plans, and what stands for them here: enough to tell a net that learns from one that
cannot, in half the time for all cases. How far the rubric's own lines carry is told in docs/calibration.md."""
COHORT_SECONDS = 3600
"""A limit for a hung run, far above the minutes that the cohort takes on two cores."""


@dataclass(frozen=True)
class Expected:
    """What a case must get: a status for every item, words of the first failed item, flags, statuses of answers.

    ``experiment`` has those of the experiment's items, empty where nothing is said on it.
    """

    about: str
    items: Mapping[str, str]
    message: tuple[str, ...]
    flags: tuple[str, ...]
    answers: Mapping[str, str]
    experiment: Mapping[str, str]


def expected_of(case: str) -> Expected:
    table = tomllib.loads((COHORT / case / "expected.toml").read_text(encoding="utf-8"))
    items = dict.fromkeys(PART2_IDS, table["default"]) | table.get("items", {})
    default = table.get("default_answer")
    answers = (dict.fromkeys(PART1_IDS, default) if default else {}) | table.get("answers", {})
    tried = {f"experiment.{name}": status for name, status in table.get("experiment", {}).items()}
    words, flags = tuple(table.get("message", ())), tuple(table.get("flags", ()))
    return Expected(table["about"], items, words, flags, answers, tried)


CASES = sorted(path.name for path in COHORT.iterdir() if path.is_dir())


@pytest.mark.parametrize("case", CASES)
def test_expected_toml_is_well_formed(case: str) -> None:
    table = tomllib.loads((COHORT / case / "expected.toml").read_text(encoding="utf-8"))
    assert set(table) <= KEYS, f"unknown keys {sorted(set(table) - KEYS)}"
    assert re.fullmatch(r"\S.*\.", table["about"]), "about is one sentence with a full stop"
    assert table["default"] in STATUSES
    items = table.get("items", {})
    assert set(items) <= set(PART2_IDS), f"unknown items {sorted(set(items) - set(PART2_IDS))}"
    assert set(items.values()) <= STATUSES - {table["default"]}, "only items that differ from the default are listed"
    answers = table.get("answers", {})
    assert set(answers) <= set(PART1_IDS), f"unknown parts {sorted(set(answers) - set(PART1_IDS))}"
    assert {*answers.values(), table.get("default_answer", Status.PASSED)} <= ANSWER_STATUSES
    assert set(expected_of(case).experiment) in (set(), set(EXPERIMENT_IDS)), "all items of an experiment, or none"
    for words in (table.get("message", []), table.get("flags", [])):
        assert all(isinstance(word, str) and word for word in words)


@pytest.mark.parametrize("case", CASES)
def test_a_name_says_what_to_expect(case: str) -> None:
    expected = expected_of(case)
    kind, _, subject = case.partition("-")
    assert kind in LEAST, f"{case}: a name begins with {', '.join(LEAST)}"
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", subject), "kebab-case"
    assert bool(expected.answers) == (kind == "written")
    assert bool(expected.experiment) == (kind == "experiment")
    if kind in ("valid", "written", "experiment"):
        assert set(expected.items.values()) == {Status.PASSED}
    else:
        assert Status.FAILED in expected.items.values()


@pytest.mark.parametrize("kind", LEAST)
def test_there_are_enough_cases(kind: str) -> None:
    assert sum(case.startswith(f"{kind}-") for case in CASES) >= LEAST[kind]


@dataclass(frozen=True)
class Graded:
    """A run of the command over the cohort: its exit code, what it printed, and results.json by student.

    ``tried`` has the statuses of the experiments' items by student.
    """

    code: int
    printed: str
    students: Mapping[str, dict[str, Any]]
    tried: Mapping[str, Mapping[str, str]]


def with_shorter_training(rubric: str) -> str:
    for line, shorter in SHORTER.items():
        rubric, count = re.subn(rf"(?<![a-z_]){re.escape(line)}", shorter, rubric)
        assert count == 2, f"{line} stands {count} times in the rubric, not once for each data set"
    return rubric


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    out = tmp_path_factory.mktemp("cohort")
    command = [sys.executable, "-m", "grader", "grade", str(COHORT), "--out", str(out), "--quiet"]
    rubric = tmp_path_factory.mktemp("rubric") / "rubric.toml"
    rubric.write_text(with_shorter_training((ROOT / RUBRIC).read_text(encoding="utf-8")), encoding="utf-8")
    command += ["--key", str(KEY), "--rubric", str(rubric)]
    if not os.environ.get("LAB4_DATA"):
        command += ["--data", "digits"]  # no download in a test
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=COHORT_SECONDS, check=False)
    printed = done.stdout + done.stderr
    results = out / "results.json"
    if not results.exists():
        pytest.fail(f"no results.json was written; exit code {done.returncode}; the command printed:\n{printed}")
    submissions = json.loads(results.read_text(encoding="utf-8"))["submissions"]
    students = {entry["student"]: entry for entry in submissions}
    verdicts = [verdict for case in students if (verdict := records.read_report(out, case)) is not None]
    tried = {one.student: {item.id: str(item.status) for item in one.unmarked} for one in verdicts}
    return Graded(done.returncode, printed, students, tried)


def differences(expected: Expected, entry: Mapping[str, Any]) -> list[str]:
    """One line for each way in which a graded submission is not as expected."""
    items = {item["id"]: item for item in entry["items"]}
    lines = [f"item {id_} is missing" for id_ in PART2_IDS if id_ not in items]
    lines += [
        f"{id_}: expected {expected.items[id_]}, got {item['status']}: {item['message']} {item['hint']}".rstrip()
        for id_, item in items.items()
        if item["status"] != expected.items.get(id_)
    ]
    failed = next((item for id_ in PART2_IDS if (item := items.get(id_)) and item["status"] == Status.FAILED), None)
    if failed is not None:
        told = f"{failed['message']} {failed['hint']}"
        lines += [
            f"{failed['id']}: {word!r} is not in {told!r}"
            for word in expected.message
            if word.casefold() not in told.casefold()
        ]
    lines += [
        f"part {answer['part']}: expected {wanted}, got {answer['status']}: {answer['message']}"
        for answer in entry["answers"]
        if (wanted := expected.answers.get(answer["part"], answer["status"])) != answer["status"]
    ]
    found = {flag["id"] for flag in entry["flags"]}
    lines += [f"flag {flag} is missing; there are {sorted(found)}" for flag in expected.flags if flag not in found]
    return lines


@pytest.mark.slow
@pytest.mark.timeout(COHORT_SECONDS + 60)
@pytest.mark.parametrize("case", CASES)
def test_the_verdict_is_the_expected_one(case: str, graded: Graded) -> None:
    assert case in graded.students, f"no row for {case}; the command printed:\n{graded.printed[-2000:]}"
    expected = expected_of(case)
    lines = differences(expected, graded.students[case])
    assert not lines, "\n  ".join([f"{case} ({expected.about})", *lines])
    tried = dict(expected.experiment)
    if tried and not os.environ.get("LAB4_DATA"):
        tried["experiment.rerun"] = Status.SKIPPED  # only on MNIST is anything trained again
    assert graded.tried[case] == tried


@pytest.mark.slow
@pytest.mark.timeout(COHORT_SECONDS + 60)
def test_the_run_covers_the_cohort_and_has_no_fault_of_its_own(graded: Graded) -> None:
    assert sorted(graded.students) == CASES
    assert graded.code in (0, 1), graded.printed[-2000:]
