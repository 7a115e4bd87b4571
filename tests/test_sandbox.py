"""The worker pool against submissions that behave, misbehave and attack; see worker_entries.py for each of them."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from grader.evidence import Evidence, Training
from grader.model import DataFiles, GraderFault, Job, UsageFault
from grader.sandbox import JudgeTraining, Limits, Predictions, Stopped, Wish, WorkerPool, observation

REPOSITORY = Path(__file__).parents[1]
ENTRY = "tests.worker_entries:observe"
HELDOUT = 5
DATA = DataFiles("digits", "", "", 0, "", HELDOUT, 0.13, 0.31)
LIMITS = Limits(stage_seconds={"load": 8.0, "build": 1.0, "train": 5.0}, memory_bytes=256 << 20, file_bytes=8 << 20)
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def make_pool(
    workers: int = 2,
    limits: Limits = LIMITS,
    warm: tuple[str, ...] = (),
    entry: str = ENTRY,
    isolation: Wish = Wish.OFF,
) -> WorkerPool:
    """A pool that is held in by limits and deadlines alone, as on a system that has nothing better."""
    return WorkerPool(
        workers=workers, limits=limits, entry=entry, warm=warm, paths=[str(REPOSITORY)], isolation=isolation
    )


def make_job(behaviour: str, root: Path) -> Job:
    return Job(str(root), f"{behaviour}.py", DATA, 10, 8, 0.01, 0.05, 10, 0.9, 5, 0.99, 1, 2, "cpu", 1)


def stop_at_once(training: Training, predictions: Predictions) -> tuple[Training, int | None]:
    return training, None


def keep_filters(shown: list[NDArray[np.float32] | None]) -> JudgeTraining:
    """A judge that puts the filters of each run into ``shown`` and asks for no other run."""

    def judge(training: Training, predictions: Predictions) -> tuple[Training, int | None]:
        shown.append(predictions.filters)
        return training, None

    return judge


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descriptor_count() -> int:
    return len(os.listdir("/proc/self/fd"))


def wait_until(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    give_up = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with make_pool() as running:
        yield running


@pytest.fixture
def observe(pool: WorkerPool, tmp_path: Path) -> Callable[[str], Evidence]:
    return lambda behaviour: pool.observe(make_job(behaviour, tmp_path), judge_training=stop_at_once)


def test_normal_run(pool: WorkerPool, tmp_path: Path) -> None:
    seen = []

    def judge(training: Training, predictions: Predictions) -> tuple[Training, int | None]:
        seen.append((training.seed, predictions.log_probabilities.shape))
        return replace(training, total=HELDOUT), training.seed + 6 if training.seed < 10 else None

    evidence = pool.observe(make_job("normal", tmp_path), judge_training=judge)

    assert evidence.ending.kind == "finished"
    assert evidence.load is not None
    assert evidence.load.methods == ("__init__", "forward")
    assert evidence.build is not None
    assert evidence.build.parameters == 21840
    assert evidence.trace is None
    assert seen == [(1, (0, 10)), (7, (0, 10)), (13, (0, 10))]
    assert [(training.seed, training.total) for training in evidence.trainings] == [(1, 5), (7, 5), (13, 5)]
    assert evidence.output == "hello from the student\n"
    assert list(evidence.seconds) == ["start", "load", "build", "train", "end"]


def test_submission_that_reports_nothing(observe: Callable[[str], Evidence]) -> None:
    evidence = observe("nothing")
    assert evidence.ending.kind == "finished"
    assert evidence.load is None


@pytest.mark.parametrize(
    ("behaviour", "kind", "stage", "detail"),
    [
        ("sleeps", "deadline", "build", "1 seconds"),
        ("ignores_signals", "deadline", "build", "1 seconds"),
        ("stops_itself", "deadline", "build", "1 seconds"),
        ("leaves", "exit", "build", "exit status 0"),
        ("raises_exit", "exit", "build", "SystemExit: 0"),
        ("recurses", "exit", "load", "RecursionError"),
        ("segfaults", "signal", "build", "SIGSEGV"),
        ("kills_its_parent", "lost", "build", "died"),
        ("hogs_memory", "memory", "load", "0.25 GiB"),
        ("hogs_memory_below", "memory", "load", "0.25 GiB"),
        ("forks_many", "memory", "load", "64 processes"),
        ("writes_a_big_file", "exit", "load", "File too large"),
        ("forges_garbage", "crashed", "build", "not a frame"),
        ("forges_a_frame", "crashed", "load", "not signed"),
        ("forges_a_field", "crashed", "load", "unknown field"),
        ("forges_a_partial_record", "crashed", "load", "missing"),
        ("forges_accuracy", "crashed", "train", "its own accuracy"),
        ("forges_a_mistake", "crashed", "train", "its own pictures"),
        ("nests_deeply", "crashed", "load", ""),
        ("sends_a_huge_line", "crashed", "load", "too long"),
        ("sends_a_surrogate", "crashed", "load", "not a frame"),
        ("claims_arrays", "crashed", "load", "not those that were asked for"),
        ("repeats_a_stage", "crashed", "build", "out of order"),
        ("swaps_stages", "crashed", "trace", "out of order"),
        ("renews_its_deadline", "crashed", "build", "begins inside"),
        ("trains_uninvited", "crashed", "", "not asked for"),
        ("trains_with_another_seed", "crashed", "train", "another seed"),
        ("sends_nan_itself", "crashed", "load", "malformed"),
        ("sends_nan_properly", "exit", "modes", "not finite"),
        ("closes_everything", "exit", "load", "exit status"),
    ],
)
@linux_only
def test_misbehaviour(observe: Callable[[str], Evidence], behaviour: str, kind: str, stage: str, detail: str) -> None:
    began = time.monotonic()
    evidence = observe(behaviour)
    assert (evidence.ending.kind, evidence.ending.stage) == (kind, stage)
    assert detail in evidence.ending.detail
    assert time.monotonic() - began < 10
    if stage == "build" or kind == "lost":
        assert evidence.load is not None, "what came before is kept"


def test_pool_serves_on_after_the_server_was_killed(observe: Callable[[str], Evidence]) -> None:
    assert observe("kills_its_parent").ending.kind == "lost"
    assert observe("normal").ending.kind == "finished"


def test_last_words_before_a_crash_are_kept(observe: Callable[[str], Evidence]) -> None:
    output = observe("segfaults").output
    assert output.startswith("just before the crash\n")
    assert "Segmentation fault" in output


def test_output_flood_is_drained_and_cut(observe: Callable[[str], Evidence]) -> None:
    evidence = observe("floods_output")
    assert evidence.ending.kind == "finished"
    assert evidence.output.endswith("xxxthe end\n")
    assert len(evidence.output) < LIMITS.output_bytes + 100
    assert evidence.output.startswith(f"[{(12 << 20) + 8 - LIMITS.output_bytes} bytes of output before this")


def test_speech_after_the_end_changes_nothing(observe: Callable[[str], Evidence]) -> None:
    evidence = observe("speaks_after_the_end")
    assert evidence.ending.kind in ("finished", "crashed")
    assert evidence.load is None


def test_long_and_broken_text_arrives_cut_and_clean(observe: Callable[[str], Evidence]) -> None:
    loading = observe("sends_a_long_text").load
    assert loading is not None
    assert len(loading.script) == 4000
    assert loading.how == "?"


@linux_only
def test_nothing_outlives_its_submission(observe: Callable[[str], Evidence]) -> None:
    evidence = observe("leaves_children")
    assert evidence.ending.kind == "finished"
    pids = [int(word) for word in evidence.output.split()]
    assert len(pids) == 5
    assert wait_until(lambda: not any(map(is_running, pids))), "killed, even if the kernel still tidies up"


@linux_only
def test_daemons_do_not_outlive_a_killed_server(observe: Callable[[str], Evidence], tmp_path: Path) -> None:
    assert observe("leaves_children_and_kills_its_parent").ending.kind == "lost"
    daemons = [int(line) for line in (tmp_path / "daemons").read_text().split()]
    assert len(daemons) == 2, "it was tried twice"
    assert wait_until(lambda: not any(map(is_running, daemons)))


@linux_only
def test_surroundings(observe: Callable[[str], Evidence], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "not for submissions")
    with make_pool() as fresh:
        evidence = fresh.observe(make_job("surroundings", tmp_path), judge_training=stop_at_once)
    seen = json.loads(evidence.output)
    assert seen["cwd"] == seen["home"] == str(tmp_path)
    assert seen["leads_session"]
    assert seen["stdin"] == ""
    assert seen["threads"] == 1, "a server with threads cannot fork safely"
    assert "SECRET_TOKEN" not in seen["environment"]
    assert "PYTHONPATH" not in seen["environment"]
    assert str(REPOSITORY) not in seen["path"]
    standard, others = seen["descriptors"][:3], seen["descriptors"][3:]
    assert standard == [0, 1, 2]
    # The two of the channel, and the one that lists the folder.
    assert sum(number > 100 for number in others) == 2
    assert len(others) <= 3


def test_a_loss_is_tried_again_and_costs_a_neighbour_nothing(tmp_path: Path) -> None:
    calm, wild = tmp_path / "calm", tmp_path / "wild"
    calm.mkdir()
    wild.mkdir()
    limits = replace(LIMITS, stage_seconds={"build": 5.0})
    with make_pool(limits=limits) as pool, ThreadPoolExecutor(2) as threads:
        neighbour = threads.submit(pool.observe, make_job("takes_its_time", calm), judge_training=stop_at_once)
        time.sleep(0.4)
        killer = pool.observe(make_job("kills_its_parent_once", wild), judge_training=stop_at_once)
        assert killer.ending.kind == "finished"
        assert killer.load is not None
        assert neighbour.result().ending.kind == "finished"
        assert neighbour.result().build is not None


@linux_only
def test_a_halted_server_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observation, "_KILL_SECONDS", 1.0)
    with make_pool() as pool:
        evidence = pool.observe(make_job("stops_its_parent", tmp_path), judge_training=stop_at_once)
        assert evidence.ending.kind == "deadline"
        assert pool.observe(make_job("normal", tmp_path), judge_training=stop_at_once).ending.kind == "finished"


@linux_only
def test_hundred_jobs_leave_nothing_behind(tmp_path: Path) -> None:
    before = descriptor_count()
    with make_pool() as pool, ThreadPoolExecutor(2) as threads:
        server = pool._current_server().pid
        jobs = [make_job(("normal", "leaves", "forges_garbage", "raises_exit")[n % 4], tmp_path) for n in range(8)]
        list(threads.map(lambda job: pool.observe(job, judge_training=stop_at_once), jobs))
        time.sleep(0.3)  # the server closes its ends just after it has answered
        during = descriptor_count()
        server_during = len(os.listdir(f"/proc/{server}/fd"))
        list(threads.map(lambda job: pool.observe(job, judge_training=stop_at_once), jobs * 12))
        assert descriptor_count() == during
        assert wait_until(lambda: len(os.listdir(f"/proc/{server}/fd")) == server_during)
        assert Path(f"/proc/{server}/task/{server}/children").read_text() == ""
    assert descriptor_count() == before
    assert not is_running(server)
    assert list(tmp_path.iterdir()) == []


@linux_only
def test_leaving_the_pool_ends_what_is_under_way(tmp_path: Path) -> None:
    limits = replace(LIMITS, stage_seconds={"build": 60.0})
    with ThreadPoolExecutor(1) as thread, make_pool(limits=limits) as pool:
        server = pool._current_server().pid
        under_way = thread.submit(pool.observe, make_job("sleeps", tmp_path), judge_training=stop_at_once)
        children = Path(f"/proc/{server}/task/{server}/children")
        assert wait_until(lambda: bool(children.read_text()))
        child = int(children.read_text())
        left = time.monotonic()
    with pytest.raises(Stopped):
        under_way.result(5)
    assert time.monotonic() - left < 3
    assert not is_running(child)
    assert not is_running(server)


@linux_only
def test_everything_dies_with_a_killed_grader(tmp_path: Path) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from pathlib import Path
from tests.test_sandbox import *
if __name__ == "__main__":
    with make_pool(limits=Limits(stage_seconds={{"build": 60.0}})) as pool:
        pool.versions
        print(pool._current_server().pid, flush=True)
        pool.observe(make_job("sleeps", Path({str(tmp_path)!r})), judge_training=stop_at_once)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as grader:
        assert grader.stdout is not None
        server = int(grader.stdout.readline())
        children = Path(f"/proc/{server}/task/{server}/children")
        assert wait_until(lambda: bool(children.read_text()))
        child = int(children.read_text())
        grader.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not is_running(server) and not is_running(child))


def test_fault_in_our_own_judging_is_not_hidden(pool: WorkerPool, tmp_path: Path) -> None:
    def judge(training: Training, predictions: Predictions) -> tuple[Training, int | None]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        pool.observe(make_job("normal", tmp_path), judge_training=judge)


def test_missing_package_is_named() -> None:
    with make_pool(warm=("no_such_package",)) as pool, pytest.raises(UsageFault, match="no_such_package"):
        _ = pool.versions


def test_broken_worker_is_our_fault(tmp_path: Path) -> None:
    with make_pool(entry="tests.no_such_module:observe") as pool, pytest.raises(GraderFault, match="no_such_module"):
        pool.observe(make_job("normal", tmp_path), judge_training=stop_at_once)


def test_system_without_fork_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    with pytest.raises(UsageFault, match="WSL"):
        make_pool()


def test_torch_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    seen: list[NDArray[np.float32]] = []

    def judge(training: Training, predictions: Predictions) -> tuple[Training, int | None]:
        seen.append(predictions.log_probabilities)
        return training, training.seed + 1 if training.seed < 2 else None

    with make_pool(warm=("torch", "torchvision", "numpy", "nbformat"), limits=Limits()) as pool:
        assert "torch" in pool.versions
        assert "cpu" in pool.devices
        evidence = pool.observe(make_job("trains", tmp_path), judge_training=judge)
        assert evidence.ending.kind == "finished"
        assert [training.seed for training in evidence.trainings] == [1, 2]
        assert np.array_equal(seen[1], np.full((HELDOUT, 10), 2, dtype=np.float32))

        refused = pool.observe(make_job("sends_a_subclass", tmp_path), judge_training=judge)
        assert refused.ending.kind == "exit"
        assert "plain torch.Tensor" in refused.ending.detail

        shown: list[NDArray[np.float32] | None] = []
        for behaviour in ("trains", "shows_what_is_no_number"):
            drawn = pool.observe(make_job(behaviour, tmp_path), judge_training=keep_filters(shown))
            assert (drawn.ending.kind, len(drawn.trainings), drawn.notices) == ("finished", 1, ())
        assert shown == [None, None]
        too_much = pool.observe(make_job("shows_too_much", tmp_path), judge_training=judge)
        assert (too_much.ending.kind, too_much.trainings) == ("crashed", ())

        around = json.loads(pool.observe(make_job("surroundings", tmp_path), judge_training=judge).output)
        assert around["threads"] == 1, "a server with threads cannot fork safely"

        cost = fork_milliseconds(pool, tmp_path)
        with capsys.disabled():
            print(f"\na child that does nothing costs {cost:.1f} ms (median of 20)")
        assert cost < 250, "the aim is 50 ms on a machine that does nothing else"


def fork_milliseconds(pool: WorkerPool, root: Path, runs: int = 20) -> float:
    """Return the median wall time of a submission that does nothing, from request to the end of its process."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        pool.observe(make_job("nothing", root), judge_training=stop_at_once)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000
