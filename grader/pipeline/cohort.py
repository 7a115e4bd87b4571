"""The pipeline, in two levels of steps.

Once per run: survey, and at the end the tables. Once per submission: read, plan, observe, mark, store, render. Read
:func:`grade_cohort` and :func:`grade` to see all that happens; each step has a module of its own.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Protocol, TypeVar

from grader.answers.marker.cache import KnownMarker
from grader.model import Report, Run, Submission, UsageFault
from grader.model.quantities import quantity
from grader.moderation.dealing import carry_over_deal
from grader.moderation.decisions_file import carry_over
from grader.moderation.finished_run import Pages, neighbours, write_page, write_tables
from grader.moderation.lateness import LateWork
from grader.moderation.pseudonyms import keep_secret
from grader.pipeline.canary import CanaryRun, stored_for
from grader.pipeline.continuing import Before, carry_over_records, with_earlier_run
from grader.pipeline.marking import report_of_fault
from grader.pipeline.parallel import Runner, in_threads
from grader.pipeline.plan import (
    Task,
    find_stored,
    fully_known,
    is_new,
    known_submission,
    needs_a_device,
    plan,
    takes_part,
    with_one_device,
)
from grader.pipeline.refusals import check_cohort, check_path, with_students
from grader.pipeline.run import NOTHING, RunContext, Totals
from grader.pipeline.settings import RunSettings
from grader.pipeline.sharding import shard_of_run
from grader.pipeline.submission import Observed, mark, marker_of, observe, store, with_canary, with_claim_trained
from grader.pipeline.workers import WorkersOnDemand
from grader.reading import Readers
from grader.sandbox import ForkServer, Stopped
from grader.sandbox.scratch import scratch_folder
from grader.storage import records, run_folder
from grader.storage.disk import disk_faults, raise_disk_fault
from grader.storage.records import StoredEvidence
from grader.submissions.assembly import Delivery
from grader.submissions.discovery import survey

T = TypeVar("T")

OUTDATED = Totals.one("left out: their evidence is from an earlier version; grade them again")


class Progress(Protocol):
    """Shows how far a run is; implemented by :class:`grader.report.console.progress.Progress`."""

    def __enter__(self) -> object: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    def notice(self, run: Run) -> None: ...
    def say(self, what: str) -> None: ...
    def announce(self, *sentences: str) -> None: ...
    def expect(self, total: int, new: Collection[str], names: Mapping[str, str]) -> None: ...
    def stage(self, student: str, stage: str) -> None: ...
    def leave_out(self, student: str) -> None: ...
    def done(self, report: Report, seconds: float | None = None) -> None: ...
    def error(self, message: str) -> None: ...


@dataclass(frozen=True)
class Graded:
    """A finished submission; ``report`` is None if it does not take part in the run.

    ``isolation`` is that of the run, as its page gives it. ``claims`` is the task if a line of its
    experiment remains to be trained again.
    """

    report: Report | None
    totals: Totals = NOTHING
    isolation: str = ""
    claims: Task | None = None


def grade_cohort(
    settings: RunSettings, *, pages: Pages, progress: Progress, server: ForkServer | None = None
) -> tuple[Run, tuple[Report, ...]]:
    """Grade every submission that the settings select, and write the run: of the whole cohort, or of a shard.

    ``server`` was started for these settings by the caller, who stops it in case no code had to be run.
    Submissions that have not changed since their evidence was stored, in this run or the earlier one, are marked from
    that evidence and from the answers read at that time. Each submission is read when its turn comes, and stored as
    soon as it is finished, so that an interrupted run continues where it stopped. Raises UsageFault for unusable input,
    and DiskFault as soon as nothing more can be stored.
    """
    check_path(settings)
    with scratch_folder() as scratch, ExitStack() as stack:
        readers = stack.enter_context(
            Readers(settings.answer_key, settings.paper, at_once=settings.jobs, scratch=scratch)
        )
        stack.enter_context(progress)  # it starts a thread, so it comes after the readers
        progress.say("looking for submissions")
        cohort = survey(settings.path, scratch / "cohort")
        check_cohort(settings, [delivery.id for delivery in cohort])
        settings = with_earlier_run(with_students(settings, cohort), cohort)
        deliveries = [one for one in cohort if settings.shard is None or settings.shard.has(one.id)]
        before = Before.of(settings, deliveries)
        progress.announce(*before.news())
        settings = with_one_device(settings, before.ids, before.facts)
        workers = stack.enter_context(WorkersOnDemand(settings, scratch, server, say=progress.announce))
        run_folder.claim_folder(settings.out)
        keep_secret(settings.out, settings.secret)
        stack.enter_context(disk_faults(settings.out))
        new = {delivery.id for delivery, id in zip(deliveries, before.ids, strict=True) if is_new(id, settings)}
        if new or needs_a_device(settings):
            progress.say("starting the workers")
            if new and settings.answer_key is not None:
                readers.prepare(criterion.id for criterion in settings.rubric.part1)  # meanwhile
            workers.get()  # refuses what this machine cannot do, before a result is read or written
        context = begin(settings, cohort, before, readers, workers)
        progress.notice(context.facts())
        progress.expect(len(deliveries), new, before.names)
        finished, shown = dict[str, Report](), dict[str, str]()
        totals, is_finished, claims = NOTHING, False, list[Task]()

        def keep(graded: Graded) -> None:
            nonlocal totals
            totals += graded.totals
            if graded.claims is not None:
                claims.append(graded.claims)
            if graded.report is not None:
                finished[graded.report.student] = graded.report
                shown[graded.report.student] = graded.isolation
                progress.notice(context.facts(totals))

        try:
            with run_all(partial(grade, context=context, pages=pages, progress=progress), context) as results:
                for graded in results(deliveries):
                    keep(graded)
            if claims:
                progress.say(f"repeating claimed runs of {quantity(len(claims), 'experiment')}")
            with run_all(partial(check_claim, context=context, pages=pages, progress=progress), context) as checked:
                for number, graded in enumerate(checked(claims), start=1):
                    keep(graded)
                    progress.say(f"repeating claimed runs of experiments: {number} of {len(claims)} done")
            is_finished = True
        finally:
            progress.say("writing the tables")
            reports = tuple(finished[delivery.id] for delivery in deliveries if delivery.id in finished)
            progress.announce(*before.changes(reports))
            run = context.facts(totals, is_finished=is_finished)
            beside = neighbours([report.student for report in reports])
            for student, isolation in shown.items():  # some facts are known only now, because they depend on the others
                if isolation != run.isolation or beside[student] != context.neighbours[student]:
                    write_page(settings.out, finished[student], run, beside[student], pages)
            write_tables(settings.out, reports, run, pages, context.decisions)
            run_folder.write_run(settings.out, run, is_finished=is_finished)
    return run, reports


def begin(
    settings: RunSettings,
    cohort: Sequence[Delivery],
    before: Before,
    readers: Readers,
    workers: WorkersOnDemand,
) -> RunContext:
    """Copy the tutors' decisions, and who reviews what, from the earlier run, and mark the run as unfinished.

    Evidence and decisions that are stored under a student's former id get the present one.
    """
    stored = stored_for(settings.data, settings.training, settings.canary)
    canary = CanaryRun(lambda text, plan: workers.get().train(text, plan), stored, settings.training)
    late = LateWork.of(settings.late, ((delivery.id, delivery.origin) for delivery in cohort))
    carry_over_records(settings, before.former)
    decisions = carry_over(settings.out, settings.earlier, before.former)
    carry_over_deal(settings.out, settings.earlier)
    students, shard = tuple(before.names), shard_of_run(settings, cohort, before.facts)
    context = RunContext(settings, students, decisions, readers, workers, canary, late, before.facts, shard)
    run_folder.write_run(settings.out, context.facts(), is_finished=False)
    return context


@contextmanager
def run_all(work: Callable[[T], Graded], context: RunContext) -> Iterator[Runner[T, Graded]]:
    """Yield a function that calls ``work`` on many items and yields the results, in the order in which they come.

    There are twice as many threads as processes here and places in a cluster, so that none of them is idle while a
    thread waits for a network that another one trains.
    """

    def stop() -> None:
        context.workers.stop()
        context.readers.stop()

    with in_threads(work, 2 * (context.settings.jobs + context.workers.places), stop=stop) as results:
        yield results


def grade(delivery: Delivery, *, context: RunContext, pages: Pages, progress: Progress) -> Graded:
    """Take one submission through its steps: read, plan, observe, mark, store, render.

    Progress shows the marks before the canary is known; nothing is stored before.
    A fault of the grader becomes a report with status error, so that the rest of the cohort is still graded. Raises
    DiskFault if nothing more can be stored.
    """
    start, totals = time.perf_counter(), NOTHING
    settings, student = context.settings, delivery.id
    submission = Submission(student, settings.path, None, (), "", origin=delivery.origin)  # until it is read
    evidence = StoredEvidence.unobserved(student, submission)
    is_shown = False

    def on_stage(stage: str) -> None:
        progress.stage(student, stage)

    try:
        with context.readers.open() as reader:
            on_stage("read")
            found = find_stored(student, settings)
            submission = fully_known(student, settings, found) or reader.assemble(delivery)
            if reader.exceeded and not settings.selection.includes(student):
                submission = known_submission(found) or submission
            submission = replace(submission, origin=delivery.origin)  # a stored one has that of an earlier delivery
            evidence = StoredEvidence.unobserved(student, submission)
            totals += Totals(seconds={"read": time.perf_counter() - start})
            task = plan(submission, settings, found)
            if not takes_part(task, settings.selection):
                progress.leave_out(student)
                return Graded(None, OUTDATED if settings.selection.remark and task.is_outdated else NOTHING)
            observed = observe(task, context, reader, on_stage)
            evidence = observed.evidence
            totals += observed.totals
            marker = marker_of(task, evidence, context, reader)
        report = mark(task, evidence, marker, context)
        seconds = None if task.stored_in is not None else time.perf_counter() - start
        progress.done(context.finished(report), seconds)
        is_shown = True
        if context.canary.is_under_way:
            progress.say("training the grader's own test networks")
        if (checked := with_canary(observed, context)) is not observed:
            observed, evidence = checked, checked.evidence
            report = mark(task, evidence, marker, context)
        report, facts = store_and_render(observed, report, marker, context, pages)
    except (Stopped, UsageFault):
        raise
    except Exception as fault:  # protects the rest of the cohort from a fault of the grader
        raise_disk_fault(fault, settings.out)
        progress.error(f"{student}: {traceback.format_exc(limit=-3)}")
        totals += Totals.one("errors")
        report = report_of_fault(submission, settings.rubric, message=f"{type(fault).__name__}: {fault}")
        facts = context.facts()
        with suppress(Exception):  # writing may be what failed
            records.write_report(settings.out, report)
            report = context.late.on(report)
            pages.write_report_page(settings.out, report, evidence, facts, context.neighbours[student])
        if not is_shown:
            progress.done(report, time.perf_counter() - start)
        return Graded(report, totals, facts.isolation)
    return Graded(report, totals, facts.isolation, task if observed.has_claims else None)


def check_claim(task: Task, *, context: RunContext, pages: Pages, progress: Progress) -> Graded:
    """Train a line of a finished submission's experiment again, and mark, store and render the submission again.

    A fault of the grader changes nothing, so the line waits for a tutor. Raises DiskFault if nothing more can be
    stored.
    """
    out, student, totals = context.settings.out, task.submission.id, NOTHING
    try:
        observed = with_claim_trained(task, context)
        totals += observed.totals
        with context.readers.open() as reader:
            marker = marker_of(replace(task, stored_in=out), observed.evidence, context, reader)
        report = mark(task, observed.evidence, marker, context)
        report, facts = store_and_render(observed, report, marker, context, pages)
    except (Stopped, UsageFault):
        raise
    except Exception as fault:  # protects the rest of the cohort from a fault of the grader
        raise_disk_fault(fault, out)
        progress.error(f"{student}: {traceback.format_exc(limit=-3)}")
        return Graded(None, totals)
    return Graded(report, totals, facts.isolation)


def store_and_render(
    observed: Observed, report: Report, marker: KnownMarker | None, context: RunContext, pages: Pages
) -> tuple[Report, Run]:
    """Store a submission, and write its page. Returns its report as it is finished, and the run's facts."""
    out = context.settings.out
    store(observed, report, marker, out)
    report, facts = context.finished(report), context.facts()
    pages.write_report_page(out, report, observed.evidence, facts, context.neighbours[report.student])
    return report, facts
