"""One worker of a cluster that measures for a run, and how it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import Any

from distributed import Client
from distributed.scheduler import KilledWorker

from grader.sandbox.cluster.messages import Answer, decode_answer


class Lost(Exception):
    """The worker went away before its answer came."""


class SchedulerLost(Exception):
    """The scheduler went away, so the answer cannot come."""


@dataclass(eq=False)
class Member:
    """A worker that answers ``places`` requests at a time; each takes the Dask resources that it ``needs``.

    ``isolation`` and ``process`` are as in :class:`grader.sandbox.cluster.messages.Ready`.
    """

    address: str
    machine: str
    device: str
    places: int
    isolation: str = ""
    process: str = ""
    needs: Mapping[str, float] = field(default_factory=dict)
    busy: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, client: Client, function: Callable[..., bytes], *given: object) -> tuple[Answer, bytes]:
        """The answer of this worker, and no other, to one task. Raises Lost or SchedulerLost if it does not come.

        ``function`` is one of :mod:`grader.sandbox.cluster.worker`, which Dask sends by its name.
        """
        task = client.submit(
            function,
            *given,
            workers=[self.address],
            allow_other_workers=False,
            pure=False,
            resources=dict(self.needs) or None,
        )
        answered, gone = asyncio.ensure_future(_result(task)), asyncio.ensure_future(self.gone.wait())
        try:
            await asyncio.wait({answered, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answered.done():
                raise Lost
            return decode_answer(answered.result())
        finally:
            answered.cancel()
            gone.cancel()
            task.release()


async def _result(task: Any) -> bytes:
    """The bytes that a task returned. Raises Lost or SchedulerLost if they do not come."""
    try:
        result: bytes = await task
    except KilledWorker:  # at once where Dask's configuration allows no failures
        raise Lost from None
    except (CancelledError, OSError):
        raise SchedulerLost from None
    return result
