"""One submission under observation: its pipes, deadlines and memory, from the fork to the last of its processes."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from grader.accuracy import Predictions
from grader.evidence import STAGES, Ending, Evidence, Training
from grader.model import Job
from grader.sandbox.decoding import ORDER, Began, Decoder, Ended, Garbled, Recorded
from grader.sandbox.forkserver import ForkServer, ServerLost, encode_answer
from grader.sandbox.limits import Limits
from grader.sandbox.processes import usage

JudgeTraining = Callable[[Training, Predictions], tuple[Training, int | None]]
"""Takes a training record and its predictions; returns the record with its accuracies filled in, and the next seed to
train with or None."""

OnStage = Callable[[str], None]
"""Is told the name of each stage as it begins, for a progress display."""

_WATCH_SECONDS = 0.1
_KILL_SECONDS = 10.0
"""How long the server may take to end a submission before it counts as stuck."""
_CHUNK = 1 << 16
_LAST_READS = 64
_FREE_OUTPUT = 4 << 20
"""Bytes of output that are read as fast as they come."""
_FLOOD_READS = 64
"""Chunks that are read at each watch after that: some 40 MB a second."""


class Observation:
    """Runs one job on ``server`` to its end. Used once, by one thread."""

    def __init__(
        self, job: Job, *, server: ForkServer, limits: Limits, judge_training: JudgeTraining, on_stage: OnStage
    ) -> None:
        self._job = job
        self._server = server
        self._limits = limits
        self._judge_training = judge_training
        self._on_stage = on_stage
        self._key = secrets.token_bytes(32)
        self._decoder = Decoder(key=self._key, first_seed=job.first_seed, heldout_count=job.data.heldout_count)
        self._records: dict[str, Any] = {}
        self._trainings: list[Training] = []
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._output = bytearray()
        self._output_count = 0
        self._stage = "load"
        self._cause: Ending | None = None
        self._end_cause = ""
        self._error: str | None = None
        """What the child's end frame said; None until it comes."""
        self._has_started = False
        self._pid: int | None = None
        """The child's process, where it can be seen from here."""
        self._status: int | None = None
        self._is_over = False
        self._news = b""

    def run(self) -> Evidence:
        """Return the evidence once nothing of the submission is left running."""
        with contextlib.ExitStack() as descriptors:
            self._start(descriptors)
            try:
                while not self._is_over:
                    self._wait()
            finally:
                # However this ends, hanging up makes the server kill the child.
                self._control.close()
            self._drain()
        return self._evidence()

    def _start(self, stack: contextlib.ExitStack) -> None:
        evidence, theirs_evidence = os.pipe()
        theirs_commands, commands = os.pipe()
        output, theirs_output = os.pipe()
        self._control, theirs_control = socket.socketpair()
        for descriptor in (evidence, commands, output):
            os.set_blocking(descriptor, False)
            stack.callback(os.close, descriptor)
        self._control.setblocking(False)
        stack.callback(self._control.close)
        self._evidence_pipe, self._commands, self._output_pipe = evidence, commands, output
        self._poll = select.poll()
        for descriptor in (evidence, output, self._control.fileno()):
            self._poll.register(descriptor, select.POLLIN)
        self._mark = time.monotonic()
        self._next_watch = self._mark + _WATCH_SECONDS
        self._deadline = self._mark + self._limits.seconds("load")
        request = {
            "job": asdict(self._job),
            "key": self._key.hex(),
            "allowance": {
                "file_bytes": self._limits.file_bytes,
                "cpu_seconds": self._limits.cpu_seconds(self._job.threads),
                "memory_bytes": self._limits.memory_bytes,
                "disk_bytes": self._limits.disk_bytes,
                "processes": self._limits.processes,
            },
        }
        theirs = (theirs_evidence, theirs_commands, theirs_output, theirs_control.fileno())
        try:
            self._server.submit(request, theirs)
        except ServerLost:
            self._lose()
        finally:
            for descriptor in theirs[:3]:
                os.close(descriptor)
            theirs_control.close()

    def _wait(self) -> None:
        timeout = max(0.0, min(self._next_watch, self._deadline) - time.monotonic())
        ready = {descriptor for descriptor, _ in self._poll.poll(timeout * 1000 + 1)}
        if self._output_pipe in ready:
            self._read_output()
        if self._evidence_pipe in ready:
            self._read_evidence()
        if self._control.fileno() in ready:
            self._read_news()
        now = time.monotonic()
        if now >= self._deadline and not self._is_over:
            self._miss_deadline()
        if now >= self._next_watch and not self._is_over:
            self._watch()
            self._next_watch = time.monotonic() + _WATCH_SECONDS

    def _read_output(self) -> bool:
        chunk = _read(self._output_pipe)
        if chunk == b"" or self._output_count > _FREE_OUTPUT:
            # At its end; or a flood, which is now read at the pace of the watch, so that the writer waits, not we.
            self._forget(self._output_pipe)
        if not chunk:
            return False
        self._output_count += len(chunk)
        self._output += chunk
        del self._output[: -self._limits.output_bytes]
        return True

    def _read_evidence(self) -> bool:
        chunk = _read(self._evidence_pipe)
        if chunk == b"":
            self._forget(self._evidence_pipe)
        if not chunk:
            return False
        if self._cause is None:
            try:
                for event in self._decoder.feed(chunk):
                    self._take(event)
            except Garbled as problem:
                self._end(Ending("crashed", self._stage, str(problem)))
        return True

    def _forget(self, descriptor: int) -> None:
        with contextlib.suppress(KeyError):  # at its end before
            self._poll.unregister(descriptor)

    def _take(self, event: Began | Recorded | Ended) -> None:
        if isinstance(event, Began):
            self._pass_time("start" if not self._seconds else event.stage)
            self._enter(event.stage)
            self._on_stage(event.stage)
        elif isinstance(event, Ended):
            self._error, self._end_cause = event.error, event.cause
            self._hang_up()
        else:
            self._pass_time(event.stage)
            if event.predictions is not None:
                self._judge(event.record, event.predictions)
                self._mark = time.monotonic()
            else:
                self._records[event.stage] = event.record
                self._enter(ORDER[ORDER.index(event.stage) + 1])

    def _judge(self, record: Training, predictions: Predictions) -> None:
        training, seed = self._judge_training(record, predictions)
        self._trainings.append(training)
        self._decoder.expect(seed)
        with contextlib.suppress(OSError):  # a child that is gone; how it went is told elsewhere
            os.write(self._commands, encode_answer(seed))
        self._enter("train" if seed is not None else "")

    def _enter(self, stage: str) -> None:
        self._stage = stage
        self._deadline = time.monotonic() + self._limits.seconds(stage)

    def _pass_time(self, label: str) -> None:
        now = time.monotonic()
        self._seconds[label] += now - self._mark
        self._mark = now

    def _read_news(self) -> None:
        try:
            chunk = self._control.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            if self._status is None:
                self._lose()
            self._is_over = True
            return
        *lines, self._news = (self._news + chunk).split(b"\n")
        for line in lines:
            news = json.loads(line)
            if "pid" in news:
                self._has_started = True
                self._pid = self._server.locate(news["pid"])
            if "status" in news:
                self._status = news["status"]
                self._is_over = True

    def _miss_deadline(self) -> None:
        if self._cause is not None or self._error is not None:  # told to kill it long ago, and nothing happened
            self._server.stop(grace=0)
            self._is_over = True
        elif not self._has_started:
            self._server.stop(grace=0)
            self._lose()
        else:
            self._end(Ending("deadline", self._stage, f"not done after {self._limits.seconds(self._stage):g} seconds"))

    def _watch(self) -> None:
        if self._output_count > _FREE_OUTPUT:
            for _ in range(_FLOOD_READS):
                if not self._read_output():
                    break
        if self._pid is None or self._cause is not None:
            return
        memory, processes = usage(self._pid, self._limits.memory_bytes)
        if memory > self._limits.memory_bytes:
            cap = self._limits.memory_bytes / 2**30
            self._end(Ending("memory", self._stage, f"used more than {cap:.3g} GiB of memory"))
        elif processes > self._limits.processes:
            self._end(Ending("memory", self._stage, f"started more than {self._limits.processes} processes"))

    def _end(self, cause: Ending) -> None:
        self._cause = cause
        self._hang_up()

    def _hang_up(self) -> None:
        """Have the server kill whatever is left of the submission; its answer is the child's status."""
        self._deadline = time.monotonic() + _KILL_SECONDS
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    def _lose(self) -> None:
        self._is_over = True
        if self._cause is None and self._error is None:
            self._cause = Ending("lost", self._stage, "the process that runs submissions died")

    def _drain(self) -> None:
        """Take what was written before the end. The writers are dead, so it can't be more than the pipes hold."""
        for _ in range(_LAST_READS):
            if not self._read_output():
                break
        for _ in range(_LAST_READS):
            if not self._read_evidence():
                break
        self._pass_time("end" if self._error is not None or self._status == 0 else self._stage or "end")

    def _evidence(self) -> Evidence:
        dropped = self._output_count - len(self._output)
        head = f"[{dropped} bytes of output before this are left out]\n" if dropped else ""
        records: dict[str, Any] = {stage: self._records.get(stage) for stage in STAGES if stage != "train"}
        return Evidence(
            ending=self._ending(),
            **records,
            trainings=tuple(self._trainings),
            output=head + self._output.decode("utf-8", "replace"),
            notices=tuple(self._decoder.notices),
            seconds={label: round(seconds, 4) for label, seconds in self._seconds.items()},
        )

    def _ending(self) -> Ending:
        if self._cause is not None:
            return self._cause
        if self._error is not None:
            if self._end_cause:
                return Ending(self._end_cause, self._stage, self._error)
            return Ending("exit", self._stage, self._error) if self._error else Ending("finished")
        status = self._status or 0
        if not os.WIFSIGNALED(status):
            return Ending("exit", self._stage, f"exit status {os.waitstatus_to_exitcode(status)}")
        number = os.WTERMSIG(status)
        if number == getattr(signal, "SIGXCPU", None):
            return Ending("deadline", self._stage, "used up its CPU time")
        return Ending("signal", self._stage, _signal_name(number))


def _read(descriptor: int) -> bytes | None:
    """Return what is there, b"" at the end, None when there is nothing yet."""
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return None


def _signal_name(number: int) -> str:
    names: Mapping[int, str] = {member.value: member.name for member in signal.Signals}
    return names.get(number, f"signal {number}")
