"""The sample cohort: every submission in ``tests/submissions`` gets exactly the result in its ``expected.toml``.

:mod:`tests.support.sample_cohort` describes the cases. The cohort is graded once, with the command that a tutor uses
and the shipped rubric with a shorter training run; ``nox -s audit`` grades the same cases with the original rubric.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from grader.lab4.items import EXPERIMENT_TITLES, PART1_IDS, PART2_TITLES
from grader.model import Status
from grader.model.status import lost_without_cause
from grader.storage import records
from tests.support.graded_scripts import run_grader
from tests.support.sample_cohort import (
    CASES,
    COHORT,
    KEY,
    LEAST,
    differences,
    expected_of,
)
from tests.support.share import share

STATUSES = {Status.PASSED, Status.PARTIAL, Status.FAILED, Status.SKIPPED, Status.NEEDS_REVIEW}
ANSWER_STATUSES = {Status.PASSED, Status.PARTIAL, Status.FAILED, Status.NEEDS_REVIEW}
KEYS = {"about", "default", "message", "flags", "items", "default_answer", "answers", "experiment"}
VALID = {case for case in CASES if case.startswith("valid-")}
GRADED = sorted({*share(sorted(VALID), 8), *share(sorted(set(CASES) - VALID), 2)})
"""One in eight of the right networks, which tests of the measurements use too, and half of the other cases."""
COHORT_SECONDS = 3600
"""A limit for a hung run, far above the minutes that the cohort takes on two cores."""


@pytest.mark.parametrize("case", CASES)
def test_expected_toml_is_well_formed(case: str) -> None:
    table = tomllib.loads((COHORT / case / "expected.toml").read_text(encoding="utf-8"))
    assert set(table) <= KEYS, f"unknown keys {sorted(set(table) - KEYS)}"
    assert re.fullmatch(r"\S.*\.", table["about"]), "about is one sentence with a full stop"
    assert table["default"] in STATUSES
    items = table.get("items", {})
    assert set(items) <= set(PART2_TITLES), f"unknown items {sorted(set(items) - set(PART2_TITLES))}"
    assert set(items.values()) <= STATUSES - {table["default"]}, "only items that differ from the default are listed"
    answers = table.get("answers", {})
    assert set(answers) <= set(PART1_IDS), f"unknown parts {sorted(set(answers) - set(PART1_IDS))}"
    assert {*answers.values(), table.get("default_answer", Status.PASSED)} <= ANSWER_STATUSES
    assert set(expected_of(case).experiment) in (set(), set(EXPERIMENT_TITLES)), "all items of an experiment, or none"
    for words in (table.get("message", []), table.get("flags", [])):
        assert all(isinstance(word, str) and word for word in words)


@pytest.mark.parametrize("case", CASES)
def test_the_name_of_a_case_agrees_with_its_expectation(case: str) -> None:
    expected = expected_of(case)
    kind, _, subject = case.partition("-")
    assert kind in LEAST, f"{case}: a name begins with {', '.join(LEAST)}"
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", subject), "kebab-case"
    assert bool(expected.answers) == (kind == "written")
    assert bool(expected.experiment) == (kind == "experiment")
    if kind in ("valid", "written", "experiment"):
        assert set(expected.items.values()) == {Status.PASSED}
    else:
        assert {Status.FAILED, Status.PARTIAL, Status.NEEDS_REVIEW} & set(expected.items.values())


@pytest.mark.parametrize("kind", LEAST)
def test_there_are_enough_cases(kind: str) -> None:
    assert sum(case.startswith(f"{kind}-") for case in CASES) >= LEAST[kind]


@dataclass(frozen=True)
class Graded:
    """A run of the command over the cohort: its exit code, what it printed, and results.json by student.

    ``tried`` has the statuses of the experiments' items by student, ``unexplained`` the ids of items that lost points
    without a cause.
    """

    code: int
    printed: str
    students: Mapping[str, dict[str, Any]]
    tried: Mapping[str, Mapping[str, str]]
    unexplained: Mapping[str, tuple[str, ...]]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    options = ("--key", str(KEY), *(f"--student={case}" for case in GRADED))
    done, out = run_grader(COHORT, tmp_path_factory.mktemp("cohort"), *options, seconds=COHORT_SECONDS)
    printed = done.stdout + done.stderr
    results = out / "results.json"
    if not results.exists():
        pytest.fail(f"no results.json was written; exit code {done.returncode}; the command printed:\n{printed}")
    submissions = json.loads(results.read_text(encoding="utf-8"))["submissions"]
    # Submissions without a script need no worker, and are in every run.
    students = {entry["student"]: entry for entry in submissions if entry["student"] in GRADED}
    reports = [report for case in students if (report := records.read_report(out, case)) is not None]
    tried = {report.student: {item.id: str(item.status) for item in report.unmarked} for report in reports}
    unexplained = {report.student: tuple(one.id for one in lost_without_cause(report.results)) for report in reports}
    return Graded(done.returncode, printed, students, tried, unexplained)


@pytest.mark.slow
@pytest.mark.timeout(COHORT_SECONDS + 60)
@pytest.mark.parametrize("case", GRADED)
def test_the_report_is_as_expected(case: str, graded: Graded) -> None:
    assert case in graded.students, f"no row for {case}; the command printed:\n{graded.printed[-2000:]}"
    expected = expected_of(case)
    lines = differences(expected, graded.students[case])
    assert not lines, "\n  ".join([f"{case} ({expected.about})", *lines])
    tried = dict(expected.experiment)
    assert graded.tried[case] == tried


@pytest.mark.slow
@pytest.mark.timeout(COHORT_SECONDS + 60)
def test_the_run_covers_the_cohort_without_a_grader_fault(graded: Graded) -> None:
    assert sorted(graded.students) == GRADED
    assert graded.code in (0, 1), graded.printed[-2000:]
    assert set(graded.unexplained) == set(GRADED)
    assert {case: ids for case, ids in graded.unexplained.items() if ids} == {}, "no point is lost without a cause"
