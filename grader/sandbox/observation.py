"""Observe one submission: start its child, collect its records stage by stage, and wait for its last process."""

from __future__ import annotations

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from grader.model import Job
from grader.model.evidence import Ending, Evidence
from grader.sandbox.child import MOST_READS, Child, read
from grader.sandbox.decoding import ORDER, Began, Decoder, Ended, MalformedEvidence, Recorded
from grader.sandbox.forkserver import ForkServer
from grader.sandbox.limits import Limits

OnStage = Callable[[str], None]
"""Called with the name of each stage when it begins, for a progress display."""


class Observation:
    """Runs one job on ``server``. Use an instance once, in one thread."""

    def __init__(
        self, job: Job, *, server: ForkServer, limits: Limits, on_stage: OnStage, on_idle: Callable[[], None]
    ) -> None:
        self._limits = limits
        self._on_stage, self._on_idle = on_stage, on_idle
        self._decoder = Decoder()
        self._records: dict[str, Any] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._mark = time.monotonic()
        self._end: Ended | None = None
        """The last frame of the child; None until it arrives."""
        self._pipe, channel = os.pipe()
        os.set_blocking(self._pipe, False)
        request = {"work": "record", "job": asdict(job), "allowance": limits.allowance()}
        self._child = Child(server, request, channel=channel, limits=limits)
        self._child.listen(self._pipe)
        self._enter(ORDER[0])

    def run(self) -> Evidence:
        """Return the evidence after the last process of the submission has ended."""
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, self._pipe)
            stack.callback(self._child.close)
            while not self._child.is_over:
                if self._pipe in self._child.wait():
                    self._read()
                self._child.check()
                if self._child.is_idle:
                    self._on_idle()
            self._read()
            is_done = self._end is not None or self._child.has_succeeded
            self._pass_time("end" if is_done else self._stage or "end")
            output = self._child.output()
        seconds = {label: round(spent, 4) for label, spent in self._seconds.items()}
        return Evidence(ending=self._ending(), **self._records, output=output, seconds=seconds)

    @property
    def was_robbed(self) -> bool:
        """Whether something other than the submission may have ended it; see :attr:`Child.was_robbed`."""
        return self._child.was_robbed

    def _read(self) -> None:
        """Take everything that has arrived: what came before a deadline counts, however late it is read."""
        for _ in range(MOST_READS):
            chunk = read(self._pipe)
            if chunk == b"":
                self._child.forget(self._pipe)
            if not chunk:
                return
            if self._child.cause is None:
                try:
                    for event in self._decoder.feed(chunk):
                        self._take(event)
                except MalformedEvidence as problem:
                    self._child.end(Ending("crashed", self._stage, str(problem)))

    def _take(self, event: Began | Recorded | Ended) -> None:
        if isinstance(event, Ended):
            self._end = event
            self._child.end()
        elif isinstance(event, Began):
            self._pass_time("start" if not self._seconds else event.stage)
            self._enter(event.stage)
            self._on_stage(event.stage)
        else:
            self._pass_time(event.stage)
            self._records[event.stage] = event.record
            following = ORDER.index(event.stage) + 1
            self._enter(ORDER[following] if following < len(ORDER) else "")

    def _enter(self, stage: str) -> None:
        self._stage = stage
        self._child.allow(stage, self._limits.seconds(stage))

    def _pass_time(self, label: str) -> None:
        now = time.monotonic()
        self._seconds[label] += now - self._mark
        self._mark = now

    def _ending(self) -> Ending:
        if self._child.cause is not None or self._end is None:
            return self._child.ending()
        if self._end.cause:
            return Ending(self._end.cause, self._stage, self._end.error)
        return Ending("exit", self._stage, self._end.error) if self._end.error else Ending("finished")
