"""Running a self-check: takes the student's folder, returns a finding for each step."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.model import Finding, GraderFault, Rubric, Status
from grader.rubric.loading import load_rubric
from grader.selfcheck.child import Process, end_process, start_process
from grader.selfcheck.effort import Effort
from grader.selfcheck.install import PACKAGES, install
from grader.selfcheck.outcome import SelfCheck
from grader.selfcheck.quick_look import quick_look
from grader.selfcheck.steps import (
    KNOWN_AFTER,
    STEP_IDS,
    correctable,
    is_all_passed,
    last_stage,
    nothing_to_run,
    step_findings,
)
from grader.selfcheck.task import Observed, Task
from grader.selfcheck.unsaved import unsaved
from grader.selfcheck.work import Work, copy_work, take_up

SEED = 4660
"""Seed of the test inputs and of the order of the held-out images, so that each self-check gives the same result."""


def run_self_check(folder: Path) -> SelfCheck:
    """Check the script in ``folder``: every step."""
    with scratch_folder() as scratch:
        return check_work(take_up(folder, scratch), folder, scratch)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder for what a self-check writes. It is removed at the end, as far as its files are not open."""
    with tempfile.TemporaryDirectory(prefix="lab4-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def check_work(
    work: Work,
    folder: Path,
    scratch: Path,
    *,
    on_stage: Callable[[str], None] = lambda stage: None,
    steps: Collection[str] = STEP_IDS,
    process: Process | None = None,
) -> SelfCheck:
    """Check the script of the work in ``folder``: by reading if that is enough, otherwise in ``process`` or a new one.

    The process has ended afterwards. It runs no longer than ``steps`` need; steps that need more have no finding.
    """
    try:
        rubric = load_rubric()
        evidence = quick_look(work.submission.root, work.script) if work.problem is None else None
        if work.problem is None and evidence is None:
            work = copy_work(work, scratch / "work")
        if work.problem is not None:
            return SelfCheck(nothing_to_run(work.problem), about_work=work.notes, checked=work.checked)
        if evidence is not None:
            observed, known = Observed(evidence), frozenset(STEP_IDS)
        else:
            process, last = process or start_process(), last_stage(steps)
            observed, known = _run(work, scratch, rubric, process, last, on_stage), KNOWN_AFTER[last]
    except GraderFault as fault:
        return SelfCheck(nothing_to_run(_broken(str(fault))))
    except Exception as fault:  # a fault of the self-check or the computer: the student gets one sentence, no traceback
        return SelfCheck(nothing_to_run(_broken(f"{type(fault).__name__}: {fault}")))
    finally:
        if process is not None:
            end_process(process)  # it may have files in the folder open
    findings = {id: finding for id, finding in step_findings(observed, rubric).items() if id in known}
    findings["loads"] = correctable(findings["loads"])
    note = "" if is_all_passed(findings) else unsaved(folder, work.script)
    return SelfCheck(findings, observed.evidence, note, work.notes, work.checked)


def _run(
    work: Work, scratch: Path, rubric: Rubric, process: Process, last: str, on_stage: Callable[[str], None]
) -> Observed:
    """What ``process`` observes, which imports torch while this one imports numpy and reads images."""
    from grader.data.bundled import self_check_data
    from grader.data.worker_files import heldout_images, write_worker_files
    from grader.selfcheck.observation import observe

    files, labels = write_worker_files(self_check_data(), scratch / "images", order_seed=SEED)
    task = Task(str(work.submission.root), work.script, SEED, files, rubric.training, last)
    trainer = Effort(rubric, labels, heldout_images(files))
    return observe(process, task, trainer=trainer, on_stage=on_stage)


def _broken(reason: str) -> Finding:
    hint = "This is not a fault of your script: show this message to your tutor."
    for library in ("torch", "torchvision", "numpy"):
        if f"No module named '{library}'" in reason:
            hint = f"Install it: {install(*PACKAGES)}"
    return Finding(Status.ERROR, f"The self-check could not run: {reason.rstrip('.')}.", hint)
