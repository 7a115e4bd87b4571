"""What goes wrong on a worker of a cluster, or with the scheduler, ends in an answer: nobody waits for it for ever."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from distributed.scheduler import KilledWorker

from grader import __version__
from grader.model import DataFiles, GraderFault, UsageFault
from grader.sandbox.cluster import connection, crew, messages, worker
from grader.sandbox.cluster.admission import Admission
from grader.sandbox.cluster.crew import Crew
from grader.sandbox.cluster.members import Lost, Member
from grader.sandbox.measuring import MeasurementFailed
from grader.storage.fingerprints import code_digest

WANTED = messages.Preparation(
    __version__,
    code_digest(""),
    {},
    "cpu",
    "auto",
    DataFiles("a" * 64, "b" * 64, 8000, "c" * 64, 2000, 0.13, 0.3),
    "",
)
FULL = OSError(errno.ENOSPC, "No space left on device")


class Task:
    """A task of Dask that ends with ``outcome``."""

    def __init__(self, outcome: bytes | Exception) -> None:
        self.outcome = outcome

    def __await__(self) -> Any:
        async def result() -> bytes:
            if isinstance(self.outcome, Exception):
                raise self.outcome
            return self.outcome

        return result().__await__()

    def release(self) -> None: ...


class Machines:
    """A connection, its client, and the admission of one worker for each of ``outcomes``, by address."""

    def __init__(self, **outcomes: bytes | Exception) -> None:
        self.outcomes = outcomes
        self.client = self.scheduler = self
        self.asked: list[str] = []
        self.is_slow = self.is_silent = False

    async def identity(self, n_workers: int) -> dict[str, Any]:
        if self.is_silent:
            raise OSError("the scheduler went away")
        return {"workers": {address: {} for address in self.outcomes}}

    async def admit(self, client: object, address: str, facts: object) -> Member:
        if self.is_slow:
            await asyncio.sleep(60)
        return Member(address, address, "cpu", places=1, process="process 1")

    def submit(self, function: object, *given: object, workers: list[str], **_: object) -> Task:
        self.asked += workers
        return Task(self.outcomes[workers[0]])

    async def run(self, function: object, *given: object, **_: object) -> dict[str, bytes]:
        return {}


def with_crew(machines: Any, use: Callable[[Crew], Coroutine[Any, Any, bytes]]) -> tuple[bytes, list[str]]:
    """What ``use`` returns for the gathered workers, and what the tutor is told."""
    said: list[str] = []

    async def run() -> bytes:
        members = Crew(machines, WANTED, machines, is_mixed=False, say=said.append)
        await members.gather()
        return await asyncio.wait_for(use(members), 5)

    return asyncio.run(run()), said


UNFIT = messages.encode(messages.Unfit("lab1", "cannot measure: OSError: full"))
GOOD = messages.encode(messages.Measured(), b"reply")


@pytest.mark.parametrize("fault", [UNFIT, KilledWorker("task", None, 0)], ids=["unfit", "killed"])
def test_what_one_worker_cannot_measure_is_asked_of_another_one(fault: bytes | Exception) -> None:
    machines = Machines(lab1=fault, lab2=GOOD)

    async def measure_both(members: Crew) -> bytes:
        """Both workers have a request, so that one gets the worker with the fault."""
        return b"".join(await asyncio.gather(members.measure(b"1", 1.0), members.measure(b"2", 1.0)))

    replies, said = with_crew(machines, measure_both)
    assert replies == b"replyreply"
    assert "lab1" in machines.asked
    assert ("Not used: The worker lab1 on lab1 cannot measure: OSError: full." in said) == (fault == UNFIT)


def test_a_request_that_no_worker_can_measure_is_a_fault_of_the_grader() -> None:
    with pytest.raises(MeasurementFailed, match="fault: two workers of the cluster were lost"):
        with_crew(Machines(lab1=UNFIT, lab2=UNFIT), lambda members: members.measure(b"", 1.0))


def unprepared(process: str) -> bytes:
    return messages.encode(messages.Unprepared(process))


def test_a_worker_that_was_idle_for_too_long_is_prepared_again_and_is_not_lost() -> None:
    machines = Machines(lab1=unprepared("process 1"))

    async def measure(members: Crew) -> bytes:
        watching = asyncio.create_task(members.watch())
        asking = asyncio.create_task(members.measure(b"", 1.0))
        while len(machines.asked) < 3:
            await asyncio.sleep(0.01)
        machines.outcomes["lab1"] = GOOD
        try:
            return await asking
        finally:
            watching.cancel()

    reply, said = with_crew(machines, measure)
    assert reply == b"reply"
    assert said[1:] == ["The worker lab1 on lab1 has come (isolation: )."] * 3


def test_a_worker_in_whose_place_another_process_answers_is_lost() -> None:
    machines = Machines(lab1=unprepared("process 2"), lab2=unprepared("process 2"))
    with pytest.raises(MeasurementFailed, match="two workers of the cluster were lost"):
        with_crew(machines, lambda members: members.measure(b"", 1.0))


def test_a_worker_that_never_gets_ready_does_not_keep_a_run_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(crew, "_PATIENCE_SECONDS", 0.1)
    machines = Machines(lab1=GOOD)

    async def lose_it(members: Crew) -> bytes:
        machines.is_slow = True
        machines.outcomes = {"lab2": GOOD}
        with pytest.raises(UsageFault, match="no worker for this run for five minutes"):
            await members.watch()
        return b""

    with_crew(machines, lose_it)


def test_a_scheduler_that_is_lost_at_the_start_is_said_in_one_sentence() -> None:
    machines = Machines(lab1=GOOD)
    machines.is_silent = True
    with pytest.raises(UsageFault, match="no longer answers"):
        with_crew(machines, lambda members: members.measure(b"", 1.0))


def test_after_the_end_nothing_is_sent_to_the_workers() -> None:
    machines = Machines(lab1=GOOD)

    async def measure_late(members: Crew) -> bytes:
        await members.leave()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(members.measure(b"", 1.0), 0.2)
        return b""

    with_crew(machines, measure_late)
    assert not machines.asked


def test_workers_that_are_not_ready_in_time_are_not_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "_FIRST_SECONDS", 0.4)
    machines = Machines(lab1=GOOD)
    machines.is_slow = True
    with pytest.raises(UsageFault, match="None was ready within"):
        with_crew(machines, lambda members: members.measure(b"", 1.0))
    with pytest.raises(UsageFault, match="It has none"):
        with_crew(Machines(), lambda members: members.measure(b"", 1.0))


@pytest.mark.parametrize(
    "fault", [FULL, MemoryError(), RuntimeError("can't start new thread"), GraderFault("no server")]
)
def test_a_worker_that_can_start_no_measuring_process_says_so(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []

    def measure(request: bytes, *, seconds: float) -> bytes:
        raise fault

    pool = SimpleNamespace(measure=measure, __exit__=lambda *_: closed.append(True))
    monkeypatch.setattr(worker, "_open", {"run": SimpleNamespace(pool=pool, busy=0)})
    answer, _ = messages.decode_answer(worker.answer("run", b"", 1.0))
    assert isinstance(answer, messages.Unfit)
    assert type(fault).__name__ in answer.reason
    assert closed, "its processes do not stay"


def test_a_worker_that_cannot_store_the_images_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(worker, "_known", [])

    class Client:
        """Runs everything here."""

        def submit(self, function: Callable[..., bytes], *given: Any, **_: object) -> Task:
            return Task(function(*given))

        async def run(self, function: Callable[[bytes], bytes], content: bytes, workers: list[str]) -> dict[str, bytes]:
            return {workers[0]: function(content)}

    contents = dict.fromkeys(WANTED.checksums, str(tmp_path / "file"))
    facts = {"host": "lab1", "nthreads": 1}
    client: Any = Client()
    found = asyncio.run(Admission(WANTED, contents, None).admit(client, "tls://lab1:1", facts))
    assert isinstance(found, messages.Unfit)
    assert found.reason.startswith("cannot store the images: ")


def test_a_worker_that_dask_gives_up_is_lost() -> None:
    class Client:
        def submit(self, *_: object, **__: object) -> Task:
            return Task(KilledWorker("task", None, 0))

    client: Any = Client()
    with pytest.raises(Lost):
        asyncio.run(Member("tls://lab1:1", "lab1", "cpu", 1).ask(client, worker.answer))


def test_an_interrupted_grader_does_not_wait_for_a_scheduler_that_is_lost() -> None:
    class Client:
        async def close(self) -> None:
            await asyncio.sleep(60)

    client: Any = Client()

    async def interrupt() -> None:
        closing = asyncio.create_task(connection._quietly(client))
        await asyncio.sleep(0.05)
        closing.cancel()
        await closing

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupt())
