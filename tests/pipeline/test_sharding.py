"""What the run of a shard says about the cohort, of which it grades only a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from grader.data import DataSet
from grader.model import Run, Shard
from grader.moderation.pseudonyms import secret_digest
from grader.pipeline.settings import RunSettings, Selection
from grader.pipeline.sharding import shard_of_run
from grader.rubric.loading import load_rubric
from grader.submissions.assembly import Delivery
from grader.submissions.discovery import survey
from tests.support.quick_rubric import write_rubric
from tests.support.report_samples import RUN
from tests.support.shard_samples import SECRET

IMAGES = replace(DataSet.unopened("mnist-10k"), fingerprint="images")


@pytest.fixture
def settings(tmp_path: Path) -> RunSettings:
    """Those of shard 1/2 of a cohort of three."""
    for student in ("ann", "bob", "cy"):
        (tmp_path / "subs" / student).mkdir(parents=True)
        (tmp_path / "subs" / student / "task1_cnn.py").write_text("class Net: ...\n", encoding="utf-8")
    rubric = load_rubric(write_rubric(tmp_path / "rubric.toml"))
    return RunSettings(tmp_path / "subs", tmp_path / "out", rubric, IMAGES, jobs=1, shard=Shard(1, 2), secret=SECRET)


def deliveries(settings: RunSettings) -> Sequence[Delivery]:
    return survey(settings.path, settings.path.with_name("scratch"))


def test_a_shard_says_what_all_students_handed_in(settings: RunSettings) -> None:
    part = shard_of_run(settings, deliveries(settings), None)
    assert part is not None
    assert list(part.cohort) == ["ann", "bob", "cy"]
    assert (part.shard, part.data, part.secret) == (Shard(1, 2), "images", secret_digest(SECRET))
    assert SECRET not in repr(part)
    assert shard_of_run(replace(settings, shard=None), deliveries(settings), None) is None


@pytest.mark.parametrize(
    ("selection", "changed"),
    [
        (Selection(), ["ann", "bob"]),
        (Selection(students=("ann",)), ["ann"]),
        (Selection(remark=True), []),
    ],
)
def test_of_students_who_are_not_observed_again_it_says_what_was_observed(
    settings: RunSettings, selection: Selection, changed: list[str]
) -> None:
    first = shard_of_run(settings, deliveries(settings), None)
    assert first is not None
    for student in ("ann", "bob"):
        (settings.path / student / "answers.md").write_text("# Question 1\n", encoding="utf-8")
    before: Run = replace(RUN, shard=first)
    data = DataSet.unopened("mnist-10k") if selection.remark else IMAGES
    again = shard_of_run(replace(settings, selection=selection, data=data), deliveries(settings), before)
    assert again is not None
    assert [student for student in first.cohort if first.cohort[student] != again.cohort[student]] == changed
    assert again.data == "images"
