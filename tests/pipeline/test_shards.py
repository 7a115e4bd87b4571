"""A cohort that is graded in two shards and merged gets the same files as in one run, but for times."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from grader.data.bundled import bundled_data
from grader.model import Run, Shard, UsageFault
from grader.pipeline import workers
from grader.pipeline.cohort import grade_cohort
from grader.pipeline.merging import merge_shards
from grader.pipeline.settings import RunSettings, Selection
from grader.report.console.progress import Progress
from grader.report.console.summary import make_console
from grader.report.html import pages
from grader.rubric.loading import load_rubric
from grader.storage import records
from tests.support.places import ROOT
from tests.support.quick_rubric import write_rubric
from tests.support.results import results_of
from tests.support.shard_samples import SECRET

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("same_workers")]

HANDED_IN = {
    "ada": "valid-type-hints",
    "ben": "fault-logits",
    "cleo": "broken-no-net-at-all",
    "eve": "valid-type-hints",
}
"""The sample that each student hands in. Ada and Eve, who are in different shards, hand in the same network."""


@pytest.fixture
def own_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run uses the shared processes with seeds and training runs of its own, as with processes of its own."""
    open_shared = workers.open_workers

    @contextmanager
    def open_own(settings: RunSettings, scratch: Path, *_: object, **__: object) -> Iterator[workers.Workers]:
        with open_shared(settings, scratch) as shared:
            yield workers.Workers(
                shared._pool, shared._backend, settings, shared._scratch, shared._labels, shared._images
            )

    monkeypatch.setattr(workers, "open_workers", open_own)


def graded(
    path: Path,
    out: Path,
    *,
    shard: Shard | None = None,
    selection: Selection = Selection(),  # noqa: B008  # frozen
    steps: int = 200,
) -> Run:
    rubric = load_rubric(write_rubric(path.with_name("rubric.toml")))
    settings = RunSettings(
        path,
        out,
        replace(rubric, training=replace(rubric.training, steps=steps)),
        bundled_data(),
        jobs=2,
        device="cpu",
        selection=selection,
        shard=shard,
        secret=SECRET,
        canary="",
    )
    run, _ = grade_cohort(settings, pages=pages, progress=Progress(make_console(), 0, is_quiet=True))
    return run


def page_of(path: Path) -> str:
    """A page without times, and without the digest of its evidence, which has times."""
    text = path.read_text(encoding="utf-8").rpartition("\n<!-- ")[0] or path.read_text(encoding="utf-8")
    text = re.sub(r"<time .*?</time>|\d+ \w+ \d{4}, \d\d:\d\d UTC|\b\d+(?:\.\d+)? (?:s|ms|min)\b", "TIME", text)
    return re.sub(r"(<dt>(?:Time|Workers)</dt>\s*<dd>).*?</dd>", r"\1", text)


def seeds_of(folder: Path, student: str, versions: dict[str, str]) -> list[int]:
    stored = records.read_evidence(folder, student)
    assert stored is not None
    assert stored.evidence is not None
    assert stored.evidence.machine
    assert stored.evidence.versions == versions != {}
    return [run.seed for run in stored.evidence.trainings]


@pytest.mark.usefixtures("own_seeds")
def test_two_merged_shards_have_the_files_of_one_run(tmp_path: Path) -> None:
    subs = tmp_path / "subs"
    for student, sample in HANDED_IN.items():
        ignored = shutil.ignore_patterns("expected.toml")
        shutil.copytree(ROOT / "tests" / "submissions" / sample, subs / student, ignore=ignored)
    versions = graded(subs, tmp_path / "whole").versions
    for number in (2, 1):
        graded(subs, tmp_path / str(number), shard=Shard(number, 2))
    merged, whole = tmp_path / "merged", tmp_path / "whole"
    merge_shards(merged, [tmp_path / "1", tmp_path / "2"], pages)

    in_first = {student for student in HANDED_IN if Shard(1, 2).has(student)}
    assert len(in_first & {"ada", "eve"}) == 1, "the shards train the same network"
    assert results_of(merged) == results_of(whole)
    assert (merged / "marks.csv").read_bytes() == (whole / "marks.csv").read_bytes()
    paths = sorted(path.relative_to(whole) for path in whole.rglob("*.html"))
    assert sorted(path.relative_to(merged) for path in merged.rglob("*.html")) == paths
    for path in paths:
        assert page_of(merged / path) == page_of(whole / path), path
    seeds = [
        seeds_of(folder, student, versions) for folder, student in ((whole, "ada"), (merged, "ada"), (merged, "eve"))
    ]
    assert seeds[0] == seeds[1] == seeds[2] != []

    again = graded(subs, merged)
    assert again.counts.get("graded", 0) == 0, "a merged run is continued like any other"
    assert results_of(merged)["submissions"] == results_of(whole)["submissions"]


@pytest.mark.usefixtures("own_seeds")
def test_a_shard_with_one_student_observed_otherwise_is_refused_until_that_is_repeated(tmp_path: Path) -> None:
    """The facts about the shard are those of its last command, which observed nobody."""
    subs, out, one = tmp_path / "subs", tmp_path / "out", Shard(1, 1)
    for student in ("ada", "ben", "cleo"):
        ignored = shutil.ignore_patterns("expected.toml")
        shutil.copytree(ROOT / "tests" / "submissions" / HANDED_IN[student], subs / student, ignore=ignored)
    graded(subs, out, shard=one)
    graded(subs, out, shard=one, selection=Selection(students=("ben",)), steps=210)
    graded(subs, out, shard=one, selection=Selection(remark=True))
    with pytest.raises(UsageFault, match=r"The code of ben in .* or by another training plan"):
        merge_shards(tmp_path / "merged", [out], pages)
    assert graded(subs, out, shard=one).counts == {"graded": 1, "reused": 2}, "ben, as the others were"
    merge_shards(tmp_path / "merged", [out], pages)


def test_seeds_differ_by_purpose_and_by_secret_and_are_equal_for_equal_secrets(tmp_path: Path) -> None:
    found = {}
    for name, secret in (("a", SECRET), ("b", SECRET), ("c", SECRET[::-1])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "anonymous.key").write_text(secret, encoding="utf-8")
        purposes = ("order", "recording", "measuring", "reruns")
        found[name] = [workers.seed_of(tmp_path / name, purpose) for purpose in purposes]
    assert found["a"] == found["b"]
    assert len({*found["a"], *found["c"]}) == 8
