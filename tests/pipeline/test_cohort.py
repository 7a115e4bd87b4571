"""The pipeline over a small cohort: what is observed again, what is stored, and how a run can end."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from grader.__main__ import main
from grader.answers.marker.key import load_key
from grader.data.bundled import bundled_data
from grader.data.heldout_accuracy import Predictions, with_accuracy
from grader.model import Decision, Report, Run, Status, UsageFault, device_text
from grader.model.evidence import Problem, Training
from grader.model.images import MOST_MISTAKES
from grader.moderation.decisions import subject_digest
from grader.moderation.decisions_file import read_decisions
from grader.moderation.finished_run import load_run, write_views
from grader.pipeline.canary import stored_text
from grader.pipeline.cohort import grade_cohort
from grader.pipeline.measurement import CLEAR, FIRST_HELDOUT
from grader.pipeline.settings import RunSettings, Selection
from grader.reading import service
from grader.report.console.progress import Progress
from grader.report.console.summary import make_console
from grader.report.html import pages
from grader.rubric.loading import load_rubric
from grader.sandbox import Wish
from grader.storage import records, run_folder
from tests.support import report_samples
from tests.support.places import ROOT
from tests.support.quick_rubric import write_rubric

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("same_workers")]

SAMPLES = ROOT / "tests" / "submissions"
STUDENTS = {
    "ada": "valid-type-hints",
    "ben": "fault-logits",
    "cleo": "broken-no-net-at-all",
    "dora": "broken-only-a-report",
}
"""The sample that each student hands in."""
OBSERVED = ("ada", "ben", "cleo")
"""The students with a script, whose evidence is stored."""
RUN_SECONDS = 100.0


def hand_in(folder: Path, sample: str) -> None:
    folder.mkdir(parents=True)
    for file in (SAMPLES / sample).iterdir():
        if file.name != "expected.toml":
            shutil.copy(file, folder)


@dataclass(frozen=True)
class Cohort:
    """A folder of submissions, a graded run over it, and its rubric."""

    path: Path
    out: Path
    rubric: Path

    def script(self, student: str) -> Path:
        return self.path / student / "task1_cnn.py"

    def change(self, student: str) -> None:
        with self.script(student).open("a", encoding="utf-8") as file:
            file.write("\n# handed in again\n")

    def record(self, student: str) -> Path:
        return run_folder.student_folder(self.out, student) / records.EVIDENCE_FILE

    def records(self) -> dict[str, bytes]:
        return {student: self.record(student).read_bytes() for student in OBSERVED}

    def observed_since(self, records: dict[str, bytes]) -> set[str]:
        """The students whose evidence differs from that in ``records``."""
        now = {student: json.loads(stored) for student, stored in self.records().items()}
        before = {student: json.loads(stored) for student, stored in records.items()}
        return {student for student in OBSERVED if now[student]["evidence"] != before[student]["evidence"]}

    def grade(
        self,
        selection: Selection = Selection(),  # noqa: B008  # frozen
        *,
        rubric: Path | None = None,
        out: Path | None = None,
        earlier: Path | None = None,
        device: str = "cpu",
        key: Path | None = None,
        canary: str = "",
        isolation: Wish = Wish.AUTO,
    ) -> tuple[Run, dict[str, Report]]:
        settings = RunSettings(
            path=self.path,
            out=out or self.out,
            rubric=load_rubric(rubric or self.rubric),
            data=bundled_data(),
            jobs=2,
            device=device,
            selection=selection,
            earlier=earlier,
            answer_key=load_key(key) if key is not None else None,
            canary=canary,
            isolation=isolation,
        )
        progress = Progress(make_console(), 0, is_quiet=True)
        run, reports = grade_cohort(settings, pages=pages, progress=progress)
        return run, {report.student: report for report in reports}

    def results(self, out: Path | None = None) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(((out or self.out) / "results.json").read_text(encoding="utf-8"))
        return content

    def arguments(self, *more: str) -> list[str]:
        command = [sys.executable, "-m", "grader", "grade", str(self.path), "--out", str(self.out)]
        return [*command, "--rubric", str(self.rubric), "--jobs", "1", "--device", "cpu", *more]

    def command(self, *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.arguments(*more), cwd=ROOT, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
        )


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """The cohort, graded once; tests change copies of it."""
    folder = tmp_path_factory.mktemp("cohort")
    for student, sample in STUDENTS.items():
        hand_in(folder / "lab4" / student, sample)
    cohort = Cohort(folder / "lab4", folder / "out", write_rubric(folder / "rubric.toml"))
    run, reports = cohort.grade()
    assert run.counts == {"graded": 3, "nothing to run": 1}, run.counts
    assert list(reports) == list(STUDENTS)
    return cohort


@pytest.fixture
def cohort(master: Cohort, tmp_path: Path) -> Cohort:
    shutil.copytree(master.path, tmp_path / "lab4")
    shutil.copytree(master.out, tmp_path / "out")
    copy = Cohort(tmp_path / "lab4", tmp_path / "out", master.rubric)
    copy.grade()  # the records say where the submissions lie
    return copy


def statuses(reports: dict[str, Report]) -> dict[str, str]:
    return {student: str(report.status) for student, report in reports.items()}


ALL_STATUSES = {"ada": "passed", "ben": "partial", "cleo": "failed", "dora": "failed"}
RAN_NOTHING = {"reused": 3, "nothing to run": 1}


def ran_no_worker(run: Run) -> bool:
    return set(run.timing) <= {"read", "answers"}


# ---- a whole run -----------------------------------------------------------------------------------------------------


def test_a_run_is_stored_completely(master: Cohort) -> None:
    results = master.results()
    assert [entry["student"] for entry in results["submissions"]] == list(STUDENTS)
    assert {entry["student"]: entry["status"] for entry in results["submissions"]} == ALL_STATUSES
    assert [entry["awarded"] for entry in results["submissions"]] == [14, 13, 0, 0]
    assert {entry["available"] for entry in results["submissions"]} == {14}
    run = results["run"]
    assert (run["data"], run["device"], run["jobs"]) == ("mnist-10k", "cpu", 2)
    assert run["versions"]["python"]
    assert run["timing"]["train"] > 0
    assert run["finished"] >= run["started"]
    stored = run_folder.read_run(master.out)
    assert stored is not None
    assert stored.is_finished
    for entry in results["submissions"]:
        assert (master.out / entry["report"]).is_file()
    assert (master.out / "index.html").is_file()
    with (master.out / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["student"], row["awarded"]) for row in rows] == [
        ("ada", "14"),
        ("ben", "13"),
        ("cleo", "0"),
        ("dora", "0"),
    ]


def test_only_the_parent_has_the_labels_and_counts_the_accuracy(master: Cohort) -> None:
    record = records.read_evidence(master.out, "ada")
    assert record is not None
    assert record.evidence is not None
    (training,) = record.evidence.trainings
    assert training.total == FIRST_HELDOUT, "it is far above the band"
    assert training.correct >= (0.4 + CLEAR) * training.total
    assert sum(map(sum, training.confusion)) == training.total
    assert sum(training.confusion[digit][digit] for digit in range(10)) == training.correct


def test_images_of_a_real_run_are_stored(master: Cohort) -> None:
    record = records.read_evidence(master.out, "ada")
    assert record is not None
    assert record.evidence is not None
    (training,) = record.evidence.trainings
    data = bundled_data()
    labels_of: dict[bytes, set[int]] = {}
    for image, label in zip(data.heldout_images, data.heldout_labels, strict=True):
        labels_of.setdefault(image.tobytes(), set()).add(int(label))
    assert len(training.mistakes) == MOST_MISTAKES
    for mistake in training.mistakes:
        assert mistake.digit in labels_of[mistake.pixels]
        assert mistake.predicted != mistake.digit
        assert training.confusion[mistake.digit][mistake.predicted] > 0
    probabilities = [mistake.probability for mistake in training.mistakes]
    assert probabilities == sorted(probabilities, reverse=True)
    assert 1 / 10 < probabilities[-1] <= probabilities[0] <= 1
    filters = training.filters
    assert filters is not None
    assert (filters.count, filters.height, filters.width) == (10, 5, 5)
    assert len(set(filters.pictures)) == filters.count


def test_predictions_are_counted_by_digit() -> None:
    outputs = np.eye(10, dtype=np.float32)[[0, 1, 1, 9]]
    counted = with_accuracy(Training(None, 1), Predictions(1, outputs), np.array([0, 1, 2, 9], np.uint8))
    assert (counted.correct, counted.total) == (3, 4)
    assert counted.confusion[2][1] == 1
    assert sum(map(sum, counted.confusion)) == 4


def test_predictions_of_the_wrong_number_or_a_failed_run_are_not_counted() -> None:
    outputs = Predictions(1, np.eye(10, dtype=np.float32)[[0, 1]])
    labels = np.array([0, 1, 2], np.uint8)
    right, broken = Training(None, 1), Training(Problem("training"), 1)
    assert with_accuracy(right, outputs, labels).total == 2, "the first images are enough"
    assert with_accuracy(right, outputs, labels[:1]) == right
    assert with_accuracy(broken, outputs, labels[:2]) == broken


# ---- what is looked at again -----------------------------------------------------------------------------------------


def test_unchanged_submissions_are_not_run_again(cohort: Cohort) -> None:
    before, results = cohort.records(), cohort.results()
    pages = {path: path.read_bytes() for path in cohort.out.glob("students/*/report.html")}
    run, reports = cohort.grade()
    assert run.counts == RAN_NOTHING
    assert ran_no_worker(run)
    assert (run.device, run.versions) == (results["run"]["device"], results["run"]["versions"]) != ("", {})
    assert cohort.records() == before
    assert {path: path.read_bytes() for path in pages} == pages, "they would show the same"
    assert statuses(reports) == ALL_STATUSES
    assert cohort.results()["submissions"] == results["submissions"]


def test_changed_points_mark_again_without_running_code(cohort: Cohort) -> None:
    before = cohort.records()
    rubric = write_rubric(cohort.out.parent / "other.toml", points="5")
    run, reports = cohort.grade(rubric=rubric)
    assert ran_no_worker(run)
    assert cohort.records() == before
    assert [int(reports["ada"].awarded), int(reports["ada"].available)] == [18, 18]
    assert [int(reports["ben"].awarded), int(reports["ben"].available)] == [13, 18]
    assert run.rubric_revision != load_rubric(cohort.rubric).revision


def test_remark_never_runs_code(cohort: Cohort) -> None:
    before = cohort.records()
    cohort.change("ben")
    hand_in(cohort.path / "eve", "fault-logits")
    rubric = write_rubric(cohort.out.parent / "other.toml", points="2")
    run, reports = cohort.grade(Selection(remark=True), rubric=rubric)
    assert ran_no_worker(run)
    assert reports["ben"].awarded == 13
    assert reports["ben"].available == 15
    assert "<title>ben: 13 of 15 " in (cohort.out / run_folder.page_path("ben")).read_text(encoding="utf-8")
    assert "eve" not in reports, "there is no evidence to mark her from"
    keys = {student: json.loads(stored)["key"] for student, stored in before.items()}
    assert {student: json.loads(stored)["key"] for student, stored in cohort.records().items()} == keys


def test_marking_again_says_where_the_submissions_come_from_now(cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / "course" / "source").mkdir(parents=True)
    submitted = cohort.path.rename(tmp_path / "course" / "submitted")
    _, reports = replace(cohort, path=submitted).grade(Selection(remark=True))
    assert {student: report.origin.account for student, report in reports.items()} == {s: s for s in reports}
    stored = records.read_evidence(cohort.out, "ada")
    assert stored is not None
    assert stored.submission is not None
    assert stored.submission.origin == reports["ada"].origin


def test_a_changed_submission_is_observed_again_when_selected(cohort: Cohort) -> None:
    before = cohort.records()
    cohort.change("ada")
    cohort.change("ben")
    hand_in(cohort.path / "eve", "fault-logits")
    run, reports = cohort.grade(Selection(students=("b*",)))
    assert run.counts == {"graded": 1, "reused": 2, "nothing to run": 1}
    assert list(reports) == list(STUDENTS), "the others keep their rows, and a new one waits"
    after = cohort.records()
    assert cohort.observed_since(before) == {"ben"}

    run, reports = cohort.grade()
    assert run.counts == {"graded": 2, "reused": 2, "nothing to run": 1}
    assert statuses(reports) == ALL_STATUSES | {"eve": "partial"}
    assert cohort.observed_since(after) == {"ada"}


def test_only_failed_observes_those_again_that_lost_marks(cohort: Cohort) -> None:
    before = cohort.records()
    run, reports = cohort.grade(Selection(only_failed=True))
    assert run.counts == {"graded": 2, "reused": 1, "nothing to run": 1}
    assert statuses(reports) == ALL_STATUSES
    assert cohort.observed_since(before) == {"ben", "cleo"}


def test_a_student_may_be_named_by_a_pattern() -> None:
    selection = Selection(students=("u12*", "ada"))
    assert [selection.names(name) for name in ("u1234", "ada", "u2", "ADA", "ada2")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert not Selection().names("ada")


def test_truncated_evidence_is_not_reused(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    record = cohort.record("ben")
    record.write_bytes(record.read_bytes()[:-30])
    left_out: list[str] = []
    monkeypatch.setattr(Progress, "leave_out", lambda self, student: left_out.append(student))
    run, reports = cohort.grade(Selection(remark=True))
    assert left_out == ["ben"], "the progress no longer waits for ben"
    assert run.counts == {"reused": 2, "nothing to run": 1}
    assert list(reports) == ["ada", "cleo", "dora"], "there is nothing to mark ben from"


def test_a_removed_submission_has_no_row(cohort: Cohort) -> None:
    shutil.rmtree(cohort.path / "ben")
    run, reports = cohort.grade()
    assert list(reports) == ["ada", "cleo", "dora"]
    assert run.counts == {"reused": 2, "nothing to run": 1}


def test_a_new_dated_folder_reuses_the_evidence_of_the_last_run(cohort: Cohort) -> None:
    reports_folder = cohort.out.parent / "reports"
    monday, none = run_folder.dated_folder(reports_folder, cohort.path, date(2026, 3, 2))
    assert none is None
    cohort.grade(out=monday, earlier=cohort.out)
    tuesday, earlier = run_folder.dated_folder(reports_folder, cohort.path, date(2026, 3, 3))
    assert earlier == monday
    assert tuesday.name == "lab4-2026-03-03"
    run, reports = cohort.grade(out=tuesday, earlier=earlier)
    assert run.counts == RAN_NOTHING
    assert ran_no_worker(run)
    assert statuses(reports) == ALL_STATUSES
    assert run_folder.dated_folder(reports_folder, cohort.path, date(2026, 3, 3)) == (tuesday, None)
    shutil.rmtree(monday)
    shutil.rmtree(cohort.out)
    run, _ = cohort.grade(out=tuesday)
    assert run.counts == RAN_NOTHING, "the new folder does not need the old one"


# ---- faults ----------------------------------------------------------------------------------------------------------


def test_after_a_grader_fault_the_other_submissions_are_graded(
    cohort: Cohort, capsys: pytest.CaptureFixture[str]
) -> None:
    cohort.record("ben").unlink()
    cohort.record("ben").mkdir()  # so that what is stored there cannot be replaced
    handler = signal.getsignal(signal.SIGTERM)
    assert main(cohort.arguments()[3:]) == 3
    signal.signal(signal.SIGTERM, handler)
    assert "ben: " in "".join(capsys.readouterr())
    entries = {entry["student"]: entry for entry in cohort.results()["submissions"]}
    assert {student: entry["status"] for student, entry in entries.items()} == ALL_STATUSES | {"ben": "error"}
    assert "The grader failed on this submission" in entries["ben"]["items"][0]["message"]
    assert entries["ada"]["awarded"] == 14
    assert (cohort.out / entries["ben"]["report"]).is_file()


def test_after_a_page_that_cannot_be_written_the_others_are_graded(cohort: Cohort) -> None:
    page = cohort.out / run_folder.page_path("ben")
    page.unlink()
    page.mkdir()
    run, reports = cohort.grade()
    assert statuses(reports) == ALL_STATUSES | {"ben": "error"}
    assert run.counts["errors"] == 1
    page.rmdir()
    assert statuses(cohort.grade()[1]) == ALL_STATUSES


def canary_with(mean: float, spread: float) -> str:
    """A stored distribution for the quick rubric and the bundled images, of a network that is trained for ten steps."""
    row = f"{bundled_data().fingerprint},tiny,1,2,3,3,10,64,0.05,0.9,99,{mean},{spread}"
    return f"{stored_text().splitlines()[0]}\n{row}\n"


def test_accuracies_wait_if_training_is_not_as_usual_until_they_are_measured_again(
    cohort: Cohort, capsys: pytest.CaptureFixture[str]
) -> None:
    cohort.change("ada")
    far_off, as_usual = canary_with(0.99, 0.001), canary_with(0.3, 0.3)
    run, reports = cohort.grade(canary=far_off)
    assert run.canary.is_outside
    assert capsys.readouterr().out.startswith("! Training was not as usual.")
    alarmed = {page for page in cohort.out.rglob("*.html") if "Training was not as usual." in page.read_text("utf-8")}
    assert alarmed == {cohort.out / name for name in ("index.html", "anonymous.html", run_folder.page_path("ada"))}
    assert reports["ada"].status is Status.NEEDS_REVIEW
    (waiting,) = (item for item in reports["ada"].results if item.status is Status.NEEDS_REVIEW)
    assert (waiting.id, waiting.awarded, waiting.proposed) == ("training.accuracy", Decimal(0), Decimal(1))

    run, reports = cohort.grade(Selection(remark=True), canary=as_usual)
    assert run.canary.is_outside, "the evidence is the same"
    assert reports["ada"].status is Status.NEEDS_REVIEW

    run, reports = cohort.grade(canary=as_usual)
    assert run.counts["graded"] == 1
    assert run.canary.text.startswith("within the stored range: the tiny network reached")
    assert capsys.readouterr().out.count("Training was not as usual.") == 1, "of the run before"
    assert statuses(reports) == ALL_STATUSES


# ---- one device ------------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(cohort: Cohort) -> Cohort:
    """The cohort after ada's network was trained on a device that this machine does not have."""
    stored = cohort.record("ada").read_text(encoding="utf-8")
    assert '"device": "cpu"' in stored
    missing = "cuda" if sys.platform == "darwin" else "mps"
    cohort.record("ada").write_text(stored.replace('"device": "cpu"', f'"device": "{missing}"'), encoding="utf-8")
    return cohort


