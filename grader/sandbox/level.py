"""The isolation level of this machine, with its wording for the console, the reports and the doctor."""

from __future__ import annotations

import enum
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from grader.model.command_lines import command_line
from grader.worker.isolate.capabilities import CALLS, LANDLOCK, NAMESPACES, PID, USER, VIEW


class Wish(enum.StrEnum):
    """The isolation that the tutor asks for: the best available, the full level or an error, or none."""

    AUTO = "auto"
    REQUIRE = "require"
    OFF = "off"


@dataclass(frozen=True)
class Level:
    """The isolation level: ``name`` is full, partial, limits or off.

    ``steps`` are the active steps, see :mod:`grader.worker.isolate.capabilities`; ``refusals`` has the reason for each
    step that is not active. ``prefix`` is the command through which the workers were started, if any.
    """

    name: str
    steps: tuple[str, ...] = ()
    refusals: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""

    @property
    def shuts_in(self) -> bool:
        """Whether submissions reach neither the files of this machine nor the network."""
        return bool({VIEW, LANDLOCK} & set(self.steps)) and bool({NAMESPACES, CALLS} & set(self.steps))

    def __str__(self) -> str:
        """One sentence for a console and a report; its first word is the level."""
        held = [text for step, text in HOLDS.items() if step in self.steps]
        if VIEW not in self.steps and LANDLOCK in self.steps:
            held.insert(0, "no files but its own and the libraries")
        if NAMESPACES not in self.steps and CALLS in self.steps:
            held.insert(1, "no sockets")
        parts = ["; ".join([*held, LIMITS])]
        missing = [LACKS[step] for step in LACKS if step not in self.steps]
        if missing:
            parts.append(f"{_MISSING}{', '.join(missing)}")
        if self.prefix:
            parts.append(f"{_PREFIX}{self.prefix}")
        return f"{self.name}: {'; '.join(parts)}"


HOLDS = {
    VIEW: "own file system without keys, labels, reports or other submissions",
    NAMESPACES: "no network",
    PID: "own process space",
    USER: "no rights",
    LANDLOCK: "Landlock",
    CALLS: "system call filter",
}
"""The effect of each step, the most important first."""
LIMITS = "limits on time, memory, processes, files and output"
LACKS = {
    VIEW: "own file system",
    NAMESPACES: "own network",
    PID: "own process space",
    USER: "a user without rights",
    CALLS: "system call filter",
}
"""What is missing without a step of the full level. Landlock is not listed: it is an additional protection."""
_MISSING, _PREFIX = "missing: ", "started through "


@dataclass(frozen=True)
class Shortfall:
    """A level below full, as sentences: the level, what is missing, and what to do.

    ``missing`` tells an attacker what to try, so it is only for tutors. It is empty for runs of versions that did not
    store it.
    """

    level: str
    missing: str
    advice: str


def weakest(*isolations: str) -> str:
    """The stored sentence with the lowest level; empty if all are."""
    names = ("off", "limits", "partial", "full")
    known = [isolation for isolation in isolations if isolation.partition(":")[0] in names]
    return min(known, key=lambda isolation: names.index(isolation.partition(":")[0]), default="")


def shortfall(isolation: str) -> Shortfall | None:
    """What to say about ``isolation``, a stored sentence of :class:`Level`; None if it is full or no code was run."""
    name, colon, detail = isolation.partition(": ")
    if not colon or name == "full":
        return None
    missing = re.search(rf"{_MISSING}([^;]+)", detail)
    options = ("--worker-prefix", "...") if _PREFIX in detail else ()
    doctor = f"`{command_line('doctor', *options)}` says what to do; then "
    return Shortfall(
        level=f"The isolation of student code is below the full level: {name}.",
        missing=f"Missing: {missing[1]}." if missing else "",
        advice=f"{doctor if name != Wish.OFF else ''}`--isolation require` grades again at the full level.",
    )


def level_of(steps: Collection[str], refusals: Mapping[str, str], *, wish: Wish, prefix: str = "") -> Level:
    """The level for these active steps."""
    if wish is Wish.OFF:
        return Level("off", (), {}, prefix)
    if all(step in steps for step in LACKS):
        name = "full"
    else:
        # Without protection of files or sockets, only the limits remain.
        name = "partial" if {VIEW, LANDLOCK, NAMESPACES, CALLS} & set(steps) else "limits"
    return Level(name, tuple(steps), dict(refusals), prefix)
