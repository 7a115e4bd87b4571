"""A run on a cluster with TLS has the results of a run on one machine, and neither submissions nor strangers reach it.

The cluster consists of real processes; it is started once, and so are the workers that record submissions.
"""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from dask import config

from grader.data.bundled import bundled_data
from grader.measure.service import wire
from grader.model import DataFiles, UsageFault
from grader.model.graph import Graph, Node
from grader.moderation.pseudonyms import keep_secret
from grader.pipeline import backends, workers
from grader.pipeline.cohort import grade_cohort
from grader.pipeline.settings import RunSettings
from grader.report.console.progress import Progress
from grader.report.console.summary import make_console
from grader.report.html import pages
from grader.rubric.loading import load_rubric
from grader.sandbox import MeasurementFailed
from grader.sandbox.cluster import cluster as cluster_module
from grader.sandbox.cluster.address import ClusterAddress
from grader.sandbox.cluster.cluster import Cluster
from grader.storage import records
from grader.storage.records import StoredEvidence
from tests.support.certificates import make_certificates, tls_settings
from tests.support.dask_cluster import DaskCluster, dask_cluster
from tests.support.places import TESTS
from tests.support.quick_rubric import write_rubric
from tests.support.results import results_of
from tests.support.shard_samples import SECRET
from tests.support.worker_pools import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a cluster needs isolation that only Linux has"),
]

HANDED_IN = {
    "ada": "valid-type-hints",
    "ben": "fault-logits",
    "cleo": "broken-no-net-at-all",
}
"""The sample that each student hands in, besides the one who attacks the cluster."""
ATTACK = """
import socket
from pathlib import Path
from torch import nn


def attack():
    for port in {ports}:
        for host in ("127.0.0.1", "localhost"):
            try:
                socket.create_connection((host, port), timeout=1).close()
                print("reached", port)
            except OSError as problem:
                print("no port", host, port, problem)
    for file in {files}:
        try:
            print("read", file, len(Path(file).read_bytes()))
        except OSError as problem:
            print("no file", file, problem)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)
        attack()

    def forward(self, x):
        return self.fc(x.flatten(1))
"""


@dataclass(frozen=True)
class Runs:
    """The same cohort on one machine and on the cluster, which is still there."""

    dask: DaskCluster
    cluster: Cluster
    one: Path
    many: Path
    said: list[str]
    """What the tutor was told."""

    def evidence(self, student: str) -> StoredEvidence:
        found = records.read_evidence(self.many, student)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    work = tmp_path_factory.mktemp("cluster")
    rubric = load_rubric(write_rubric(work / "rubric.toml"))
    with dask_cluster(work, workers=2) as dask, config.set(dask.settings), pytest.MonkeyPatch.context() as patch:
        hand_in(work / "subs", dask)
        settings = RunSettings(
            work / "subs",
            work / "many",
            rubric,
            bundled_data(),
            jobs=2,
            device="cpu",
            secret=SECRET,
            canary="",
            cluster=ClusterAddress(dask.address),
        )
        seeds = work / "seeds"
        seeds.mkdir()
        keep_secret(seeds, SECRET)
        open_workers = workers.open_workers
        said: list[str] = []
        with open_workers(replace(settings, out=seeds), work, say=said.append) as opened:

            @contextmanager
            def open_again(settings: RunSettings, *_: object, **__: object) -> Iterator[workers.Workers]:
                backend = opened._backend if settings.cluster else backends.OwnMachine(opened._pool, "cpu")
                yield workers.Workers(opened._pool, backend, settings, work, opened._labels, opened._images)

            patch.setattr(workers, "open_workers", open_again)
            for run in (settings, replace(settings, out=work / "one", cluster=None)):
                grade_cohort(run, pages=pages, progress=Progress(make_console(), 0, is_quiet=True))
            assert isinstance(opened._backend, Cluster)
            yield Runs(dask, opened._backend, work / "one", work / "many", said)