def test_accuracies_from_another_device_are_measured_again(elsewhere: Cohort) -> None:
    run, reports = elsewhere.grade(device="cpu")
    assert run.counts == {"graded": 1, "reused": 2, "nothing to run": 1}
    assert statuses(reports) == ALL_STATUSES


def test_without_a_named_device_a_run_keeps_the_one_of_its_evidence(elsewhere: Cohort) -> None:
    elsewhere.change("ben")
    before = {path: path.read_bytes() for path in elsewhere.out.rglob("*") if path.is_file()}
    with pytest.raises(
        UsageFault, match=r"which this machine does not have; with --device \w+, and without --student, all"
    ):
        elsewhere.grade(device="auto")
    after = {path: path.read_bytes() for path in elsewhere.out.rglob("*") if path.is_file()}
    assert after == before, "a run that cannot be finished does not begin"


def test_one_student_is_not_trained_on_another_device_than_the_others(elsewhere: Cohort) -> None:
    with pytest.raises(UsageFault, match="--student with --device cpu: the other networks of this run were trained on"):
        elsewhere.grade(Selection(students=("ben",)), device="cpu")


@pytest.fixture
def mixed(elsewhere: Cohort) -> Cohort:
    """The same, merged from shards with --mixed."""
    stored = run_folder.read_run(elsewhere.out)
    assert stored is not None
    assert stored.run is not None
    missing = "cuda" if sys.platform == "darwin" else "mps"
    run = replace(stored.run, device=device_text(("cpu", missing)))
    run_folder.write_run(elsewhere.out, run, is_finished=True)
    return elsewhere


