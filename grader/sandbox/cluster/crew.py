"""The workers of a cluster that measure for one run: who is free, and what happens if one is lost.

The grader chooses the worker for each request itself. Dask would also give it to a worker that was not checked, and
repeat it after losses as often as the scheduler is configured to.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from grader.model import UsageFault
from grader.model.evidence import Ending
from grader.model.quantities import quantity
from grader.safe_text import visible
from grader.sandbox.cluster import worker
from grader.sandbox.cluster.admission import Admission
from grader.sandbox.cluster.connection import Connection
from grader.sandbox.cluster.members import Lost, Member, SchedulerLost
from grader.sandbox.cluster.messages import AUTO, Measured, Preparation, Unfit, Unmeasured, Unprepared
from grader.sandbox.level import weakest
from grader.sandbox.measuring import MeasurementFailed

_BEST_FIRST = ("cuda", "mps", "cpu")
_LOOK_SECONDS = 0.5
_ASK_SECONDS = 20.0
_FIRST_SECONDS = 90.0
"""Time limit for the first workers to be ready."""
_PATIENCE_SECONDS = 300.0
"""How long a run waits for a scheduler, or a worker, to come back."""
_MOST_LOSSES = 2
"""Workers that may be lost with one request; then it is a fault, because it may be what ends them."""


class Crew:
    """The workers of a cluster for the run of ``wanted``, to be used in one event loop.

    Unless ``is_mixed``, all have the same kind of device. ``say`` gets sentences for the tutor.
    """

    def __init__(
        self,
        connection: Connection,
        wanted: Preparation,
        admission: Admission,
        *,
        is_mixed: bool,
        say: Callable[[str], None],
    ) -> None:
        self._connection, self._wanted, self._admission = connection, wanted, admission
        self._is_mixed, self._say = is_mixed, say
        self._device = "" if wanted.device == AUTO else wanted.device
        self._members: dict[str, Member] = {}
        self._unfit: dict[str, str] = {}
        """By address, a sentence about each worker that is not used."""
        self._joining: dict[str, asyncio.Task[None]] = {}
        self._is_gathered = False
        self._measuring: set[asyncio.Task[Any]] = set()
        self._change = asyncio.Condition()
        self.devices: frozenset[str] = frozenset()
        """The kinds of device that train networks, those of former members too."""
        self.measured: Counter[str] = Counter()
        """The number of requests that each machine has answered."""
        self.isolations: dict[str, str] = {}
        """How each machine isolates its measuring processes, former members too: the weakest if there are several."""

    @property
    def places(self) -> int:
        """How many requests are answered at a time."""
        return sum(member.places for member in self._members.values())

    async def gather(self) -> None:
        """Admit all workers that are there.

        Raises UsageFault if none can measure for this run, or if the scheduler does not answer.
        """
        with_time = asyncio.timeout(_FIRST_SECONDS)
        try:
            async with with_time:
                while self._joining or not (self._members or self._unfit):
                    await self._look()
                    await asyncio.sleep(_LOOK_SECONDS / 5)
        except OSError:  # also TimeoutError
            if not with_time.expired():
                raise UsageFault("The scheduler of the cluster no longer answers; start it again.") from None
            # else those that are ready begin
        if not self._device and not self._is_mixed and self._members:
            devices = {member.device for member in self._members.values()}
            self._device = min(devices, key=_BEST_FIRST.index)
            for member in [member for member in self._members.values() if member.device != self._device]:
                self._dismiss(member)
                await self._send_away(member)
        if not self._members:
            none = f"None was ready within {_FIRST_SECONDS:.0f} seconds." if self._joining else "It has none."
            reason = next(iter(self._unfit.values()), none)
            raise UsageFault(f"No worker of the cluster can measure for this run. {reason}")
        self._is_gathered = True
        for member in self._members.values():
            self._note(member)
        workers, machines = quantity(len(self._members), "worker"), ", ".join(sorted(self.isolations))
        level = _level(weakest(*self.isolations.values()))
        self._say(
            f"The cluster measures with {workers} on {machines}, {self.places} networks at a time (isolation: {level})."
        )

    async def watch(self) -> None:
        """Notice workers that come and go, for ever. Raises UsageFault if all of them, or the scheduler, stay away."""
        alone = 0.0
        while True:
            try:
                await self._look()
            except (OSError, TimeoutError):
                await self._reconnect()
                continue
            alone = 0.0 if self._members else alone + _LOOK_SECONDS
            if alone > _PATIENCE_SECONDS:
                raise UsageFault(
                    "The cluster has had no worker for this run for five minutes. Finished submissions are stored; run "
                    "the same command again to continue."
                )
            await asyncio.sleep(_LOOK_SECONDS)

    async def measure(self, request: bytes, seconds: float) -> bytes:
        """The reply to a request. Raises MeasurementFailed, also if two workers were lost with it."""
        task = asyncio.current_task()
        assert task is not None
        self._measuring.add(task)
        try:
            return await self._measure(request, seconds)
        finally:
            self._measuring.discard(task)

    async def leave(self) -> None:
        """Give up all measurements, and end what the workers opened for this run."""
        for task in (*self._joining.values(), *self._measuring):
            task.cancel()
        members = list(self._members)
        self._members.clear()  # whoever asks from now on waits, and is told that the run has ended
        await self._end(members)

    async def _measure(self, request: bytes, seconds: float) -> bytes:
        lost: list[str] = []
        while len(lost) < _MOST_LOSSES:
            member = await self._take()
            client = self._connection.client
            try:
                answer, reply = await member.ask(client, worker.answer, self._wanted.run, request, seconds)
            except Lost:
                lost.append(member.machine)
                self._dismiss(member)
                continue
            except SchedulerLost:
                self._members.pop(member.address, None)  # if it is still there, it is found again
                continue
            finally:
                await self._give_back(member)
            if isinstance(answer, Measured):
                self.measured[member.machine] += 1
                return reply
            if isinstance(answer, Unmeasured):
                raise MeasurementFailed(Ending(answer.kind, answer.stage, answer.detail), answer.output)
            self._dismiss(member)
            if isinstance(answer, Unprepared) and answer.process == member.process:
                continue  # it was idle for too long, and is prepared again
            lost.append(member.machine)  # else another process has taken its address
            if isinstance(answer, Unfit):
                self._refuse(member.address, answer)
        detail = f"two workers of the cluster were lost with this network: {', '.join(lost)}"
        raise MeasurementFailed(Ending("fault", "measure", detail))

    async def _take(self) -> Member:
        """A place at the worker that has most free ones."""
        async with self._change:
            while True:
                best = max(self._members.values(), key=lambda member: member.places - member.busy, default=None)
                if best is not None and best.busy < best.places:
                    best.busy += 1
                    return best
                await self._change.wait()

    async def _give_back(self, member: Member) -> None:
        async with self._change:
            member.busy -= 1
            self._change.notify_all()

    async def _look(self) -> None:
        """Note who is gone, and admit who is new. Raises OSError or TimeoutError if the scheduler does not answer."""
        asked = self._connection.client.scheduler.identity(n_workers=-1)
        present: dict[str, dict[str, Any]] = (await asyncio.wait_for(asked, _ASK_SECONDS))["workers"]
        for address in self._members.keys() - present.keys():
            member = self._members[address]
            self._say(f"The worker {visible(address)} on {member.machine} is gone.")
            self._dismiss(member)
        for address in self._joining.keys() - present.keys():
            self._joining[address].cancel()
        for address in present.keys() - {*self._members, *self._unfit, *self._joining}:
            self._joining[address] = asyncio.create_task(self._join(address, present[address]))

    async def _join(self, address: str, facts: Mapping[str, Any]) -> None:
        """Make a worker a member, or refuse it."""
        try:
            found = await self._admission.admit(self._connection.client, address, facts)
        finally:
            del self._joining[address]
        if isinstance(found, Member) and self._device not in ("", found.device):
            await self._send_away(found)
        elif isinstance(found, Member):
            self._members[address] = found
            if self._is_gathered:
                self._note(found)
                level = _level(found.isolation)
                self._say(f"The worker {visible(address)} on {found.machine} has come (isolation: {level}).")
            async with self._change:
                self._change.notify_all()
        elif found is not None:
            self._refuse(address, found)

    def _note(self, member: Member) -> None:
        """Note with what a member measures, for the run."""
        self.devices |= {member.device}
        known = self.isolations.get(member.machine, "")
        self.isolations[member.machine] = weakest(known, member.isolation) or member.isolation

    def _dismiss(self, member: Member) -> None:
        if self._members.get(member.address) is member:  # else it has come again
            del self._members[member.address]
        member.gone.set()

    def _refuse(self, address: str, unfit: Unfit) -> None:
        self._unfit[address] = f"The worker {visible(address)} on {visible(unfit.machine)} {visible(unfit.reason)}."
        self._say(f"Not used: {self._unfit[address]}")

    async def _send_away(self, member: Member) -> None:
        """Refuse a worker that is prepared, but has another kind of device."""
        reason = f"trains on {member.device}, and this run on {self._device} (--mixed allows both)"
        self._refuse(member.address, Unfit(member.machine, reason))
        await self._end([member.address])

    async def _end(self, addresses: Sequence[str]) -> None:
        """End what these workers opened for this run."""
        if addresses:
            client = self._connection.client
            await client.run(worker.leave, self._wanted.run, workers=list(addresses), on_error="ignore")

    async def _reconnect(self) -> None:
        """Connect again. Raises UsageFault if there is no scheduler for too long."""
        self._say("The connection to the scheduler is lost; waiting for it.")
        self._members.clear()
        for task in self._joining.values():
            task.cancel()
        await self._connection.close()
        clock = asyncio.get_running_loop().time
        give_up = clock() + _PATIENCE_SECONDS
        while True:
            try:
                await self._connection.open()
            except UsageFault:
                if clock() > give_up:
                    raise
                await asyncio.sleep(_LOOK_SECONDS)
            else:
                self._say("The scheduler is back.")
                return


def _level(isolation: str) -> str:
    """The level with which a sentence on isolation begins."""
    return isolation.partition(":")[0]
