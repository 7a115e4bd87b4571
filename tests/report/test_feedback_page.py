"""The page that a student gets: exactly the texts that are meant for students, and only while nothing is open.

In the first tests every text of a report, its evidence and its run is replaced by the name of its field. What occurs
on the page has to be the fields in a list of what students read. So a new field is for tutors until the list names it.
"""

from __future__ import annotations

import dataclasses
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from grader.model import Flag, Report, Result, Run, Status
from grader.model.evidence import ALL_CHECKS, Doubt
from grader.model.submission import CodePiece
from grader.moderation.decisions import (
    ACCEPTED,
    MARKED_BLIND,
    OVERRULED,
    Decisions,
    subject_digest,
    with_decisions,
)
from grader.moderation.finished_run import load_run, neighbours, write_tables, write_views
from grader.pipeline.marking import report_of
from grader.report.feedback import for_the_student, sentences
from grader.report.html import pages
from grader.storage import run_folder
from grader.storage.results_json import RESULTS_FILE, write_results
from tests.support import cohort_samples as cohorts
from tests.support import report_samples as samples
from tests.support.evidence_samples import HEALTHY
from tests.support.experiment_samples import ALICE, GOOD, WRITTEN, marked, rubric, with_experiment
from tests.support.parsed_page import Page
from tests.support.report_samples import P, R

LOGIC = {
    ("Result", "id"),
    ("Result", "cause"),
    ("Operation", "kind"),
    ("Repair", "kind"),
    ("Mistake", "image"),
    ("Filters", "values"),
    ("Decision", "time"),
    ("Run", "started"),
}
"""Texts that the page's logic depends on, which therefore keep their values."""
FOR_STUDENTS = {
    "Run.rubric_title",
    "Run.finished",
    "Result.title",
    "Result.message",
    "Result.told",
    "Result.hint",
    "Result.expected",
    "Result.seen",
    "Decision.reason",
    "MarkedAnswer.text",
    "MarkedAnswer.source",
    "MarkedAnswer.note",
    "Operation.name",
    "Operation.layer",
    "Repair.assumed",
    "Repair.layer",
    "Repair.message",
    "Submission.script",
    "AnswerSheet.documents",
}
WHOSE = {"Report.student", "Origin.name", "Origin.account"}
"""What a heading may say about whose page it is."""
MARK = re.compile(r"zz[A-Z]\w*\.\w+")


