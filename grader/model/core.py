"""The nouns of grading as frozen dataclasses: submissions, criteria, results, marks, reports.

No judgement and no input or output lives here. What a worker observes is in :mod:`grader.model.evidence`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

_CENT = Decimal("0.01")


class Status(enum.StrEnum):
    """The verdict on an item, or on a whole submission."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"
    NEEDS_REVIEW = "needs_review"
    ERROR = "error"


class GraderFault(Exception):
    """A fault of the grader's own: exit code 3, and never a student's zero."""


class UsageFault(Exception):
    """The tutor's input cannot be used: exit code 2. The message says what to change."""


@dataclass(frozen=True)
class Flag:
    """Something a tutor should look at. ``id`` is stable, ``message`` one sentence. A flag changes no mark."""

    id: str
    message: str


@dataclass(frozen=True)
class Submission:
    """One student's work as found on disk, before anything is run.

    ``id`` is the name of the submission's folder or file (without ``.zip`` or ``.py``); it is unique in a cohort.
    ``root`` is a folder holding the files, ``script`` the chosen script relative to it (None: nothing usable, and
    ``problem`` says why in one sentence). ``digest`` is the SHA-256 of the names and contents of ``files``.
    """

    id: str
    root: Path
    script: str | None
    files: tuple[str, ...]
    digest: str
    candidates: tuple[str, ...] = ()
    """Every file that could have been the script, best first; ``script`` is the first of them."""
    documents: tuple[str, ...] = ()
    """Files that may hold the Part 1 answers."""
    problem: str = ""
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True)
class WrittenAnswer:
    """The answer to one part of Part 1 as it was found in a document, before anybody marks it.

    ``source`` is the document's name. ``confidence`` (0..1) says how sure it is that the answer is this text and
    nothing else. ``is_blank``: the place for the answer is there and holds nothing but what the template put into it.
    ``shared`` names the parts that were answered in one text, ``rivals`` other documents that answer the part in other
    words, and ``has_picture`` says that a picture, which nobody here can read, belongs to the answer.
    """

    part: str
    text: str
    source: str
    confidence: float
    is_blank: bool = False
    shared: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    has_picture: bool = False


@dataclass(frozen=True)
class AnswerSheet:
    """All answers to Part 1 that a submission holds; a part that was found nowhere is not among them.

    ``documents`` are the files that were read. ``problems`` are sentences on those that could not be read, or not all.
    """

    answers: tuple[WrittenAnswer, ...] = ()
    documents: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    observations: WrittenAnswer | None = None
    """On the experiments, which are no part of Part 1; None where no place for them was found."""


@dataclass(frozen=True)
class Finding:
    """What a check concludes from evidence. ``fraction`` of the points is earned, between 0 and 1."""

    status: Status
    message: str
    hint: str = ""
    fraction: Decimal = Decimal(0)
    expected: str = ""
    seen: str = ""


@dataclass(frozen=True)
class Criterion:
    """One line of the rubric: a check id (``structure.conv``) or a Part 1 part (``6a``), and its points."""

    id: str
    title: str
    points: Decimal

    def earned(self, fraction: Decimal) -> Decimal:
        """The points for a ``fraction`` (0..1) of this criterion, half a cent rounded up."""
        return (self.points * fraction).quantize(_CENT, ROUND_HALF_UP)


@dataclass(frozen=True)
class Band:
    """Held-out accuracy of at least ``accuracy`` (0..1) earns ``fraction`` of the points."""

    accuracy: float
    fraction: Decimal


TRAINING_CPU_SECONDS = 27.0
"""For all training runs of one network together; with recording, a submission costs under a minute of one core. See
docs/threat-model.md. The reference network takes about a second for a run.
"""


@dataclass(frozen=True)
class TrainingPlan:
    """How a brief training run measures a net; see docs/calibration.md for where the numbers come from.

    ``stop_accuracy`` ends a run once the accuracy on the worker's validation images reaches it. ``margin`` is how close
    to a band (in accuracy, 0..1) a result counts as borderline; ``seeds`` are tried in order, the first alone unless it
    falls short. Every second run uses ``retry_learning_rate`` and ``retry_steps``: a small net behind a global average
    pool learns too slowly at the lab's own rate, and one with few units does better at it.
    """

    steps: int
    batch_size: int
    learning_rate: float
    retry_learning_rate: float
    retry_steps: int
    momentum: float
    seeds: tuple[int, ...]
    evaluate_every: int
    stop_accuracy: float
    margin: float
    bands: tuple[Band, ...]


@dataclass(frozen=True)
class Rubric:
    """Points and bands of a marking scheme. ``revision`` is a digest of its text, stored with every result."""

    title: str
    part1: tuple[Criterion, ...]
    part2: tuple[Criterion, ...]
    training: dict[str, TrainingPlan]
    """By data set: ``mnist`` and ``digits``."""
    revision: str
    max_parameters: int
    max_forward_seconds: float
    experiment: tuple[Criterion, ...] = ()
    """Empty where the experiment is looked at and not marked."""


