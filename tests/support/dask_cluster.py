"""A cluster of real processes on this machine, with TLS, whose parts can be killed and are started again."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grader.model import DataFiles
from grader.sandbox import Wish
from grader.sandbox.cluster.address import ClusterAddress
from grader.sandbox.cluster.cluster import Cluster
from tests.support.certificates import make_certificates, tls_settings
from tests.support.places import ROOT


class DaskCluster:
    """A scheduler on a fixed port, and workers of one thread each, started again as a service manager would do it.

    ``settings`` are those of Dask for all roles.
    """

    def __init__(self, folder: Path) -> None:
        self.certificates = make_certificates(folder / "certificates")
        self.settings = tls_settings(*self.certificates)
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        """By name: ``scheduler``, ``worker 1`` and so on."""
        self._is_over = threading.Event()
        self._keeper = threading.Thread(target=self._keep)

    def client(
        self,
        files: DataFiles,
        versions: Callable[[], Mapping[str, str]],
        folder: Path,
        *,
        device: str = "cpu",
        say: Callable[[str], None] = lambda sentence: None,
    ) -> Cluster:
        """This cluster as a grader with these data and versions uses it; not entered yet."""
        address = ClusterAddress(self.address)
        return Cluster(address, files, versions, device=device, isolation=Wish.AUTO, folder=folder, say=say)

    @property
    def address(self) -> str:
        """As after ``--cluster``."""
        return f"tls://127.0.0.1:{self.port}"

    def start(self, workers: int) -> None:
        for name in ("scheduler", *(f"worker {number + 1}" for number in range(workers))):
            self.processes[name] = self._start(name)
        self._keeper.start()

    def ports(self) -> list[int]:
        """On which the scheduler and the workers listen, once they do."""
        give_up = time.monotonic() + 30
        pattern = re.compile(r"Start worker at: +tls://127.0.0.1:(\d+)")
        while True:
            texts = [log.read_text(encoding="utf-8") for log in self.folder.glob("worker *.log")]
            found = [int(port) for text in texts for port in pattern.findall(text)]
            if len(found) >= len(self.processes) - 1 or time.monotonic() > give_up:
                return [self.port, *found]
            time.sleep(0.1)

    def name_of(self, address: str) -> str:
        """The name of the worker at this address."""
        (log,) = [log for log in self.folder.glob("worker *.log") if f"{address}\n" in log.read_text(encoding="utf-8")]
        return log.stem

    def kill(self, name: str, *, for_good: bool = False) -> None:
        """Kill a process; it is started again soon, unless ``for_good``."""
        process = self.processes.pop(name) if for_good else self.processes[name]
        process.kill()
        if for_good:
            process.wait(10)

    def stop(self) -> None:
        self._is_over.set()
        self._keeper.join()
        for process in self.processes.values():
            process.kill()
            process.wait(10)

    def _keep(self) -> None:
        while not self._is_over.wait(0.2):
            for name, process in list(self.processes.items()):
                if process.poll() is not None:
                    self.processes[name] = self._start(name)

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        if name == "scheduler":
            words = ["scheduler", "--host", "127.0.0.1", "--protocol", "tls", "--port", str(self.port)]
        else:
            words = [
                "worker",
                self.address,
                "--host",
                "127.0.0.1",
                "--nthreads",
                "1",
                "--no-nanny",
                "--memory-limit",
                "0",
            ]
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "dask", *words, "--no-dashboard"],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def environment(self) -> dict[str, str]:
        """The environment of a process on a machine of the cluster."""
        folders = {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(self.folder / "cache")}
        return os.environ | folders | as_environment(self.settings)


@contextmanager
def dask_cluster(folder: Path, *, workers: int) -> Iterator[DaskCluster]:
    """A cluster that is started and stopped; its files are in ``folder``."""
    cluster = DaskCluster(folder)
    try:
        cluster.start(workers)
        yield cluster
    finally:
        cluster.stop()


def as_environment(settings: Mapping[str, Any]) -> dict[str, str]:
    """Dask's settings as variables of the environment."""
    variables = {name.upper().replace(".", "__").replace("-", "_"): str(value) for name, value in settings.items()}
    return {"DASK_TEMPORARY_DIRECTORY": "scratch"} | {f"DASK_{name}": value for name, value in variables.items()}
