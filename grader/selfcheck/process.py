"""``python -m grader.selfcheck.process``: records and measures a student's own submission in one process.

It uses the grader's code for recording and measuring. There is no sandbox, because students run their own code on their
own computer. The task comes as one line of JSON on standard input, and so do orders for training runs. Frames go to
standard output. What the submission prints goes to standard error. A frame is a line of JSON followed by its array.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from grader.checks.repairs import with_repairs
from grader.measure.images import load_images
from grader.measure.measurements import Subject, measure
from grader.measure.overfitting import overfit
from grader.measure.repaired_graph import repaired
from grader.measure.training import attempt_of, train
from grader.model import Job
from grader.model.evidence import Building, Doubt, Ending, Evidence, Measurements, Recording
from grader.model.graph import Graph, GraphRefused, Program
from grader.model.recorded import graph_of
from grader.selfcheck.child import EARLY
from grader.selfcheck.task import RECORDS, Order, Task
from grader.worker import stages
from grader.worker.wire.channel import FAULT, UNOBSERVED, Unobserved

UNRECORDED = "unrecorded"
"""The kind of ending if the network cannot be measured."""
_ORDER = [*RECORDS]


class Enough(BaseException):
    """The last stage that the task asks for is done. Nothing that catches Exception may catch it."""


class Frames:
    """Writes frames: ``begin`` for the start of a stage, ``send`` for a record. Keeps what was built and recorded.

    ``begin`` raises Enough for a stage after ``last``.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.last = _ORDER[-1]
        self.building: Building | None = None
        self.recording: Recording | None = None

    def begin(self, stage: str) -> None:
        """Report that a stage starts now."""
        if _ORDER.index(stage) > _ORDER.index(self.last):
            raise Enough
        if stage == "record":
            _print_one_batch_only()
        self._write({"stage": stage, "begin": True})

    def send(self, record: Any, stage: str, array: Tensor | None = None) -> None:
        """Send a finished record, followed by its float32 array."""
        if isinstance(record, Recording):
            self.recording = record
            record = record.without_programs()
        if isinstance(record, Building):
            self.building = record
        raw = b"" if array is None else array.float().contiguous().numpy().astype("<f4").tobytes()
        shape = [] if array is None else list(array.shape)
        self._write({"stage": stage, "record": asdict(record), "shape": shape}, raw)

    def end(self, error: str, cause: str) -> None:
        """Report the end, and the error if there was one."""
        self._write({"stage": "", "end": error, "cause": cause})

    def _write(self, header: dict[str, Any], raw: bytes = b"") -> None:
        rest = memoryview(json.dumps(header).encode("utf-8", "replace") + b"\n" + raw)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def main() -> None:
    """Run the task from standard input, and exit without running exit handlers of the submission."""
    leave = os._exit
    out, commands = _take_standard_streams()
    frames = Frames(out)
    error, cause = "", FAULT
    try:
        if EARLY in sys.argv:
            stages.preload()
        task = Task.read(_line(commands))
        cause, frames.last = "", task.last
        stages.observe(Job(task.root, task.script, task.seed), frames)
        if frames.recording is not None and frames.building is not None:
            _measure(task, frames, frames.building, frames.recording, commands)
    except Enough:
        pass
    except GraphRefused as refusal:
        error, cause = str(refusal), UNRECORDED
    except BaseException as problem:  # also SystemExit from student code: the parent has to know
        error = f"{type(problem).__name__}: {problem}"
        cause = UNOBSERVED if isinstance(problem, Unobserved) else cause
    finally:
        try:
            with contextlib.suppress(Exception):  # the script may have closed or replaced them
                sys.stdout.flush()
                sys.stderr.flush()
            frames.end(error, cause if error else "")
        finally:
            leave(0)


def _measure(task: Task, frames: Frames, building: Building, recording: Recording, commands: int) -> None:
    warnings.simplefilter("ignore")
    frames.begin("measure")
    images = load_images(task.data)
    recorded = graph_of(recording)
    graph = recorded.graph or Graph(Program(), Program())
    subject = Subject(graph, recording, building.parameters, task.seed, has_run=True)
    found = measure(subject, images, seed=task.seed)
    doubts: tuple[Doubt, ...] = (*recorded.doubts, *found.doubts)
    frames.send(graph, "graph")
    found = replace(found, doubts=doubts)
    frames.send(found, "measure")

    def measured(repairs: tuple[str, ...]) -> Measurements | None:
        try:
            return measure(replace(subject, repairs=repairs), images, seed=task.seed)
        except GraphRefused:
            return None

    evidence = with_repairs(
        Evidence(Ending("finished"), build=building, record=recording.without_programs()).with_measurements(found),
        task.plan,
        measured,
    )
    frames.send(evidence.behind, "behind")
    order = _order(commands)
    found = evidence.behind.measurements or found
    if recorded.graph is None or not found.is_trainable:
        return
    probes = partial(images.probes, seed=task.seed)
    graph = repaired(graph, evidence.behind.repairs, probes, seed=task.seed)
    number = 0
    while order is not None:
        frames.begin(order.stage)
        if order.stage == "overfit":
            record = overfit(graph, images, probes=probes, seed=order.seed, most_seconds=order.seconds)
            frames.send(record, "overfit")
            break
        attempt = attempt_of(task.plan, number, seed=order.seed)
        record, outputs = train(graph, images, task.plan, attempt, probes=probes, most_seconds=order.seconds)
        frames.send(record, "train", outputs.heldout)
        number += 1
        order = _order(commands)


def _take_standard_streams() -> tuple[int, int]:
    """Descriptors for frames and commands. From now on ``print`` writes to standard error and ``input`` reads nothing.

    On Windows, Python has set both streams to binary mode, and the copies keep it.
    """
    frames, commands = os.dup(1), os.dup(0)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return frames, commands


def _print_one_batch_only() -> None:
    """Drop what the script prints from the second forward pass on: it is run many times, and the student ran it once.

    The first module that is called from now on is Net.
    """
    net: list[nn.Module] = []

    def on_call(module: nn.Module, _: object) -> None:
        if not net:
            net.append(module)
        elif module is net[0]:
            calls.remove()
            with contextlib.suppress(Exception):  # the script may have replaced it
                sys.stdout.flush()
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    calls = register_module_forward_pre_hook(on_call)


def _order(commands: int) -> Order | None:
    """What the parent wants trained next; None for nothing more, or if it has ended."""
    fields = json.loads(_line(commands) or b"null")
    return None if fields is None else Order(**fields)


def _line(commands: int) -> bytes:
    """The next line. The parent sends no more until it has what it waits for."""
    line = b""
    while not line.endswith(b"\n") and (chunk := os.read(commands, 1 << 16)):
        line += chunk
    return line


if __name__ == "__main__":
    main()