def test_a_mixed_run_keeps_its_evidence_and_stays_mixed(mixed: Cohort) -> None:
    device = device_text(["cpu", "cuda" if sys.platform == "darwin" else "mps"])
    run, reports = mixed.grade(device="auto")
    assert (run.counts, run.device) == (RAN_NOTHING, device)
    mixed.change("ben")
    run, reports = mixed.grade(device="auto")
    assert (run.counts, run.device) == ({"graded": 1, "reused": 2, "nothing to run": 1}, device)
    run, reports = mixed.grade(Selection(students=("ben",)), device="cpu")
    assert (run.counts, run.device) == ({"graded": 1, "reused": 2, "nothing to run": 1}, device)
    assert statuses(reports) == ALL_STATUSES


def test_a_mixed_run_is_of_one_device_after_that_is_named(mixed: Cohort) -> None:
    run, reports = mixed.grade(device="cpu")
    assert (run.counts, run.device) == ({"graded": 1, "reused": 2, "nothing to run": 1}, "cpu")
    assert statuses(reports) == ALL_STATUSES


# ---- Part 1 ----------------------------------------------------------------------------------------------------------

KEY = ROOT / "solutions" / "key.toml"
ANSWERS = "Q1. Several hidden layers.\n\nQ6a. 4 5 1 3\n\nQ7e. In the feature map.\n\nQ8. It reduces overfitting.\n"


