"""Workers, the scheduler and the grader are killed or interrupted in a run on a cluster; nothing is lost or doubled.

It takes minutes, so it runs with ``LAB4_ALL=1`` only.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dask import config

from grader.data import write_worker_files
from grader.data.bundled import bundled_data
from grader.measure.service import wire
from grader.rubric.loading import load_rubric
from grader.sandbox import MeasurementFailed, WorkerPool
from grader.storage import records
from tests.support.dask_cluster import DaskCluster, dask_cluster
from tests.support.places import ROOT, TESTS
from tests.support.quick_rubric import write_rubric
from tests.support.results import results_of
from tests.support.shard_samples import SECRET
from tests.support.worker_pools import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a cluster needs isolation that only Linux has"),
    pytest.mark.skipif(not os.environ.get("LAB4_ALL"), reason="takes minutes; LAB4_ALL=1 runs it"),
]

COUNT = 60


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask"), workers=3) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cohort, and its run on one machine in ``one``."""
    work = tmp_path_factory.mktemp("whole")
    samples = sorted(
        path for kind in ("valid", "fault", "broken") for path in (TESTS / "submissions").glob(f"{kind}-*")
    )
    chosen = [path for path in samples if "infinite" not in path.name][:: len(samples) // COUNT][:COUNT]
    for path in chosen:
        shutil.copytree(path, work / "subs" / path.name, ignore=shutil.ignore_patterns("expected.toml"))
    write_rubric(work / "rubric.toml")
    (work / "run.key").write_text(SECRET, encoding="utf-8")
    assert start(work, "one", dict(os.environ)).wait(900) == 1
    assert len(chosen) == COUNT
    return work


def start(work: Path, out: str, environment: dict[str, str], *options: str) -> subprocess.Popen[bytes]:
    """Start the command that grades the cohort."""
    words = ["subs", "--out", out, "--rubric", "rubric.toml", "--secret", "run.key", "--device", "cpu", *options]
    with (work / f"{out}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "grader", "grade", *words],
            cwd=work,
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def stored(run: Path) -> dict[str, bytes]:
    """The evidence in the folder of a run, by student."""
    return {path.parent.name: path.read_bytes() for path in run.glob("students/*/evidence.json")}


def assert_same(run: Path, other: Path) -> None:
    assert results_of(run)["submissions"] == results_of(other)["submissions"]
    assert (run / "marks.csv").read_bytes() == (other / "marks.csv").read_bytes()


def test_nothing_is_lost_or_doubled(dask: DaskCluster, whole: Path) -> None:
    many = whole / "many"
    run = start(whole, "many", dask.environment(), "--cluster", dask.address)
    for count, name in ((5, "worker 1"), (15, "worker 2"), (25, "scheduler"), (35, "")):
        assert wait_until(lambda count=count: len(stored(many)) >= count, 300)  # type: ignore[misc]
        assert run.poll() is None
        if name:
            dask.kill(name)
    run.send_signal(signal.SIGINT)
    assert run.wait(60) == 130
    before = stored(many)
    assert start(whole, "many", dask.environment(), "--cluster", dask.address).wait(900) == 1
    assert_same(many, whole / "one")
    after = stored(many)
    assert {student: after[student] for student in before} == before, "nothing is measured twice"


def test_a_cluster_on_this_machine_needs_nothing_but_its_name(whole: Path, tmp_path: Path) -> None:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    assert start(whole, "local", environment, "--cluster", "local:2", "--resources", "GPU=2").wait(900) == 1
    assert_same(whole / "local", whole / "one")
    said = (whole / "local.log").read_text(encoding="utf-8")
    assert "The cluster measures with 2 workers on " in said
    assert ", 4 networks at a time (" in said


def test_a_network_that_loses_two_workers_is_a_fault(dask: DaskCluster, whole: Path, tmp_path: Path) -> None:
    found = records.read_evidence(whole / "one", next(name for name in stored(whole / "one") if "valid" in name))
    assert found is not None
    assert found.evidence is not None
    assert found.evidence.graph is not None
    endless = load_rubric().training.without_early_stop(10_000_000)
    request = wire.encode(wire.Train(found.evidence.graph, endless, 0, 1, 2, 200.0))
    files, _ = write_worker_files(bundled_data(), tmp_path, order_seed=1)
    said: list[str] = []
    with (
        WorkerPool(workers=1) as pool,
        config.set(dask.settings),
        dask.client(files, lambda: pool.versions, tmp_path, say=said.append) as cluster,
        ThreadPoolExecutor(1) as threads,
    ):
        asked = threads.submit(cluster.measure, request, seconds=300)
        for _ in range(2):
            assert wait_until(lambda: any(member.busy for member in cluster._crew._members.values()), 300)
            time.sleep(2)
            (busy,) = [member for member in cluster._crew._members.values() if member.busy]
            dask.kill(dask.name_of(busy.address))
            assert wait_until(busy.gone.is_set, 300)
        with pytest.raises(MeasurementFailed, match="fault: two workers of the cluster were lost with this network"):
            asked.result(60)
    assert len([sentence for sentence in said if sentence.endswith(" is gone.")]) >= 2
