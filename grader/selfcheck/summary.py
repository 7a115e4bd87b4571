"""Everything that a self-check looks at, in one call: the network, the written work, and what the last run found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from grader.model.experiment import Experiment
from grader.rubric.loading import load_rubric
from grader.selfcheck.child import Process
from grader.selfcheck.last_run import NO_CHANGE, Change, LastRun, change, read_last_run, write_last_run
from grader.selfcheck.outcome import SelfCheck
from grader.selfcheck.page import write_page
from grader.selfcheck.run import check_work, scratch_folder
from grader.selfcheck.work import take_up
from grader.selfcheck.written_work import Written, look_at_answers, look_at_experiments

CHECKS_FOLDER = "selfcheck"
"""The folder in the students' one that contains this package, and what the last run found."""


@dataclass(frozen=True)
class Summary:
    """What a self-check has to say. ``check`` is None if no step was asked for."""

    check: SelfCheck | None
    written: Written
    experiment: Experiment | None = None
    change: Change = NO_CHANGE
    """What has changed since the last run."""
    page: str = ""
    """The line that names the page, or says why there is none."""


def beginning(folder: Path) -> str:
    """The first line of a self-check, with the time to expect."""
    last = read_last_run(folder / CHECKS_FOLDER)
    took = f"; the last run took {last.seconds:.0f} s" if last is not None and last.seconds >= 1 else ""
    return f"Checking your network{took}."


def summarise(
    folder: Path,
    steps: Sequence[str],
    on_stage: Callable[[str], None] = lambda stage: None,
    process: Process | None = None,
    is_kept: Callable[[SelfCheck], bool] = lambda check: True,
) -> Summary:
    """Check the work in ``folder``: of the network, only ``steps``, in ``process`` or a new one.

    Unless the check ``is_kept``, no page is written, and the next one is not compared with it.
    """
    parts = [criterion.id for criterion in load_rubric().part1]
    start = time.monotonic()
    with scratch_folder() as scratch:
        work = take_up(folder, scratch)
        check = check_work(work, folder, scratch, on_stage=on_stage, steps=steps, process=process) if steps else None
        seconds = time.monotonic() - start
        summary = Summary(check, look_at_answers(work, parts), look_at_experiments(work))
    if check is None or not is_kept(check):
        return summary
    changed, now = remember(folder, check, steps, seconds), datetime.now().astimezone()
    page = write_page(folder, check, steps, summary.written, summary.experiment, change=str(changed), when=now)
    return replace(summary, change=changed, page=page)


def remember(folder: Path, check: SelfCheck, steps: Sequence[str], seconds: float) -> Change:
    """Keep what is ok for the next run. Returns what has changed since the last one; nothing if there was none."""
    last = read_last_run(folder / CHECKS_FOLDER)
    before = last.ok if last is not None else frozenset()
    kept = before.difference(steps) if check.progress is None else frozenset()  # -k leaves other steps as they were
    write_last_run(folder / CHECKS_FOLDER, LastRun(kept.union(check.ok), seconds))
    return change(before, check.ok, check.counted) if last is not None else NO_CHANGE
