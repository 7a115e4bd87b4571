"""Which stored run a run continues, and what becomes of students who are new, gone or called something else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from grader.data.bundled import bundled_data
from grader.model import LatePolicy, Origin, Report
from grader.model.origin import GRADESCOPE, MOODLE, Person
from grader.moderation.decisions import subject_digest
from grader.moderation.decisions_file import carry_over
from grader.moderation.finished_run import load_run
from grader.pipeline.continuing import Before, carry_over_records, with_earlier_run
from grader.pipeline.settings import RunSettings
from grader.rubric.loading import load_rubric
from grader.storage import records, results_json, run_folder
from grader.submissions.assembly import Delivery
from tests.support import report_samples as samples
from tests.support.places import ROOT

LATE = LatePolicy("2026-03-27T17:00:00", "Australia/Sydney", Decimal(5))
RUBRIC = load_rubric(ROOT / "grader" / "lab4" / "rubric.toml")
MOODLES = ("Ann Lee_501", "Bo Chu_502", "Cy Ho_503")
NAMED = ("ann", "bo", "cy")


def origin_of(student: str) -> Origin:
    name, _, account = student.rpartition("_")
    return Origin(MOODLE, name, account) if account.isdecimal() else Origin()


def deliveries(*students: str) -> list[Delivery]:
    return [Delivery(student, student, (), origin=origin_of(student)) for student in students]


def report_on(student: str) -> Report:
    digest = hashlib.sha256(student.rpartition("_")[2].encode()).hexdigest()
    return replace(samples.passed_report(student), digest=digest, origin=origin_of(student))


def stored(folder: Path, students: tuple[str, ...], **facts: object) -> Path:
    """A finished run at ``folder``."""
    samples.stored_run(folder, *map(report_on, students))
    known = run_folder.read_run(folder)
    assert known is not None
    assert known.run is not None
    run_folder.write_run(folder, replace(known.run, rubric_title=RUBRIC.title, **facts), is_finished=True)  # type: ignore[arg-type]
    return folder


def settings(tmp_path: Path, path: str, *, out: str = "reports/next", earlier: Path | None = None) -> RunSettings:
    return RunSettings(
        path=tmp_path / path,
        out=tmp_path / out,
        rubric=RUBRIC,
        data=bundled_data(),
        jobs=1,
        earlier=earlier,
        reports=tmp_path / "reports",
    )


@pytest.mark.parametrize(
    ("students", "source", "path", "now", "is_continued"),
    [
        (MOODLES, "lab4.zip", "Downloads/other", ("Ann Lee_501", "Bo Chu_502", "Dee_504"), True),
        (MOODLES, "lab4.zip", "lab4 (1).zip", ("Ann Leigh_501", "Bo Chu_502"), True),
        (MOODLES, "lab4.zip", "lab4 (1).zip", ("Ann Lee_601", "Bo Chu_602", "Cy Ho_603"), False),
        (MOODLES, "lab4.zip", "lab4 (1).zip", ("Ann Lee_501",), False),
        (("Ann Lee_501",), "lab4.zip", "lab4 (1).zip", MOODLES, False),  # a run over one of them
        (NAMED, "lab4.zip", "lab4 (1).zip", ("ann", "bo", "dee"), True),
        (NAMED, "lab4.zip", "lab4 (1)", NAMED, True),
        (NAMED, "lab4.zip", "elsewhere/lab4.zip", NAMED, False),
        (NAMED, "Lab-01", "Lab-02", ("dee", "eve", "fay"), False),
        (NAMED, "lab4.zip", "lab5.zip", NAMED, False),
    ],
)
def test_a_run_over_the_same_students_is_continued(
    students: tuple[str, ...], source: str, path: str, now: tuple[str, ...], is_continued: bool, tmp_path: Path
) -> None:
    folder = stored(tmp_path / "reports" / "first", students, source=str(tmp_path / source), late=LATE)
    found = with_earlier_run(settings(tmp_path, path), deliveries(*now))
    assert (found.earlier, found.late) == ((folder, LATE) if is_continued else (None, None))
    other_rubric = replace(settings(tmp_path, path), rubric=replace(RUBRIC, title="Lab 5"))
    assert with_earlier_run(other_rubric, deliveries(*now)).earlier is None
    assert with_earlier_run(replace(settings(tmp_path, path), reports=None), deliveries(*now)).earlier is None


def test_the_latest_run_is_continued(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    first, second, third = (
        stored(reports / name, MOODLES, source=str(tmp_path / source), started=f"2026-03-0{day}T09:00:00+00:00")
        for name, source, day in (("c", "lab4.zip", 1), ("a", "lab4 (1).zip", 3), ("b", "lab4 (2).zip", 2))
    )
    for earlier in (None, first, third):
        assert with_earlier_run(settings(tmp_path, "lab4.zip", earlier=earlier), deliveries(*MOODLES)).earlier == second
    assert with_earlier_run(settings(tmp_path, "lab4.zip", earlier=second), deliveries(*MOODLES)).earlier == second
    existing = settings(tmp_path, "lab4.zip", out="reports/b")
    assert with_earlier_run(existing, deliveries(*MOODLES)) == existing


def test_it_is_said_first_who_is_new_and_who_is_gone(tmp_path: Path) -> None:
    folder = stored(tmp_path / "reports" / "first", MOODLES, source=str(tmp_path / "lab4"))
    now = deliveries("Ann Leigh_501", "Bo Chu_502", "Dee_504")
    run = settings(tmp_path, "lab4", earlier=folder)
    before = Before.of(run, now)
    assert before.former == {"Ann Leigh_501": "Ann Lee_501"}
    assert before.ids == ("Ann Lee_501", "Bo Chu_502", "Dee_504")
    assert before.news() == (
        f"This continues the run in {folder}.",
        "1 new: Dee.",
        f"1 gone: Cy Ho. Left out of the tables; what is stored stays in {folder}.",
    )
    assert Before.of(run, deliveries(*MOODLES)).news() == ()
    handed_in_again = replace(report_on("Bo Chu_502"), digest="f" * 64)
    unchanged = [report_on("Ann Leigh_501"), report_on("Dee_504")]
    assert before.changes([*unchanged, handed_in_again]) == ("1 changed: Bo Chu.",)
    assert before.changes(unchanged) == ()


def test_an_old_worksheet_is_noticed_when_work_changed(tmp_path: Path) -> None:
    origin = replace(origin_of("Bo Chu_502"), handed_in="2026-03-27T16:31:00")
    first = replace(report_on("Bo Chu_502"), origin=origin)
    samples.stored_run(tmp_path / "reports" / "first", first, report_on("Cy Ho_503"))
    before = Before.of(settings(tmp_path, "lab4", out="reports/first"), deliveries("Bo Chu_502", "Cy Ho_503"))
    again, untimed = (replace(found, digest="f" * 64) for found in (first, report_on("Cy Ho_503")))
    assert before.changes([first]) == ()
    assert before.changes([again, untimed])[1].startswith("1 changed, but not the time of handing in: Bo Chu.")
    later = replace(again, origin=replace(origin, handed_in="2026-03-30T09:00:00"))
    assert before.changes([later]) == ("1 changed: Bo Chu.",)


def test_nobody_is_new_in_an_interrupted_run(tmp_path: Path) -> None:
    folder = stored(tmp_path / "reports" / "first", MOODLES, source=str(tmp_path / "lab4"))
    run, now = settings(tmp_path, "lab4", out="reports/first"), deliveries(*MOODLES, "Dee_504")
    assert "1 new: Dee." in Before.of(run, now).news()
    run_folder.write_run(folder, replace(samples.RUN, source=str(run.path)), is_finished=False)
    assert Before.of(run, now).news() == ()


def former(run: RunSettings, *students: str) -> Mapping[str, str]:
    return Before.of(run, deliveries(*students)).former


def test_only_a_unique_account_finds_a_student_under_another_name(tmp_path: Path) -> None:
    folder = stored(tmp_path / "reports" / "first", (*MOODLES, "Ed_505", "Eddy_505", "fay"), source="lab4")
    run = settings(tmp_path, "lab4", earlier=folder)
    assert former(run, "Ann Leigh_501", "Anna_501") == {}, "two claim the account"
    assert former(run, "Ann Lee_501", "Anna_501") == {}
    assert former(run, "Edward_505") == {}, "two are stored"
    assert former(run, "Fay") == {}
    assert former(run, "Bo Chu_502", "Cyril Ho_503") == {"Cyril Ho_503": "Cy Ho_503"}


@pytest.mark.parametrize(
    ("people", "is_found"),
    [
        ((Person("Ann", "0123"),), True),
        ((Person("Ann Leigh", "0123", "ann@example.edu"),), True),
        ((Person("Ann", "0124"),), False),
        ((Person("Ann"),), False),
        ((Person("Ann", "0123"), Person("Bo", "", "bo@example.edu")), False),
        ((), False),
    ],
)
def test_gradescope_gives_another_number_to_work_that_is_handed_in_again(
    people: tuple[Person, ...], is_found: bool, tmp_path: Path
) -> None:
    origin = Origin(GRADESCOPE, "Ann", "41", members=(Person("Ann", "0123"),))
    before = replace(report_on("submission_41"), origin=origin)
    folder = samples.stored_run(tmp_path / "reports" / "first", before)
    again = replace(deliveries("submission_57")[0], origin=replace(origin, account="57", members=people))
    found = Before.of(settings(tmp_path, "lab4", earlier=folder), [again])
    assert found.former == ({"submission_57": "submission_41"} if is_found else {})
    assert ("1 gone: Ann." in " ".join(found.news())) == (not is_found)


@pytest.mark.parametrize("is_earlier", [True, False])
def test_evidence_and_decisions_follow_the_account(is_earlier: bool, tmp_path: Path) -> None:
    folder = stored(tmp_path / "reports" / "first", MOODLES, source=str(tmp_path / "lab4"))
    ann = report_on("Ann Lee_501")
    (answer, *_) = ann.answer_results
    made = replace(
        samples.override(answer.id, "0", "0.5", "half", available=f"{answer.available:f}"),
        student=ann.student,
        digest=subject_digest(ann, answer),
        old=None,
    )
    samples.decide(folder, made)
    out = tmp_path / "reports" / "next" if is_earlier else folder
    run = settings(tmp_path, "lab4", out=str(out), earlier=folder if is_earlier else None)
    now = ("Ann Leigh_501", "Bo Chu_502")
    names = former(run, *now)
    run_folder.claim_folder(out)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    carry_over_records(run, names)
    decisions = carry_over(out, run.earlier, names)
    assert [entry.student for entry in decisions.entries] == ["Ann Leigh_501"]
    evidence = records.read_evidence(out, "Ann Leigh_501")
    assert evidence is not None
    assert (evidence.student, evidence.submission and evidence.submission.id) == ("Ann Leigh_501",) * 2
    assert records.read_evidence(out, "Ann Lee_501") is None
    if is_earlier:
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    else:
        assert records.read_evidence(out, "Cy Ho_503") is not None, "who is gone stays stored"
    assert carry_over(out, run.earlier, names) == decisions, "a second time changes nothing"

    report = records.read_report(out, "Ann Leigh_501")
    assert report is not None
    results_json.write_results(out, samples.RUN, [report])
    run_folder.write_run(out, samples.RUN, is_finished=True)
    (decided,) = load_run(out).reports
    assert decided.answer_results[0].awarded == Decimal("0.5")
    other_work = replace(decided.answer_results[0].answer, text="Something else.")  # type: ignore[type-var]
    records.write_report(out, replace(report, results=(replace(answer, answer=other_work),)))
    (reopened,) = load_run(out).reports
    assert "handed in something else" in reopened.results[0].message


@pytest.mark.parametrize("origin", ["nobody", {"platform": 7}, [], None])
def test_a_damaged_origin_leaves_the_students_id(origin: object, tmp_path: Path) -> None:
    folder = stored(tmp_path / "reports" / "first", NAMED, source=str(tmp_path / "lab4"))
    path = folder / results_json.RESULTS_FILE
    content = json.loads(path.read_bytes())
    content["submissions"][0]["origin"] = origin
    path.write_text(json.dumps(content), encoding="utf-8")
    assert results_json.origins_of(folder) == dict.fromkeys(NAMED, Origin())
