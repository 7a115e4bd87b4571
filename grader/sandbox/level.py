"""The isolation level of this machine, with its wording for the console, the reports and the doctor."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

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

    def __str__(self) -> str:
        """One sentence for a console and a report; its first word is the level."""
        held = [text for step, text in HOLDS.items() if step in self.steps]
        if VIEW not in self.steps and LANDLOCK in self.steps:
            held.insert(0, "no files but its own and the libraries")
        if NAMESPACES not in self.steps and CALLS in self.steps:
            held.insert(1, "no sockets")
        parts = ["; ".join([*held, LIMITS])]
        missing = [LACKS[step] for step in LACKS if step not in self.steps and self.name == "partial"]
        if missing:
            parts.append(f"missing: {', '.join(missing)}")
        if self.prefix:
            parts.append(f"started through {self.prefix}")
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
