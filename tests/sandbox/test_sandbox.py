"""The worker pool against submissions that behave, misbehave and attack; worker_entries.py has their code."""

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

import pytest

from grader.model import GraderFault, UsageFault
from grader.model.evidence import Ending, Evidence
from grader.sandbox import Limits, MeasurementFailed, Stopped, WorkerPool, child
from grader.sandbox.decoding import Decoder, MalformedEvidence, Recorded
from tests.support.places import ROOT
from tests.support.worker_pools import LIMITS, is_running, make_job, make_pool, wait_until

pytestmark = pytest.mark.slow

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def descriptor_count() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with make_pool() as running:
        yield running


@pytest.fixture
def record(pool: WorkerPool, tmp_path: Path) -> Callable[[str], Evidence]:
    return lambda behaviour: pool.record(make_job(behaviour, tmp_path))


def test_normal_run(pool: WorkerPool, tmp_path: Path) -> None:
    begun: list[str] = []
    evidence = pool.record(make_job("normal", tmp_path), on_stage=begun.append)

    assert evidence.ending == Ending("finished")
    assert evidence.load is not None
    assert evidence.load.methods == ("__init__", "forward")
    assert evidence.build is not None
    assert evidence.build.parameters == 21840
    assert evidence.record is None
    assert begun == ["load", "build"]
    assert evidence.output == "hello from the student\n"
    assert list(evidence.seconds) == ["start", "load", "build", "end"]


def test_the_job_arrives(record: Callable[[str], Evidence]) -> None:
    assert record("sees_the_seed").output == "7\n"


def test_a_submission_that_reports_nothing(record: Callable[[str], Evidence]) -> None:
    evidence = record("nothing")
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
        ("forks_many", "memory", "load", "16 processes"),
        ("writes_a_big_file", "exit", "load", "File too large"),
        ("forges_garbage", "crashed", "build", "not a frame"),
        ("forges_a_frame", "crashed", "load", "no known stage"),
        ("forges_a_field", "crashed", "load", "unknown field"),
        ("forges_a_partial_record", "crashed", "load", "missing"),
        ("nests_deeply", "crashed", "load", ""),
        ("sends_a_huge_line", "crashed", "load", "too long"),
        ("sends_a_surrogate", "crashed", "load", "not a frame"),
        ("repeats_a_stage", "crashed", "build", "out of order"),
        ("swaps_stages", "crashed", "record", "out of order"),
        ("renews_its_deadline", "crashed", "build", "inside"),
        ("sends_nan_itself", "crashed", "load", "malformed"),
        ("sends_nan_properly", "exit", "build", "not finite"),
        ("sends_too_much", "exit", "load", "exceeds"),
        ("closes_everything", "exit", "load", "exit status"),
    ],
)
@linux_only
def test_misbehaviour(record: Callable[[str], Evidence], behaviour: str, kind: str, stage: str, detail: str) -> None:
    began = time.monotonic()
    evidence = record(behaviour)
    assert (evidence.ending.kind, evidence.ending.stage) == (kind, stage)
    assert detail in evidence.ending.detail
    assert time.monotonic() - began < 10
    if stage == "build" or kind == "lost":
        assert evidence.load is not None, "what came before is kept"


def test_the_pool_continues_after_the_server_was_killed(record: Callable[[str], Evidence]) -> None:
    assert record("kills_its_parent").ending.kind == "lost"
    assert record("normal").ending.kind == "finished"


def test_output_before_a_crash_is_kept(record: Callable[[str], Evidence]) -> None:
    output = record("segfaults").output
    assert output.startswith("just before the crash\n")
    assert "Segmentation fault" in output


def test_output_flood_is_drained_and_cut(record: Callable[[str], Evidence]) -> None:
    evidence = record("floods_output")
    assert evidence.ending.kind == "finished"
    assert evidence.output.endswith("xxxthe end\n")
    assert len(evidence.output) < LIMITS.output_bytes + 100
    assert evidence.output.startswith(f"[{(12 << 20) + 8 - LIMITS.output_bytes} bytes of output before this")


