"""The pipeline: one submission, a cohort, and marking again from stored evidence.

Read :func:`grade_cohort` from top to bottom to see all that happens. Evidence and rubric meet here and nowhere else.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol

from grader.answers.finding.sheet import read_sheet
from grader.answers.marker.key import AnswerKey
from grader.data import DataSet
from grader.experiment.reference_surface import reference_surface
from grader.experiment.table_files import gather
from grader.model import AnswerSheet, GraderFault, Report, Rubric, Run, Submission, UsageFault
from grader.model.experiment import Experiment
from grader.moderation.decisions import carry_over, with_decisions
from grader.moderation.finished_run import Pages
from grader.pipeline.marking import NO_SHEET, mark, mark_error, mark_unusable
from grader.pipeline.parallel import copies
from grader.pipeline.run import AS_GOOD_AS_IT_GETS, Enclosure, Session, Totals
from grader.sandbox import Stopped, Wish
from grader.sandbox.scratch import scratch_folder
from grader.storage import marks_csv, records, results_json, run_folder
from grader.submissions import Delivery, assemble, survey
from grader.submissions.student_patterns import is_named

MANY = 50
"""Submissions from which on copies of this process are worth their start where nothing but marking is to be done."""

Marked = tuple[Report, Mapping[str, int], Mapping[str, float]]
"""A report, and what its submission adds to a run's counts and seconds."""


class Progress(Protocol):
    """Who is told how far a run is; :class:`grader.report.console.progress.Progress` is one."""

    def __enter__(self) -> object: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    def expect(self, total: int) -> None: ...
    def stage(self, student: str, stage: str) -> None: ...
    def done(self, report: Report, seconds: float | None = None) -> None: ...
    def error(self, message: str) -> None: ...


@dataclass(frozen=True)
class Selection:
    """Which submissions are looked at anew; the others are marked from their stored evidence.

    ``students`` are shell patterns of ids (empty: all). ``only_failed`` looks again at those that did not earn all
    points of Part 2, whether they changed or not. ``remark`` runs no student code at all.
    """

    students: tuple[str, ...] = ()
    only_failed: bool = False
    remark: bool = False

    def names(self, student: str) -> bool:
        """Whether the patterns name this student."""
        return is_named(student, self.students)


@dataclass(frozen=True)
class Task:
    """One submission, and the run whose stored evidence still holds for it; without one, a worker has to look."""

    submission: Submission
    key: str
    sheet_key: str
    experiment_key: str
    stored_in: Path | None
    has_new_experiment: bool = False
    """Whether the experiment was never looked at as it is now, so that a line of it may have to be trained again."""
    record: records.StoredEvidence | None = None
    """What is stored there, while it is at hand."""

    @property
    def needs_worker(self) -> bool:
        """Whether code has to run for it."""
        return (self.stored_in is None and self.submission.script is not None) or self.has_new_experiment


def grade_cohort(
    path: Path,
    out: Path,
    *,
    rubric: Rubric,
    data: DataSet,
    jobs: int,
    device: str = "auto",
    pages: Pages,
    progress: Progress,
    selection: Selection = Selection(),  # frozen
    earlier: Path | None = None,
    enclosure: Enclosure = AS_GOOD_AS_IT_GETS,
    answer_key: AnswerKey | None = None,
    shows_full_answers: bool = False,
) -> tuple[Run, tuple[Report, ...]]:
    """Grade every submission below ``path`` and write the whole run to ``out``.

    Submissions that did not change since their evidence was stored, in ``out`` or in the ``earlier`` run, are marked
    from that evidence, and from the answers that were read then; without an ``answer_key``, answers wait for a tutor.
    Each one is stored as soon as it is finished, so that an interrupted run goes on where it stopped. Raises UsageFault
    for input that cannot be used; on KeyboardInterrupt what was finished has been stored.
    """
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder())
        deliveries = survey(path, scratch / "unpacked")
        run_folder.claim_folder(out)
        decisions = carry_over(out, earlier)
        places = (*enclosure.hidden, path, out, scratch, *([earlier] if earlier else []))
        held = replace(enclosure, hidden=places)
        session = Session(
            stack,
            scratch,
            rubric,
            data,
            jobs=jobs,
            device=device,
            source=path,
            enclosure=held,
            answer_key=answer_key,
            decisions=decisions,
            shows_full_answers=shows_full_answers,
        )
        run_folder.write_run(out, session.facts(), is_finished=False)
        prepared = partial(
            prepare, scratch=scratch / "unpacked", out=out, earlier=earlier, session=session, selection=selection
        )
        marked = partial(mark_stored, session=session, out=out, pages=pages, progress=progress)
        processes = jobs if len(deliveries) >= MANY else 1
        graded: Iterator[tuple[Report, float | None] | None]
        if selection.remark:  # no code runs, so each can be prepared where it is marked

            def remarked(delivery: Delivery) -> Marked | None:
                return marked(prepared(delivery))

            pages.load()
            total = len(deliveries)
            graded = added(stack.enter_context(copies(remarked, processes))(deliveries), session)
        else:
            # Records are read again when their turn comes, so that memory does not grow with the cohort.
            tasks = [replace(task, record=None) for task in map(prepared, deliveries) if task is not None]
            total = len(tasks)
            if any(task.needs_worker for task in tasks):
                session.open()
                graded = each(tasks, session, out, pages, progress)
            else:
                pages.load()
                graded = added(stack.enter_context(copies(marked, processes))(tasks), session)
        reports: dict[str, Report] = {}
        is_finished = False
        stack.enter_context(progress)
        progress.expect(total)
        try:
            for one in graded:
                if one is None:
                    total -= 1
                    progress.expect(total)
                    continue
                report, seconds = one
                reports[report.student] = slim(report)
                progress.done(report, seconds)
            is_finished = True
        finally:
            left_out = [missing for missing in deliveries if missing.id not in reports] if selection.remark else []
            for delivery in left_out:
                if any(records.is_outdated(place, delivery.id) for place in (out, earlier) if place):
                    session.totals.add("left out, for their evidence is of an earlier version: grade them again")
            ordered = tuple(reports[delivery.id] for delivery in deliveries if delivery.id in reports)
            run = session.facts(is_finished=is_finished)
            write_run(out, run, ordered, pages, is_finished=is_finished)
    return run, ordered


