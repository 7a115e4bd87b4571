"""The settings of a run, as one frozen value for all steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from grader.answers.finding.paper import Paper
from grader.answers.marker.key import AnswerKey
from grader.data import DataSet
from grader.model import LatePolicy, Rubric, Shard, TrainingPlan
from grader.pipeline import written_parts
from grader.pipeline.canary import stored_text
from grader.sandbox import Wish
from grader.sandbox.cluster.address import ClusterAddress
from grader.submissions.student_patterns import is_named

AUTO = "auto"
"""The tutor named no device."""


@dataclass(frozen=True)
class Selection:
    """Which submissions may be observed again; the others are marked from their stored evidence.

    ``students`` are shell patterns of ids (empty: all). ``only_failed`` observes those again that did not earn all
    points for their code, even if they have not changed. ``remark`` runs no student code.
    """

    students: tuple[str, ...] = ()
    only_failed: bool = False
    remark: bool = False

    def includes(self, student: str) -> bool:
        """Whether this student's submission may be observed again."""
        return not self.remark and (not self.students or self.names(student))

    def names(self, student: str) -> bool:
        """Whether the patterns name this student."""
        return is_named(student, self.students)


@dataclass(frozen=True)
class RunSettings:
    """How the submissions below ``path`` are graded; the run is written to ``out``."""

    path: Path
    out: Path
    rubric: Rubric
    data: DataSet
    jobs: int
    """Number of submissions at a time."""
    device: str = AUTO
    """The device that trains networks; ``AUTO`` is that of stored evidence, else the best that this machine has."""
    selection: Selection = Selection()
    earlier: Path | None = None
    """The last run over the same submissions, whose evidence and decisions are reused."""
    reports: Path | None = None
    """Where other runs are, one of which may be over another download of the same submissions; None to continue none
    of them.
    """
    answer_key: AnswerKey | None = None
    """Without a key, answers wait for a tutor."""
    isolation: Wish = Wish.AUTO
    hidden: tuple[Path, ...] = ()
    """Paths, besides those of the run itself, that no submission may see."""
    worker_prefix: tuple[str, ...] = ()
    """A command that starts the workers, such as a container's."""
    shows_full_answers: bool = False
    """Whether students' pages say what a full answer mentions."""
    late: LatePolicy | None = None
    """When work is late, and what that costs; None without a policy."""
    cluster: ClusterAddress | None = None
    """Where networks are measured; None for this machine."""
    networks_at_once: int | None = None
    """How many a worker of the cluster measures at once; None for what it can."""
    is_mixed: bool = False
    """Whether networks may be trained on different kinds of device."""
    shard: Shard | None = None
    """The part of the cohort that is graded; None for all of it."""
    secret: str = field(default="", repr=False)
    """What the run's seeds come from; empty for that of the run's folder, which is drawn if there is none."""
    canary: str = field(default_factory=stored_text)
    """The stored distributions of the canary, as CSV."""

    @property
    def training(self) -> TrainingPlan:
        """How networks are trained on this data."""
        return self.rubric.training

    @cached_property
    def paper(self) -> Paper:
        """The questions that the documents answer."""
        return written_parts.paper(self.rubric, self.answer_key)

    @property
    def run_folders(self) -> tuple[Path, ...]:
        """The folders in which stored evidence is searched, in this order."""
        return (self.out,) if self.earlier is None else (self.out, self.earlier)
