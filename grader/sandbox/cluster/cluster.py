"""A cluster as the pipeline's threads see it: it measures like the worker pool of this machine.

One thread talks to Dask, in an event loop of its own.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import secrets
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import resource_tracker
from pathlib import Path
from types import TracebackType
from typing import Self

from grader import __version__
from grader.model import DataFiles, GraderFault, UsageFault
from grader.sandbox.cluster.address import ClusterAddress
from grader.sandbox.cluster.admission import Admission
from grader.sandbox.cluster.connection import connected
from grader.sandbox.cluster.crew import Crew
from grader.sandbox.cluster.messages import Preparation, by_checksum
from grader.sandbox.cluster.worker import libraries
from grader.sandbox.level import Wish
from grader.sandbox.pool import Stopped
from grader.storage.fingerprints import code_digest

_LEAVE_SECONDS = 10.0
_LOOK_SECONDS = 0.05


class Cluster:
    """A context manager for the workers of a cluster. Several threads may call ``measure``.

    ``files`` are this machine's. ``versions`` returns those of its measuring processes, and every worker must have the
    same; it is called while the cluster starts, and may raise UsageFault. ``device`` is the kind of device to train on,
    or ``auto`` for the best that a worker has; several kinds are allowed if ``is_mixed``. ``at_once`` is how many
    networks a worker measures at most. ``folder`` is for temporary files. ``say`` gets sentences for the tutor.

    Entering it raises UsageFault if there is no such cluster, or none of its workers can be used.
    """

    def __init__(
        self,
        address: ClusterAddress,
        files: DataFiles,
        versions: Callable[[], Mapping[str, str]],
        *,
        device: str,
        isolation: Wish,
        folder: Path,
        say: Callable[[str], None],
        at_once: int | None = None,
        is_mixed: bool = False,
    ) -> None:
        self._files, self._versions, self._device, self._isolation = files, versions, device, isolation
        self._address, self._folder, self._say = address, folder, say
        self._at_once, self._is_mixed = at_once, is_mixed
        self._opened: concurrent.futures.Future[tuple[Crew, asyncio.AbstractEventLoop]] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, name="cluster", daemon=True)
        self._end: UsageFault | GraderFault | None = None
        """Why nothing more is measured, if not because the pool was closed."""
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._crew, self._loop = self._opened.result()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._thread.join(3 * _LEAVE_SECONDS)

    def stop(self) -> None:
        """End all measurements at once; whoever waits for one gets Stopped."""
        self._closing.set()

    @property
    def devices(self) -> frozenset[str]:
        """The kinds of device that train networks."""
        return self._crew.devices

    @property
    def places(self) -> int:
        """How many networks are measured at a time."""
        return self._crew.places

    @property
    def measured(self) -> dict[str, int]:
        """The number of requests that each machine has answered, most first."""
        return dict(self._crew.measured.most_common())

    @property
    def isolations(self) -> dict[str, str]:
        """How each machine isolates its measuring processes, as one sentence."""
        return dict(self._crew.isolations)

    def measure(self, request: bytes, *, seconds: float) -> bytes:
        """Return the reply of a measuring process on some worker to ``request``, which has ``seconds`` there.

        If the worker is lost, another one is asked, once. Raises MeasurementFailed as
        :meth:`grader.sandbox.WorkerPool.measure` does, with a fault if the second worker is lost too. Raises UsageFault
        if there are no workers any more, and Stopped after :meth:`stop`.
        """
        try:
            asked = asyncio.run_coroutine_threadsafe(self._crew.measure(request, seconds), self._loop)
        except RuntimeError:  # the loop is closed
            raise self._end or Stopped from None
        while True:
            try:
                return asked.result(timeout=1.0)
            except concurrent.futures.CancelledError:
                raise self._end or Stopped from None
            except TimeoutError:
                if not asked.done() and not self._thread.is_alive():
                    raise self._end or Stopped from None

    def _run(self) -> None:
        # Ctrl-C reaches only the main thread, which then decides. The processes of a local cluster inherit this, if
        # multiprocessing has started the process with which it allows signals again.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            asyncio.run(self._until_closing())
        except UsageFault as fault:
            self._end = fault
        except Exception as fault:  # protects the threads that wait; the run ends with it
            self._end = GraderFault(f"the connection to the cluster: {type(fault).__name__}: {fault}")
        if not self._opened.done():
            self._opened.set_exception(self._end or Stopped())

    async def _until_closing(self) -> None:
        serving = asyncio.create_task(self._serve())
        while not serving.done() and not self._closing.is_set():
            await asyncio.wait({serving}, timeout=_LOOK_SECONDS)
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving

    async def _serve(self) -> None:
        async with connected(self._address, at_once=self._at_once, folder=self._folder) as connection:
            data, contents = by_checksum(self._files)
            own = libraries(await asyncio.to_thread(self._versions))
            nonce = secrets.token_hex(16)
            wanted = Preparation(__version__, code_digest(""), own, self._device, str(self._isolation), data, nonce)
            admission = Admission(wanted, contents, self._at_once)
            crew = Crew(connection, wanted, admission, is_mixed=self._is_mixed, say=self._say)
            try:
                await crew.gather()
                self._opened.set_result((crew, asyncio.get_running_loop()))
                await crew.watch()
            except UsageFault as fault:
                self._end = fault  # before those who wait for an answer are told that it does not come
                raise
            finally:
                with suppress(OSError, TimeoutError):
                    await asyncio.wait_for(crew.leave(), _LEAVE_SECONDS)
