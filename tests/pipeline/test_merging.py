"""The runs of shards become one run: equal to a run of the whole cohort, or refused with what is wrong by name."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from grader.__main__ import main
from grader.model import Canary, Decision, Extension, LatePolicy, Origin, Report, Run, Shard, UsageFault
from grader.model.evidence import Evidence
from grader.model.origin import MOODLE
from grader.moderation.comment_bank import CommentBank
from grader.moderation.dealing import Deal, write_deal
from grader.moderation.decisions import Decisions, subject_digest
from grader.moderation.decisions_file import read_decisions
from grader.moderation.finished_run import load_run, write_views
from grader.moderation.pseudonyms import SECRET_FILE, keep_secret, names_in
from grader.pipeline.merging import merge_shards, merged_facts
from grader.report.html import pages
from grader.storage import records, run_folder
from grader.storage.fingerprints import reuse_key
from grader.storage.records import StoredEvidence
from tests.support import report_samples as samples
from tests.support.report_samples import RUN
from tests.support.shard_samples import SECRET, stored_shard, stored_shards, works

COHORT = (
    samples.passed_report("ann"),
    samples.partial_report("bob"),
    samples.unloadable_report("cy"),
    samples.review_report("dee"),
    samples.answered_report("eli"),
    samples.hostile_report("=HYPERLINK(1)"),
)
STUDENTS = [report.student for report in COHORT]


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of a run but its facts, which are compared apart."""
    kept = (
        path for path in folder.rglob("*") if path.is_file() and path.name not in ("run.json", ".overrides.toml.lock")
    )
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in kept}


def decision_on(report: Report, points: str) -> Decision:
    item = report.results[0]
    digest, time = subject_digest(report, item), "2025-11-24T09:30:00+00:00"
    return Decision(report.student, item.id, "Ada", time, "seen", digest, item.available, item.awarded, Decimal(points))


def change(folder: Path, **changes: Any) -> None:
    """Change facts of the stored run."""
    stored = run_folder.read_run(folder)
    assert stored is not None
    assert stored.run is not None
    run_folder.write_run(folder, replace(stored.run, **changes), is_finished=True)


def part_of(folder: Path, **changes: Any) -> dict[str, Any]:
    """The run's shard with other facts."""
    stored = run_folder.read_run(folder)
    assert stored is not None
    assert stored.run is not None
    assert stored.run.shard is not None
    return {"shard": replace(stored.run.shard, **changes)}


@pytest.mark.parametrize("count", [1, 3, 20])
def test_a_merged_run_has_the_same_files_as_a_run_of_the_whole_cohort(tmp_path: Path, count: int) -> None:
    """In whatever order the shards are named; of 20 shards, many are empty."""
    shards = stored_shards(tmp_path / "shards", COHORT, count)
    merged = merge_shards(tmp_path / "merged", shards[::-1], pages)

    whole = samples.stored_run(tmp_path / "whole", *COHORT)
    keep_secret(whole, SECRET)
    write_views(replace(load_run(whole), run=merged.run), pages)
    assert files_of(tmp_path / "merged") == files_of(whole)
    assert [report.student for report in load_run(tmp_path / "merged").reports] == STUDENTS
    assert merged.run.shard is None
    assert merged.run.submissions == len(COHORT)
    assert merged.run.counts == {"graded": len(COHORT)}


def test_decisions_made_in_shards_are_carried_and_applied(tmp_path: Path) -> None:
    shards = stored_shards(tmp_path / "shards", COHORT, 2)
    made = [
        decision_on(report, points)
        for report, points in zip(COHORT, ("0.25", "0.5", "0", "1", "0", "0.5"), strict=True)
    ]
    for number, folder in enumerate(shards, start=1):
        samples.decide(folder, *(one for one in made if Shard(number, 2).has(one.student)))
    assert all(read_decisions(folder).entries for folder in shards), "both shards have some"

    merge_shards(tmp_path / "merged", shards, pages)
    assert set(read_decisions(tmp_path / "merged").entries) == set(made)
    given = {report.student: report.results[0].awarded for report in load_run(tmp_path / "merged").reports}
    assert [given[one.student] for one in made] == [one.new for one in made]
    results = json.loads((tmp_path / "merged" / "results.json").read_text(encoding="utf-8"))
    overridden = {entry["student"] for entry in results["submissions"] if entry["items"][0]["override"]}
    assert overridden == {one.student for one in made}