def answers_of(report: Report) -> dict[str, tuple[str, Decimal]]:
    return {
        answer.part: (str(answer.status), answer.awarded)
        for answer in report.answer_results
        if answer.answer and answer.answer.text
    }


def test_answers_are_marked_and_marked_again_from_storage(cohort: Cohort) -> None:
    rubric = write_rubric(cohort.out.parent / "both.toml", part1=True)
    # The place of each part is named, because four numbered answers alone are too few to be recognised.
    document = re.sub(r"Q(\w+)\. ", r"<!-- lab4:q\1 -->\n", ANSWERS)
    for student in ("ada", "dora"):
        (cohort.path / student / "part1.md").write_text(document, encoding="utf-8")
    run, reports = cohort.grade(rubric=rubric, key=KEY)
    full = {part: ("passed", Decimal(1)) for part in ("1", "6a", "7e", "8")}
    assert answers_of(reports["ada"]) == full
    assert answers_of(reports["dora"]) == full, "answers count without a script"
    assert reports["ada"].awarded == 14 + 4
    assert run.key_revision == load_key(KEY).revision
    entry = next(row for row in cohort.results()["submissions"] if row["student"] == "ada")
    (pooling,) = (answer for answer in entry["answers"] if answer["part"] == "6a")
    assert (pooling["answer"], pooling["source"], pooling["awarded"]) == ("4 5 1 3", "part1.md", 1)

    before = cohort.records()
    other_key = cohort.out.parent / "key.toml"
    changed = KEY.read_text(encoding="utf-8").replace('["4", "5", "1", "3"]', '["4", "5", "1", "2"]')
    other_key.write_text(changed, encoding="utf-8")
    shutil.copy(KEY.with_name("samples.jsonl"), other_key.parent)
    (cohort.path / "ada" / "part1.md").write_text("nothing any more", encoding="utf-8")
    run, reports = cohort.grade(Selection(remark=True), rubric=rubric, key=other_key)
    assert ran_no_worker(run)
    assert answers_of(reports["ada"]) == full | {"6a": ("partial", Decimal("0.75"))}
    assert cohort.records() == before

    run, reports = cohort.grade(rubric=rubric, key=KEY)
    assert answers_of(reports["ada"]) == {}, "a new document is read again"


