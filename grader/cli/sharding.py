"""The options for shards, and which part of a cohort ``--shard`` means, as a tutor or a batch system says it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

from grader.model import Shard, UsageFault
from grader.safe_text import visible

_MOST = 10_000
_SLURM = "SLURM_ARRAY_TASK_"
_KUBERNETES = "JOB_COMPLETION_INDEX"


def add_shard(grade: argparse.ArgumentParser) -> None:
    """Add the options of ``grade`` for a part of a cohort."""
    grade.add_argument(
        "--shard",
        metavar="N/COUNT",
        help="grade only this part of the cohort, such as 3/8, to merge it with the others later; auto is the task of "
        "a Slurm array, auto/8 also the index of a Kubernetes Job (docs/scale.md)",
    )
    grade.add_argument(
        "--secret",
        type=Path,
        metavar="FILE",
        help="take the seeds from this secret, the same for all shards (default: drawn for each run)",
    )


def add_merge(merge: argparse.ArgumentParser) -> None:
    """Add the arguments of ``merge``."""
    merge.add_argument("out", type=Path, metavar="OUT", help="a new or empty folder for the merged run")
    merge.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="the folder of a shard's run; all are needed")
    merge.add_argument(
        "--mixed", action="store_true", help="allow networks that were trained on different kinds of device"
    )


def shard_of(text: str, environment: Mapping[str, str]) -> Shard:
    """The shard that ``3/8``, ``auto`` or ``auto/8`` means; only ``auto`` looks at the ``environment``.

    Raises UsageFault for anything else, and if the environment does not say which shard it is.
    """
    if found := re.fullmatch(r"auto(?:/(\d{1,5}))?", text, re.ASCII):
        shard = _from_environment(None if found[1] is None else int(found[1]), environment)
        given = f"--shard {text} gives shard {shard} here"
    elif found := re.fullmatch(r"(\d{1,5})/(\d{1,5})", text, re.ASCII):
        shard, given = Shard(int(found[1]), int(found[2])), f"--shard {text}"
    else:
        raise UsageFault(f"--shard {visible(text)} cannot be read: write 3/8 for the third of eight shards, or auto.")
    if not 1 <= shard.number <= shard.count <= _MOST:
        raise UsageFault(f"{given}: the number must be from 1 to the count, which is at most {_MOST}.")
    return shard


def _from_environment(count: int | None, environment: Mapping[str, str]) -> Shard:
    if f"{_SLURM}ID" in environment:
        return _from_slurm(count, environment)
    if _KUBERNETES not in environment:
        raise UsageFault(
            f"--shard auto needs {_SLURM}ID and {_SLURM}COUNT (Slurm) or {_KUBERNETES} (Kubernetes), which are not set "
            "here: write the shard, such as 3/8."
        )
    if count is None:
        raise UsageFault(f"{_KUBERNETES} does not say how many shards there are: write --shard auto/8 if there are 8.")
    return Shard(_whole(_KUBERNETES, environment) + 1, count)


def _from_slurm(count: int | None, environment: Mapping[str, str]) -> Shard:
    """The place of this task in its array, which may start anywhere, but must be whole."""
    task, tasks = _whole(f"{_SLURM}ID", environment), _whole(f"{_SLURM}COUNT", environment)
    first = _whole(f"{_SLURM}MIN", environment, default="1")
    last = _whole(f"{_SLURM}MAX", environment, default=str(first + tasks - 1))
    if last - first + 1 != tasks or (count is not None and count != tasks):
        wanted = f"{count} tasks" if count is not None else "all tasks from the first to the last"
        raise UsageFault(
            f"--shard auto needs an array with {wanted}; this one has {tasks}, from {first} to {last}. To grade some "
            "shards again, write the shard, such as 3/8."
        )
    return Shard(task - first + 1, tasks)


def _whole(name: str, environment: Mapping[str, str], *, default: str = "") -> int:
    value = environment.get(name, default)
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        raise UsageFault(f"--shard auto: {name} is {visible(value) or 'not set'}, not a whole number.")
    return int(value)
