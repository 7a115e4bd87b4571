"""Running a self-check: takes the student's folder, returns a finding for each step."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

from grader.lab4.files import SCRIPT
from grader.model import Finding, GraderFault, Rubric, Status
from grader.rubric.loading import load_rubric
from grader.selfcheck.child import Process, end_process, start_process
from grader.selfcheck.effort import Effort
from grader.selfcheck.outcome import SelfCheck
from grader.selfcheck.quick_look import quick_look
from grader.selfcheck.steps import STEP_IDS, nothing_to_run, step_findings
from grader.selfcheck.task import Observed, Task, last_stage
from grader.selfcheck.unsaved import unsaved
from grader.selfcheck.work_copy import copy_work

SEED = 4660
"""Seed of the test inputs and of the order of the held-out images, so that each self-check gives the same result."""


def run_self_check(
    folder: Path,
    *,
    on_stage: Callable[[str], None] = lambda stage: None,
    steps: Collection[str] = STEP_IDS,
    process: Process | None = None,
) -> SelfCheck:
    """Check the script in ``folder``: by reading if that is enough, otherwise in a process, which has ended afterwards.

    Only ``steps`` are checked. ``process`` is used if it is given and needed, and otherwise still waits.
    """
    if not (folder / SCRIPT).is_file():
        hint = f"Keep the file name {SCRIPT}, and run pytest in the folder that contains the file."
        return SelfCheck(nothing_to_run(Finding(Status.FAILED, f"{SCRIPT} is not in this folder.", hint)))
    try:
        rubric = load_rubric()
        evidence = quick_look(folder, SCRIPT)
        observed = (
            Observed(evidence) if evidence is not None else _run(folder, SCRIPT, rubric, steps, on_stage, process)
        )
    except GraderFault as fault:
        return SelfCheck(nothing_to_run(_broken(str(fault))))
    except Exception as fault:  # a fault of the self-check or the computer: the student gets one sentence, no traceback
        return SelfCheck(nothing_to_run(_broken(f"{type(fault).__name__}: {fault}")))
    findings = {id: finding for id, finding in step_findings(observed, rubric).items() if id in steps}
    is_passed = all(finding.status is Status.PASSED for finding in findings.values())
    return SelfCheck(findings, observed.evidence, "" if is_passed else unsaved(folder, SCRIPT))


def _run(
    folder: Path,
    script: str,
    rubric: Rubric,
    steps: Collection[str],
    on_stage: Callable[[str], None],
    process: Process | None,
) -> Observed:
    """What a process observes that runs the script. It imports torch while this one imports numpy and reads images."""
    scratch = Path(tempfile.mkdtemp(prefix="lab4-"))
    process = process or start_process()
    try:
        from grader.data.bundled import self_check_data
        from grader.data.worker_files import heldout_images, write_worker_files
        from grader.selfcheck.observation import observe

        files, labels = write_worker_files(self_check_data(), scratch / "images", order_seed=SEED)
        copy_work(folder, scratch / "work")
        task = Task(str(scratch / "work"), script, SEED, files, rubric.training, last_stage(steps))
        return observe(process, task, trainer=Effort(rubric, labels, heldout_images(files)), on_stage=on_stage)
    finally:
        end_process(process)
        shutil.rmtree(scratch, ignore_errors=True)


def _broken(reason: str) -> Finding:
    hint = "This is not a fault of your script: show this message to your tutor."
    for library in ("torch", "torchvision", "numpy"):
        if f"No module named '{library}'" in reason:
            hint = "Install it: python -m pip install torch torchvision pytest"
    return Finding(Status.ERROR, f"The self-check could not run: {reason.rstrip('.')}.", hint)