def test_marking_again_needs_no_data_and_keeps_its_name(cohort: Cohort) -> None:
    before = cohort.results()
    command = [sys.executable, "-m", "grader", "grade", str(cohort.path), "--out", str(cohort.out), "--remark"]
    done = subprocess.run(
        [*command, "--rubric", str(cohort.rubric), "--quiet"],
        cwd=ROOT,
        env={**os.environ, "LAB4_DATA": str(cohort.out / "no-such-folder")},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    after = cohort.results()
    assert after["run"]["data"] == "mnist-10k"
    assert after["submissions"] == before["submissions"]


def test_what_took_too_long_to_read_waits_until_a_later_run_reads_it(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cohort.path / "ada" / "part1.md").write_text(ANSWERS, encoding="utf-8")
    (cohort.path / "ada" / "experiments.csv").write_text("channels,kernel\n", encoding="utf-8")
    rubric = write_rubric(cohort.out.parent / "both.toml", part1=True)

    def spin(*asked: object) -> None:
        while True:
            pass

    with monkeypatch.context() as patched:
        patched.setattr("grader.reading.reader.READING_SECONDS", 1)
        patched.setitem(service._WORKS, "sheet", spin)  # the reading processes are copies of this one
        patched.setitem(service._WORKS, "experiment", spin)
        _, first = cohort.grade(rubric=rubric, key=KEY)
    late = first["ada"]
    answers = [item for item in late.results if item.answer is not None]
    assert all("takes too long to read" in item.message for item in answers)
    assert any("takes too long to read" in item.message for item in late.unmarked)
    assert {item.status for item in answers} == {Status.NEEDS_REVIEW}
    assert all(item.status is Status.PASSED for item in late.code_results)
    _, reports = cohort.grade(Selection(remark=True), rubric=rubric, key=KEY)
    assert any("takes too long to read" in item.message for item in reports["ada"].unmarked), "not lost, and not read"
    run, reports = cohort.grade(rubric=rubric, key=KEY)
    assert "graded" not in run.counts
    assert not any("takes too long" in item.message for item in (*reports["ada"].results, *reports["ada"].unmarked))


def pages_of(out: Path) -> dict[Path, str]:
    """The students' pages of a run, without the time at which they were marked."""
    time = re.compile(r"<dt>Marked</dt><dd>[^<]*</dd>")
    return {page: time.sub("", page.read_text(encoding="utf-8")) for page in out.glob("students/*/report.html")}


def test_rendering_again_gives_the_same_pages(cohort: Cohort) -> None:
    (cohort.path / "ada" / "part1.md").write_text(ANSWERS, encoding="utf-8")
    cohort.grade(rubric=write_rubric(cohort.out.parent / "both.toml", part1=True), key=KEY)
    before = pages_of(cohort.out)
    assert "<dt>Answers in</dt><dd>part1.md</dd>" in before[cohort.out / run_folder.page_path("ada")]
    write_views(load_run(cohort.out), pages)
    assert pages_of(cohort.out) == before


def test_a_tutors_decision_survives_grading_and_marking_again(cohort: Cohort) -> None:
    _, reports = cohort.grade()
    ben = reports["ben"]
    scores = next(item for item in ben.code_results if item.id == "output.log_softmax")
    made = Decision(
        student="ben",
        item=scores.id,
        author="Tess",
        time="2025-11-24T09:30:00+00:00",
        reason="Agreed in the lab.",
        digest=subject_digest(ben, scores),
        available=scores.available,
        old=scores.awarded,
        new=Decimal("0.5"),
    )
    report_samples.decide(cohort.out, made)
    for selection in (Selection(), Selection(remark=True), Selection(students=("ben",))):
        _, reports = cohort.grade(selection)
        assert (reports["ben"].awarded, reports["ben"].status) == (Decimal("13.5"), Status.PARTIAL)
        assert next(item for item in reports["ben"].code_results if item.id == scores.id).decision == made
    later = cohort.out.parent / "later"
    _, reports = cohort.grade(out=later, earlier=cohort.out)
    assert reports["ben"].awarded == Decimal("13.5")
    assert read_decisions(later) == read_decisions(cohort.out)
    stored = records.read_report(later, "ben")
    assert stored is not None
    assert stored.awarded == 13, "the automatic mark is unchanged"


# ---- exit codes ------------------------------------------------------------------------------------------------------


def test_exit_code_0_when_everything_is_settled(cohort: Cohort) -> None:
    done = cohort.command("--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_exit_code_1_when_a_tutor_is_needed(cohort: Cohort) -> None:
    rubric = write_rubric(cohort.out.parent / "both.toml", part1=True)
    done = replace(cohort, rubric=rubric).command()
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    assert "Needs a tutor" in done.stdout
    assert "ben" in done.stdout


# ---- a run that is ended half-way ------------------------------------------------------------------------------------

SLOW = """
import time
def features():
    time.sleep(3)
    return 320
FEATURES = features()
"""


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    give_up = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True


def gone(processes: Sequence[psutil.Process]) -> bool:
    return not [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.timeout(3 * RUN_SECONDS)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_continues_where_it_stopped(how: signal.Signals, tmp_path: Path) -> None:
    cohort = Cohort(tmp_path / "lab4", tmp_path / "out", write_rubric(tmp_path / "rubric.toml"))
    students = ("ada", "ben", "cleo")
    for student in students:
        hand_in(cohort.path / student, "valid-type-hints")
    script = cohort.script("cleo").read_text(encoding="utf-8")
    head, _, rest = script.partition("\nclass Net")
    slow = f"{head}{SLOW}\nclass Net{rest.replace('in_features=20 * 4 * 4', 'in_features=FEATURES')}"
    cohort.script("cleo").write_text(slow, encoding="utf-8")

    def stored() -> list[str]:
        return [student for student in students if cohort.record(student).exists()]

    with subprocess.Popen(
        cohort.arguments("--quiet"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        is_stored = wait_until(lambda: bool(stored()), RUN_SECONDS)  # two are under way, and the third begins
        workers = psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.5)  # cleo's script sleeps for longer
        workers += psutil.Process(process.pid).children(recursive=True)
        process.send_signal(how)
        _, errors = process.communicate(timeout=20)
    assert is_stored, errors
    assert wait_until(lambda: gone(workers), 10), "no worker is left"
    assert not cohort.record("cleo").exists()
    run = run_folder.read_run(cohort.out)
    assert run is not None
    assert not run.is_finished
    before = {student: cohort.record(student).read_bytes() for student in stored()}
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert errors.strip().endswith("run the same command again to continue.")
        # A submission that was stored in the moment of the interrupt may not be listed yet.
        listed = [entry["student"] for entry in cohort.results()["submissions"]]
        assert set(listed) <= set(before)
        for page in (cohort.out / run_folder.page_path(student) for student in listed):
            links = re.findall(r'href="(\.\./[^"]+)"', page.read_text(encoding="utf-8"))
            assert all((page.parent / link).exists() for link in links), "no link to a page that was not written"
            assert "../../index.html" in links

    cohort.grade()
    results = cohort.results()
    assert results["run"]["counts"] == {"reused": len(before), "graded": len(students) - len(before)}
    assert [(entry["student"], entry["status"]) for entry in results["submissions"]] == [
        (student, Status.PASSED) for student in students
    ]
    assert {student: cohort.record(student).read_bytes() for student in before} == before
    run = run_folder.read_run(cohort.out)
    assert run is not None
    assert run.is_finished


# ---- isolation -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has the full level")
@pytest.mark.parametrize("process", ["isolation", "measuring_isolation"], ids=["recorded", "measured"])
def test_a_required_level_does_not_reuse_evidence_from_a_lower_one(cohort: Cohort, process: str) -> None:
    stored = json.loads(cohort.record("ada").read_text(encoding="utf-8"))
    if not stored["evidence"][process].startswith("full"):
        pytest.skip("this machine has no full level")
    stored["evidence"][process] = "off: limits on time"
    cohort.record("ada").write_text(json.dumps(stored), encoding="utf-8")
    run, _ = cohort.grade()
    assert run.counts == RAN_NOTHING
    assert run.isolation.startswith("off") == (process == "isolation"), "student code ran there"

    run, _ = cohort.grade(isolation=Wish.REQUIRE)
    assert run.counts == {"graded": 1, "reused": 2, "nothing to run": 1}
    evidence = json.loads(cohort.record("ada").read_text(encoding="utf-8"))["evidence"]
    assert evidence[process].startswith("full: own file system")

    run, _ = cohort.grade(isolation=Wish.REQUIRE)
    assert (run.counts, run.isolation) == (RAN_NOTHING, "no student code was run")
    page = (run_folder.student_folder(cohort.out, "ada") / run_folder.PAGE_FILE).read_text(encoding="utf-8")
    assert "<dt>Isolation</dt><dd>full: " in page, "a report names the level that its own evidence came from"


def test_an_invalid_worker_prefix_is_refused(tmp_path: Path) -> None:
    cohort = Cohort(tmp_path / "lab4", tmp_path / "out", write_rubric(tmp_path / "rubric.toml"))
    hand_in(cohort.path / "ada", "valid-type-hints")
    done = cohort.command("--quiet", "--worker-prefix", "bwrap 'open quote")
    assert done.returncode == 2
    assert "--worker-prefix cannot be read" in done.stderr
