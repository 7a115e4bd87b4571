"""Connects to a scheduler with TLS, or starts a cluster on this machine; says in one sentence what is wrong.

The certificates come from Dask's own configuration. Those of a cluster on this machine are new for each, and are never
in a file that stays.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from dask import config
from distributed import Client, LocalCluster
from distributed.security import Security

from grader.model import UsageFault
from grader.safe_text import visible
from grader.sandbox.cluster.address import ClusterAddress

CONNECT_SECONDS = 15.0
_LEAVE_SECONDS = 10.0
GPU = "GPU"
"""The resource of a worker that says how many networks its card trains at once."""


@asynccontextmanager
async def connected(address: ClusterAddress, *, at_once: int | None, folder: Path) -> AsyncIterator[Connection]:
    """A connection, and for a local address the cluster itself, whose workers measure ``at_once`` (default: one).

    ``folder`` is for the temporary files of a local cluster.

    Raises UsageFault if there is no scheduler, or if it and this machine do not accept each other's certificates.
    """
    for name in ("distributed", *(name for name in logging.root.manager.loggerDict if name.startswith("distributed."))):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what tutors need to know, the grader says itself
    async with AsyncExitStack() as stack:
        place = address.text
        if address.local:
            security = Security.temporary()
            cluster = _local_cluster(address.local, security, at_once, folder)
            stack.push_async_callback(cluster.close)
            await cluster
            place = cluster.scheduler_address
        else:
            security = _configured()
        connection = Connection(place, security)
        await connection.open()
        stack.push_async_callback(connection.close)
        yield connection


def _local_cluster(workers: int, security: Security, at_once: int | None, folder: Path) -> LocalCluster:
    """A cluster of processes on this machine that is not started yet; it listens on 127.0.0.1 only."""
    no_pages: dict[str, list[str]] = {f"distributed.{part}.http.routes": [] for part in ("scheduler", "worker")}
    with config.set(no_pages):
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=at_once or 1,
            resources={GPU: at_once} if at_once else None,
            host="127.0.0.1",
            protocol="tls://",
            security=security,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            config=no_pages,
            memory_limit=None,  # measuring processes, which have limits of their own, are not its workers' memory
            local_directory=str(folder),
            silence_logs=logging.CRITICAL,
            asynchronous=True,
        )


class Connection:
    """A client of one scheduler, which may be opened again after the scheduler was lost."""

    def __init__(self, address: str, security: Security) -> None:
        self._address, self._security = address, security
        self.client: Client

    async def open(self, seconds: float = CONNECT_SECONDS) -> None:
        """Connect anew. Raises UsageFault."""
        client = Client(
            self._address,
            security=self._security,
            asynchronous=True,
            set_as_default=False,
            timeout=seconds,
            name="lab4-grader",
        )
        try:
            self.client = await client
        except (OSError, TimeoutError) as problem:
            await _quietly(client)
            raise UsageFault(self._refusal(problem)) from None

    async def close(self) -> None:
        """Close the connection; what was asked for and has not begun is forgotten."""
        await _quietly(self.client)

    def _refusal(self, problem: BaseException) -> str:
        """Why there is no connection, in one sentence."""
        place, causes = visible(self._address), " ".join(str(cause) for cause in _causes(problem))
        authority = visible(str(self._security.tls_ca_file))
        if "CERTIFICATE_VERIFY_FAILED" in causes:
            return f"The scheduler at {place} has a certificate of another authority than {authority}."
        if any(word in causes for word in ("alert", "ALERT", "handshake", "in TLS", "UNEXPECTED_EOF", "SSL")):
            return (
                f"The scheduler at {place} does not accept this machine's certificate, or does not use TLS: both must "
                f"have certificates of the same authority, which is {authority} here."
            )
        return f"No scheduler answers at {place}: start it, or check the address and the firewall."


async def _quietly(client: Client) -> None:
    try:
        await asyncio.wait_for(client.close(), _LEAVE_SECONDS)
    except (OSError, TimeoutError):
        return
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # else it is from the client
            raise


def _causes(problem: BaseException | None) -> Iterator[BaseException]:
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


def _configured() -> Security:
    """The certificates that Dask's configuration names. Raises UsageFault if there are none, or not all."""
    security = Security(require_encryption=True)
    named = {
        "ca-file": security.tls_ca_file,
        "client.cert": security.tls_client_cert,
        "client.key": security.tls_client_key,
    }
    if lacking := [name for name, place in named.items() if not place]:
        raise UsageFault(
            "--cluster needs this machine's certificate, and Dask's configuration lacks "
            f"{', '.join(f'distributed.comm.tls.{name}' for name in lacking)} (docs/scale.md)."
        )
    for name, place in named.items():
        if not Path(place).is_file():
            raise UsageFault(f"--cluster: {visible(str(place))}, Dask's distributed.comm.tls.{name}, is not a file.")
    try:
        security.get_connection_args("client")
    except OSError as problem:  # also ssl.SSLError
        raise UsageFault(f"--cluster: the certificates of Dask's configuration cannot be used: {problem}.") from None
    return security