def each(
    tasks: list[Task], session: Session, out: Path, pages: Pages, progress: Progress
) -> Iterator[tuple[Report, float | None]]:
    """Grade the tasks, several at a time, and give each report with its seconds as soon as it is stored.

    Twice as many are under way as there are jobs, which bound the processes: one that waits for a network that another
    has in training keeps no core idle.
    """
    waiting = iter(tasks)
    under_way = 2 * session.jobs
    with ThreadPoolExecutor(under_way, thread_name_prefix="submission") as threads:
        running: set[Future[tuple[Report, float | None]]] = set()
        try:
            while True:
                # Only as many as can run are handed over, so that an interrupt leaves nothing queued.
                while len(running) < under_way and (task := next(waiting, None)) is not None:
                    running.add(threads.submit(grade_one, task, session, out, pages, progress))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        except BaseException:
            session.close()
            raise


def prepare(
    delivery: Delivery, *, scratch: Path, out: Path, earlier: Path | None, session: Session, selection: Selection
) -> Task | None:
    """The task that a delivery makes; None when it takes no part in this run."""
    task = plan(assemble(delivery, scratch), out, earlier, session, selection)
    return task if is_included(task, selection) else None


def mark_stored(task: Task | None, *, session: Session, out: Path, pages: Pages, progress: Progress) -> Marked | None:
    """Mark one submission without a worker, perhaps in a copy of this process; and what that adds to the totals."""
    if task is None:
        return None
    shared, session.totals = session.totals, Totals()
    try:
        report, _ = grade_one(task, session, out, pages, progress)
        return slim(report), session.totals.counts, session.totals.timing
    finally:
        session.totals = shared


def added(marked: Iterable[Marked | None], session: Session) -> Iterator[tuple[Report, float | None] | None]:
    """The reports, with no seconds, while what each of them adds to the totals is added; None for who takes no part."""
    for one in marked:
        if one is None:
            yield None
            continue
        report, counts, timing = one
        session.totals.join(counts, timing)
        yield report, None


def grade_one(task: Task, session: Session, out: Path, pages: Pages, progress: Progress) -> tuple[Report, float | None]:
    """Observe one submission if it must be, mark it, and store the evidence and the page.

    A fault of the grader's own becomes a report with status error, so that the rest of the cohort goes on.
    """
    start = time.perf_counter()
    submission = task.submission
    try:
        record = task.record
        if record is None and task.stored_in is not None:
            record = records.read_evidence(task.stored_in, submission.id)
        observed = record.evidence if record is not None else None
        if submission.script is not None and observed is None:
            observed = session.observe(submission, lambda stage: progress.stage(submission.id, stage))
            if observed.ending.kind == "fault":
                raise GraderFault(observed.ending.detail)
            session.totals.add("graded", observed.seconds)
        elif submission.script is not None:
            session.totals.add("reused")
        else:
            session.totals.add("nothing to run")
        sheet = answers_of(task, record, session)
        experiment = experiment_of(task, record, session, progress)
        marker = session.marker_of(lambda: records.read_findings(task.stored_in or out, submission.id))
        if observed is None:
            report = mark_unusable(submission, session.rubric, sheet=sheet, marker=marker, experiment=experiment)
        else:
            report = mark(
                submission,
                observed,
                session.rubric,
                data=session.data.name,
                sheet=sheet,
                marker=marker,
                experiment=experiment,
            )
        if task.stored_in != out or task.has_new_experiment or sheet is not (record and record.sheet):
            keys = {"key": task.key, "sheet_key": task.sheet_key, "experiment_key": task.experiment_key}
            records.write_evidence(out, report, **keys)
        records.write_report(out, report, marker.findings if marker is not None else None)
        report = with_decisions(report, session.decisions)
        pages.write_report_page(out, report, session.facts())
    except (Stopped, UsageFault):
        raise
    except Exception as fault:  # protects the rest of the cohort from a fault of ours
        progress.error(f"{submission.id}: {traceback.format_exc(limit=-3)}")
        session.totals.add("errors")
        report = mark_error(submission, session.rubric, message=f"{type(fault).__name__}: {fault}")
        with suppress(Exception):  # writing may be what failed
            records.write_report(out, report)
            pages.write_report_page(out, report, session.facts())
    return report, None if task.stored_in is not None else time.perf_counter() - start


