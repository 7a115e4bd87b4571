"""Merges the runs of all shards of a cohort into one run, as if one machine had graded them all.

No student code is run and no mark is computed: records and decisions are copied, and pages and tables are written anew.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.model import Run, ShardOfRun, UsageFault
from grader.moderation.decisions import Decisions
from grader.moderation.decisions_file import DecisionsFile
from grader.moderation.finished_run import FinishedRun, Pages, load_run, write_views
from grader.moderation.pseudonyms import keep_secret, known_secret
from grader.pipeline.run import NOTHING, Totals
from grader.safe_text import visible
from grader.storage import records, run_folder
from grader.storage.disk import disk_faults

_MOST_NAMED = 20


@dataclass(frozen=True)
class GradedShard:
    """The folder of a shard's run, its facts, and which shard it is."""

    folder: Path
    run: Run
    part: ShardOfRun

    def __str__(self) -> str:
        return visible(str(self.folder))

    @property
    def students(self) -> tuple[str, ...]:
        """The ids of the submissions that belong to the shard, graded or not."""
        return tuple(student for student in self.part.cohort if self.part.shard.has(student))


_SAME: dict[str, Callable[[GradedShard], object]] = {
    "a different number of shards": lambda shard: shard.part.shard.count,
    "a different rubric": lambda shard: (shard.run.rubric_title, shard.run.rubric_revision, shard.run.bands),
    "a different answer key": lambda shard: shard.run.key_revision,
    "different images": lambda shard: (shard.run.data, shard.part.data),
    "a different version of the grader": lambda shard: (shard.run.grader_version, shard.part.code),
    "a different secret, so with other seeds": lambda shard: shard.part.secret,
    "a different late policy": lambda shard: shard.run.late,
    "another choice of --full-answers": lambda shard: shard.run.shows_full_answers,
}
"""What all shards have in common, by what is said of two that have not."""


def merge_shards(out: Path, folders: Sequence[Path], pages: Pages, *, is_mixed: bool = False) -> FinishedRun:
    """Write the run of a whole cohort to ``out``, a new or empty folder, from the runs of its shards.

    The shards' folders stay as they are. With ``is_mixed`` networks may have been trained on different kinds of device.
    Raises UsageFault, and writes nothing, if the shards do not belong together, if one is there twice, or if one or a
    submission is missing; DiskFault if the run cannot be written, and then nothing stays of it.
    """
    shards = sorted((_graded_shard(folder) for folder in folders), key=lambda shard: shard.part.shard.number)
    _check_agreement(shards, is_mixed=is_mixed)
    _check_numbers(shards)
    parts = [_finished(shard) for shard in shards]
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageFault(f"{visible(str(out))} is not empty: name a new or empty folder for the merged run.")
    run = merged_facts([shard.run for shard in shards])
    reports = {report.student: report for part in parts for report in part.automatic}
    order = shards[0].part.cohort
    decisions = Decisions(tuple(dict.fromkeys(entry for part in parts for entry in part.decisions.entries)))
    merged = FinishedRun(out, run, tuple(reports[student] for student in order), decisions)
    if run.late is not None:
        merged = merged.under(run.late)  # an extension may fit students of several shards
    run_folder.claim_folder(out)
    try:
        with disk_faults(out):
            keep_secret(out, known_secret(shards[0].folder))
            for shard in shards:
                for student in shard.students:
                    records.copy_records(shard.folder, out, student)
            if decisions.entries:
                file = DecisionsFile(out)
                with file.locked():
                    file.replace(*decisions.entries)
            write_views(merged, pages)
            run_folder.write_run(out, run, is_finished=True)
    except BaseException:  # also an interruption: half a cohort must not pass for all of it
        shutil.rmtree(out, ignore_errors=True)
        raise
    return merged


