"""The experiment of Part 2: its files are found, checked, trained again once per network, stored and shown."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from grader.answers.finding.observations import named_factors
from grader.answers.finding.sheet import read_sheet
from grader.data.bundled import bundled_data
from grader.experiment.findings import experiment_findings
from grader.experiment.plausibility import BRIEF_STEPS, plausible
from grader.experiment.rerun import MOST_WORK, TOO_LARGE, Reruns, brief_plan, chosen, is_trainable, work
from grader.experiment.table_files import candidates, experiment_key, gather
from grader.lab4.items import EXPERIMENT_TITLES, PART1_IDS, PART2_TITLES
from grader.model import AnswerSheet, Report, Rubric, Run, Status, Submission, TrainingPlan, WrittenAnswer
from grader.model.evidence import Ending, Evidence, Training
from grader.model.experiment import Experiment, Rerun, Trial
from grader.moderation.finished_run import load_run, write_views
from grader.pipeline.cohort import grade_cohort
from grader.pipeline.marking import report_of, report_of_fault, report_without_script
from grader.pipeline.settings import RunSettings, Selection
from grader.report.console.progress import Progress
from grader.report.console.summary import make_console
from grader.report.html import pages
from grader.report.html.experiment_view import MOST_LINES
from grader.rubric.loading import load_rubric
from grader.storage import records
from grader.storage.records import StoredEvidence
from tests.support import evidence_samples as samples
from tests.support import report_samples
from tests.support.experiment_samples import ALICE, GOOD, PARAGRAPH, RERUN, VARIED, WRITTEN, marked, rubric, trial
from tests.support.places import ROOT, TESTS

HEADER = "channels1,channels2,kernel1,kernel2,epochs,accuracy,seconds\n"
SWEEP = HEADER + "2,4,3,3,2,0.91,41\n3,6,3,3,2,0.92,80\n2,4,5,5,2,0.93,30\n"
NET = (TESTS / "submissions" / "valid-type-hints" / "task1_cnn.py").read_text(encoding="utf-8")
TEMPLATE = ROOT / "student_template" / "part1_answers.ipynb"
NONE, FULL = Decimal(0), Decimal(1)


def statuses(experiment: Experiment | None, sheet: AnswerSheet = WRITTEN) -> dict[str, str]:
    found = experiment_findings(experiment, sheet)
    assert list(found) == list(EXPERIMENT_TITLES)
    return {id.removeprefix("experiment."): str(finding.status) for id, finding in found.items()}


def with_trials(*trials: Trial) -> Experiment:
    return replace(GOOD, trials=trials, rerun=replace(RERUN, trial=trials[0]))


# ---- findings --------------------------------------------------------------------------------------------------------


def test_a_good_experiment_leaves_the_paragraph_to_the_tutor() -> None:
    expected = dict.fromkeys(("table", "varied", "figures", "rerun"), "passed") | {"observations": "needs_review"}
    assert statuses(GOOD) == expected
    paragraph = experiment_findings(GOOD, WRITTEN)["experiment.observations"]
    assert (paragraph.fraction, paragraph.seen) == (FULL, PARAGRAPH)


def test_nothing_handed_in() -> None:
    assert statuses(None, AnswerSheet()) == {
        "table": "failed",
        "varied": "skipped",
        "figures": "skipped",
        "rerun": "skipped",
        "observations": "needs_review",
    }
    assert statuses(Experiment("experiments.csv"))["table"] == "failed"


def test_an_unreadable_line_costs_no_points() -> None:
    unread = replace(GOOD, problems=("Line 5 of experiments.csv could not be read: why.",), unread=1)
    found = experiment_findings(unread, WRITTEN)["experiment.table"]
    assert (found.status, found.fraction) == (Status.NEEDS_REVIEW, FULL)
    assert "Line 5" in found.seen
    workbook = Experiment("e.xlsx", problems=("e.xlsx is a workbook; please save it as CSV.",), unread=1)
    assert experiment_findings(workbook, WRITTEN)["experiment.table"].status is Status.NEEDS_REVIEW


@pytest.mark.parametrize(
    ("trials", "status", "word"),
    [
        ((trial(), trial(20), trial(30)), Status.PARTIAL, "kernel sizes"),
        ((trial(), trial(10, 3), trial(10, 7)), Status.PARTIAL, "numbers of channels"),
        ((trial(), trial(20, 3)), Status.PARTIAL, "2 runs"),
        ((trial(), trial(accuracy=0.96)), Status.FAILED, "numbers of channels and of kernel sizes"),
        ((trial(),), Status.FAILED, "kernel sizes"),
        ((trial(), trial(channels2=40), trial(kernel2=3)), Status.PASSED, "both"),
    ],
)
def test_both_factors_must_be_varied(trials: Sequence[Trial], status: Status, word: str) -> None:
    found = experiment_findings(with_trials(*trials), WRITTEN)["experiment.varied"]
    assert (found.status, word in found.message) == (status, True)


def test_an_unread_line_may_contain_what_is_missing() -> None:
    found = replace(with_trials(trial(), trial(20), trial(30)), unread=1, problems=("Line 5: why.",))
    assert experiment_findings(found, WRITTEN)["experiment.varied"].status is Status.NEEDS_REVIEW


@pytest.mark.parametrize(
    ("odd", "word"),
    [
        (trial(accuracy=1.7), "accuracy of 1.7"),
        (trial(accuracy=-0.2), "accuracy of -0.2"),
        (trial(kernel1=29), "a kernel of 29 pixels"),
        (trial(channels1=0), "without channels"),
        (trial(kernel2=0), "without pixels"),
        (trial(seconds=-3), "-3 seconds"),
        (trial(epochs=-1), "-1 epochs"),
    ],
)
def test_impossible_figures_fail_and_a_single_one_goes_to_a_tutor(odd: Trial, word: str) -> None:
    all_odd = experiment_findings(with_trials(odd, odd), WRITTEN)["experiment.figures"]
    assert (all_odd.status, word in all_odd.seen) == (Status.FAILED, True)
    a_slip = experiment_findings(with_trials(odd, *VARIED), WRITTEN)["experiment.figures"]
    assert a_slip.status is Status.NEEDS_REVIEW


@pytest.mark.parametrize("unusual", [trial(accuracy=1.0), trial(accuracy=0.0098), trial(seconds=0)])
def test_unusual_figures_go_to_a_tutor(unusual: Trial) -> None:
    assert (
        experiment_findings(with_trials(unusual, *VARIED), WRITTEN)["experiment.figures"].status is Status.NEEDS_REVIEW
    )


def test_the_same_accuracy_for_all_networks_goes_to_a_tutor() -> None:
    same = [replace(tried, accuracy=0.97) for tried in VARIED]
    assert experiment_findings(with_trials(*same), WRITTEN)["experiment.figures"].status is Status.NEEDS_REVIEW


def test_one_network_trained_twice_is_fine() -> None:
    twice = (*VARIED, replace(VARIED[0], accuracy=0.981, row=9))
    assert experiment_findings(with_trials(*twice), WRITTEN)["experiment.figures"].status is Status.PASSED


def test_an_implausible_claim_goes_to_a_tutor_and_is_never_a_zero() -> None:
    low, high = plausible(0.9, epochs=2)
    for accuracy in (low - 0.01, high + 0.0005):
        claim = trial(accuracy=accuracy)
        found = experiment_findings(replace(with_trials(claim), rerun=replace(RERUN, trial=claim)), WRITTEN)[
            "experiment.rerun"
        ]
        assert found.status is Status.NEEDS_REVIEW
        assert found.fraction > 0
        assert "90.0 %" in found.message
    inside = trial(accuracy=(low + high) / 2)
    assert statuses(replace(with_trials(inside), rerun=replace(RERUN, trial=inside)))["rerun"] == "passed"


def test_a_line_that_was_not_trained_again_costs_nothing_and_says_why() -> None:
    found = experiment_findings(replace(GOOD, rerun=Rerun(VARIED[0], problem=TOO_LARGE)), WRITTEN)["experiment.rerun"]
    assert (found.status, found.message, found.fraction) == (Status.NEEDS_REVIEW, TOO_LARGE, Decimal(1))


def test_the_paragraph_is_marked_by_what_it_mentions() -> None:
    def found(**changes: Any) -> tuple[Status, Decimal]:
        blank = WrittenAnswer("observations", "", "a.md", 0.98, is_blank=True)
        finding = experiment_findings(GOOD, AnswerSheet(observations=replace(blank, **changes)))[
            "experiment.observations"
        ]
        return finding.status, finding.fraction

    assert found() == (Status.FAILED, NONE)
    assert found(is_blank=False, has_picture=True) == (Status.NEEDS_REVIEW, NONE)
    assert found(is_blank=False, text="The kernels did not matter.") == (Status.NEEDS_REVIEW, Decimal("0.5"))
    assert named_factors("3x3 was as good; twice the filters were better.") == ("channels", "kernel sizes")


# ---- which line is trained again -------------------------------------------------------------------------------------


def test_the_claim_furthest_above_the_reference_is_chosen() -> None:
    reference = (trial(accuracy=0.97), trial(4, accuracy=0.93), trial(40, accuracy=0.985))
    bold = trial(4, accuracy=0.984, row=7)
    assert chosen((trial(40, accuracy=0.986), bold, trial(accuracy=0.972)), reference) == bold
    assert chosen((trial(accuracy=0.972), bold), ()) == bold, "without a reference, the best claim"
    assert chosen((trial(row=3), trial(row=4)), reference) == trial(row=3), "the first of equals"


def test_only_a_line_that_can_be_trained_briefly_is_chosen() -> None:
    unable = (trial(accuracy=1.2), trial(epochs=0), trial(kernel1=31), trial(channels1=0), trial(400, channels2=400))
    assert not any(map(is_trainable, unable))
    assert chosen(unable, ()) is None
    assert work(trial(32, channels2=64)) < MOST_WORK, "the networks that students usually try can be trained briefly"


class Trainer:
    """Takes the place of a worker and records what it is asked to train."""

    def __init__(self, ending: str = "finished") -> None:
        self.scripts: list[str] = []
        self.ending = ending
        self.gate = threading.Event()

    def __call__(self, script: str, plan: TrainingPlan) -> Evidence:
        self.scripts.append(script)
        assert self.gate.wait(10)
        if self.ending == "raise":
            raise OSError("no more room")
        done = () if self.ending != "finished" else (Training(None, 1, steps=plan.steps, correct=9, total=10),)
        return Evidence(Ending(self.ending), trainings=done)


def test_a_network_is_trained_once_for_all_students() -> None:
    trainer = Trainer()
    reruns = Reruns(trainer, brief_plan(samples.PLAN))
    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(reruns.of, (trial(row=row), trial(4, accuracy=0.5)), ()) for row in range(2, 6)]
        trainer.gate.set()
        found, seconds = zip(*(future.result() for future in futures), strict=True)
    assert len(trainer.scripts) == 1
    assert sum(1 for spent in seconds if spent) == 1, "the seconds count once"
    assert [rerun.trial.row for rerun in found] == [2, 3, 4, 5], "each with the student's own line"
    assert {rerun.accuracy for rerun in found} == {0.9}


def test_an_unfinished_rerun_has_a_reason_and_a_failed_one_is_tried_again() -> None:
    late = Trainer("deadline")
    late.gate.set()
    assert Reruns(late, samples.PLAN).of(VARIED, ())[0].problem
    broken = Trainer("raise")
    broken.gate.set()
    reruns = Reruns(broken, samples.PLAN)
    for _ in range(2):
        with pytest.raises(OSError, match="room"):
            reruns.of(VARIED, ())
    assert len(broken.scripts) == 2


# ---- marks -----------------------------------------------------------------------------------------------------------


def test_an_experiment_without_points_changes_no_sum() -> None:
    plain = report_of(ALICE, samples.HEALTHY, rubric(None))
    report = marked(None)
    assert (report.code_results, report.status, report.awarded, report.available, report.message) == (
        plain.code_results,
        plain.status,
        plain.awarded,
        plain.available,
        plain.message,
    )
    assert [item.id for item in report.unmarked] == list(EXPERIMENT_TITLES)
    assert {item.available for item in report.unmarked} == {0}
    assert plain.unmarked == marked(None, None, AnswerSheet()).unmarked == ()


def test_the_items_of_an_experiment_with_points_come_last() -> None:
    report = marked("2")
    assert [item.id for item in report.code_results] == [*PART2_TITLES, *EXPERIMENT_TITLES]
    assert report.awarded == len(PART2_TITLES) + 8
    assert report.available == len(PART2_TITLES) + 10
    assert report.unmarked == ()
    paragraph = report.code_results[-1]
    assert (paragraph.status, paragraph.awarded, paragraph.proposed) == (Status.NEEDS_REVIEW, NONE, Decimal(2))


def test_a_skipped_rerun_with_points_waits_for_a_tutor() -> None:
    report = marked("2", replace(GOOD, rerun=Rerun(VARIED[0], problem=TOO_LARGE)))
    again = next(item for item in report.code_results if item.id == "experiment.rerun")
    assert (again.status, again.awarded, again.proposed, again.message) == (
        Status.NEEDS_REVIEW,
        NONE,
        Decimal(2),
        TOO_LARGE,
    )


def test_the_experiment_is_marked_without_a_script_and_after_a_grader_error() -> None:
    unusable = replace(ALICE, script=None, problem="No script was found.")
    report = report_without_script(unusable, rubric("1"), sheet=WRITTEN, experiment=GOOD)
    assert [str(item.status) for item in report.code_results[-5:]] == [*["passed"] * 4, "needs_review"]
    assert {item.status for item in report_of_fault(ALICE, rubric("1"), message="x").code_results} == {Status.ERROR}


# ---- the page --------------------------------------------------------------------------------------------------------


def page_of(report: Report) -> str:
    return report_samples.student_page(report, report_samples.RUN)


def test_a_page_without_an_experiment_does_not_mention_it() -> None:
    assert "xperiment" not in page_of(report_samples.passed_report()).partition("<body>")[2]


def test_a_table_left_blank_takes_two_sentences() -> None:
    page = page_of(marked(None, Experiment("experiments.csv"), AnswerSheet())).partition('id="experiment"')[2]
    section = page.partition("</section>")[0]
    assert "experiments.csv contains no run yet." in section
    assert "<table" not in section


def test_a_page_shows_the_runs_and_highlights_the_one_trained_again() -> None:
    many = tuple(replace(VARIED[0], row=row) for row in range(2, 80))
    last = replace(RERUN, trial=many[-1])
    section = page_of(marked(None, Experiment("experiments.csv", many, rerun=last))).partition('id="experiment"')[2]
    rows = section.partition('class="trials"')[2].partition("</table>")[0]
    assert rows.count("<tr") == MOST_LINES + 1
    assert rows.count('class="again"') == 1
    assert f"{len(many) - MOST_LINES} more lines not shown" in section
    assert "90.0 % of the held-out images" in section
    assert 'role="img"' in section
    assert PARAGRAPH in section


def test_an_experiment_with_points_has_its_own_sum() -> None:
    page = page_of(marked("2"))
    assert "Part 2: the experiment" in page
    network = page.partition('<section class="card" aria-labelledby="items">')[2].partition("</section>")[0]
    assert "structure.conv" in network
    assert "experiment." not in network
    assert [page.count(f'id="item-{id}"') for id in EXPERIMENT_TITLES] == [1] * len(EXPERIMENT_TITLES)
    assert "Not marked" not in page


# ---- finding ---------------------------------------------------------------------------------------------------------


def submission(folder: Path, files: dict[str, str], script: str | None = "task1_cnn.py") -> Submission:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    documents = tuple(name for name in files if name.endswith((".md", ".txt")))
    return Submission(folder.name, folder, script, tuple(files), "0" * 64, documents=documents)


@pytest.mark.parametrize("name", ["experiments.csv", "work/Experiments.CSV", "my experiments (1).csv", "results.csv"])
def test_the_table_is_found_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    found = gather(submission(tmp_path, {name: SWEEP, "other.csv": "a,b\n1,2\n"}))
    assert found is not None
    assert (found.source, len(found.trials)) == (name, 3)


def test_of_several_tables_the_one_with_most_runs_counts(tmp_path: Path) -> None:
    found = gather(submission(tmp_path, {"experiments.csv": HEADER, "old/experiments.csv": SWEEP}))
    assert found is not None
    assert found.source == "old/experiments.csv"


def test_a_submission_without_a_table_has_no_experiment(tmp_path: Path) -> None:
    student = submission(tmp_path, {"task1_cnn.py": NET, "experiments.txt": "I tried much."})
    assert candidates(submission(tmp_path, {"task1_cnn.py": NET})) == ()
    assert gather(student) is None
    assert experiment_key(replace(student, files=("task1_cnn.py",))) == ""
    assert experiment_key(student, "a") != experiment_key(student, "b")
    assert experiment_key(student) != experiment_key(replace(student, digest="1" * 64))


def test_a_workbook_should_be_saved_as_csv(tmp_path: Path) -> None:
    found = gather(submission(tmp_path, {"experiments.xlsx": "PK"}))
    assert found is not None
    assert "save it as CSV" in found.problems[0]


ANSWERS = "\n".join(f"## Question {part}\n\nSome words on it.\n" for part in PART1_IDS)


@pytest.mark.parametrize(
    "tail",
    [
        f"<!-- lab4:observations -->\n{PARAGRAPH}",
        f"## Part 2: your observations (optional)\n\n{PARAGRAPH}",
        "## Part 2: your observations (optional)\n\nIf you tried other numbers of channels and other kernel sizes, "
        f"tell us ... it is not one of the thirteen questions.\n\n<!-- lab4:observations -->\n{PARAGRAPH}",
        f"# Observations\n\n{PARAGRAPH}\n\n# References\n\nA book.",
        f"**Experiments**\n\n{PARAGRAPH}",
    ],
)
def test_the_paragraph_is_found_and_is_not_part_of_an_answer(tmp_path: Path, tail: str) -> None:
    sheet = read_sheet(submission(tmp_path, {"answers.md": f"{ANSWERS}\n{tail}\n"}))
    assert sheet.observations is not None
    assert (sheet.observations.text, sheet.observations.source) == (PARAGRAPH, "answers.md")
    assert {answer.part: answer.text for answer in sheet.answers}["8"] == "Some words on it."


def test_an_untouched_place_is_blank(tmp_path: Path) -> None:
    place = "<!-- lab4:observations -->\n*Write your answer here.*\n"
    sheet = read_sheet(submission(tmp_path, {"answers.md": f"{ANSWERS}\n{place}"}))
    assert sheet.observations is not None
    assert sheet.observations.is_blank
    assert read_sheet(submission(tmp_path, {"answers.md": ANSWERS})).observations is None


def test_the_template_has_a_place_that_is_blank(tmp_path: Path) -> None:
    folder = submission(tmp_path, {"part1_answers.ipynb": TEMPLATE.read_text(encoding="utf-8")})
    sheet = read_sheet(replace(folder, documents=folder.files))
    assert sheet.observations is not None
    assert sheet.observations.is_blank
    assert all(answer.is_blank for answer in sheet.answers)


def test_a_cell_without_heading_and_anchor_is_recognised_by_its_id(tmp_path: Path) -> None:
    notebook = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != "experiment"]
    notebook["cells"][-1]["source"] = PARAGRAPH
    notebook["cells"][-2]["source"] = "<!-- lab4:q8 -->\nAgainst overfitting."
    folder = submission(tmp_path, {"part1_answers.ipynb": json.dumps(notebook)})
    sheet = read_sheet(replace(folder, documents=folder.files))
    assert sheet.observations is not None
    assert sheet.observations.text == PARAGRAPH
    assert {answer.part: answer.text for answer in sheet.answers}["8"] == "Against overfitting."


# ---- a run -----------------------------------------------------------------------------------------------------------


BRIEF = """
[training]
steps = 50
batch_size = 64
learning_rate = 0.05
retry_learning_rate = 0.05
retry_steps = 50
momentum = 0.9
runs = 1
evaluate_every = 10
stop_accuracy = 0.4
margin = 0
bands = [{ accuracy = 0.1, fraction = 1 }]
"""


def scheme(path: Path, points: str = "") -> Rubric:
    """A rubric with a short training run, and ``points`` for each item of the experiment."""
    lines = ['title = "Quick"', "[totals]", f"part2 = {len(PART2_TITLES)}"]
    lines += [f"experiment = {Decimal(points) * len(EXPERIMENT_TITLES)}"] if points else []
    lines += ["[part2]", *(f'"{id}" = 1' for id in PART2_TITLES)]
    lines += ["[experiment]", *(f"{id} = {points}" for id in EXPERIMENT_TITLES)] if points else []
    lines += [BRIEF]
    path.write_text("\n".join([*lines, "[resources]", "max_parameters = 1_000_000", "max_forward_seconds = 10"]))
    return load_rubric(path)


def graded(path: Path, rubric: Rubric, *, remark: bool = False) -> tuple[Run, Report]:
    """One student's report."""
    settings = RunSettings(
        path=path,
        out=path.parent / "out",
        rubric=rubric,
        data=bundled_data(),
        jobs=1,
        device="cpu",
        selection=Selection(remark=remark),
    )
    run, (report,) = grade_cohort(settings, pages=pages, progress=Progress(make_console(), 0, is_quiet=True))
    return run, report


