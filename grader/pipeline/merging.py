"""Merges the runs of all shards of a cohort into one run, as if one machine had graded them all.

No student code is run and no mark is computed: records and decisions are copied, and pages and tables are written anew.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from grader.model import Run, UsageFault, device_text
from grader.moderation.comment_bank import COMMENTS_FILE, CommentBank
from grader.moderation.dealing import is_dealt
from grader.moderation.decisions_file import DecisionsFile
from grader.moderation.finished_run import FinishedRun, Pages, write_views
from grader.moderation.pseudonyms import keep_secret, known_secret
from grader.pipeline.merge_refusals import (
    check_evidence,
    check_together,
    finished_shard,
    graded_shards,
    named,
    own_decisions,
)
from grader.pipeline.run import NOTHING, Totals
from grader.safe_text import visible
from grader.storage import records, run_folder
from grader.storage.disk import disk_faults


def merge_shards(out: Path, folders: Sequence[Path], pages: Pages, *, is_mixed: bool = False) -> FinishedRun:
    """Write the run of a whole cohort to ``out``, a new or empty folder, from the runs of its shards.

    The shards' folders stay as they are. With ``is_mixed`` networks may have been trained on different kinds of device.
    Raises UsageFault, and writes nothing, if the shards do not belong together, if one is there twice, or if one or a
    submission is missing; DiskFault if the run cannot be written, and then nothing stays of it.
    """
    shards = graded_shards(folders)
    check_together(shards)
    parts = [finished_shard(shard) for shard in shards]
    decisions = own_decisions(shards, parts)
    devices = check_evidence(shards, is_mixed=is_mixed)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageFault(f"{visible(str(out))} is not empty: name a new or empty folder for the merged run.")
    run = merged_facts([shard.run for shard in shards], devices)
    reports = {report.student: report for part in parts for report in part.automatic}
    order = shards[0].part.cohort
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
            bank = CommentBank(out, merged.automatic)
            for shard in shards:
                if (shard.folder / COMMENTS_FILE).exists():
                    bank.carry(shard.folder)
            write_views(merged, pages)
            run_folder.write_run(out, run, is_finished=True)
    except BaseException:  # also an interruption: half a cohort must not pass for all of it
        shutil.rmtree(out, ignore_errors=True)
        raise
    return merged


def notes_on(merged: FinishedRun, folders: Sequence[Path]) -> tuple[str, ...]:
    """Sentences on decisions in the merged run that concern nobody, and on what it does not have of the shards."""
    strangers = {entry.student for entry in merged.decisions.entries} - {report.student for report in merged.automatic}
    dealt = [visible(str(folder)) for folder in folders if is_dealt(folder)]
    notes = [f"Decisions on {named(sorted(strangers))}, of whom there is no work, are kept."] if strangers else []
    if dealt:
        notes.append(f"Who reviews what in {', '.join(dealt)} is not carried: deal the merged run out.")
    return tuple(notes)


def merged_facts(runs: Sequence[Run], devices: Sequence[str]) -> Run:
    """The facts about the run of a cohort whose shards were graded in ``runs``, with networks trained on ``devices``.

    It took the sum of their seconds. It has the versions of a run that ran student code, and the weakest isolation.
    """
    totals = sum((Totals(run.counts, run.timing, run.isolation, run.canary) for run in runs), NOTHING)
    at_work = next((run for run in runs if run.device), runs[0])
    return replace(
        at_work,
        started=min(run.started for run in runs),
        finished=max(run.finished for run in runs),
        seconds=round(sum(run.seconds for run in runs), 3),
        device=device_text(devices) or at_work.device,
        isolation=totals.isolation or at_work.isolation,
        jobs=sum(run.jobs for run in runs),
        submissions=sum(run.submissions for run in runs),
        counts=dict(totals.counts),
        timing={stage: round(seconds, 3) for stage, seconds in totals.seconds.items()},
        canary=totals.canary,
        shard=None,
        machines=dict(sum((Counter(run.machines) for run in runs), Counter[str]()).most_common()),
    )
