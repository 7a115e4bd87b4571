"""Stored runs of the shards of a cohort."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader.model import Report, Shard, ShardOfRun
from grader.moderation.pseudonyms import keep_secret, secret_digest
from grader.storage import results_json, run_folder
from tests.support.report_samples import RUN, stored_run

SECRET = "0123456789abcdef" * 2


def stored_shard(folder: Path, shard: Shard, cohort: Sequence[Report], **changes: Any) -> Path:
    """A finished run of one shard of a cohort at ``folder``; ``changes`` are of its facts."""
    own = [report for report in cohort if shard.has(report.student)]
    stored_run(folder, *own)
    keep_secret(folder, SECRET)
    part = ShardOfRun(shard, works(report.student for report in cohort), "code", "images", secret_digest(SECRET))
    part = replace(part, **{name: changes.pop(name) for name in list(changes) if hasattr(part, name)})
    run = replace(RUN, shard=part, submissions=len(own), counts={"graded": len(own)}, **changes)
    results_json.write_results(folder, run, own)
    run_folder.write_run(folder, run, is_finished=True)
    return folder


def works(students: Iterable[str]) -> dict[str, str]:
    """A cohort of these students, each with a digest of what was handed in."""
    return {student: f"work of {student}" for student in students}


def stored_shards(folder: Path, cohort: Sequence[Report], count: int) -> list[Path]:
    """Finished runs of all shards of a cohort below ``folder``, in their order."""
    numbers = range(1, count + 1)
    return [stored_shard(folder / f"shard-{number}", Shard(number, count), cohort) for number in numbers]
