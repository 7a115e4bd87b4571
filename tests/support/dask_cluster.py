"""A cluster of real processes on this machine, with TLS, whose parts can be killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.certificates import make_authority, make_certificate, tls_settings
from tests.support.places import ROOT


class DaskCluster:
    """A scheduler on a fixed port, and workers of one thread each. ``settings`` are those of Dask for all roles."""

    def __init__(self, folder: Path) -> None:
        authority = make_authority(folder / "certificates")
        self.settings = tls_settings(authority, *make_certificate(authority, "machine"))
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.scheduler: subprocess.Popen[bytes]
        self.workers: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        """As after ``--cluster``."""
        return f"tls://127.0.0.1:{self.port}"

    def start_scheduler(self) -> None:
        self.scheduler = self._start("scheduler", "--host", self.address, "--no-dashboard")

    def start_worker(self) -> subprocess.Popen[bytes]:
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0")
        folder = ("--local-directory", str(self._folder / "scratch"))
        started = self._start("worker", self.address, "--host", "127.0.0.1", *options, *folder)
        self.workers.append(started)
        return started

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            self.kill(process)

    def _start(self, role: str, *words: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{role}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "dask", role, *words],
                env=os.environ | as_environment(self.settings) | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )


@contextmanager
def dask_cluster(folder: Path, *, workers: int) -> Iterator[DaskCluster]:
    """A cluster that is started and stopped; its files are in ``folder``."""
    cluster = DaskCluster(folder)
    cluster.start_scheduler()
    try:
        for _ in range(workers):
            cluster.start_worker()
        yield cluster
    finally:
        cluster.stop()


def as_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Dask's settings as variables of the environment."""
    return {
        "DASK_" + name.upper().replace(".", "__").replace("-", "_"): value for name, value in settings.items()
    }
