"""Submissions with a single fault each, and the items for which a fair tutor takes points.

They are edits of right networks in four styles; ``tests/pipeline/one_fault.toml`` has both and explains its keys.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.places import TESTS

TABLE: dict[str, Any] = tomllib.loads((TESTS / "pipeline" / "one_fault.toml").read_text(encoding="utf-8"))
BASES: Mapping[str, str] = {name: text.lstrip() for name, text in TABLE["bases"].items()}
"""The right networks that are edited, by style."""


@dataclass(frozen=True)
class OneFault:
    """A script with one fault, and the status of each item that should cost points; all others pass."""

    id: str
    script: str
    costs: Mapping[str, str]
    why: str = ""
    is_valid_here: bool = False
    """Whether this version of Python accepts what earlier ones refuse."""


def edited(base: str, edits: Iterable[Sequence[str]], cut: str = "") -> str:
    """``base`` after the replacements, up to ``cut``. Raises ValueError for a text that is not in it exactly once."""
    text = base
    for old, new in edits:
        if text.count(old) != 1:
            raise ValueError(f"{old!r} is {text.count(old)} times in the script, not once")
        text = text.replace(old, new)
    if cut and text.count(cut) != 1:
        raise ValueError(f"{cut!r} is {text.count(cut)} times in the script, not once")
    return text[: text.index(cut)] if cut else text


def _read(row: Mapping[str, Any]) -> OneFault:
    script = edited(BASES[row["base"]], row.get("edits", ()), row.get("cut", ""))
    is_valid_here = "python" in row and sys.version_info >= tuple(map(int, row["python"].split(".")))
    costs = {} if is_valid_here else dict.fromkeys(row["costs"], row.get("status", "failed"))
    costs |= dict.fromkeys(row.get("waits", ()), "needs_review")
    return OneFault(row["id"], script, costs, row.get("why", ""), is_valid_here)


ONE_FAULT = tuple(map(_read, TABLE["fault"]))