def hand_in(place: Path, dask: DaskCluster) -> None:
    for student, sample in HANDED_IN.items():
        shutil.copytree(TESTS / "submissions" / sample, place / student, ignore=shutil.ignore_patterns("expected.toml"))
    (place / "mallory").mkdir()
    script = ATTACK.format(ports=dask.ports(), files=[str(path) for path in dask.certificates])
    (place / "mallory" / "task1_cnn.py").write_text(script, encoding="utf-8")


def test_the_results_are_those_of_one_machine(runs: Runs) -> None:
    assert results_of(runs.many) == results_of(runs.one)
    assert (runs.many / "marks.csv").read_bytes() == (runs.one / "marks.csv").read_bytes()


def test_the_evidence_and_the_run_say_which_machine_measured(runs: Runs) -> None:
    evidence = runs.evidence("ada").evidence
    assert evidence is not None
    assert evidence.machine == evidence.measured_on == evidence.trainings[0].machine != ""
    assert sum(runs.cluster.measured.values()) >= len(HANDED_IN)
    assert list(runs.cluster.measured) == [evidence.machine]


def test_the_evidence_says_how_a_submission_was_isolated_while_it_was_measured(runs: Runs) -> None:
    for folder in (runs.one, runs.many):
        stored = records.read_evidence(folder, "ada")
        assert stored is not None
        assert stored.evidence is not None
        assert stored.evidence.measuring_isolation == stored.evidence.isolation != ""


def test_a_submission_reaches_neither_the_ports_nor_the_certificates(runs: Runs) -> None:
    stored = runs.evidence("mallory").evidence
    assert stored is not None
    assert "reached" not in stored.output
    assert "read " not in stored.output
    for port in runs.dask.ports():
        assert f"no port 127.0.0.1 {port} " in stored.output
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    for path in runs.dask.certificates:
        assert f"no file {path} " in stored.output
        assert path.read_bytes(), "but this process can read it"


def test_each_data_file_is_sent_to_a_machine_once(runs: Runs) -> None:
    logs = [log.read_text(encoding="utf-8") for log in runs.dask.folder.glob("worker *.log")]
    assert len(logs) == 2
    assert sum(text.count("Run out-of-band function 'keep'") for text in logs) == 3


# ---- what the workers refuse -----------------------------------------------------------------------------------------


def forbidden(graph: Graph) -> Graph:
    nodes = (*graph.evaluation.nodes, Node("aten.from_file.default", ("/etc/passwd",)))
    return replace(graph, evaluation=replace(graph.evaluation, nodes=nodes))


def with_shape(graph: Graph, shape: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Graph:
    """The graph with another shape of its first convolution's weight."""
    first = next(weight for weight in graph.weights if len(weight.shape) == 4)
    weights = tuple(replace(one, shape=shape(one.shape)) if one is first else one for one in graph.weights)
    return replace(graph, weights=weights)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (forbidden, "not an allowed operation"),
        (lambda graph: with_shape(graph, lambda shape: (-1, *shape[1:])), "no valid shape"),
        (lambda graph: with_shape(graph, lambda shape: (*shape[:1], 3, *shape[2:])), "cannot be run"),
        (lambda graph: with_shape(graph, lambda shape: (900_000, *shape[1:])), "too many multiplications"),
    ],
    ids=["forbidden operation", "no shape", "false shape", "absurd cost"],
)
def test_a_worker_refuses_what_this_machine_refuses(change: Callable[[Graph], Graph], reason: str, runs: Runs) -> None:
    stored = runs.evidence("ada").evidence
    assert stored is not None
    assert stored.graph is not None
    assert stored.record is not None
    plan = load_rubric().training
    for request in (
        wire.Measure(change(stored.graph), stored.record, 1, 2, 3),
        wire.Train(change(stored.graph), replace(plan, bands=()), 0, 1, 2, 10.0),
    ):
        reply, _ = wire.decode_reply(runs.cluster.measure(wire.encode(request), seconds=20))
        if isinstance(request, wire.Measure) or reason in ("not an allowed operation", "no valid shape"):
            assert isinstance(reply, wire.Refused)
            assert reason in reply.reason
        else:  # the cost is measured first, and this graph would never be trained
            assert isinstance(reply, wire.Trained)
            assert reply.training.problem is not None


