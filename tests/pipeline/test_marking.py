"""Marking: points, statuses, items that wait for a tutor, and flags, from evidence and rubric."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.cache import KnownMarker
from grader.answers.marker.key import load_key
from grader.answers.sheet_marking import NO_ANSWERS, WAITING
from grader.lab4.items import EXPERIMENT_TITLES, PART1_IDS, PART2_TITLES
from grader.model import (
    AnswerSheet,
    Criterion,
    Finding,
    Flag,
    GraderFault,
    KnownFinding,
    KnownFindings,
    Report,
    Result,
    Rubric,
    Status,
    Submission,
    WrittenAnswer,
)
from grader.model.evidence import Doubt, Ending, Evidence, Problem
from grader.model.status import lost_without_cause, overall_status
from grader.pipeline import marking
from grader.pipeline.marking import report_of, report_of_fault, report_without_script
from tests.support import evidence_samples as samples
from tests.support.evidence_samples import HEALTHY, training, until
from tests.support.places import ROOT

ALICE = Submission("alice", Path("alice"), "task1_cnn.py", ("task1_cnn.py",), "0" * 64, documents=("answers.txt",))
NOTHING = replace(ALICE, script=None, documents=(), files=(), problem="No Python script was found.")


def rubric(part1: bool = False, **points: str) -> Rubric:
    """A rubric with a point for each item, except those in ``points`` (``structure__relu="1.5"``)."""
    given = {id_.replace("__", "."): Decimal(value) for id_, value in points.items()}
    return Rubric(
        title="Lab 4",
        part1=tuple(Criterion(id_, f"Part {id_}", Decimal(1)) for id_ in PART1_IDS) if part1 else (),
        part2=tuple(Criterion(id_, f"Item {id_}", given.get(id_, Decimal(1))) for id_ in PART2_TITLES),
        training=samples.PLAN,
        revision="r1",
        max_parameters=samples.MAX_PARAMETERS,
        max_forward_seconds=samples.MAX_SECONDS,
    )


def item(report: Report, id_: str) -> Result:
    return next(result for result in report.code_results if result.id == id_)


def test_full_marks() -> None:
    report = report_of(ALICE, HEALTHY, rubric(structure__relu="1.5"))
    assert (report.student, report.status, report.message) == ("alice", Status.PASSED, "")
    assert (report.awarded, report.available) == (Decimal("14.5"), Decimal("14.5"))
    assert [result.id for result in report.code_results] == list(PART2_TITLES)
    assert item(report, "structure.relu").title == "Item structure.relu"
    assert (report.digest, report.flags) == (ALICE.digest, ())


def test_items_add_up_to_the_mark() -> None:
    evidence = replace(HEALTHY, trainings=(training(0.7, 1), training(0.7, 2), training(0.7, 3)))
    report = report_of(ALICE, evidence, rubric(training__accuracy="1.75"))
    learnt = item(report, "training.accuracy")
    assert (learnt.status, learnt.awarded, learnt.available) == (Status.PARTIAL, Decimal("0.88"), Decimal("1.75"))
    assert report.awarded == sum(result.awarded for result in report.code_results) == Decimal("13.88")
    assert report.status is Status.PARTIAL
    assert report.message == learnt.message


def test_no_item_awards_more_than_it_has() -> None:
    for evidence in (HEALTHY, until("probe", "exit"), until("load", "lost")):
        for result in report_of(ALICE, evidence, rubric()).code_results:
            assert 0 <= result.awarded <= result.available


def test_an_open_item_awards_nothing_and_has_a_proposal() -> None:
    evidence = replace(HEALTHY, trainings=tuple(training(0.89, seed) for seed in (1, 2, 3)))
    report = report_of(ALICE, evidence, rubric(training__accuracy="2"))
    undecided = item(report, "training.accuracy")
    assert (undecided.status, undecided.awarded) == (Status.NEEDS_REVIEW, Decimal(0))
    assert undecided.message.endswith("so a tutor decides.")
    assert undecided.proposed == 1
    assert report.status is Status.NEEDS_REVIEW


def test_a_proposal_follows_the_points_of_the_item() -> None:
    evidence = replace(HEALTHY, trainings=tuple(training(0.89, seed) for seed in (1, 2, 3)))
    for points, proposed in (("1.5", "0.75"), ("20", "10"), ("0", "0")):
        report = report_of(ALICE, evidence, rubric(training__accuracy=points))
        assert item(report, "training.accuracy").proposed == Decimal(proposed)
    assert {result.proposed for result in report.code_results if result.id != "training.accuracy"} == {None}


def test_answers_wait_for_a_tutor_without_a_key() -> None:
    sheet = AnswerSheet(tuple(WrittenAnswer(part, "Some words.", "answers.txt", 1.0) for part in PART1_IDS))
    report = report_of(ALICE, HEALTHY, rubric(part1=True), sheet=sheet)
    assert [answer.part for answer in report.answer_results] == list(PART1_IDS)
    assert {(answer.status, answer.awarded, answer.message) for answer in report.answer_results} == {
        (Status.NEEDS_REVIEW, Decimal(0), WAITING)
    }
    assert (report.awarded, report.available) == (Decimal(14), Decimal(14 + len(PART1_IDS)))
    assert report.status is Status.NEEDS_REVIEW


def test_a_submission_without_any_document_has_no_answers() -> None:
    report = report_without_script(NOTHING, rubric(part1=True))
    assert {answer.message for answer in report.answer_results} == {NO_ANSWERS}


def test_nothing_to_run_fails_loads_and_skips_the_rest() -> None:
    report = report_without_script(NOTHING, rubric())
    assert (report.status, report.awarded, report.available) == (Status.FAILED, Decimal(0), Decimal(14))
    assert report.message == item(report, "loads").message == "No Python script was found."
    assert item(report, "loads").hint
    assert {result.status for result in report.code_results if result.id != "loads"} == {Status.SKIPPED}
    assert (report.accuracy, report.network) == (None, "")


def test_nothing_to_run_has_a_default_message() -> None:
    assert report_without_script(replace(NOTHING, problem=""), rubric()).message == "No script was found."


def test_a_fault_of_the_grader_is_not_a_mark_of_zero() -> None:
    report = report_of_fault(ALICE, rubric(part1=True), message="OSError: disk full")
    assert report.status is Status.ERROR
    assert {result.status for result in report.code_results} == {Status.ERROR}
    assert report.message == "The grader failed on this submission: OSError: disk full"
    assert {result.hint for result in report.code_results} == {"This is a fault of the grader, not of the submission."}


def test_a_failed_item_worth_nothing_costs_nothing() -> None:
    without_dropout = replace(
        HEALTHY, trace=samples.trace(*(layer for layer in samples.LAYERS if layer.kind != "dropout"))
    )
    evidence = replace(without_dropout, modes=replace(samples.MODES, train_difference=0.0))
    free = rubric(structure__dropout_conv="0", structure__dropout_fc="0", behaviour__dropout_train_eval="0")
    report = report_of(ALICE, evidence, free)
    assert report.awarded == report.available == Decimal(11)
    assert item(report, "structure.dropout_fc").status is Status.FAILED


def test_a_loss_that_nothing_explains_is_a_fault_of_the_grader(monkeypatch: pytest.MonkeyPatch) -> None:
    def lossy(*_: object, **__: object) -> dict[str, Finding]:
        return {id: Finding(Status.PASSED, "", fraction=Decimal(id != "resources")) for id in PART2_TITLES}

    monkeypatch.setattr(marking, "find", lossy)
    with pytest.raises(GraderFault, match="explains the loss of points in resources"):
        report_of(ALICE, HEALTHY, rubric())


def test_a_skipped_item_explains_its_loss_only_by_a_fault() -> None:
    lost = Result("training.accuracy", "", S, Decimal(0), Decimal(2), "", cause="behaviour.gradients")
    for status in Status:
        cause = Result(
            "behaviour.gradients", "", status, Decimal(1), Decimal(1), "", cause="loads" if status is S else ""
        )
        explains = status in {F, Status.PARTIAL, Status.NEEDS_REVIEW, Status.ERROR}
        assert (lost_without_cause((cause, lost)) == ()) is explains
    assert lost_without_cause((lost,)) == (lost,), "no such item"
    with pytest.raises(ValueError, match="needs the id of its cause"):
        replace(lost, cause="")
    with pytest.raises(ValueError, match="cannot have a cause"):
        replace(lost, status=F)


P, F, S = Status.PASSED, Status.FAILED, Status.SKIPPED


@pytest.mark.parametrize(
    ("statuses", "overall"),
    [
        ((P, P), Status.PASSED),
        ((P, F), Status.PARTIAL),
        ((P, S), Status.PARTIAL),
        ((F, S), Status.FAILED),
        ((Status.PARTIAL, F), Status.PARTIAL),
        ((P, Status.NEEDS_REVIEW), Status.NEEDS_REVIEW),
        ((Status.NEEDS_REVIEW, Status.ERROR), Status.ERROR),
        ((), Status.PASSED),
    ],
)
def test_overall_status(statuses: tuple[Status, ...], overall: Status) -> None:
    items = [
        Result("loads", "", status, Decimal(0), Decimal(1), "", cause="loads" if status is S else "")
        for status in statuses
    ]
    assert overall_status(items) is overall


def test_a_skipped_item_worth_nothing_does_not_change_the_status() -> None:
    kept = Result("loads", "", P, Decimal(1), Decimal(1), "")
    assert overall_status([kept, replace(kept, status=S, awarded=Decimal(0), available=Decimal(0), cause="loads")]) is P


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        ("crashed", ["worker-crashed"]),
        ("lost", ["worker-lost"]),
        ("starved", ["worker-starved"]),
        ("unobserved", ["worker-unobserved"]),
        ("unrecorded", ["worker-unrecorded"]),
        ("unmeasured", ["worker-unmeasured"]),
        ("exit", []),
    ],
)
def test_an_abnormal_ending_is_flagged(kind: str, flags: list[str]) -> None:
    report = report_of(ALICE, until("trace", kind), rubric())
    assert [flag.id for flag in report.flags] == flags


def test_an_accuracy_under_doubt_waits_for_a_tutor() -> None:
    doubt = Doubt("trained-before", "training.accuracy", "It is right on 97% of the images before any training.")
    report = report_of(ALICE, replace(HEALTHY, doubts=(doubt,)), rubric())
    assert report.flags == (Flag("trained-before", doubt.message),)
    assert report.awarded == 13
    held = item(report, "training.accuracy")
    assert (held.status, held.proposed) == (Status.NEEDS_REVIEW, Decimal(1))
    assert held.message == f"Waiting for a tutor: {doubt.message}"


def test_a_doubt_about_the_whole_network_holds_all_items_except_loads() -> None:
    doubt = Doubt("program-differs", "", "The program does something else.")
    gradients = replace(samples.GRADIENTS, problem=Problem("replay", "No"))
    broken = replace(HEALTHY, doubts=(doubt, doubt), gradients=gradients)
    report = report_of(ALICE, broken, rubric())
    assert report.flags == (Flag("program-differs", doubt.message),), "one flag, however often the doubt occurs"
    assert {result.id for result in report.code_results if result.status is P} == {"loads"}
    assert {result.status for result in report.code_results if result.id != "loads"} == {Status.NEEDS_REVIEW}
    lost = item(report, "behaviour.gradients")
    assert lost.message.startswith(f"Waiting for a tutor: {doubt.message} The backward pass raises an error"), (
        "a loss waits as well"
    )
    assert lost.proposed == 0
    assert item(report, "structure.conv").proposed == 1


def test_flags_of_the_submission_come_first() -> None:
    flagged = replace(ALICE, flags=(Flag("two-scripts", "There are two."),))
    report = report_of(flagged, until("trace", "crashed"), rubric())
    assert [flag.id for flag in report.flags] == ["two-scripts", "worker-crashed"]


def test_marking_is_a_function_of_its_arguments() -> None:
    evidence = replace(until("build", "finished"), load=replace(samples.LOAD, problem=Problem("no-net", "No Net")))
    first, second = (report_of(ALICE, evidence, rubric(part1=True)) for _ in range(2))
    assert first == second


def test_a_submission_that_gets_further_never_earns_less() -> None:
    marks = [report_of(ALICE, until(stage, "exit"), rubric()).awarded for stage in samples.ALL_STAGES]
    marks.append(report_of(ALICE, replace(HEALTHY, ending=Ending("finished")), rubric()).awarded)
    assert all(earlier <= later for earlier, later in pairwise(marks)), marks


def test_the_report_has_the_accuracy_of_the_best_seed() -> None:
    runs = (training(0.8, seed=1), training(0.9, seed=2))
    report = report_of(ALICE, replace(HEALTHY, trainings=runs), rubric())
    assert (report.accuracy, report.accuracies) == (0.9, (0.8, 0.9))
    assert report_of(ALICE, replace(HEALTHY, trainings=()), rubric()).accuracy is None


@pytest.mark.parametrize(
    "evidence", [HEALTHY, until("load", "lost"), replace(HEALTHY, doubts=(Doubt("odd", "*", "It is odd."),))]
)
def test_code_from_a_document_is_only_proposed(evidence: Evidence) -> None:
    submission = replace(ALICE, script="lab4.docx.py", code_document="lab4.docx")
    settled = report_of(ALICE, replace(evidence, doubts=()), rubric())
    report = report_of(submission, evidence, rubric())
    assert {result.status for result in report.code_results} == {Status.NEEDS_REVIEW}
    assert report.awarded == 0
    for result, known in zip(report.code_results, settled.code_results, strict=True):
        assert result.proposed == (known.proposed or known.awarded)
    assert "lab4.docx" in item(report, "loads").message
    assert all(result.message.count("Waiting for a tutor") <= 1 for result in report.code_results)


def test_work_that_may_be_anothers_is_only_proposed() -> None:
    claimed = replace(ALICE, claim="Two claim it.")
    sheet = AnswerSheet(tuple(WrittenAnswer(part, "Words.", "a.txt", 1.0, is_blank=part == "1") for part in PART1_IDS))
    tried = replace(rubric(part1=True), experiment=tuple(Criterion(id, "x", Decimal(1)) for id in EXPERIMENT_TITLES))
    key = load_key(ROOT / "solutions/key.toml")
    found = {part: KnownFinding("Words.", mark_answer(key, part, "Words.")) for part in PART1_IDS}
    marker = KnownMarker(key, KnownFindings("", found))
    pairs = [
        [report_of(who, HEALTHY, tried, sheet=sheet, marker=marker) for who in (ALICE, claimed)],
        [
            report_without_script(replace(who, script=None), tried, sheet=sheet, marker=marker)
            for who in (ALICE, claimed)
        ],
    ]
    for settled, report in pairs:
        assert report.awarded == 0
        assert {result.status for result in report.results} == {Status.NEEDS_REVIEW}
        assert all("Two claim it." in result.message for result in report.results)
        for result, known in zip(report.results, settled.results, strict=True):
            assert result.proposed == (known.proposed if known.status is Status.NEEDS_REVIEW else known.awarded)
    assert pairs[0][0].awarded > 10


def test_answers_that_may_be_anothers_wait_alone() -> None:
    report = report_of(replace(ALICE, answers_claim="Who?"), HEALTHY, rubric(part1=True))
    assert {"Who?" in answer.message for answer in report.answer_results} == {True}
    assert {result.status for result in report.code_results} == {Status.PASSED}


def test_work_that_could_not_be_read_waits_for_a_tutor() -> None:
    problem = "lab4.rar is a .rar archive, which cannot be opened here; please send a .zip."
    report = report_without_script(replace(NOTHING, problem=problem, has_unread_work=True), rubric())
    loads = item(report, "loads")
    assert (loads.status, loads.proposed) == (Status.NEEDS_REVIEW, Decimal(0))
    assert problem in loads.message
    assert {(r.status, r.cause) for r in report.code_results if r is not loads} == {(Status.SKIPPED, "loads")}
    assert item(report_without_script(NOTHING, rubric()), "loads").status is Status.FAILED
