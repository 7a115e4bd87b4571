"""Running a self-check: takes the student's folder, returns a finding for each step."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grader.checks.training import needs_another
from grader.data.bundled import self_check_data
from grader.data.heldout_accuracy import Predictions, with_accuracy
from grader.data.sample_images import with_pictures
from grader.data.worker_files import heldout_images, write_worker_files
from grader.model import Finding, GraderFault, Status, TrainingPlan
from grader.model.evidence import Training
from grader.rubric.loading import load_rubric
from grader.selfcheck.install import PACKAGES, install
from grader.selfcheck.observation import Evaluate, Process, end_process, observe, start_process
from grader.selfcheck.outcome import SelfCheck
from grader.selfcheck.steps import nothing_to_run, step_findings
from grader.selfcheck.task import FIRST_SEED, Task
from grader.selfcheck.work import Work, copy_work, take_up

SEED = 4660
"""Seed of the test inputs and of the order of the held-out images, so that each self-check gives the same result."""


def run_self_check(
    folder: Path, *, on_stage: Callable[[str], None] = lambda stage: None, process: Process | None = None
) -> SelfCheck:
    """Check the script in ``folder`` in a separate process, which has ended afterwards: ``process``, or a new one."""
    scratch = Path(tempfile.mkdtemp(prefix="lab4-"))
    try:
        work = take_up(folder, scratch)
        if work.problem is None:
            work = copy_work(work, scratch / "work")
        if work.problem is not None:
            return SelfCheck(nothing_to_run(work.problem), notes=work.notes)
        process = process or start_process()  # imports torch while the images are read
        return replace(_checked(work, scratch, process, on_stage), notes=work.notes)
    finally:
        if process is not None:
            end_process(process)
        shutil.rmtree(scratch, ignore_errors=True)


def _checked(work: Work, scratch: Path, process: Process, on_stage: Callable[[str], None]) -> SelfCheck:
    try:
        rubric = load_rubric()
        plan = rubric.training
        files, labels = write_worker_files(self_check_data(), scratch / "images", order_seed=SEED)
        task = Task(str(work.submission.root), work.script, SEED, files, plan)
        evaluate = evaluator(plan, labels, heldout_images(files))
        observed = observe(process, task, evaluate=evaluate, on_stage=on_stage)
    except GraderFault as fault:
        return SelfCheck(nothing_to_run(_broken(str(fault))))
    except Exception as fault:  # a fault of the self-check or the computer: the student gets one sentence, no traceback
        return SelfCheck(nothing_to_run(_broken(f"{type(fault).__name__}: {fault}")))
    return SelfCheck(step_findings(observed, rubric), observed.evidence)


def evaluator(plan: TrainingPlan, labels: NDArray[np.uint8], images: NDArray[np.uint8]) -> Evaluate:
    """A function that adds accuracy and misread ``images`` to a training record, and chooses the next seed if any.

    There is a next seed if the grader would train again.
    """
    trainings: list[Training] = []

    def evaluate(record: Training, predictions: Predictions) -> tuple[Training, int | None]:
        trainings.append(with_pictures(with_accuracy(record, predictions, labels), predictions, labels, images))
        again = needs_another(trainings, plan)
        return trainings[-1], len(trainings) + FIRST_SEED if again else None

    return evaluate


def _broken(reason: str) -> Finding:
    hint = "This is not a fault of your script: show this message to your tutor."
    for library in ("torch", "torchvision", "numpy"):
        if f"No module named '{library}'" in reason:
            hint = f"Install it: {install(*PACKAGES)}"
    return Finding(Status.ERROR, f"The self-check could not run: {reason.rstrip('.')}.", hint)
