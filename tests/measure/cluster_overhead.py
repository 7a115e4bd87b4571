"""What a request costs on a cluster more than on this machine: python -m tests.measure.cluster_overhead [--count 200].

Prints the milliseconds of a request one after the other and four at once, and the memory of the scheduler and of this
process before and after many requests, which are refused as soon as they are validated.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import psutil
from dask import config

from grader.data import write_worker_files
from grader.data.bundled import bundled_data
from grader.measure.service import wire
from grader.model.graph import Node
from grader.model.recorded import graph_of
from grader.pipeline.backends import Backend, OwnMachine
from grader.sandbox import WorkerPool
from grader.sandbox.machine import machine_name
from tests.support.dask_cluster import dask_cluster
from tests.support.network_samples import Lab, recording_of

WORKERS = 2


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="requests for a mean (default: %(default)s)")
    parser.add_argument("--many", type=int, default=0, help="requests before memory is read again (default: none)")
    arguments = parser.parse_args(argv)
    recording = recording_of(Lab())
    graph = graph_of(recording).graph
    assert graph is not None
    program = graph.evaluation
    refused = replace(graph, evaluation=replace(program, nodes=(*program.nodes, Node("aten.system.default"))))
    requests = {
        "measure the lab's network": wire.encode(wire.Measure(graph, recording.without_programs(), 20_000, 1, 2)),
        "refuse it": wire.encode(wire.Measure(refused, recording.without_programs(), 20_000, 1, 2)),
    }
    with tempfile.TemporaryDirectory() as folder, dask_cluster(Path(folder), workers=WORKERS) as dask:
        files, _ = write_worker_files(bundled_data(), Path(folder, "data"), order_seed=1)
        settings = {"data": asdict(files), "device": "cpu", "machine": machine_name()}
        with (
            WorkerPool(workers=WORKERS, settings=settings) as pool,
            config.set(dask.settings),
            dask.client(files, lambda: pool.versions, Path(folder), say=print) as cluster,
        ):
            backends: dict[str, Backend] = {"this machine": OwnMachine(pool, "cpu"), "the cluster": cluster}
            for what, request in requests.items():
                print(f"{what}: {len(request):,} bytes")
                for _ in range(2):  # in turns, because other programs on a machine come and go
                    for where, backend in backends.items():
                        print(f"  {where}: {milliseconds(backend, request, arguments.count)}")
            if arguments.many:
                scheduler, own = psutil.Process(dask.processes["scheduler"].pid), psutil.Process()
                before = [megabytes(scheduler), megabytes(own)]
                milliseconds(cluster, requests["refuse it"], arguments.many, at_once=8)
                after = [megabytes(scheduler), megabytes(own)]
                print(f"MB of the scheduler and of this process: {before}, after {arguments.many:,} requests {after}")


def milliseconds(backend: Backend, request: bytes, count: int, *, at_once: int = WORKERS) -> str:
    """Mean wall time of requests one after the other, and of ``at_once`` side by side for each."""

    def ask(_: int = 0) -> float:
        start = time.perf_counter()
        backend.measure(request, seconds=60)
        return 1000 * (time.perf_counter() - start)

    for _ in range(2 * WORKERS):  # the first requests start processes
        ask()
    single = [ask() for _ in range(min(count, 500))]
    start = time.perf_counter()
    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(ask, range(count)))
    together = 1000 * (time.perf_counter() - start) / count
    return (
        f"{statistics.mean(single):.1f} ms (median {statistics.median(single):.1f}) one after the other, "
        f"{together:.1f} ms each with {at_once} at once"
    )


def megabytes(process: psutil.Process) -> int:
    return int(process.memory_info().rss) >> 20


if __name__ == "__main__":
    main()