@dataclass(frozen=True)
class DataFiles:
    """Raw arrays on disk that a worker may map: uint8 images of 28 x 28, uint8 labels. No held-out label is among them.

    ``train_images`` is (train_count, 28, 28), ``train_labels`` (train_count,), ``heldout_images`` (heldout_count, 28,
    28).
    """

    name: str
    train_images: str
    train_labels: str
    train_count: int
    heldout_images: str
    heldout_count: int
    mean: float
    std: float


@dataclass(frozen=True)
class Job:
    """What the process that records a submission is told: never the rubric's bands, the key, data or a mark."""

    root: str
    """A scratch copy of the submission's files."""
    script: str
    """The script, relative to ``root``."""
    seed: int


@dataclass(frozen=True)
class Decision:
    """A tutor's decision on one item, which stands above the automatic mark and never replaces it on disk.

    ``item`` is an id of Part 2, or ``part1.`` with a part. ``old`` and ``new`` are points out of ``available``: what
    the grader gave or proposed, and what the tutor gives; without ``new`` the entry is a comment and changes no mark.
    ``digest`` names what the tutor looked at (the submission, or the answer's text); the decision holds for that alone.
    ``time`` is ISO 8601 in UTC.
    """

    student: str
    item: str
    author: str
    time: str
    reason: str
    digest: str
    available: Decimal
    old: Decimal
    new: Decimal | None = None


@dataclass(frozen=True)
class MarkedAnswer:
    """What a mark on a written answer rests on.

    ``text`` is the answer as handed in, empty where none was found, and ``source`` the document that it was found in.
    ``confidence`` (0..1) says how sure the mark is. ``spans`` are (start, end) character offsets into ``text``: the
    words that counted. ``note`` is a sentence on the student's own network; it changes no mark.
    """

    text: str = ""
    source: str = ""
    confidence: float = 0.0
    spans: tuple[tuple[int, int], ...] = ()
    note: str = ""
    full_answer: str = ""
    """What a full answer mentions, by the key; shown to students only where the course allows it."""


PART1 = "part1."
"""What the ids of the results of Part 1 begin with."""


@dataclass(frozen=True)
class Result:
    """The status and the points of one item: of the code, of its experiment, or of a written answer.

    ``id`` is that of a criterion (``structure.conv``), for a written answer ``part1.`` with its part (``part1.7c``).
    """

    id: str
    title: str
    status: Status
    awarded: Decimal
    available: Decimal
    message: str
    hint: str = ""
    expected: str = ""
    seen: str = ""
    proposed: Decimal | None = None
    """What a tutor is asked to confirm, while the status is needs_review."""
    decision: Decision | None = None
    """The tutor's decision that ``awarded`` comes from; None for an automatic mark."""
    comments: tuple[Decision, ...] = ()
    answer: MarkedAnswer | None = None
    """The written answer; None for code and its experiment."""

    @property
    def part(self) -> str:
        """The part of Part 1 that a written answer belongs to (``7c``); empty for code and its experiment."""
        return self.id.removeprefix(PART1) if self.answer is not None else ""


@dataclass(frozen=True)
class Report:
    """The whole verdict on one submission; what is stored and rendered."""

    student: str
    status: Status
    awarded: Decimal
    available: Decimal
    results: tuple[Result, ...]
    """All that is marked, in the order of the rubric: Part 2 with its experiment, then the answers to Part 1."""
    flags: tuple[Flag, ...]
    message: str = ""
    """One sentence for the cohort table: the first cause of lost marks, or empty."""
    digest: str = ""
    """Digest of the submission's files."""
    accuracy: float | None = None
    """Held-out accuracy (0..1) of the best seed; None when no net was tested."""
    network: str = ""
    """Digest of the network that was trained, alike for all submissions that share the run."""
    unmarked: tuple[Result, ...] = ()
    """What was looked at without points: on the student's page alone, in no sum and no table."""

    @property
    def items(self) -> tuple[Result, ...]:
        """The results of Part 2 and its experiment."""
        return tuple(result for result in self.results if result.answer is None)

    @property
    def answers(self) -> tuple[Result, ...]:
        """The results of the written answers to Part 1."""
        return tuple(result for result in self.results if result.answer is not None)


@dataclass(frozen=True)
class Run:
    """Facts about one run of the grader, for results.json and the head of every report."""

    grader_version: str
    started: str
    finished: str
    seconds: float
    rubric_title: str
    rubric_revision: str
    data: str
    """``mnist`` or ``digits``."""
    data_note: str
    """A banner to print when the data is not MNIST; empty otherwise."""
    device: str
    isolation: str
    seeds: tuple[int, ...]
    jobs: int
    versions: dict[str, str] = field(default_factory=dict)
    source: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    """How many submissions were graded now, reused, re-marked."""
    timing: dict[str, float] = field(default_factory=dict)
    """Total wall seconds by stage over all submissions graded now."""
    key_revision: str = ""
    """Digest of the answer key; empty when Part 1 was not marked."""
    bands: tuple[Band, ...] = ()
    """The rubric's accuracy bands for the data set that was used."""
    shows_full_answers: bool = False
    """Whether students' pages say what a full answer mentions."""


JSON = dict[str, Any]