@pytest.mark.slow
def test_a_run_trains_a_line_again_and_stores_the_result(tmp_path: Path) -> None:
    cohort, out = tmp_path / "cohort", tmp_path / "out"
    files = {"task1_cnn.py": NET, "experiments.csv": SWEEP, "a.md": f"# Observations\n\n{PARAGRAPH} <script>"}
    submission(cohort / "ann", files)
    plain, paid = scheme(tmp_path / "plain.toml"), scheme(tmp_path / "paid.toml", "0.5")

    run, report = graded(cohort, plain)
    stored = records.read_evidence(out, "ann")
    assert stored is not None
    assert stored.experiment is not None
    first = stored.experiment.rerun
    assert first is not None
    assert (first.trial in stored.experiment.trials, first.steps, first.problem) == (True, BRIEF_STEPS, "")
    assert run.timing["experiment"] > 0
    assert report.available == len(PART2_TITLES)
    page = (out / "students" / "ann" / "report.html").read_text(encoding="utf-8")
    assert "Your experiment" in page
    assert "Not marked" in page
    assert f"{PARAGRAPH} &lt;script&gt;" in page
    assert page.count('class="again"') == 1

    run, _ = graded(cohort, plain)
    assert "experiment" not in run.timing, "a stored re-run is not trained again"
    assert run.isolation == "no student code was run"

    run, report = graded(cohort, paid, remark=True)
    assert [item.id for item in report.code_results[-5:]] == list(EXPERIMENT_TITLES)
    assert report.available == len(PART2_TITLES) + Decimal("2.5")
    again = records.read_evidence(out, "ann")
    assert again is not None
    assert again.experiment == stored.experiment

    write_views(load_run(out), pages)
    page = (out / "students" / "ann" / "report.html").read_text(encoding="utf-8")
    assert page.count('class="again"') == 1, "pages that are written again show it too"
    assert "Not marked" not in page


def test_a_record_without_an_experiment_is_read(tmp_path: Path) -> None:
    records.write_evidence(tmp_path, StoredEvidence.unobserved("alice", ALICE))
    path = tmp_path / "students" / "alice" / records.EVIDENCE_FILE
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["experiment"], content["experiment_key"]
    path.write_text(json.dumps(content), encoding="utf-8")
    found = records.read_evidence(tmp_path, "alice")
    assert found is not None
    assert (found.experiment, found.experiment_key) == (None, "")