def test_an_extension_that_fits_students_of_two_shards_is_nobodys_as_in_one_run(tmp_path: Path) -> None:
    ids = [next(f"s{number}" for number in range(99) if Shard(shard, 2).has(f"s{number}")) for shard in (1, 2)]
    handed_in = Origin(MOODLE, "Ann Lee", handed_in="2026-03-28T09:00:00")
    cohort = [replace(samples.passed_report(student), origin=handed_in) for student in ids]
    extension = Extension("Ann Lee", "2026-03-29T17:00:00")
    policy = LatePolicy("2026-03-27T17:00:00", "UTC", Decimal(5), extensions=(extension,))
    shards = [stored_shard(tmp_path / str(number), Shard(number, 2), cohort, late=policy) for number in (1, 2)]
    assert [load_run(folder).automatic[0].deduction for folder in shards] == [0, 0]
    merged = merge_shards(tmp_path / "merged", shards, pages)
    assert [report.lateness.days for report in merged.reports if report.lateness is not None] == [1, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (lambda folder: {"rubric_revision": "other"}, "a different rubric"),
        (lambda folder: {"key_revision": "other"}, "a different answer key"),
        (lambda folder: {"data": "mnist"}, "different images"),
        (lambda folder: part_of(folder, data="other"), "different images"),
        (lambda folder: {"grader_version": "0.0.9"}, "a different version of the grader"),
        (lambda folder: part_of(folder, code="other"), "a different version of the grader"),
        (lambda folder: part_of(folder, secret="other"), "a different secret"),
        (lambda folder: {"shows_full_answers": True}, "another choice of --full-answers"),
        (lambda folder: part_of(folder, shard=Shard(2, 4)), "a different number of shards"),
        (lambda folder: part_of(folder, cohort=works([*STUDENTS[:-1], "zoe"])), "Only .*shard-2 has zoe"),
        (lambda folder: part_of(folder, cohort=works(STUDENTS[::-1])), "different folders of submissions"),
        (lambda folder: part_of(folder, cohort=works(STUDENTS) | {"cy": "later"}), "not see the same files.* of cy: "),
        (lambda folder: {"shard": None}, "is a run without --shard"),
    ],
)
def test_shards_that_do_not_belong_together_are_refused_and_nothing_is_written(
    tmp_path: Path, changes: Callable[[Path], dict[str, Any]], message: str
) -> None:
    shards = stored_shards(tmp_path / "shards", COHORT, 3)
    change(shards[1], **changes(shards[1]))
    with pytest.raises(UsageFault, match=message):
        merge_shards(tmp_path / "merged", shards, pages)
    assert not (tmp_path / "merged").exists()


def trained_on(evidence: Evidence, device: str) -> Evidence:
    return replace(evidence, trainings=tuple(replace(run, device=device) for run in evidence.trainings))


def alike(stored: StoredEvidence) -> StoredEvidence:
    """The evidence as if all was observed by the same grader."""
    observed = stored.evidence and replace(stored.evidence, versions={"torch": "2.9.0"})
    keys = [reuse_key(stored.student, kind, "the same") for kind in ("code", "sheet", "experiment")]
    return replace(stored, key=keys[0], evidence=observed, sheet_key=keys[1], experiment_key=keys[2])


def observe(folder: Path, student: str, change: Callable[[StoredEvidence], StoredEvidence]) -> None:
    """Replace the stored evidence on a student of the run."""
    stored = records.read_evidence(folder, student)
    assert stored is not None
    records.write_evidence(folder, change(stored))