def named(value: Any, name: str = "") -> Any:
    """``value`` with the name of its field instead of every text in it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = type(value).__name__.removeprefix("Sample")
        kept = {field.name for field in dataclasses.fields(value) if (kind, field.name) in LOGIC or not field.init}
        return dataclasses.replace(
            value,
            **{
                field.name: named(getattr(value, field.name), f"{kind}.{field.name}")
                for field in dataclasses.fields(value)
                if field.name not in kept
            },
        )
    if isinstance(value, dict):
        return {f"zz{name}": named(entry, name) for entry in value.values()}
    if isinstance(value, tuple):
        return tuple(named(entry, name) for entry in value)
    if isinstance(value, Path):
        return Path(f"zz{name}")
    return f"zz{name}" if type(value) is str else value


def everywhere(report: samples.SampleReport) -> samples.SampleReport:
    """A sample with a text in every field that a report can fill."""
    decided = samples.override("part1.1", "1", "0.5", "Not all of it.")
    results = tuple(
        dataclasses.replace(
            result,
            hint=result.hint or "hint",
            expected=result.expected or "expected",
            seen=result.seen or "seen",
            told="told",
            comments=(decided,),
            answer=result.answer and dataclasses.replace(result.answer, doubt="doubt", note="note", confidence=0.4242),
        )
        for result in report.results
    )
    assert report.submission is not None
    submission = dataclasses.replace(report.submission, code=(CodePiece("code", 1),), claim="claim", problem="problem")
    return dataclasses.replace(report, results=results, submission=submission, flags=(Flag("flag", "flag"),))


def reports() -> list[samples.SampleReport]:
    """Samples of every kind without open results, some of which a tutor had to settle."""
    base = [
        samples.answered_report(),
        *(samples.passed_report(), samples.partial_report(), samples.failed_report(), samples.unloadable_report()),
        samples.review_report(),
        with_experiment(samples.passed_report()),
    ]
    return [samples.settled(everywhere(report)) for report in base]


def marks_on(page: str) -> set[str]:
    return {found.removeprefix("zz") for found in MARK.findall(page)}


def render(report: Report, run: Run) -> str:
    return samples.feedback_page(report, run)


@pytest.mark.parametrize("shows_full_answers", [False, True])
def test_a_page_has_the_texts_for_students_and_no_other(shows_full_answers: bool) -> None:
    run = dataclasses.replace(named(samples.RUN), shows_full_answers=shows_full_answers)
    found: set[str] = set()
    tutors: set[str] = set()
    for report in map(named, reports()):
        found |= marks_on(render(report, run))
        tutors |= marks_on(samples.student_page(report, run))
    assert found - WHOSE == FOR_STUDENTS | ({"MarkedAnswer.full_answer"} if shows_full_answers else set())
    assert found & WHOSE
    assert {"Decision.author", "Flag.message", "Report.digest", "CodePiece.text", "Evidence.isolation"} < tutors
    assert {"Run.grader_version", "Run.device", "Run.versions", "Evidence.output"} < tutors


def test_what_waited_for_a_tutor_is_not_told_to_the_student() -> None:
    """Also not after the decision: a message about a wait, a doubt or a claim stays among tutors."""
    for report in (samples.answered_report(), samples.review_report(), marked("1")):
        held = tuple(
            dataclasses.replace(result, message="zzWait.message", hint="zzWait.hint", seen="zzWait.seen")
            if result.status is R
            else result
            for result in report.results
        )
        unmarked = tuple(dataclasses.replace(result, status=R, message="zzWait.message") for result in report.unmarked)
        waiting = dataclasses.replace(report, results=held, unmarked=unmarked)
        assert "zzWait.message" in samples.student_page(waiting, samples.RUN)
        assert marks_on(render(samples.settled(waiting), samples.RUN)) == set()


@pytest.mark.parametrize(
    ("proposed", "given", "is_told"),
    [("0.5", "0.5", True), ("0.5", "0.75", False), ("0.5", "0.25", False), ("0.5", "1", False), (None, "0.5", False)],
)
def test_a_student_is_told_why_while_that_explains_the_mark(proposed: str | None, given: str, is_told: bool) -> None:
    base = samples.answered_report()
    points = None if proposed is None else Decimal(proposed)
    told = dataclasses.replace(base.answer_results[2], told="Name a task.", message="Unsure.", proposed=points)
    report = samples.changed(base, answers=(*base.answer_results[:2], told, *base.answer_results[3:]))
    made = samples.settled(report).answer_results[2].decision
    assert made is not None
    made = dataclasses.replace(made, new=Decimal(given), reason="accepted" if proposed == given else "Digits are one.")
    text = Page(render(with_decisions(report, Decisions((made,))), samples.RUN)).text
    assert ("Name a task." in text) == is_told
    assert ("A tutor: Digits are one." in text) == (proposed != given)
    assert "Unsure." not in text
    assert "accepted" not in text


@pytest.mark.parametrize("given_reason", ["", " ", ACCEPTED, MARKED_BLIND, "It says what dropout does, not why."])
def test_a_tutors_mark_takes_the_place_of_what_explained_the_graders(tmp_path: Path, given_reason: str) -> None:
    """On both pages and in results.json; a reason that says nothing is no explanation for a student."""
    right = cohorts.answer(
        "8", P, "against overfitting", message="Right: it is there against overfitting.", spans=((8, 19),)
    )
    report = cohorts.summed(samples.passed_report(), answers=cohorts.answers(p8=right))
    made = dataclasses.replace(
        samples.override("part1.8", "1", "0", given_reason),
        student=report.student,
        digest=subject_digest(report, right),
    )
    decided = with_decisions(report, Decisions((made,)))
    explanation = given_reason if given_reason.startswith("It") else OVERRULED
    student, tutors = render(decided, samples.RUN), samples.student_page(decided, samples.RUN)
    for source in (student, tutors):
        text = Page(source).text
        assert "there against overfitting" not in text
        assert "against <mark>overfitting" not in source
        assert explanation in text
    assert "accepted" not in Page(student).text
    assert "without seeing" not in Page(student).text
    assert Page(student).text.count(explanation) == 2, "beside the answer, and in what to try first"
    (told,) = (result for result in for_the_student(decided).results if result.id == made.item)
    assert sentences(told) == (explanation,)
    write_results(tmp_path, samples.RUN, [decided])
    assert "there against overfitting" not in (tmp_path / RESULTS_FILE).read_text(encoding="utf-8")
    assert "what dropout does" not in samples.anonymous_page([decided], samples.RUN)


def test_a_confirmed_wait_reads_as_if_nothing_had_waited() -> None:
    settled = report_of(ALICE, HEALTHY, rubric("1"), sheet=WRITTEN, experiment=GOOD)
    doubt = Doubt("compared", ALL_CHECKS, "The recorded network is not the one handed in.")
    doubted = report_of(ALICE, dataclasses.replace(HEALTHY, doubts=(doubt,)), rubric("1"), experiment=GOOD)
    claimed = report_of(dataclasses.replace(ALICE, claim="It may be Ben's."), HEALTHY, rubric("1"), experiment=GOOD)
    for report in (doubted, claimed):
        assert sum(result.status is R for result in report.results) > 10
        told = for_the_student(samples.settled(report)).results[:-1]
        assert [result.message for result in told] == [result.message for result in settled.results[:-1]]


def test_tutors_have_no_name_and_no_proposal_is_left() -> None:
    page = Page(render(samples.settled(with_experiment(samples.answered_report())), samples.RUN))
    assert "Ada Tutor" not in page.text
    assert "A tutor: The example makes the purpose clear." in page.text
    assert "A tutor: Well laid out." in page.text
    for words in ("propos", "needs review", "Ada"):
        assert words not in page.text, words


def test_nothing_is_hidden_in_the_page_and_no_link_leads_out_of_it() -> None:
    for report in reports():
        source = render(report, samples.RUN)
        page = Page(source)
        assert not [name for _, attributes in page.tags for name in attributes if name.startswith(("data-", "on"))]
        assert "<!--" not in source
        assert not {tag for tag, _ in page.tags} & {"script", "link", "form", "iframe", "template", "input"}
        assert [link["href"] for link in page.all("a") if not (link["href"] or "").startswith("#")] == []


def test_the_students_report_is_made_of_nothing_else() -> None:
    report = for_the_student(samples.settled(everywhere(samples.answered_report())))
    assert {(result.proposed, result.decision and result.decision.old) for result in report.results} == {(None, None)}
    assert (report.flags, report.digest, report.network, report.message) == ((), "", "", "")


# ---- when it is there ------------------------------------------------------------------------------------------------


def written(folder: Path, report: Report) -> bool:
    pages.write_report_page(folder, report, samples.record_of(report), samples.RUN)
    return (folder / run_folder.feedback_path(report.student)).exists()


@pytest.mark.parametrize("status", [Status.NEEDS_REVIEW, Status.ERROR])
def test_the_page_exists_only_while_nothing_is_open(tmp_path: Path, status: Status) -> None:
    settled = samples.settled(samples.answered_report())
    assert written(tmp_path, settled)
    first, *others = settled.answer_results
    assert not written(tmp_path, samples.changed(settled, answers=(dataclasses.replace(first, status=status), *others)))
    assert written(tmp_path, settled)


def test_an_item_behind_one_that_waits_is_open_too(tmp_path: Path) -> None:
    report = samples.settled(samples.unloadable_report())
    assert written(tmp_path, report)
    loads = dataclasses.replace(report.code_results[0], status=R, proposed=Decimal(1))
    assert not written(tmp_path, samples.changed(report, items=(loads, *report.code_results[1:])))


def test_a_decision_writes_the_page_and_taking_it_back_removes_it(tmp_path: Path) -> None:
    report = samples.review_report()
    answers: list[Result] = [cohorts.answer(part, Status.PASSED) for part in cohorts.ANSWERS]
    report = cohorts.summed(report, answers=answers)
    folder = samples.stored_run(tmp_path / "run", report)
    page = folder / run_folder.feedback_path(report.student)
    write_views(load_run(folder), pages)
    assert not page.exists()
    made = samples.settled(report).code_results[12].decision
    assert made is not None
    samples.decide(folder, made)
    write_views(load_run(folder), pages)
    assert "Learns to read digits" in page.read_text(encoding="utf-8")
    (folder / "overrides.toml").unlink()
    write_views(load_run(folder), pages)
    assert not page.exists()


def test_a_student_who_left_the_cohort_has_no_page(tmp_path: Path) -> None:
    report = samples.settled(samples.answered_report())
    folder = samples.stored_run(tmp_path / "run", report)
    gone = samples.settled(samples.answered_report("s1111111"))
    assert written(folder, report)
    assert written(folder, gone)
    write_tables(folder, [report], samples.RUN, pages, Decisions())
    assert [path.parent.name for path in folder.glob("feedback/*/*")] == [report.student]


def test_the_tutors_page_leads_to_the_students_beside_it() -> None:
    order = ["ann", "bo b", "cy"]
    beside = neighbours(order)
    assert neighbours(()) == {}
    assert beside == {"ann": (None, "bo b"), "bo b": ("ann", "cy"), "cy": ("bo b", None)}
    report = samples.passed_report("bo b")
    page = Page(pages.render_report(report, samples.record_of(report), samples.RUN, beside[report.student]))
    links = [link["href"] for link in page.all("a") if not (link["href"] or "").startswith("#")]
    assert links == [
        "../../students/ann/report.html",
        "../../index.html",
        "../../students/cy/report.html",
    ]


def test_the_tutors_page_has_the_source_with_numbered_lines() -> None:
    report = samples.passed_report()
    assert report.submission is not None
    code = (CodePiece("import torch\n\nx = '<b>'", 1), CodePiece("y\x1b[1m = 2", 3))
    report = dataclasses.replace(report, submission=dataclasses.replace(report.submission, code=code))
    source = samples.student_page(report, samples.RUN)
    assert "<ol><li>import torch</li><li></li><li>x = &#39;&lt;b&gt;&#39;</li></ol>" in source
    assert "Code cell 1" in source
    assert "<h3>Code cell 3</h3>\n<ol><li>y = 2</li></ol>" in source
    assert '<details class="script"><summary>task1_cnn.py' in source