def test_frames_after_the_end_are_ignored(record: Callable[[str], Evidence]) -> None:
    evidence = record("speaks_after_the_end")
    assert evidence.ending.kind in ("finished", "crashed")
    assert evidence.load is None


def test_large_records_arrive(record: Callable[[str], Evidence]) -> None:
    loading = record("sends_a_large_record").load
    assert loading is not None
    assert loading.methods == ("x" * 4000,) * 1500


@pytest.mark.parametrize("behaviour", ["patches_what_reports", "reports_from_a_fork"])
def test_evidence_comes_only_from_the_child_process_itself(record: Callable[[str], Evidence], behaviour: str) -> None:
    evidence = record(behaviour)
    assert evidence.load is not None
    assert evidence.load.methods == ("__init__", "forward")
    assert evidence.ending.kind in ("finished", "exit"), "which depends on os._exit being itself"
    assert evidence.output in ("", "1\n")


def test_frames_are_the_same_however_they_are_cut() -> None:
    line = b'{"stage":"build","record":{"problem":null,"parameters":3,"layers":[],"remarks":[],"repairs":[]}}\n'
    decoder = Decoder()
    (event,) = [event for place in range(len(line)) for event in decoder.feed(line[place : place + 1])]
    assert isinstance(event, Recorded)
    assert (event.stage, event.record.parameters) == ("build", 3)
    for wrong in (b"3.0", b"1e999", b"true", b'"3"', b"9007199254740993"):
        with pytest.raises(MalformedEvidence):
            list(Decoder().feed(line.replace(b":3,", b":" + wrong + b",")))


def test_long_and_broken_text_arrives_cut_and_clean(record: Callable[[str], Evidence]) -> None:
    loading = record("sends_a_long_text").load
    assert loading is not None
    assert len(loading.script) == 4000
    assert loading.how == "?"


@linux_only
def test_nothing_outlives_its_submission(record: Callable[[str], Evidence]) -> None:
    evidence = record("leaves_children")
    assert evidence.ending.kind == "finished"
    pids = [int(word) for word in evidence.output.split()]
    assert len(pids) == 5
    assert wait_until(lambda: not any(map(is_running, pids))), "killed, even if the kernel still tidies up"


@linux_only
def test_daemons_do_not_outlive_a_killed_server(record: Callable[[str], Evidence], tmp_path: Path) -> None:
    assert record("leaves_children_and_kills_its_parent").ending.kind == "lost"
    daemons = [int(line) for line in (tmp_path / "daemons").read_text().split()]
    assert len(daemons) == 2, "it was tried twice"
    assert wait_until(lambda: not any(map(is_running, daemons)))


@linux_only
def test_the_environment_of_a_submission(
    record: Callable[[str], Evidence], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "not for submissions")
    with make_pool() as fresh:
        evidence = fresh.record(make_job("surroundings", tmp_path))
    seen = json.loads(evidence.output)
    assert seen["cwd"] == seen["home"] == str(tmp_path)
    assert seen["leads_session"]
    assert seen["stdin"] == ""
    assert seen["threads"] == 1, "a server with threads cannot fork safely"
    assert "SECRET_TOKEN" not in seen["environment"]
    assert "PYTHONPATH" not in seen["environment"]
    assert str(ROOT) not in seen["path"]
    standard, others = seen["descriptors"][:3], seen["descriptors"][3:]
    assert standard == [0, 1, 2]
    # The channel's, and the one that lists the folder.
    assert sum(number > 100 for number in others) == 1
    assert len(others) <= 2


def test_after_a_lost_worker_all_submissions_are_tried_again(tmp_path: Path) -> None:
    calm, wild = tmp_path / "calm", tmp_path / "wild"
    calm.mkdir()
    wild.mkdir()
    limits = replace(LIMITS, stage_seconds={"build": 5.0})
    with make_pool(limits=limits) as pool, ThreadPoolExecutor(2) as threads:
        neighbour = threads.submit(pool.record, make_job("takes_its_time", calm))
        time.sleep(0.4)
        killer = pool.record(make_job("kills_its_parent_once", wild))
        assert killer.ending.kind == "finished"
        assert killer.load is not None
        assert neighbour.result().ending.kind == "finished"
        assert neighbour.result().build is not None