NEWER = reuse_key("ann", "code", "newer")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda one: replace(one, key=NEWER), "The code of ann in .* by another version of the grader"),
        (lambda one: replace(one, sheet_key=NEWER), "The answers of ann in .* by another version of the grader"),
        (lambda one: replace(one, experiment_key=NEWER), "The experiment of ann in .* by another version"),
        (
            lambda one: replace(one, evidence=replace(one.evidence, versions={"torch": "2.10.0"})),
            "The code of ann in .* was observed with torch 2.10.0, that of the others with torch 2.9.0",
        ),
        (
            lambda one: replace(one, evidence=trained_on(one.evidence, "cuda")),
            "The networks of ann in .* were trained on cuda, those of the others on cpu.*--mixed",
        ),
    ],
)
@pytest.mark.parametrize("count", [1, 2])
def test_evidence_from_another_configuration_is_refused_though_the_last_commands_were_the_same(
    tmp_path: Path, count: int, changed: Callable[[StoredEvidence], StoredEvidence], message: str
) -> None:
    """Also within one shard, for which somebody gave --student, or --remark with a newer grader."""
    shards = stored_shards(tmp_path / "shards", COHORT, count)
    for number, folder in enumerate(shards, start=1):
        for student in filter(Shard(number, count).has, STUDENTS):
            observe(folder, student, alike)
    merge_shards(tmp_path / "fine", shards, pages)
    place = next(folder for number, folder in enumerate(shards, start=1) if Shard(number, count).has("ann"))
    observe(place, "ann", changed)
    with pytest.raises(UsageFault, match=message):
        merge_shards(tmp_path / "merged", shards, pages)
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize("secret", ["", SECRET[::-1]])
def test_a_shard_whose_secret_is_lost_or_another_one_is_refused(tmp_path: Path, secret: str) -> None:
    shards = stored_shards(tmp_path / "shards", COHORT, 2)
    (shards[1] / SECRET_FILE).unlink()
    keep_secret(shards[1], secret)
    with pytest.raises(UsageFault, match=r"shard-2 lacks the secret .* as anonymous\.key"):
        merge_shards(tmp_path / "merged", shards, pages)


def test_nobody_else_may_read_the_secret_of_a_merged_run(tmp_path: Path) -> None:
    shards = stored_shards(tmp_path / "shards", COHORT, 2)
    (shards[0] / SECRET_FILE).chmod(0o644)  # as an earlier version wrote it
    merge_shards(tmp_path / "merged", shards, pages)
    assert stat.S_IMODE((tmp_path / "merged" / SECRET_FILE).stat().st_mode) == 0o600


def test_a_decision_on_a_student_of_another_shard_is_refused_unless_it_is_there_too(tmp_path: Path) -> None:
    shards = stored_shards(tmp_path / "shards", COHORT, 2)
    ann = 0 if Shard(1, 2).has("ann") else 1
    samples.decide(shards[1 - ann], decision_on(COHORT[0], "0.5"))
    with pytest.raises(UsageFault, match=rf"ann in .*shard-{2 - ann}: move them to the overrides\.toml"):
        merge_shards(tmp_path / "merged", shards, pages)
    samples.decide(shards[ann], decision_on(COHORT[0], "0.25"), decision_on(COHORT[0], "0.5"))
    merged = merge_shards(tmp_path / "merged", shards, pages)
    assert [entry.new for entry in merged.decisions.entries] == [Decimal("0.25"), Decimal("0.5")], "the last counts"


