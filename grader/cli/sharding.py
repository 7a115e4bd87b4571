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
        help="grade only this part of the cohort, such as 3/8, to merge it with the others later; in auto/8, Slurm or "
        "Kubernetes says which of the eight it is (docs/scale.md)",
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
    """The shard that ``3/8`` or ``auto/8`` means; only ``auto`` looks at the ``environment``.

    Raises UsageFault for anything else, and if the environment does not say which shard it is. It never says how many
    there are: an array of some of the tasks, to grade them again, would be taken for all.
    """
    if found := re.fullmatch(r"auto/(\d{1,5})", text, re.ASCII):
        shard = _from_environment(int(found[1]), environment)
        given = f"--shard {text} gives shard {shard} here"
    elif found := re.fullmatch(r"(\d{1,5})/(\d{1,5})", text, re.ASCII):
        shard, given = Shard(int(found[1]), int(found[2])), f"--shard {text}"
    else:
        raise UsageFault(f"--shard {visible(text)} cannot be read: write 3/8 for the third of eight shards, or auto/8.")
    if not 1 <= shard.number <= shard.count <= _MOST:
        raise UsageFault(f"{given}: the number must be from 1 to the count, which is at most {_MOST}.")
    return shard


def _from_environment(count: int, environment: Mapping[str, str]) -> Shard:
    if f"{_SLURM}ID" in environment:
        return _from_slurm(count, environment)
    if _KUBERNETES in environment:
        return Shard(_whole(_KUBERNETES, environment) + 1, count)
    raise UsageFault(
        f"--shard auto needs {_SLURM}ID (Slurm) or {_KUBERNETES} (Kubernetes), which are not set here: write the "
        "shard, such as 3/8."
    )


def _from_slurm(count: int, environment: Mapping[str, str]) -> Shard:
    """The place of this task in its array, which may start anywhere, but must be whole."""
    task, tasks, first, last = (_whole(f"{_SLURM}{name}", environment) for name in ("ID", "COUNT", "MIN", "MAX"))
    if not tasks == count == last - first + 1:
        raise UsageFault(
            f"--shard auto/{count} needs an array with {count} tasks; this one has {tasks}, from {first} to {last}. To "
            "grade some shards again, write the shard, such as 3/8."
        )
    return Shard(task - first + 1, count)


def _whole(name: str, environment: Mapping[str, str]) -> int:
    value = environment.get(name, "")
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        raise UsageFault(f"--shard auto: {name} is {visible(value) or 'not set'}, not a whole number.")
    return int(value)