@linux_only
def test_a_halted_server_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_KILL_SECONDS", 1.0)
    with make_pool() as pool:
        evidence = pool.record(make_job("stops_its_parent", tmp_path))
        assert evidence.ending.kind == "deadline"
        assert pool.record(make_job("normal", tmp_path)).ending.kind == "finished"


@linux_only
def test_a_hundred_jobs_leave_no_descriptors_or_processes(tmp_path: Path) -> None:
    before = descriptor_count()
    with make_pool() as pool, ThreadPoolExecutor(2) as threads:
        server = pool._current_server().pid
        jobs = [make_job(("normal", "leaves", "forges_garbage", "raises_exit")[n % 4], tmp_path) for n in range(8)]
        list(threads.map(lambda job: pool.record(job), jobs))
        time.sleep(0.3)  # the server closes its ends just after it has answered
        during = descriptor_count()
        server_during = len(os.listdir(f"/proc/{server}/fd"))
        list(threads.map(lambda job: pool.record(job), jobs * 12))
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
        under_way = thread.submit(pool.record, make_job("sleeps", tmp_path))
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
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from grader.sandbox import Limits
from tests.support.worker_pools import make_job, make_pool
if __name__ == "__main__":
    with make_pool(limits=Limits(stage_seconds={{"build": 60.0}})) as pool:
        pool.versions
        print(pool._current_server().pid, flush=True)
        pool.record(make_job("sleeps", Path({str(tmp_path)!r})))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as grader:
        assert grader.stdout is not None
        server = int(grader.stdout.readline())
        children = Path(f"/proc/{server}/task/{server}/children")
        assert wait_until(lambda: bool(children.read_text()))
        child = int(children.read_text())
        grader.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not is_running(server) and not is_running(child))


def test_a_fault_of_the_grader_is_not_hidden(pool: WorkerPool, tmp_path: Path) -> None:
    def on_stage(stage: str) -> None:
        raise ZeroDivisionError(stage)

    with pytest.raises(ZeroDivisionError):
        pool.record(make_job("normal", tmp_path), on_stage=on_stage)


def test_a_missing_package_is_named() -> None:
    with make_pool(warm=("no_such_package",)) as pool, pytest.raises(UsageFault, match="no_such_package"):
        _ = pool.versions


def test_a_broken_worker_is_a_fault_of_the_grader(tmp_path: Path) -> None:
    with make_pool(entry="tests.no_such_module:observe") as pool, pytest.raises(GraderFault, match="no_such_module"):
        pool.record(make_job("normal", tmp_path))


def test_a_system_without_fork_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    with pytest.raises(UsageFault, match="WSL"), make_pool():
        pass


def test_torch_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    with make_pool(warm=("torch", "torchvision", "numpy", "nbformat"), limits=Limits()) as pool:
        assert "torch" in pool.versions
        assert "cpu" in pool.devices
        assert pool.record(make_job("normal", tmp_path)).ending.kind == "finished"
        around = json.loads(pool.record(make_job("surroundings", tmp_path)).output)
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
        pool.record(make_job("nothing", root))
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


# ---- measuring processes ---------------------------------------------------------------------------------------------


def pid_of(pool: WorkerPool, seconds: float = 0) -> int:
    return int(pool.measure(b"pid %g" % seconds, seconds=5))


@pytest.mark.parametrize("size", [0, 1, 100_000, 8 << 20])
def test_a_measurement_comes_back_whole(pool: WorkerPool, size: int) -> None:
    data = os.urandom(size)
    assert pool.measure(b"echo " + data, seconds=10) == data


def test_a_measurer_may_print_more_than_a_pipe_holds(pool: WorkerPool) -> None:
    for _ in range(30):
        assert pool.measure(b"large 3000000", seconds=10) == b"y" * 3_000_000


def test_a_measurer_is_reused(pool: WorkerPool) -> None:
    assert len({pid_of(pool) for _ in range(20)}) == 1


