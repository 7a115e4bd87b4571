"""The pipeline, in two levels of steps.

Once per run: survey, plan, and at the end the tables. Once per submission: observe, mark, store, render. Read
:func:`grade_cohort` and :func:`grade` to see all that happens; each step has a module of its own.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol

from grader.model import Report, Run, UsageFault
from grader.moderation.decisions import with_decisions
from grader.moderation.decisions_file import carry_over
from grader.moderation.finished_run import Pages, write_tables
from grader.pipeline.marking import report_of_fault
from grader.pipeline.parallel import in_copies, in_threads
from grader.pipeline.plan import Task, plan, takes_part
from grader.pipeline.run import NOTHING, RunContext, Totals
from grader.pipeline.settings import RunSettings
from grader.pipeline.submission import mark, marker_of, observe, store
from grader.pipeline.workers import open_workers
from grader.sandbox import Stopped
from grader.sandbox.scratch import scratch_folder
from grader.storage import records, run_folder
from grader.storage.records import StoredEvidence
from grader.submissions import Delivery, survey

MANY = 50
"""From this many submissions, starting copies of this process saves time if no student code has to run."""


class Progress(Protocol):
    """Shows how far a run is; implemented by :class:`grader.report.console.progress.Progress`."""

    def __enter__(self) -> object: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    def begin(self, run: Run) -> None: ...
    def expect(self, total: int) -> None: ...
    def stage(self, student: str, stage: str) -> None: ...
    def done(self, report: Report, seconds: float | None = None) -> None: ...
    def error(self, message: str) -> None: ...


@dataclass(frozen=True)
class Graded:
    """A finished submission. ``seconds`` of wall time are None when stored evidence was reused."""

    report: Report
    totals: Totals
    seconds: float | None


def grade_cohort(settings: RunSettings, *, pages: Pages, progress: Progress) -> tuple[Run, tuple[Report, ...]]:
    """Grade every submission that the settings select, and write the whole run.

    Submissions that have not changed since their evidence was stored, in this run or the earlier one, are marked from
    that evidence and from the answers read at that time. Each submission is stored as soon as it is finished, so that
    an interrupted run continues where it stopped, also after KeyboardInterrupt. Raises UsageFault for unusable input.
    """
    with scratch_folder() as scratch, ExitStack() as stack:
        deliveries = survey(settings.path, scratch / "unpacked")
        context = begin(settings, scratch)
        tasks, totals = plan_all(deliveries, context)
        if any(task.needs_worker for task in tasks):
            context = replace(context, workers=stack.enter_context(open_workers(settings, scratch)))
        progress.begin(context.facts())
        finished: dict[str, Report] = {}
        is_finished = False
        try:
            with run_tasks(tasks, context, pages, progress) as results:
                for graded in results:
                    finished[graded.report.student] = graded.report
                    totals += graded.totals
                    progress.done(graded.report, graded.seconds)
            is_finished = True
        finally:
            reports = tuple(finished[delivery.id] for delivery in deliveries if delivery.id in finished)
            run = context.facts(totals, is_finished=is_finished)
            write_tables(settings.out, reports, run, pages)
            run_folder.write_run(settings.out, run, is_finished=is_finished)
    return run, reports


def begin(settings: RunSettings, scratch: Path) -> RunContext:
    """Claim the folder of the run, and copy the tutors' decisions from the earlier run."""
    run_folder.claim_folder(settings.out)
    context = RunContext(settings, carry_over(settings.out, settings.earlier), scratch)
    run_folder.write_run(settings.out, context.facts(), is_finished=False)
    return context


def plan_all(deliveries: Sequence[Delivery], context: RunContext) -> tuple[list[Task], Totals]:
    """The task for each submission that takes part, and totals that count those left out as outdated."""
    selection = context.settings.selection
    with in_copies(partial(plan, context=context), _processes(len(deliveries), context)) as run_all:
        planned = {task.submission.id: task for task in run_all(deliveries)}
    ordered = [planned[delivery.id] for delivery in deliveries]
    left_out = sum(selection.remark and task.is_outdated and not takes_part(task, selection) for task in ordered)
    counts = {"left out: their evidence is from an earlier version; grade them again": left_out} if left_out else {}
    return [task for task in ordered if takes_part(task, selection)], Totals(counts)


@contextmanager
def run_tasks(tasks: list[Task], context: RunContext, pages: Pages, progress: Progress) -> Iterator[Iterator[Graded]]:
    """Yield the finished submissions, graded in threads that wait for workers, or in copies of this process."""
    step = partial(grade, context=context, pages=pages, progress=progress)
    workers = context.workers
    if workers is None:
        pages.load()  # so that the copies inherit it
        runner = in_copies(step, _processes(len(tasks), context))
    else:
        # Twice as many threads as jobs, so that no core is idle while a thread waits for a network that another one
        # trains. The number of processes is limited to the number of jobs.
        runner = in_threads(step, 2 * context.settings.jobs, stop=workers.stop)
    progress.expect(len(tasks))
    with runner as run_all, progress:
        yield run_all(tasks)


def _processes(submissions: int, context: RunContext) -> int:
    return context.settings.jobs if submissions >= MANY else 1


def grade(task: Task, *, context: RunContext, pages: Pages, progress: Progress) -> Graded:
    """Take one submission through its steps: observe, mark, store, render.

    A fault of the grader becomes a report with status error, so that the rest of the cohort is still graded.
    """
    start, totals = time.perf_counter(), NOTHING
    out, student = context.settings.out, task.submission.id
    evidence = StoredEvidence.unobserved(student, task.submission)
    try:
        observed = observe(task, context, lambda stage: progress.stage(student, stage))
        evidence, totals = observed.evidence, observed.totals
        marker = marker_of(task, context)
        report = mark(task, evidence, marker, context)
        store(observed, report, marker, out)
        report = with_decisions(report, context.decisions)
        pages.write_report_page(out, report, evidence, context.facts())
    except (Stopped, UsageFault):
        raise
    except Exception as fault:  # protects the rest of the cohort from a fault of the grader
        progress.error(f"{student}: {traceback.format_exc(limit=-3)}")
        totals += Totals.one("errors")
        report = report_of_fault(task.submission, context.settings.rubric, message=f"{type(fault).__name__}: {fault}")
        with suppress(Exception):  # writing may be what failed
            records.write_report(out, report)
            pages.write_report_page(out, report, evidence, context.facts())
    return Graded(report, totals, None if task.stored_in is not None else time.perf_counter() - start)
