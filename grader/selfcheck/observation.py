"""Observing a student's script in a separate process: reads its frames, enforces deadlines, returns the evidence.

It needs neither fork nor signals, so it works on Windows too. It makes no findings.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from grader.data.heldout_accuracy import Predictions
from grader.model import GraderFault
from grader.model.evidence import NOT_REPAIRED, Ending, Evidence, Measurements, Training
from grader.model.images import CLASSES
from grader.selfcheck.child import Process, end_process
from grader.selfcheck.records import record_from
from grader.selfcheck.task import BEFORE_TRAINING, RECORDS, Observed, Order, Task

START, OVERFIT = "start", "overfit"
"""Two more stages of a self-check: importing torch, and overfitting one batch."""
MEASURING = frozenset({"measure", "train"})
"""Stages that do not run the student's code."""
SECONDS: Mapping[str, float] = {START: 180.0, "load": 30.0, "train": 60.0, OVERFIT: 20.0}
"""Time limits by stage, mostly shorter than the grader's, because a student is waiting. Importing torch from a slow
network drive can take over a minute. A training run stops itself after a few seconds of CPU time."""
USUAL_SECONDS = 12.0
"""The time limit of every other stage."""
KEPT_OUTPUT = 8 << 10
"""Bytes of the script's output that are kept, from its end."""
_CHUNK = 1 << 16
_LAST_SECONDS = 1.0
_WINDOWS_ERRORS = 1 << 30
"""On Windows, exit statuses from here on mean crashes, such as an access violation."""
_BY_SIGNAL = {name.value: name.name for name in signal.Signals}


class Trainer(Protocol):
    """Decides how much is trained; it alone has the labels of the held-out images."""

    def evaluated(self, record: Training, predictions: Predictions) -> Training:
        """The training record with its accuracy."""

    def next(self, evidence: Evidence) -> Order | None:
        """The next training run after this evidence; None if there is to be no more."""


def observe(
    process: Process,
    task: Task,
    *,
    trainer: Trainer,
    on_stage: Callable[[str], None] = lambda stage: None,
    seconds: Mapping[str, float] = SECONDS,
) -> Observed:
    """Let ``process`` run the stages of the task, and return the evidence whatever the script does.

    ``seconds`` are the time limits by stage. The process has ended afterwards. Raises GraderFault if it could not
    start, for example because torch is missing.
    """
    observation = _Observation(process, task, trainer, on_stage, seconds)
    try:
        observation.run()
    finally:
        end_process(process)
    return observation.result()


@dataclass(frozen=True)
class _Frame:
    """One message: the header and its array."""

    header: Mapping[str, Any]
    array: NDArray[np.float32]


