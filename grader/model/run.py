"""The facts about one run of the grader over a cohort."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from grader.model.criteria import Band
from grader.model.lateness import LatePolicy
from grader.model.shard import ShardOfRun


@dataclass(frozen=True)
class Canary:
    """What training the grader's own test networks said about training in a run; empty while nothing was trained.

    If it ``is_outside`` the stored range, accuracies wait for a tutor.
    """

    text: str = ""
    is_outside: bool = False

    def __add__(self, other: Canary) -> Canary:
        """The canary of two measurements together: the one that is outside, else the first that says anything."""
        return other if other.is_outside > self.is_outside or not self.text else self


UNKNOWN = Canary()
_MIXED = "mixed: "


@dataclass(frozen=True)
class Run:
    """The facts about one run, for results.json and the pages."""

    grader_version: str
    started: str
    finished: str
    seconds: float
    rubric_title: str
    rubric_revision: str
    data: str
    """``mnist-10k`` for the bundled images, ``mnist`` for all of MNIST."""
    device: str
    """The kind of device that trained networks, or if several did, ``mixed: `` and their names."""
    isolation: str
    jobs: int
    versions: dict[str, str] = field(default_factory=dict)
    source: str = ""
    submissions: int = 0
    """How many there are in the cohort; in an interrupted run, more than it has reports on."""
    counts: dict[str, int] = field(default_factory=dict)
    """Number of submissions by outcome: graded, reused and so on."""
    timing: dict[str, float] = field(default_factory=dict)
    """Total seconds by stage over all submissions that were observed in this run."""
    key_revision: str = ""
    """Digest of the answer key; empty when Part 1 was not marked."""
    bands: tuple[Band, ...] = ()
    """The rubric's accuracy bands."""
    canary: Canary = UNKNOWN
    shows_full_answers: bool = False
    """Whether students' pages show what a full answer mentions."""
    late: LatePolicy | None = None
    """When work is late, and what that costs; None if no policy was given."""
    shard: ShardOfRun | None = None
    """The part of the cohort that was graded; None for a whole one."""
    machines: dict[str, int] = field(default_factory=dict)
    """How many measurements and training runs each machine of a cluster made, most first; empty without a cluster."""

    @property
    def devices(self) -> frozenset[str]:
        """The kinds of device that trained networks; several only with ``--mixed``."""
        return frozenset(filter(None, self.device.removeprefix(_MIXED).split(", ")))


def device_text(devices: Collection[str]) -> str:
    """What :attr:`Run.device` says of several kinds of device, of one, or of none."""
    return f"{_MIXED if len(devices) > 1 else ''}{', '.join(sorted(devices))}"


JSON = dict[str, Any]
