"""The tool that makes a very large run: what it makes is a run, and its shards are merged to the same run."""

from pathlib import Path

import pytest

from grader.moderation.finished_run import load_run
from grader.pipeline.merging import merge_shards
from grader.report.html import pages
from tests.measure import large_run
from tests.support import report_samples as samples

STUDENTS = 9


def test_the_run_and_its_shards_have_every_student_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = ("one", "two")
    monkeypatch.setattr(large_run, "CASES", cases)
    few = samples.stored_run(tmp_path / "few", *map(samples.answered_report, cases))
    for case in cases:
        (tmp_path / "files" / case).mkdir(parents=True)
        (tmp_path / "files" / case / "task1_cnn.py").write_text("class Net: pass\n")
    cohort, whole = tmp_path / "cohort", tmp_path / "run"
    large_run.deliver(cohort, tmp_path / "files", STUDENTS)
    large_run.make_run(whole, few, cohort, tmp_path / "scratch")
    made = load_run(whole)
    assert len({report.student for report in made.automatic}) == STUDENTS
    assert all(report.origin.platform == "moodle" for report in made.automatic)
    answers = (result.answer for report in made.automatic for result in report.results)
    texts = [answer.text for answer in answers if answer is not None and answer.text]
    assert len(set(texts)) == len(texts), "nobody has an answer of another"
    shards = large_run.make_shards(tmp_path / "shards", whole, 3)
    assert sum(len(load_run(shard).automatic) for shard in shards) == STUDENTS
    merged = merge_shards(tmp_path / "merged", shards, pages)
    assert merged.automatic == made.automatic
    large_run.open_page(whole)
