"""What a run is asked to do: one frozen value for all steps. Nothing is opened here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.answers.marker.key import AnswerKey
from grader.data import DataSet
from grader.model import Rubric, TrainingPlan
from grader.sandbox import Wish
from grader.submissions.student_patterns import is_named


@dataclass(frozen=True)
class Selection:
    """Which submissions are looked at again; the others are marked from their stored evidence.

    ``students`` are shell patterns of ids (empty: all). ``only_failed`` looks again at those that did not earn all
    points of Part 2, whether they changed or not. ``remark`` runs no student code at all.
    """

    students: tuple[str, ...] = ()
    only_failed: bool = False
    remark: bool = False

    def names(self, student: str) -> bool:
        """Whether the patterns name this student."""
        return is_named(student, self.students)


@dataclass(frozen=True)
class RunSettings:
    """How the submissions below ``path`` are graded, and that the run is written to ``out``."""

    path: Path
    out: Path
    rubric: Rubric
    data: DataSet
    jobs: int
    """Submissions at a time."""
    device: str = "auto"
    """Where networks are trained; ``auto`` is the best there is."""
    selection: Selection = Selection()
    earlier: Path | None = None
    """The last run over the same submissions, whose evidence and decisions are taken over."""
    answer_key: AnswerKey | None = None
    """Without one, answers wait for a tutor."""
    isolation: Wish = Wish.AUTO
    hidden: tuple[Path, ...] = ()
    """Places, besides those of the run itself, that no submission may see."""
    worker_prefix: tuple[str, ...] = ()
    """A command to start the workers through."""
    shows_full_answers: bool = False
    """Whether students' pages say what a full answer mentions."""

    @property
    def training(self) -> TrainingPlan:
        """How networks are trained on this data."""
        return self.rubric.training[self.data.name]

    @property
    def run_folders(self) -> tuple[Path, ...]:
        """Where stored records are looked for, in this order."""
        return (self.out,) if self.earlier is None else (self.out, self.earlier)