def merged_facts(runs: Sequence[Run]) -> Run:
    """The facts about the run of a cohort whose shards were graded in ``runs``.

    It took the sum of their seconds. It has the versions of a run that ran student code, and the weakest isolation.
    """
    totals = sum((Totals(run.counts, run.timing, run.isolation, run.canary) for run in runs), NOTHING)
    at_work = next((run for run in runs if run.device), runs[0])
    devices = sorted({run.device for run in runs if run.device})
    return replace(
        at_work,
        started=min(run.started for run in runs),
        finished=max(run.finished for run in runs),
        seconds=round(sum(run.seconds for run in runs), 3),
        device=devices[0] if len(devices) == 1 else ", ".join(devices) and f"mixed: {', '.join(devices)}",
        isolation=totals.isolation or at_work.isolation,
        jobs=sum(run.jobs for run in runs),
        submissions=sum(run.submissions for run in runs),
        counts=dict(totals.counts),
        timing={stage: round(seconds, 3) for stage, seconds in totals.seconds.items()},
        canary=totals.canary,
        shard=None,
    )


def _graded_shard(folder: Path) -> GradedShard:
    place, stored = visible(str(folder)), run_folder.read_run(folder)
    if stored is None or stored.run is None:
        raise UsageFault(f"{place} is not a run of this version of the grader; name the folders of graded shards.")
    if stored.run.shard is None:
        raise UsageFault(f"{place} is a run without --shard; only shards are merged.")
    if not stored.is_finished:
        raise UsageFault(
            f"{place} is not finished: grade shard {stored.run.shard.shard} into the same folder again to continue it."
        )
    return GradedShard(folder, stored.run, stored.run.shard)


def _check_agreement(shards: Sequence[GradedShard], *, is_mixed: bool) -> None:
    first = shards[0]
    for other in shards[1:]:
        mine, theirs = set(first.part.cohort), set(other.part.cohort)
        if first.part.cohort != other.part.cohort:
            differ = "".join(
                f" Only {shard} has {_named(only)}."
                for shard, only in ((first, sorted(mine - theirs)), (other, sorted(theirs - mine)))
                if only
            )
            raise UsageFault(f"{first} and {other} are of different folders of submissions.{differ}")
        for what, value in _SAME.items():
            if value(first) != value(other):
                raise UsageFault(f"{first} and {other} were graded with {what}.")
    first, *others = [shard for shard in shards if shard.run.device] or [first]  # those that needed no workers fit all
    for other in others:
        if first.run.versions != other.run.versions:
            raise UsageFault(
                f"{first} and {other} were graded with different libraries: {_versions(first)}; {_versions(other)}."
            )
        if first.run.device != other.run.device and not is_mixed:
            raise UsageFault(
                f"{first} was graded on {first.run.device} and {other} on {other.run.device}, and equal networks may "
                "get different accuracies there: grade one of them again elsewhere, or allow it with --mixed."
            )


def _versions(shard: GradedShard) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(shard.run.versions.items()))


def _check_numbers(shards: Sequence[GradedShard]) -> None:
    numbers = [shard.part.shard.number for shard in shards]
    for shard, following in itertools.pairwise(shards):
        if shard.part.shard == following.part.shard:
            raise UsageFault(
                f"Shard {shard.part.shard} is there twice, in {shard} and in {following}: {_named(shard.students)}."
            )
    any_shard = shards[0].part
    missing = [number for number in range(1, any_shard.shard.count + 1) if number not in numbers]
    if missing:
        lines = []
        for number in missing:
            lacking = replace(any_shard.shard, number=number)
            lines.append(f"{lacking} ({_named([student for student in any_shard.cohort if lacking.has(student)])})")
        raise UsageFault(f"Missing: shard {', '.join(lines)}.")


def _finished(shard: GradedShard) -> FinishedRun:
    """The stored run of a shard. Raises UsageFault if it lacks a submission or has one that is not its own."""
    finished = load_run(shard.folder)
    graded = {report.student for report in finished.automatic}
    if missing := [student for student in shard.students if student not in graded]:
        raise UsageFault(
            f"{shard} has no marks of {_named(missing)}: grade shard {shard.part.shard} again into the same folder."
        )
    if foreign := sorted(graded - set(shard.students)):
        raise UsageFault(f"{shard} has marks of {_named(foreign)}, not in shard {shard.part.shard}.")
    return finished


def _named(students: Iterable[str]) -> str:
    names = [visible(student) for student in students]
    more = [f"{len(names) - _MOST_NAMED} more"] if len(names) > _MOST_NAMED else []
    return ", ".join([*names[:_MOST_NAMED], *more]) or "nobody"
