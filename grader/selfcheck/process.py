"""``python -m grader.selfcheck.process``: a student's own submission, recorded and measured in one process.

Nothing shuts it in: the code is the student's, and so is the machine. Recording and measuring are done by the code that
grades. The task comes as one line of JSON on standard input, and so do the seeds for more training; frames go to
standard output, and whatever the submission prints to standard error. A frame is a line of JSON, and its array.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from dataclasses import asdict, replace
from typing import Any

from torch import Tensor

from grader.measure.images import Images, load_images
from grader.measure.look import Subject, look
from grader.measure.overfitting import overfit
from grader.measure.training import attempt_of, train
from grader.model import Job
from grader.model.evidence import Building, Doubt, Recording, Training
from grader.model.graph import Graph, GraphRefused, Program
from grader.model.recorded import graph_of
from grader.selfcheck.task import Task
from grader.worker import stages
from grader.worker.wire.channel import FAULT, UNOBSERVED, Unobserved

UNRECORDED = "unrecorded"
"""How it ends where the network is none that can be measured."""


class Frames:
    """The way out: ``send`` for records, ``begin`` for the start of a stage. What was recorded stays here."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.building: Building | None = None
        self.recording: Recording | None = None

    def begin(self, stage: str) -> None:
        """Tell that a stage starts now."""
        self._write({"stage": stage, "begin": True})

    def send(self, record: Any, stage: str, array: Tensor | None = None) -> None:
        """Send a finished record, with one array of float32 behind it."""
        if isinstance(record, Recording):
            self.recording = record
            record = record.without_programs()
        if isinstance(record, Building):
            self.building = record
        raw = b"" if array is None else array.float().contiguous().numpy().astype("<f4").tobytes()
        shape = [] if array is None else list(array.shape)
        self._write({"stage": stage, "record": asdict(record), "shape": shape}, raw)

    def end(self, error: str, cause: str) -> None:
        """Say that this is all, and why if something went wrong."""
        self._write({"stage": "", "end": error, "cause": cause})

    def _write(self, header: dict[str, Any], raw: bytes = b"") -> None:
        rest = memoryview(json.dumps(header).encode("utf-8", "replace") + b"\n" + raw)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def main() -> None:
    """Look at the submission that standard input names, and leave without any of its exit handlers."""
    leave = os._exit
    out, commands = _take_standard_streams()
    frames = Frames(out)
    error, cause = "", FAULT
    try:
        task = Task.read(_line(commands))
        cause = ""
        stages.observe(Job(task.root, task.script, task.seed), frames)
        if frames.recording is not None and frames.building is not None:
            _measure(task, frames, frames.building, frames.recording, commands)
    except GraphRefused as refusal:
        error, cause = str(refusal), UNRECORDED
    except BaseException as problem:  # SystemExit from student code included: the parent must learn of it
        error = f"{type(problem).__name__}: {problem}"
        cause = UNOBSERVED if isinstance(problem, Unobserved) else cause
    finally:
        try:
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
    subject = Subject(graph, recording, building.parameters, task.seed)
    found = look(subject, images, seed=task.seed)
    doubts: tuple[Doubt, ...] = (*recorded.doubts, *found.doubts)
    frames.send(graph, "graph")
    frames.send(replace(found, doubts=doubts), "measure")
    if recorded.graph is None or not found.is_trainable:
        return
    could_train = _train(task, frames, recorded.graph, images, commands, is_worth_retrying=found.is_worth_retrying)
    if could_train:
        frames.begin("overfit")
        frames.send(_overfit(task, recorded.graph, images), "overfit")


def _train(task: Task, frames: Frames, graph: Graph, images: Images, commands: int, *, is_worth_retrying: bool) -> bool:
    """Train under as many seeds as are asked for; whether the network could be trained."""
    seed: int | None = task.plan.seeds[0]
    number = 0
    could_train = False
    while seed is not None:
        frames.begin("train")
        attempt = attempt_of(task.plan, number, seed=seed)
        record, outputs = train(
            graph, images, task.plan, attempt, probes=lambda count: images.probes(count, seed=task.seed)
        )
        could_train = record.problem is None
        frames.send(record, "train", outputs.heldout)
        line = _line(commands)
        seed = json.loads(line)["seed"] if line and is_worth_retrying else None
        number += 1
    return could_train


def _overfit(task: Task, graph: Graph, images: Images) -> Training:
    return overfit(graph, images, probes=lambda count: images.probes(count, seed=task.seed), seed=task.plan.seeds[0])


def _take_standard_streams() -> tuple[int, int]:
    """Descriptors for frames and commands; from now on ``print`` goes to standard error, and ``input`` finds nothing.

    On Windows Python has put both streams into binary mode, which their copies keep.
    """
    frames, commands = os.dup(1), os.dup(0)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return frames, commands


def _line(commands: int) -> bytes:
    """The next line. Nothing follows it until a training run has been reported."""
    line = b""
    while not line.endswith(b"\n") and (chunk := os.read(commands, 1 << 16)):
        line += chunk
    return line


if __name__ == "__main__":
    main()
