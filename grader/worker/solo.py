"""``python -m grader.worker.solo``: one submission in a process of its own, for a student's self-check.

Nothing shuts it in: the code is the student's, and so is the machine. The stages and the channel are those of a graded
submission. The job comes as one line of JSON on standard input, and so do the seeds for more training; frames go to
standard output, and whatever the submission prints to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from grader.evidence import Training
from grader.model import DataFiles, Job
from grader.worker import stages
from grader.worker.channel import FAULT, UNOBSERVED, Channel, Unobserved, transmitter
from grader.worker.overfitting import overfit

OVERFIT = "overfit"
"""The one stage that a graded submission does not have; its record is a :class:`~grader.evidence.Training`."""


class Noting(Channel):
    """A channel that remembers whether the net could be trained."""

    could_train = False

    def send(self, record: Any, stage: str, arrays: Mapping[str, Tensor] | None = None) -> None:
        """Send as ever, and remember."""
        self.could_train = isinstance(record, Training) and record.problem is None
        super().send(record, stage, arrays)


def main() -> None:
    """Observe the submission that standard input names, and leave without any of its exit handlers."""
    leave = os._exit
    frames, commands = _take_standard_streams()
    sender = transmitter(frames, b"", lambda stage: [])
    channel = Noting(sender, commands)
    error, cause = "", FAULT
    try:
        job = _job(_line(commands))
        cause = ""
        loaded = stages.observe(job, channel)
        if loaded.factory is not None and channel.could_train:
            sender.send({"stage": OVERFIT, "begin": True}, ())
            record = overfit(loaded.factory, stages.mapped(job.data), seed=job.first_seed, explain=loaded.explain)
            sender.send({"stage": OVERFIT, "record": asdict(record), "arrays": []}, ())
    except BaseException as problem:  # SystemExit from student code included: the parent must learn of it
        error = f"{type(problem).__name__}: {problem}"
        cause = UNOBSERVED if isinstance(problem, Unobserved) else cause
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
            channel.end(error, cause=cause if error else "")
        finally:
            leave(0)


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
    """The first line. Nothing follows it until a training run has been reported."""
    line = b""
    while not line.endswith(b"\n") and (chunk := os.read(commands, 1 << 16)):
        line += chunk
    return line


def _job(line: bytes) -> Job:
    fields = json.loads(line)
    return Job(**{**fields, "data": DataFiles(**fields["data"])})


if __name__ == "__main__":
    main()