class _Observation:
    """Used once, by one thread. Two more threads read the pipes, because Windows cannot wait for two pipes at once."""

    def __init__(
        self,
        process: Process,
        task: Task,
        trainer: Trainer,
        on_stage: Callable[[str], None],
        seconds: Mapping[str, float],
    ) -> None:
        self._process, self._task = process, task
        self._trainer, self._on_stage, self._limits = trainer, on_stage, seconds
        self._news: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._buffer = bytearray()
        self._output = bytearray()
        self._records: dict[str, Any] = {}
        self._trainings: list[Training] = []
        self._overfitting: Training | None = None
        self._spent: dict[str, float] = {}
        self._stage = START
        self._entered = time.monotonic()
        self._ending: Ending | None = None

    def run(self) -> None:
        """Read frames until the process has finished or a time limit is reached."""
        readers = [
            threading.Thread(target=_pass_on, args=(self._process.stdout, self._news.put), daemon=True),
            threading.Thread(target=_pass_on, args=(self._process.stderr, self._keep_output), daemon=True),
        ]
        for reader in readers:
            reader.start()
        self._write(self._task.line())
        self._on_stage(START)
        while self._ending is None:
            left = self._entered + self._limits.get(self._stage, USUAL_SECONDS) - time.monotonic()
            try:
                chunk = self._news.get(timeout=max(left, 0.001))
            except queue.Empty:
                limit = self._limits.get(self._stage, USUAL_SECONDS)
                self._ending = Ending("deadline", self._stage, f"not done after {limit:g} seconds")
                break
            try:
                self._take_in(chunk)
            except (ValueError, TypeError, KeyError) as problem:
                self._ending = Ending("crashed", self._stage, str(problem))
        end_process(self._process)
        for reader, pipe in zip(readers, (self._process.stdout, self._process.stderr), strict=True):
            reader.join(_LAST_SECONDS)
            if pipe is not None and not reader.is_alive():  # otherwise a process that the script started keeps it open
                pipe.close()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # the rest to write has no reader any more
                self._process.stdin.close()

    def result(self) -> Observed:
        """The evidence so far. Raises GraderFault if the script was not even loaded."""
        ending = self._ending or Ending("lost", self._stage)
        output = self._output.decode("utf-8", "replace")
        if self._stage == START or ending.kind == "fault":
            raise GraderFault(ending.detail if ending.kind != "exit" else _last_line(output) or ending.detail)
        if self._stage == OVERFIT and ending.kind != "finished":
            # Overfitting comes last and earns no points: the evidence for marking is complete.
            self._overfitting, ending = None, Ending("finished")
        if self._stage in MEASURING and ending.kind not in {"finished", "unrecorded"}:
            detail = f"{ending.kind}: {ending.detail}" if ending.detail else ending.kind
            ending = Ending("unmeasured", self._stage, detail)
        return Observed(self._evidence(ending), self._overfitting)

    def _evidence(self, ending: Ending) -> Evidence:
        found: Measurements | None = self._records.get("measure")
        evidence = Evidence(
            ending=ending,
            load=self._records.get("load"),
            build=self._records.get("build"),
            record=self._records.get("record"),
            graph=self._records.get("graph"),
            behind=self._records.get("behind", NOT_REPAIRED),
            trainings=tuple(self._trainings),
            output=self._output.decode("utf-8", "replace"),
        )
        if found is not None:
            evidence = evidence.with_measurements(found)
        seconds = {stage: round(spent, 4) for stage, spent in self._spent.items()}
        return replace(evidence, seconds=seconds)

    def _take_in(self, chunk: bytes) -> None:
        if not chunk:
            self._ending = self._death()
            return
        self._buffer += chunk
        for frame in self._frames():
            self._take(frame)

    def _death(self) -> Ending:
        """How the process ended, after its pipe was closed."""
        try:
            code = self._process.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            return Ending("crashed", self._stage, "it closed its channel")
        if code < 0:
            return Ending("signal", self._stage, _BY_SIGNAL.get(-code, f"signal {-code}"))
        if code >= _WINDOWS_ERRORS:
            return Ending("signal", self._stage, f"0x{code:08X}")
        return Ending("exit", self._stage, f"exit status {code}")

    def _frames(self) -> Iterator[_Frame]:
        """The frames that have arrived completely."""
        while (end := self._buffer.find(b"\n")) >= 0:
            header = json.loads(self._buffer[:end])
            shape = header.get("shape") or [0, CLASSES]
            size = 4 * int(np.prod(shape))
            if len(self._buffer) < end + 1 + size:
                return
            values = np.frombuffer(bytes(self._buffer[end + 1 : end + 1 + size]), dtype="<f4").astype(np.float32)
            del self._buffer[: end + 1 + size]
            yield _Frame(header, values.reshape(shape))

    def _take(self, frame: _Frame) -> None:
        header = frame.header
        if "end" in header:
            detail = str(header["end"])
            kind = str(header["cause"]) or ("exit" if detail else "finished")
            self._ending = Ending(kind, self._stage if detail else "", detail)
            return
        stage = str(header["stage"])
        if header.get("begin"):
            self._enter(stage)
            self._on_stage(stage)
            return
        if stage == OVERFIT:
            self._overfitting = record_from(header["record"], Training)
        elif stage == "train":
            self._add_training(record_from(header["record"], Training), frame.array)
        else:
            self._records[stage] = record_from(header["record"], RECORDS[stage])
            if stage == BEFORE_TRAINING:
                self._order()

    def _add_training(self, record: Training, heldout: NDArray[np.float32]) -> None:
        self._trainings.append(self._trainer.evaluated(record, Predictions(record.seed, heldout)))
        self._enter(OVERFIT)
        self._order()

    def _order(self) -> None:
        """Tell the process what to train next, if anything."""
        order = self._trainer.next(self._evidence(Ending("finished")))
        self._write(json.dumps(None if order is None else asdict(order)))

    def _enter(self, stage: str) -> None:
        now = time.monotonic()
        self._spent[self._stage] = self._spent.get(self._stage, 0.0) + now - self._entered
        self._stage, self._entered = stage, now

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended; the other pipe shows how
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def _keep_output(self, chunk: bytes) -> None:
        self._output += chunk
        del self._output[:-KEPT_OUTPUT]


def _pass_on(pipe: IO[bytes] | None, take: Callable[[bytes], object]) -> None:
    """Pass everything from the pipe to ``take``, and an empty chunk at the end."""
    assert pipe is not None
    while chunk := os.read(pipe.fileno(), _CHUNK):
        take(chunk)
    take(b"")


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else ""