def answers_of(task: Task, record: records.StoredEvidence | None, session: Session) -> AnswerSheet:
    """The answers as stored where they still hold, else read anew; an empty sheet when the rubric asks for none."""
    if record is not None and record.sheet is not None and record.sheet_key == task.sheet_key:
        return record.sheet
    if not task.sheet_key:
        return NO_SHEET
    start = time.perf_counter()
    sheet = read_sheet(task.submission)
    session.totals.spend("answers", time.perf_counter() - start)
    return sheet


def experiment_of(
    task: Task, record: records.StoredEvidence | None, session: Session, progress: Progress
) -> Experiment | None:
    """The experiment as stored where it still holds; else the table is read and a line of it trained again."""
    if not task.experiment_key:
        return None
    if not task.has_new_experiment:
        return record.experiment if record is not None else None
    found = gather(task.submission)
    if found is None or not found.trials:
        return found
    progress.stage(task.submission.id, "experiment")
    return replace(found, rerun=session.reruns.of(found.trials, reference_surface().trials))


def plan(submission: Submission, out: Path, earlier: Path | None, session: Session, selection: Selection) -> Task:
    """Find evidence that still holds for a submission, unless it is to be looked at anew."""
    key, sheet_key, experiment_key = session.key(submission), session.sheet_key(submission), ""
    place = out
    record = records.read_evidence(out, submission.id)
    if record is None and earlier is not None:
        place, record = earlier, records.read_evidence(earlier, submission.id)
    is_looked_at = not (selection.remark or (selection.students and not selection.names(submission.id)))
    if is_looked_at:
        experiment_key = session.experiment_key(submission)
    elif record is not None:  # whatever has changed since: it is not looked at now
        key, sheet_key, experiment_key = record.key, record.sheet_key or sheet_key, record.experiment_key
    is_new = bool(experiment_key) and (record is None or record.experiment_key != experiment_key)
    stored = Task(submission, key, sheet_key, experiment_key, place, has_new_experiment=is_new, record=record)
    anew = replace(stored, stored_in=None, record=None, has_new_experiment=is_looked_at and bool(experiment_key))
    if record is None:
        if not selection.remark and any(records.is_outdated(one, submission.id) for one in (out, earlier) if one):
            session.totals.add("observed again, for their evidence is of an earlier version")
        return anew
    if submission.script is None and record.experiment is not None:
        return stored
    if submission.script is None or record.evidence is None:
        return anew
    if not is_looked_at:
        return stored
    is_weak = session.enclosure.wish is Wish.REQUIRE and not record.evidence.isolation.startswith("full")
    if is_weak or record.key != key or record.evidence.ending.kind == "lost" or selection.names(submission.id):
        return anew
    if selection.only_failed:
        network = replace(session.rubric, experiment=())
        report = mark(submission, record.evidence, network, data=session.data.name)
        if any(item.awarded < item.available for item in report.items):
            return anew
    return stored


def is_included(task: Task, selection: Selection) -> bool:
    """Whether a submission takes part in this run: with ``students``, those named and those that are stored already."""
    if task.stored_in is not None or task.submission.script is None:
        return True
    return not selection.remark and (not selection.students or selection.names(task.submission.id))


def write_run(out: Path, run: Run, reports: tuple[Report, ...], pages: Pages, *, is_finished: bool) -> None:
    """Write results.json, marks.csv and the cohort page, and last the marker that says whether the run is finished."""
    results_json.write_results(out, run, reports)
    marks_csv.write_marks_csv(out, reports)
    pages.write_cohort_page(out, reports, run)
    run_folder.write_run(out, run, is_finished=is_finished)


def slim(report: Report) -> Report:
    """A report without the evidence that its own page was made from, so that memory does not grow with the cohort."""
    return replace(report, evidence=None, submission=None, sheet=None, experiment=None)