def test_two_measurements_at_once_run_in_two_processes(pool: WorkerPool) -> None:
    with ThreadPoolExecutor(4) as threads:
        began = time.monotonic()
        pids = list(threads.map(lambda _: pid_of(pool, 0.5), range(4)))
    assert len(set(pids)) == 2, "no more than there are workers"
    assert 1.0 <= time.monotonic() - began < 2.0


def test_measuring_and_recording_share_the_workers(tmp_path: Path) -> None:
    with make_pool(workers=1) as pool, ThreadPoolExecutor(2) as threads:
        pid_of(pool)
        began = time.monotonic()
        measured = threads.submit(pid_of, pool, 0.6)
        recorded = threads.submit(pool.record, make_job("takes_its_time", tmp_path))
        assert measured.result() > 0
        assert recorded.result().ending.kind == "finished"
        assert time.monotonic() - began >= 1.4


@pytest.mark.parametrize(
    ("request_", "kind", "detail"),
    [
        (b"sleep", "deadline", "0.5 seconds"),
        (b"crash", "signal", "SIGSEGV"),
        (b"leave", "exit", "exit status 3"),
        (b"raise", "fault", "here"),
        (b"no-such-word", "fault", "KeyError"),
        (b"hog", "memory", "0.25 GiB"),
        (b"kill ", "lost", "died"),
    ],
)
@linux_only
def test_a_failed_measurement(pool: WorkerPool, request_: bytes, kind: str, detail: str) -> None:
    before = pid_of(pool)
    seconds = 0.5 if kind == "deadline" else 20
    with pytest.raises(MeasurementFailed) as failed:
        pool.measure(request_, seconds=seconds)
    assert (failed.value.ending.kind, failed.value.ending.stage) == (kind, "measure")
    assert detail in failed.value.ending.detail
    assert not is_running(before)
    assert pid_of(pool) != before
    if kind == "fault":
        assert "Traceback" in failed.value.__notes__[0]


def test_a_service_that_does_not_open_is_a_fault_of_the_grader() -> None:
    with make_pool(is_broken=True) as pool, pytest.raises(MeasurementFailed, match="the data is not there") as failed:
        pool.measure(b"echo", seconds=5)
    assert failed.value.ending.kind == "fault"


@linux_only
def test_a_measurement_is_tried_again_when_the_server_is_lost(pool: WorkerPool, tmp_path: Path) -> None:
    marker = os.fsencode(tmp_path / "killed")
    assert pool.measure(b"kill " + marker, seconds=5) == b"again"


@linux_only
def test_a_measurer_that_died_while_it_waited_is_replaced(pool: WorkerPool) -> None:
    before = pid_of(pool)
    os.kill(before, signal.SIGKILL)
    assert wait_until(lambda: not is_running(before))
    assert pid_of(pool) != before


@linux_only
def test_a_measurer_has_its_settings_and_limits(pool: WorkerPool) -> None:
    seen = json.loads(pool.measure(b"settings", seconds=5))
    assert seen["settings"] == {"device": "cpu"}
    assert seen["folder"] == []
    assert seen["limits"]["CPU"] == -1, "it lives on"
    assert seen["limits"]["DATA"] > 2 * LIMITS.memory_bytes
    with make_pool(device="cuda") as other:
        assert json.loads(other.measure(b"settings", seconds=5))["limits"]["DATA"] == -1


@linux_only
def test_measuring_processes_leave_no_files_or_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = descriptor_count()
    with make_pool() as pool:
        first = pid_of(pool)
        for request in (b"leave", b"raise", b"crash"):
            with pytest.raises(MeasurementFailed):
                pool.measure(request, seconds=5)
        second = pid_of(pool)
        assert len(list(tmp_path.iterdir())) == 1
    assert descriptor_count() == before
    assert not is_running(first)
    assert not is_running(second)
    assert list(tmp_path.iterdir()) == []


@linux_only
def test_leaving_the_pool_ends_a_measurement() -> None:
    with ThreadPoolExecutor(1) as thread, make_pool() as pool:
        pid = pid_of(pool)
        under_way = thread.submit(pool.measure, b"sleep", seconds=60)
        time.sleep(0.3)
        left = time.monotonic()
    with pytest.raises(Stopped):
        under_way.result(5)
    assert time.monotonic() - left < 3
    assert not is_running(pid)
