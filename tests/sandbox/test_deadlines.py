"""Deadlines count what a child did, with a clock and work made up; and what a pool does for a child that missed one."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from grader.sandbox import Stopped, child
from grader.sandbox.deadline import MOST_COUNTED, MOST_TIMES, WATCH_SECONDS, Deadline, Miss
from grader.sandbox.processes import Work, share_one_place, work_of
from tests.support.worker_pools import LIMITS, make_job, make_pool, wait_until

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
LIMIT = 9.0
Does = Callable[[float], Work | None]
"""What a child has done after so many seconds."""


def outcome(does: Does) -> tuple[Miss, float]:
    """How a child misses a deadline of nine seconds, and after how many, if the parent is never late."""
    now, deadline = 100.0, Deadline(100.0)
    deadline.start(LIMIT, now, does(0))
    while True:
        now += WATCH_SECONDS
        deadline.pass_time(now)
        work = does(now - 100)
        deadline.look(work)
        if deadline.left <= 0 and (miss := deadline.judge(work)) is not None:
            return miss, now - 100


@pytest.mark.parametrize(
    ("does", "miss", "times"),
    [
        (lambda s: Work(used=s, waited=0, running=1), Miss.BY_ITSELF, 1),
        (lambda s: Work(is_asleep=True), Miss.BY_ITSELF, 1),
        (lambda s: Work(used=s / 2, waited=s / 2, running=1), Miss.BY_ITSELF, 2),
        (lambda s: Work(used=s / 2, is_asleep=int(s * 10) % 2 == 0), Miss.BY_ITSELF, 1),
        (lambda s: Work(used=s, waited=15 * s, running=16), Miss.BY_ITSELF, 1),
        (lambda s: Work(used=s / 10, waited=s * 9 / 10, running=1), Miss.STARVED, MOST_TIMES),
        (lambda s: Work(used=s * 0.22, waited=s * 0.78, running=1), Miss.STARVED, MOST_TIMES),
        (lambda s: Work(used=s / 10, waited=s, is_asleep=True), Miss.BY_ITSELF, MOST_TIMES),
        (lambda s: Work(), Miss.PERHAPS_ROBBED, 1),
        (lambda s: None, Miss.PERHAPS_ROBBED, 1),
        (lambda s: Work(used=s / 2, waited=None, running=1), Miss.BY_ITSELF, 2),
        (lambda s: Work(waited=None, is_asleep=True), Miss.BY_ITSELF, 1),
    ],
    ids=[
        "spins", "sleeps", "spins on half a CPU", "spins and sleeps", "spins in 16 threads on one CPU",
        "ready but hardly run", "ready and run for most of its limit", "sleeps in one thread and waits in others",
        "waits for a disk", "is not visible", "spins where waits are not counted",
        "sleeps where waits are not counted",
    ],
)  # fmt: skip
def test_time_that_a_child_waits_for_a_cpu_is_not_charged(does: Does, miss: Miss, times: float) -> None:
    found, seconds = outcome(does)
    assert found is miss
    assert seconds == pytest.approx(times * LIMIT, abs=3 * WATCH_SECONDS)


def test_work_before_a_stage_is_not_charged_to_it() -> None:
    found, seconds = outcome(lambda s: Work(used=50 + s, waited=1000, running=1))
    assert (found, round(seconds)) == (Miss.BY_ITSELF, LIMIT)


def test_time_that_the_parent_missed_does_not_count() -> None:
    deadline = Deadline(0)
    deadline.start(LIMIT, 0, Work())
    deadline.pass_time(170)
    assert deadline.left == LIMIT - MOST_COUNTED


# ---- processes of this machine ---------------------------------------------------------------------------------------


@contextmanager
def forked(does: Callable[[], object]) -> Iterator[int]:
    if (pid := os.fork()) == 0:
        while True:
            does()
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def work(pid: int) -> Work:
    found = work_of(pid)
    assert found is not None
    return found


@linux_only
def test_the_work_of_a_process_that_spins() -> None:
    with forked(lambda: None) as pid:
        assert wait_until(lambda: work(pid).used > 0.05)
        assert work(pid).running == 1
        assert not work(pid).is_asleep


@linux_only
def test_the_work_of_a_process_that_sleeps_and_of_one_that_is_gone() -> None:
    with forked(lambda: time.sleep(60)) as pid:
        assert wait_until(lambda: work(pid).is_asleep)
        assert work(pid).running == 0
        assert work(pid).used < 0.05
    assert work_of(pid) is None


@linux_only
def test_busy_threads_share_one_place() -> None:
    with forked(lambda: time.sleep(60)) as pid:
        for threads, nice in ((4, 6), (16, 12), (2, 12), (10_000, 19)):
            share_one_place(pid, threads)
            assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.nice(0) + nice)


# ---- what a pool does ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_arrived_while_the_parent_was_held_up_counts(tmp_path: Path) -> None:
    limits = replace(LIMITS, stage_seconds={"load": 8.0, "build": 0.5})
    with make_pool(limits=limits) as pool:
        evidence = pool.record(
            make_job("pauses", tmp_path), on_stage=lambda stage: time.sleep(1 if stage == "build" else 0)
        )
    assert evidence.ending.kind == "finished"
    assert evidence.build is not None


@pytest.mark.slow
@linux_only
@pytest.mark.parametrize(("is_visible", "runs", "kind"), [(True, 1, "deadline"), (False, 2, "finished")])
def test_a_deadline_missed_is_tried_again_unless_the_child_did_it(
    is_visible: bool, runs: int, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_visible:
        monkeypatch.setattr(child, "work_of", lambda pid: None)
    with make_pool(limits=replace(LIMITS, stage_seconds={"build": 2.0})) as pool:
        assert pool.record(make_job("sleeps_the_first_time", tmp_path)).ending.kind == kind
    assert len((tmp_path / "runs").read_text().splitlines()) == runs


@pytest.mark.slow
@linux_only
def test_a_sleeping_submission_leaves_its_place_to_another(tmp_path: Path) -> None:
    limits = replace(LIMITS, stage_seconds={"build": 60.0})
    with ThreadPoolExecutor(1) as thread, make_pool(workers=1, limits=limits) as pool:
        sleeper = thread.submit(pool.record, make_job("sleeps_the_first_time", tmp_path))
        assert wait_until((tmp_path / "runs").exists)
        assert pool.record(make_job("normal", tmp_path)).ending.kind == "finished"
        assert not sleeper.done()
    with pytest.raises(Stopped):
        sleeper.result(5)
