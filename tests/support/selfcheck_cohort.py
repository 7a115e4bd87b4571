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
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from grader.answers.code_of_documents import with_code_of_documents
from grader.answers.finding.sheet import read_sheet
from grader.data.bundled import self_check_data
from grader.data.worker_files import heldout_images, write_worker_files
from grader.experiment.table_files import gather
from grader.lab4.items import PART1_IDS
from grader.model import DataFiles, Finding, Rubric, Status, Submission
from grader.model.experiment import Experiment
from grader.rubric.loading import load_rubric
from grader.selfcheck.effort import Effort
from grader.selfcheck.observation import SECONDS, observe
from grader.selfcheck.run import SEED
from grader.selfcheck.steps import nothing_to_run, step_findings
from grader.selfcheck.task import Task
from grader.selfcheck.work import copy_work, take_up
from grader.selfcheck.written_work import State, look_at_answers, look_at_experiments, states_of
from grader.worker.environment import SETTINGS
from tests.support.places import ROOT
from tests.support.sample_cohort import COHORT

HANG = 3.0
"""Seconds for forward where it is known to hang."""
MUST_DIFFER = {
    ("valid-extreme-gap8", "training.accuracy"): (
        Status.NEEDS_REVIEW,
        "eight units learn only in the grader's second run of 2,000 steps",
    ),
    ("fault-log-softmax-before-fc2", "training.accuracy"): (
        Status.SKIPPED,
        "explained after one run; the second one, which learns, is the grader's",
    ),
}
"""The self-check's verdicts that are not the grader's, because it trains for a shorter time: case, item, reason."""


def self_checks(*cases: str) -> dict[str, dict[str, list[str]]]:
    """Status, message and hint of each step of the self-check, by case of the sample cohort. Uses two processes."""
    command = [sys.executable, "-m", "tests.support.selfcheck_cohort", str(COHORT)]
    environment = os.environ | SETTINGS
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen([*command, *half], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
            )
            for half in (cases[::2], cases[1::2])
        ]
        printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    entries = [json.loads(line) for text in printed for line in text.splitlines()]
    return {entry["id"]: entry["steps"] for entry in entries}


Found = tuple[str | None, dict[str, State], Experiment | None]
"""The script, the state of each answer, and the table of experiments."""


def found_by_the_grader(submission: Submission, scratch: Path) -> Found:
    """What the grader finds in a submission."""
    submission = with_code_of_documents(submission, scratch)
    return submission.script, states_of(read_sheet(submission), PART1_IDS), gather(submission)


def found_by_the_self_check(folder: Path, scratch: Path) -> Found:
    """The same, as the self-check finds it in a student's folder."""
    work = take_up(folder, scratch)
    return work.submission.script, dict(look_at_answers(work, PART1_IDS).states), look_at_experiments(work)


class Forked:
    """Stands in for ``subprocess.Popen`` on ``grader.selfcheck.process``, whose ``main`` it is given."""

    def __init__(self, main: Callable[[], None]) -> None:
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
            main()
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


def self_check(
    folder: Path, rubric: Rubric, images: tuple[DataFiles, Any], scratch: Path, start: Callable[[], Forked]
) -> dict[str, Finding]:
    """The finding of each step for the work in one folder."""
    work = take_up(folder, scratch)
    if work.problem is not None:
        return nothing_to_run(work.problem)
    files, labels = images
    work = copy_work(work, scratch / folder.name)
    task = Task(str(work.submission.root), work.script, SEED, files, rubric.training)
    hangs = "loop" in folder.name
    observed = observe(
        start(),
        task,
        trainer=Effort(rubric, labels, heldout_images(files)),
        seconds={**SECONDS, "record": HANG} if hangs else SECONDS,
    )
    return step_findings(observed, rubric)


def main() -> None:
    """Look at the cases that are this process's."""
    cohort, *ids = sys.argv[1:]
    import torch  # only here, because the tests that use this module need no torch

    from grader.selfcheck import process
    from grader.worker import stages

    torch.set_num_threads(1)
    rubric = load_rubric()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        files, labels = write_worker_files(self_check_data(), scratch / "images", order_seed=SEED)
        stages.preload()
        for id in ids:
            found = self_check(
                Path(cohort) / id, rubric, (files, labels), scratch / "work", lambda: Forked(process.main)
            )
            told = {step: [finding.status, finding.message, finding.hint] for step, finding in found.items()}
            print(json.dumps({"id": id, "steps": told}), flush=True)


if __name__ == "__main__":
    main()
