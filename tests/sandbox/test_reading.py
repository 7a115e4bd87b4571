"""Reading processes: what one of them does wrong ends only itself, and its submission's other requests."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.sandbox import Limits, ReadingProcesses
from grader.sandbox.measuring import Outcome
from tests.support.worker_pools import is_running, wait_until

SECONDS = 30.0
CPU_SECONDS = 1


def echo(request: bytes) -> bytes:
    return request


def spin(request: bytes) -> bytes:
    if request == b"spin":
        while True:
            pass
    return request


def end(request: bytes) -> bytes:
    if request == b"end":
        os.kill(os.getpid(), signal.SIGSEGV)
    return request


def fill(request: bytes) -> bytes:
    kept = []
    while request == b"fill":
        kept.append(bytes(1 << 20))
    return request


def refuse(request: bytes) -> bytes:
    raise LookupError("no such page")


def wait(request: bytes) -> bytes:
    time.sleep(60)
    return request


def tell(request: bytes) -> bytes:
    return b"%d %s" % (os.getpid(), os.fsencode(Path.cwd()))


@pytest.fixture
def reading() -> Iterator[Callable[[Callable[[bytes], bytes]], ReadingProcesses]]:
    started: list[ReadingProcesses] = []

    def start(answer: Callable[[bytes], bytes]) -> ReadingProcesses:
        processes = ReadingProcesses(
            answer, at_once=2, limits=Limits(memory_bytes=1 << 30)
        )  # with shared pages of the tests
        processes.start()
        started.append(processes)
        return processes

    yield start
    for processes in started:
        processes.stop()


Start = Callable[[Callable[[bytes], bytes]], ReadingProcesses]


def outcomes(processes: ReadingProcesses, folder: Path, *requests: bytes) -> list[Outcome]:
    with processes.open(folder, cpu_seconds=CPU_SECONDS) as ask:
        return [ask(request, SECONDS) for request in requests]


def test_requests_of_a_submission_go_to_one_process_in_its_folder(reading: Start, tmp_path: Path) -> None:
    processes = reading(tell)
    first, second = outcomes(processes, tmp_path, b"", b"")
    (other,) = outcomes(processes, tmp_path, b"")
    assert first.reply == second.reply != other.reply
    pid, _, folder = first.reply.partition(b" ")
    assert folder == os.fsencode(tmp_path)
    assert int(pid) != os.getpid()
    assert wait_until(lambda: not is_running(int(pid)))


def test_large_requests_and_replies_arrive(reading: Start, tmp_path: Path) -> None:
    request = bytes(range(256)) * 40_000
    (outcome,) = outcomes(reading(echo), tmp_path, request)
    assert outcome.reply == request


@pytest.mark.parametrize(
    ("answer", "request_", "kind"), [(spin, b"spin", "deadline"), (fill, b"fill", "memory"), (end, b"end", "signal")]
)
def test_a_process_that_exceeds_a_limit_ends_alone(
    reading: Start, tmp_path: Path, answer: Callable[[bytes], bytes], request_: bytes, kind: str
) -> None:
    processes = reading(answer)
    before, ended, after = outcomes(processes, tmp_path, b"fine", request_, b"fine")
    assert before.reply == b"fine"
    assert ended.ending.kind == after.ending.kind == kind, "the process is one for all requests of a submission"
    (other,) = outcomes(processes, tmp_path, b"fine")
    assert other.reply == b"fine"


def test_the_time_for_one_request_is_limited_too(reading: Start, tmp_path: Path) -> None:
    processes = reading(wait)
    with processes.open(tmp_path, cpu_seconds=CPU_SECONDS) as ask:
        assert ask(b"", 0.3).ending.kind == "deadline"


def test_an_exception_is_a_fault_with_its_message(reading: Start, tmp_path: Path) -> None:
    (outcome,) = outcomes(reading(refuse), tmp_path, b"")
    assert outcome.ending.kind == "fault"
    assert "no such page" in outcome.ending.detail
    assert "LookupError" in outcome.output


def test_a_stopped_reading_leaves_no_process(reading: Start, tmp_path: Path) -> None:
    processes = reading(tell)
    with processes.open(tmp_path, cpu_seconds=CPU_SECONDS) as ask:
        pid = int(ask(b"", SECONDS).reply.split()[0])
        processes.stop()
        assert wait_until(lambda: not is_running(pid))
