"""What the last self-check in this folder found, so that the next one can say what has changed.

It is kept in the folder of the checks, which nobody hands in. Where that cannot be written, nothing is compared.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

FILE = "last_run.json"
_MOST_NAMES = 5


@dataclass(frozen=True)
class LastRun:
    """The steps that were ok, by id, and how long all of it took."""

    ok: frozenset[str]
    seconds: float


def read_last_run(folder: Path) -> LastRun | None:
    """The last run that was written to ``folder``; None if there is none that can be read."""
    try:
        fields = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return LastRun(frozenset(map(str, fields["ok"])), float(fields["seconds"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_last_run(folder: Path, run: LastRun) -> None:
    """Keep ``run`` in ``folder``, if that is an existing folder that can be written."""
    if folder.is_dir():
        with contextlib.suppress(OSError):
            text = json.dumps({"ok": sorted(run.ok), "seconds": round(run.seconds, 1)})
            (folder / FILE).write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Change:
    """What has changed since the last run: the steps that are ok now or no longer, and how many are left."""

    new: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    left: int = 0

    def __str__(self) -> str:
        """One line; empty if nothing has changed."""
        texts = [f"+{len(self.new)} ok since the last run: {_names(self.new)}"] if self.new else []
        texts += [f"no longer ok: {_names(self.lost)}"] if self.lost else []
        return "; ".join([*texts, f"{self.left} left"]) if texts else ""


NO_CHANGE = Change()


def change(before: Collection[str], now: Collection[str], steps: Collection[str]) -> Change:
    """The change from what was ok to what is; ``steps`` are the steps of this run."""
    new = tuple(id for id in now if id not in before)
    lost = tuple(id for id in steps if id in before and id not in now)
    return Change(new, lost, sum(id not in now for id in steps))


def _names(ids: Collection[str]) -> str:
    """The ids without the part before the dot: ``relu, batch``."""
    names = [id.rpartition(".")[2] for id in ids]
    return ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
