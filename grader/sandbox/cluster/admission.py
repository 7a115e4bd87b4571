"""Admits workers of a cluster to a run: checks and prepares each, or says in one sentence why it is not used."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distributed import Client

from grader.safe_text import visible
from grader.sandbox.cluster import worker
from grader.sandbox.cluster.connection import GPU
from grader.sandbox.cluster.members import Lost, Member, SchedulerLost
from grader.sandbox.cluster.messages import Answer, Missing, Preparation, Ready, Unfit, decode_answer, encode


class Admission:
    """Admits workers to the run of ``wanted``.

    ``contents`` has the path of each data file by checksum. Each worker measures ``at_once`` networks at most (None:
    one for each of its threads).
    """

    def __init__(self, wanted: Preparation, contents: Mapping[str, str], at_once: int | None) -> None:
        self._wanted, self._contents, self._at_once = wanted, contents, at_once
        self._sending: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """By host, so that each file is sent to a machine once."""

    async def admit(self, client: Client, address: str, facts: Mapping[str, Any]) -> Member | Unfit | None:
        """The worker as a member, ready to measure; or why it is not used; None if it has gone away.

        ``facts`` are what the scheduler knows of it.
        """
        host, threads, card = str(facts["host"]), int(facts["nthreads"]), (facts.get("resources") or {}).get(GPU)
        member = Member(address, host, "", threads)
        if not address.startswith("tls://"):
            return Unfit(host, "does not use TLS")
        try:
            answer = await self._prepare(client, member, host)
        except (Lost, SchedulerLost, OSError, TimeoutError):
            return None
        except Exception as fault:  # what Dask brings back from a worker may be of any kind
            return Unfit(host, f"cannot run this grader ({type(fault).__name__}: {fault})")
        if isinstance(answer, Unfit):
            return answer
        if not isinstance(answer, Ready):
            return Unfit(host, "did not keep the images that it was sent")
        limits = [threads, self._at_once or threads]
        if card and answer.device != "cpu":
            limits.append(int(card))
            member.needs = {GPU: 1}
        member.machine, member.device, member.places = visible(answer.machine), answer.device, min(limits)
        member.isolation, member.process = visible(answer.isolation), answer.process
        return member

    async def _prepare(self, client: Client, member: Member, host: str) -> Answer:
        preparation = encode(self._wanted)
        async with self._sending[host]:
            answer, _ = await member.ask(client, worker.missing, preparation)
            if not isinstance(answer, Missing):
                return answer
            for checksum in answer.checksums:
                content = await asyncio.to_thread(Path(self._contents[checksum]).read_bytes)
                for refusal in (await client.run(worker.keep, content, workers=[member.address])).values():
                    if refusal:
                        return decode_answer(refusal)[0]
        return (await member.ask(client, worker.prepare, preparation, member.places))[0]
