"""Run the self-check on submissions: ``python -m tests.support.selfcheck_cohort FOLDER ID...``.

It prints a line of JSON for each submission: its id, and status, message and hint of every step in order. It works like
a student's self-check except for two things that save most of the time: it forks this process, which has imported
torch, instead of starting a new one, and it writes the images only once. Start it with the environment of
:mod:`grader.worker.environment`, which torch reads when it is imported.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

import torch  # what the forked processes are to find imported

from grader.data.bundled import self_check_data
from grader.data.worker_files import write_worker_files
from grader.model import DataFiles, Finding, Rubric
from grader.rubric.loading import load_rubric
from grader.selfcheck import process
from grader.selfcheck.observation import SECONDS, observe
from grader.selfcheck.run import SEED, evaluator
from grader.selfcheck.steps import nothing_to_run, step_findings
from grader.selfcheck.task import Task
from grader.selfcheck.work import copy_work, take_up
from grader.worker import stages

HANG = 3.0
"""Seconds for forward where it is known to hang."""


class Forked:
    """Stands in for ``subprocess.Popen`` on ``grader.selfcheck.process``."""

    def __init__(self) -> None:
        commands, theirs_commands = os.pipe()
        frames, theirs_frames = os.pipe()
        output, theirs_output = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        self.returncode: Any = None
        if self.pid == 0:
            os.setsid()
            for theirs, number in ((commands, 0), (theirs_frames, 1), (theirs_output, 2)):
                os.dup2(theirs, number)
            os.closerange(3, 256)
            process.main()
        for descriptor in (commands, theirs_frames, theirs_output):
            os.close(descriptor)
        self.stdin: IO[bytes] | None = os.fdopen(theirs_commands, "wb")
        self.stdout: IO[bytes] | None = os.fdopen(frames, "rb")
        self.stderr: IO[bytes] | None = os.fdopen(output, "rb")

    def kill(self) -> None:
        """As Popen does, when it is not over."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, or minus the signal."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return int(self.returncode)


def self_check(folder: Path, rubric: Rubric, images: tuple[DataFiles, Any], scratch: Path) -> dict[str, Finding]:
    """The finding of each step for the work in one folder."""
    scratch.mkdir(exist_ok=True)
    work = take_up(folder, scratch)
    if work.problem is not None:
        return nothing_to_run(work.problem)
    files, labels = images
    work = copy_work(work, scratch / folder.name)
    plan = rubric.training
    task = Task(str(work.submission.root), work.script, SEED, files, plan)
    hangs = "loop" in folder.name
    observed = observe(
        Forked(),
        task,
        evaluate=evaluator(plan, labels),
        seconds={**SECONDS, "record": HANG} if hangs else SECONDS,
    )
    return step_findings(observed, rubric)


def main() -> None:
    """Look at the cases that are this process's."""
    cohort, *ids = sys.argv[1:]
    torch.set_num_threads(1)
    rubric = load_rubric()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        files, labels = write_worker_files(self_check_data(), scratch / "images", order_seed=SEED)
        stages.preload()
        for id in ids:
            found = self_check(Path(cohort) / id, rubric, (files, labels), scratch / "work")
            told = {step: [finding.status, finding.message, finding.hint] for step, finding in found.items()}
            print(json.dumps({"id": id, "steps": told}), flush=True)


if __name__ == "__main__":
    main()