def test_bytes_that_are_no_request_are_a_fault_and_cost_no_worker(runs: Runs) -> None:
    for request in (b"", b"\x80\x04\x95pickle", b'{"type": "measure"}'):
        with pytest.raises(MeasurementFailed, match="fault"):
            runs.cluster.measure(request, seconds=10)
    assert runs.cluster.places == 2


# ---- who is refused --------------------------------------------------------------------------------------------------


def refusal(runs: Runs, *, versions: Mapping[str, str] | None = None, device: str = "cpu") -> str:
    """The sentence with which a run on this cluster is refused."""
    files: DataFiles = runs.cluster._files
    versions = runs.cluster._versions() if versions is None else versions
    opened = runs.dask.client(files, lambda: versions, runs.one, device=device)
    with pytest.raises(UsageFault) as refused, opened:
        pass
    return str(refused.value)


def test_a_worker_with_other_libraries_is_refused(runs: Runs) -> None:
    sentence = refusal(runs, versions={**runs.cluster._versions(), "torch": "1.0"})
    assert "and this run has torch 1.0." in sentence
    assert "No worker of the cluster can measure for this run. The worker tls://127.0.0.1:" in sentence


def test_a_worker_with_another_device_is_refused(runs: Runs) -> None:
    assert "has no mps, on which this run trains." in refusal(runs, device="mps")


def test_a_worker_with_another_version_of_the_grader_is_refused(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(cluster_module, "__version__", "9.9")
        assert "of the grader, and this run has 9.9." in refusal(runs)
    monkeypatch.setattr(cluster_module, "code_digest", lambda *_: "another")
    assert "has other code of the grader, although it is the same version." in refusal(runs)


def test_a_client_without_a_certificate_is_refused(runs: Runs, tmp_path: Path) -> None:
    with config.set({f"distributed.comm.tls.client.{kind}": None for kind in ("cert", "key")}):
        assert "lacks distributed.comm.tls.client.cert, distributed.comm.tls.client.key" in refusal(runs)
    with config.set({"distributed.comm.tls.client.key": str(tmp_path / "gone.key")}):
        assert "gone.key, Dask's distributed.comm.tls.client.key, is not a file." in refusal(runs)


def test_another_authority_is_refused_on_both_sides(runs: Runs, tmp_path: Path) -> None:
    stranger, *own = make_certificates(tmp_path / "stranger")
    with config.set(tls_settings(stranger, *own)):
        assert f"has a certificate of another authority than {stranger}." in refusal(runs)
    with config.set(tls_settings(runs.dask.certificates[0], *own)):
        assert "does not accept this machine's certificate" in refusal(runs)


# ---- a worker is killed; after this there is only one ----------------------------------------------------------------


def test_what_a_killed_worker_had_is_measured_by_another_one(runs: Runs) -> None:
    evidence = runs.evidence("ada").evidence
    assert evidence is not None
    assert evidence.graph is not None
    plan = load_rubric().training.without_early_stop(300)
    request = wire.encode(wire.Train(evidence.graph, plan, 0, 1, 2, 60.0))
    members = runs.cluster._crew._members
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(runs.cluster.measure, request, seconds=90)
        assert wait_until(lambda: any(member.busy for member in members.values()), 10)
        (busy,) = [member for member in members.values() if member.busy]
        runs.dask.kill(runs.dask.name_of(busy.address), for_good=True)
        reply, _ = wire.decode_reply(asked.result(100))
    assert isinstance(reply, wire.Trained)
    assert reply.training.steps == 300
    assert runs.said[-1] == f"The worker {busy.address} on {busy.machine} is gone."
    assert runs.cluster.places == 1
