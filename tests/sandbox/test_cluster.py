"""What of a cluster can be tested without one: addresses, certificates, files, and what a worker refuses at once."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from dask import config
from distributed.protocol.pickle import dumps

from grader import __version__
from grader.cli.arguments import parser
from grader.cli.run_settings import run_settings
from grader.model import DataFiles, UsageFault
from grader.sandbox.cluster import cluster, data_files, messages, worker
from grader.sandbox.cluster.address import ClusterAddress, certificate_files, cluster_address, networks_at_once
from grader.sandbox.cluster.crew import Crew
from grader.sandbox.cluster.members import Member
from grader.sandbox.level import Level, Wish
from grader.storage.fingerprints import code_digest
from grader.worker.isolate.capabilities import CALLS, LANDLOCK, NAMESPACES, PID, USER, VIEW
from tests.support.certificates import tls_settings


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return data_files.folder()


def test_an_address_is_that_of_a_scheduler_with_tls_or_of_this_machine() -> None:
    assert cluster_address("tls://lab1:8786") == ClusterAddress("tls://lab1:8786")
    assert cluster_address("tls://[::1]:8786") == ClusterAddress("tls://[::1]:8786")
    assert cluster_address("local:4") == ClusterAddress("local:4", local=4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tcp://lab1:8786", "would not be encrypted: start the scheduler and its workers with TLS"),
        ("lab1:8786", "would not be encrypted"),
        ("ws://lab1:8786", "would not be encrypted"),
        ("inproc://lab1:8786", "would not be encrypted"),
        ("", "would not be encrypted"),
        ("tls://lab1", "cannot be read"),
        ("tls://lab1:8786/x", "cannot be read"),
        ("tls://lab1:8786\n", "cannot be read"),
        ("local", "cannot be read"),
        ("local:٣", "cannot be read"),
        ("local:0", "from 1 to 1000"),
        ("local:1001", "from 1 to 1000"),
    ],
)
def test_another_address_is_refused_with_one_sentence(text: str, message: str) -> None:
    with pytest.raises(UsageFault, match=message) as refused:
        cluster_address(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("missing", ["distributed", "cryptography"])
def test_without_the_extra_the_command_says_what_to_install(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "grader.sandbox.cluster.address.find_spec", lambda name: None if name == missing else find(name)
    )
    with pytest.raises(UsageFault, match="needs Dask, which is not installed here: python -m pip install "):
        cluster_address("local:2")
    if missing == "cryptography":  # only makes certificates for a cluster here
        assert cluster_address("tls://lab1:8786")


@pytest.mark.parametrize("text", ["GPU", "GPU=0", "GPU=-1", "CPU=2", "GPU=2,MEM=1", "4"])
def test_resources_that_cannot_be_read_are_refused(text: str) -> None:
    assert networks_at_once("GPU=4") == 4
    with pytest.raises(UsageFault, match="write GPU=4"):
        networks_at_once(text)


@pytest.mark.parametrize("option", [["--mixed"], ["--resources", "GPU=2"]])
def test_options_about_a_cluster_need_one(option: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="add --cluster"):
        run_settings(parser().parse_args(["grade", str(tmp_path), *option]))


def test_submissions_do_not_see_the_certificates(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("ca.pem", "machine.pem", "machine.key")]
    for place in places:
        place.touch()
    words = ["grade", str(tmp_path), "--out", str(tmp_path / "out"), "--cluster", "tls://lab1:8786"]
    with config.set(tls_settings(*places)):
        assert set(certificate_files()) == set(places)
        assert set(places) <= set(run_settings(parser().parse_args(words)).hidden)
        assert not set(places) & set(run_settings(parser().parse_args(words[:-2])).hidden)
    with config.set({"distributed.comm.tls": None}):
        assert not list(certificate_files())


@pytest.mark.parametrize(
    ("steps", "shuts_in"),
    [
        ((VIEW, NAMESPACES, PID, USER, CALLS), True),
        ((LANDLOCK, CALLS), True),
        ((LANDLOCK,), False),
        ((NAMESPACES, CALLS), False),
        ((), False),
    ],
)
def test_a_cluster_needs_isolation_of_files_and_of_the_network(steps: tuple[str, ...], shuts_in: bool) -> None:
    assert Level("partial", steps).shuts_in == shuts_in


# ---- which workers a run takes ---------------------------------------------------------------------------------------


class Machines:
    """Machines with a worker of one device each: what a crew asks of a connection, and of the admission to a run."""

    def __init__(self, *devices: str) -> None:
        self.devices = {f"tls://lab{number + 1}:1": device for number, device in enumerate(devices)}
        self.client = self.scheduler = self
        self.left: list[str] = []

    async def identity(self, n_workers: int) -> dict[str, Any]:
        return {"workers": {address: {} for address in self.devices}}

    async def run(self, function: object, run: str, **options: Any) -> None:
        """Only those that are not used are told to leave."""
        assert function is worker.leave
        self.left += options["workers"]

    async def admit(self, client: object, address: str, facts: object) -> Member:
        name = address[6:10]
        level = "partial" if name == "lab4" else "full"
        return Member(address, name, self.devices[address], places=2, isolation=f"{level}: no sockets")


def gathered(machines: Any, device: str = "auto", *, is_mixed: bool = False) -> tuple[Crew, list[str]]:
    """The workers that a run takes, and what the tutor is told."""
    said: list[str] = []
    preparation = messages.decode_preparation(wanted(device=device))

    async def gather() -> Crew:
        crew = Crew(machines, preparation, machines, is_mixed=is_mixed, say=said.append)
        await crew.gather()
        return crew

    return asyncio.run(gather()), said


def test_the_best_device_of_all_workers_decides_and_the_others_are_named() -> None:
    machines = Machines("cpu", "cuda", "cpu", "cuda")
    crew, said = gathered(machines)
    assert crew.devices == {"cuda"}
    assert crew.places == 4
    assert sorted(machines.left) == ["tls://lab1:1", "tls://lab3:1"]
    assert sorted(said) == [
        "Not used: The worker tls://lab1:1 on lab1 trains on cpu, and this run on cuda (--mixed allows both).",
        "Not used: The worker tls://lab3:1 on lab3 trains on cpu, and this run on cuda (--mixed allows both).",
        "The cluster measures with 2 workers on lab2, lab4, 4 networks at a time (isolation: partial).",
    ]


def test_a_run_may_be_allowed_several_kinds_of_device() -> None:
    assert gathered(Machines("cpu", "cuda"), is_mixed=True)[0].devices == {"cpu", "cuda"}
    assert gathered(Machines("cpu", "cpu"), is_mixed=True)[0].devices == {"cpu"}


def test_a_run_with_a_named_device_takes_no_other() -> None:
    assert gathered(Machines("cpu", "cuda"), "cpu")[0].devices == {"cpu"}
    with pytest.raises(UsageFault, match="trains on cuda, and this run on cpu"):
        gathered(Machines("cuda"), "cpu")


# ---- what a worker does before it opens anything ---------------------------------------------------------------------

CHECKSUMS = ("a" * 64, "b" * 64, "c" * 64)


def wanted(**changes: Any) -> bytes:
    train_images, train_labels, heldout = CHECKSUMS
    data = DataFiles(train_images, train_labels, 8000, heldout, 2000, 0.13, 0.3)
    preparation = messages.Preparation(__version__, code_digest(""), {}, "cpu", "auto", data, "")
    return messages.encode(msgspec.structs.replace(preparation, **changes))


@pytest.mark.usefixtures("own_cache")
def test_another_grader_is_refused_before_anything_is_sent_or_started() -> None:
    for changes, reason in (({"grader": "9.9"}, "this run has 9.9"), ({"code": "another"}, "has other code")):
        for reply in (worker.missing(wanted(**changes)), worker.prepare(wanted(**changes), 1)):
            answer, _ = messages.decode_answer(reply)
            assert isinstance(answer, messages.Unfit)
            assert reason in answer.reason
            assert answer.machine


@pytest.mark.usefixtures("own_cache")
def test_files_that_are_missing_are_named_by_checksum() -> None:
    for reply in (worker.missing(wanted()), worker.prepare(wanted(), 1)):
        answer, _ = messages.decode_answer(reply)
        assert isinstance(answer, messages.Missing)
        assert answer.checksums == CHECKSUMS


def test_a_worker_that_was_not_prepared_measures_nothing() -> None:
    answer, rest = messages.decode_answer(worker.answer("another run", b"anything", 1.0))
    assert isinstance(answer, messages.Unprepared)
    assert rest == b""


class Closed:
    """Measuring processes, which note that they were ended."""

    def __init__(self) -> None:
        self.is_closed = False

    def __exit__(self, *_: object) -> None:
        self.is_closed = True


def test_a_grader_that_ends_leaves_the_measurements_of_another_one_that_wants_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = (messages.decode_preparation(wanted(nonce=nonce)).run for nonce in ("1", "2"))
    pools = {first: Closed(), second: Closed()}
    monkeypatch.setattr(worker, "_open", {run: SimpleNamespace(pool=pool) for run, pool in pools.items()})
    asyncio.run(worker.leave(first))
    assert [pools[first].is_closed, pools[second].is_closed] == [True, False]


def test_each_grader_draws_its_own_nonce(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[messages.Preparation] = []

    def crew(connection: object, wanted: messages.Preparation, *_: object, **__: object) -> None:
        asked.append(wanted)
        raise UsageFault("Enough.")

    @asynccontextmanager
    async def no_connection(*_: object, **__: object) -> AsyncIterator[None]:
        yield

    monkeypatch.setattr(cluster, "Crew", crew)
    monkeypatch.setattr(cluster, "connected", no_connection)
    file = tmp_path / "images"
    file.write_bytes(b"images")
    files = DataFiles(str(file), str(file), 1, str(file), 1, 0.13, 0.3)
    for _ in range(2):
        opened = cluster.Cluster(
            ClusterAddress("tls://lab1:8786"),
            files,
            dict,
            device="cpu",
            isolation=Wish.AUTO,
            folder=tmp_path,
            say=print,
        )
        with pytest.raises(UsageFault, match="Enough"), opened:
            pass
    assert asked[0].run != asked[1].run
    assert msgspec.structs.replace(asked[0], nonce="") == msgspec.structs.replace(asked[1], nonce="")


@pytest.mark.parametrize("checksum", ["../../etc/passwd", "", "A" * 64, "a" * 63])
def test_a_file_is_named_by_its_checksum_only(checksum: str) -> None:
    data = DataFiles(checksum, "b" * 64, 8000, "c" * 64, 2000, 0.13, 0.3)
    with pytest.raises(ValueError, match="something else than its SHA-256"):
        messages.decode_preparation(wanted(data=data))


def test_a_stored_file_is_found_by_its_content_until_it_is_changed_or_old(own_cache: Path) -> None:
    data_files.keep(b"images")
    (path,) = own_cache.iterdir()
    assert data_files.find(path.name) == path
    path.write_bytes(b"other images")
    assert data_files.find(path.name) is None
    long_ago = time.time() - 40 * 24 * 3600
    os.utime(path, (long_ago, long_ago))
    data_files.keep(b"labels")
    assert not path.exists()


@pytest.mark.parametrize("function", [worker.missing, worker.prepare, worker.answer, worker.keep, worker.leave])
def test_dask_sends_functions_by_name(function: Any) -> None:
    sent = dumps(function)
    assert len(sent) < 120
    assert b"grader.sandbox.cluster.worker" in sent
