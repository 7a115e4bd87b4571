"""The demo: a platform's zip of twelve submissions, with the mark and the status that each of them must get."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from grader.model import Report, Status
from grader.storage import records
from tests.demo.make_demo import ASSIGNMENT, make_demo
from tests.support.demo_transcript import shown_summary, summary_of, without_time
from tests.support.graded_scripts import graded_run
from tests.support.sample_cohort import KEY

SECONDS = 300
LEARNS_SOMETHING = {
    "batch_size = 64": "batch_size = 32",
    "stop_accuracy = 0.60": "stop_accuracy = 0.25",
    "accuracy = 0.45,": "accuracy = 0.15,",
    "accuracy = 0.20,": "accuracy = 0.12,",
}
"""Changes to the sample cohort's training: every network of the demo can learn, so a few small steps are enough.

No canary is stored for such batches, so none is trained.
"""
EXPECTED = {
    "Amara Okafor_5012301": ("30", Status.PASSED, "A right network, and answers in the students' notebook."),
    "Arjun Patel_5012312": ("25", Status.NEEDS_REVIEW, "A sigmoid in place of a ReLU, and one answer left out."),
    "Hiroshi Tanaka_5012306": ("27.5", Status.NEEDS_REVIEW, "A zip in the zip; no log-softmax."),
    "Jack OBrien_5012308": ("25.5", Status.NEEDS_REVIEW, "A script with a bracket that is not closed."),
    "Leilani Kahale_5012311": ("28.5", Status.PARTIAL, "No dropout after the convolutions; answers typed into Moodle."),
    "Liam Nguyen_5012302": ("28.75", Status.PARTIAL, "No ReLU after the first convolution; answers in Word."),
    "Mateo Álvarez_5012304": ("28", Status.PARTIAL, "The wrong number of values after the flatten step."),
    "Mei Chen_5012309": ("17", Status.NEEDS_REVIEW, "Batch normalisation; the answers are a scan."),
    "Priya Raman_5012303": ("27.5", Status.PARTIAL, "Softmax in place of log-softmax; answers in a PDF."),
    "Sofia Lindqvist_5012305": ("30", Status.PASSED, "Answers and network in one notebook of her own."),
    "Tomasz Kowalski_5012310": ("24.5", Status.NEEDS_REVIEW, "Late; dropout that never stops."),
    "Zainab Al-Hassan_5012307": ("30", Status.PASSED, "A table of experiments, and what she observed."),
}
"""Points of 30 that are settled, status, and what the submission shows."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("demo")
    zipped = make_demo(work / "submissions")
    return graded_run(zipped, work, "--key", str(KEY), changes=LEARNS_SOMETHING, seconds=SECONDS)


@pytest.fixture(scope="module")
def graded(run: Path) -> Mapping[str, Report]:
    reports = (records.read_report(run, student) for student in EXPECTED)
    return {report.student: report for report in reports if report is not None}


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
def test_every_student_of_the_demo_gets_the_expected_mark(graded: Mapping[str, Report]) -> None:
    found = {student: (report.awarded, report.status) for student, report in graded.items()}
    assert found == {student: (Decimal(points), status) for student, (points, status, _) in EXPECTED.items()}


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
def test_the_demo_has_a_table_of_experiments_and_a_scan(graded: Mapping[str, Report]) -> None:
    tried = {item.id: item.status for item in graded["Zainab Al-Hassan_5012307"].unmarked}
    assert (tried["experiment.table"], tried["experiment.varied"]) == (Status.PASSED, Status.PASSED)
    assert {"is a scan" in result.message for result in graded["Mei Chen_5012309"].answer_results} == {True}


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
def test_the_readme_shows_what_the_demo_prints(run: Path) -> None:
    assert without_time(shown_summary()) == without_time(summary_of(run)), "nox -s pictures writes it again"


def test_the_zip_has_the_same_bytes_each_time_and_a_row_of_the_worksheet_for_each_student(tmp_path: Path) -> None:
    first, second = make_demo(tmp_path / "first"), make_demo(tmp_path / "second")
    assert first.read_bytes() == second.read_bytes()
    with (tmp_path / "first" / f"Grades-{ASSIGNMENT}.csv").open(encoding="utf-8-sig", newline="") as worksheet:
        rows = list(csv.DictReader(worksheet))
    named = {f"{row['Full name']}_{row['Identifier'].removeprefix('Participant ')}".replace("'", "") for row in rows}
    assert named == set(EXPECTED)
    assert [row["Full name"] for row in rows if "late" in row["Status"]] == ["Tomasz Kowalski"]