def test_what_is_not_carried_and_decisions_on_nobody_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shards = stored_shards(tmp_path / "shards", COHORT, 2)
    samples.decide(shards[0], replace(decision_on(COHORT[0], "0.5"), student="zoe"))
    write_deal(shards[1], Deal(("Tess", "Tom")))
    assert main(["merge", str(tmp_path / "merged"), *map(str, shards)]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "Decisions on zoe, of whom there is no work, are kept." in printed
    assert f"Who reviews what in {shards[1]} is not carried: deal the merged run out." in printed
    assert f"in {shards[0]}" not in printed
    assert [entry.student for entry in read_decisions(tmp_path / "merged").entries] == ["zoe"]


def test_comments_in_shards_are_carried_without_the_names_of_students_of_other_shards(tmp_path: Path) -> None:
    anna, boris = (
        replace(samples.passed_report(next(f"s{n}" for n in range(99) if Shard(number, 2).has(f"s{n}"))), origin=origin)
        for number, origin in ((1, Origin(name="Anna Berg")), (2, Origin(name="Boris Wolf")))
    )
    shards = stored_shards(tmp_path / "shards", (anna, boris), 2)
    for folder, report, reasons in zip(
        shards, (anna, boris), (["Say where.", "As Boris Wolf says."], ["Say where.", "Too short."]), strict=True
    ):
        made = [replace(decision_on(report, "0.5"), reason=reason) for reason in reasons]
        CommentBank(folder, [report]).keep(Decisions(tuple(made)))
    merge_shards(tmp_path / "merged", shards, pages)
    offered = CommentBank(tmp_path / "merged", []).offered(Decisions(), anna.results[0].id)
    assert sorted(offered) == ["Say where.", "Too short."]


def test_pseudonyms_in_a_shard_are_those_of_the_merged_run(tmp_path: Path) -> None:
    shards = stored_shards(tmp_path / "shards", COHORT, 2)
    merged = merge_shards(tmp_path / "merged", shards, pages)
    whole = names_in(merged.folder, merged.run, STUDENTS)
    for folder in shards:
        part = load_run(folder)
        students = [report.student for report in part.reports]
        names = names_in(folder, part.run, students)
        assert [names[student] for student in students] == [whole[student] for student in students]
        pages.write_cohort_page(folder, part.reports, part.run)
        page = (folder / "anonymous.html").read_text(encoding="utf-8")
        assert all((name in page) == (student in students) for student, name in whole.items())


def test_different_devices_can_be_allowed_and_are_recorded(tmp_path: Path) -> None:
    shards = stored_shards(tmp_path / "shards", COHORT, 2)
    place = shards[0] if Shard(1, 2).has("ann") else shards[1]
    observe(place, "ann", lambda one: replace(one, evidence=one.evidence and trained_on(one.evidence, "cuda")))
    assert main(["merge", str(tmp_path / "merged"), *map(str, shards), "--mixed"]) == 1, "some entries are open"
    stored = run_folder.read_run(tmp_path / "merged")
    assert stored is not None
    assert stored.is_finished
    assert stored.run is not None
    assert stored.run.device == "mixed: cpu, cuda"
    assert stored.run.devices == {"cpu", "cuda"}


def named(students: Sequence[str], shard: Shard) -> str:
    return ", ".join(student for student in students if shard.has(student))


def test_a_missing_shard_is_named_with_its_students(tmp_path: Path) -> None:
    cohort = [samples.passed_report(f"s{number}") for number in range(9)]
    shards = stored_shards(tmp_path / "shards", cohort, 3)
    expected = named([report.student for report in cohort], Shard(2, 3))
    with pytest.raises(UsageFault, match=rf"^Missing: shard 2/3 \({expected}\)\.$"):
        merge_shards(tmp_path / "merged", [shards[0], shards[2]], pages)


def test_of_many_missing_students_the_first_are_named(tmp_path: Path) -> None:
    cohort = [samples.passed_report(f"s{number}") for number in range(60)]
    (first,) = stored_shards(tmp_path / "shards", cohort[:1], 1)
    change(first, **part_of(first, shard=Shard(1, 2), cohort=works(report.student for report in cohort)))
    lacking = [report.student for report in cohort if Shard(2, 2).has(report.student)]
    with pytest.raises(UsageFault, match=f"{lacking[19]}, {len(lacking) - 20} more"):
        merge_shards(tmp_path / "merged", [first], pages)


def test_a_shard_that_is_there_twice_is_named_with_its_students(tmp_path: Path) -> None:
    cohort = [samples.passed_report(f"s{number}") for number in range(9)]
    shards = stored_shards(tmp_path / "shards", cohort, 2)
    again = stored_shard(tmp_path / "again", Shard(1, 2), cohort)
    expected = named([report.student for report in cohort], Shard(1, 2))
    with pytest.raises(UsageFault, match=f"^Shard 1/2 is there twice, in .*shard-1 and in .*again: {expected}"):
        merge_shards(tmp_path / "merged", [*shards, again], pages)


def test_an_unfinished_shard_and_one_that_lacks_a_student_are_refused(tmp_path: Path) -> None:
    shards = stored_shards(tmp_path / "shards", COHORT, 2)
    lacking = next(student for student in STUDENTS if Shard(2, 2).has(student))
    stored_shard(shards[1], Shard(2, 2), [report for report in COHORT if report.student != lacking])
    change(shards[1], **part_of(shards[1], cohort=works(STUDENTS)))
    with pytest.raises(UsageFault, match=f"has no marks of {lacking}: grade shard 2/2 again"):
        merge_shards(tmp_path / "merged", shards, pages)
    stored = run_folder.read_run(shards[0])
    assert stored is not None
    assert stored.run is not None
    run_folder.write_run(shards[0], stored.run, is_finished=False)
    with pytest.raises(UsageFault, match="is not finished: grade shard 1/2"):
        merge_shards(tmp_path / "merged", shards, pages)


@pytest.mark.parametrize("name", ["notes.txt", "run.json"])
def test_a_folder_with_anything_in_it_stays_as_it_is(tmp_path: Path, name: str) -> None:
    shards = stored_shards(tmp_path / "shards", COHORT, 2)
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged" / name).write_text("{}", encoding="utf-8")
    with pytest.raises(UsageFault, match="is not empty"):
        merge_shards(tmp_path / "merged", shards, pages)
    assert [path.name for path in (tmp_path / "merged").iterdir()] == [name]
    assert (tmp_path / "merged" / name).read_text(encoding="utf-8") == "{}"


class InterruptedPages:
    """Pages whose last one is interrupted."""

    load = staticmethod(pages.load)
    write_report_page = staticmethod(pages.write_report_page)

    def write_cohort_page(self, folder: Path, reports: Sequence[Report], run: Run) -> object:
        raise KeyboardInterrupt


def test_nothing_stays_of_an_interrupted_merge(tmp_path: Path) -> None:
    shards = stored_shards(tmp_path / "shards", COHORT, 2)
    before = files_of(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        merge_shards(tmp_path / "merged", shards, InterruptedPages())
    assert files_of(tmp_path) == before
    assert not (tmp_path / "merged").exists()


def test_the_command_refuses_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", str(tmp_path / "merged"), str(tmp_path)]) == 2
    assert re.fullmatch(r"grader: .* is not a run of this version of the grader; [^\n]*\n", capsys.readouterr().err)


def test_the_facts_of_a_merged_run_are_the_sums_and_the_worst_of_its_shards() -> None:
    first = replace(RUN, isolation="full: all", canary=Canary("within"), seconds=10.0, timing={"train": 1.5})
    idle = replace(
        RUN, isolation="no student code was run", device="", versions={}, seconds=1, timing={}, started="2025"
    )
    third = replace(RUN, isolation="partial: some", canary=Canary("outside", is_outside=True), finished="2026")
    found = merged_facts([idle, first, replace(third, timing={"train": 1, "load": 2})], ["cpu"])
    assert (found.isolation, found.canary.text) == ("partial: some", "outside")
    assert (found.device, found.versions) == ("cpu", RUN.versions)
    assert (found.started, found.finished, found.seconds) == ("2025", "2026", 11.0 + RUN.seconds)
    assert found.timing == {"train": 2.5, "load": 2}
