"""What all submissions of one run share: data, rubric, workers and running totals; a submission in, evidence out."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import tempfile
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grader import __version__
from grader.answers.finding.sheet import reader_digest
from grader.answers.marker.cache import CachedMarker, marker_digest
from grader.answers.marker.key import AnswerKey
from grader.data import DataSet, write_worker_files
from grader.data.accuracy import Predictions, with_accuracy
from grader.experiment.rerun import Reruns, brief_plan, recipe_digest
from grader.experiment.table_files import candidates, experiment_key
from grader.model import Job, KnownFindings, Rubric, Run, Submission, TrainingPlan, UsageFault
from grader.model.evidence import FORMAT, Evidence, Training
from grader.model.images import MOST_MISTAKES, SIDE, ZERO, Filters, Mistake
from grader.moderation.decisions import Decisions
from grader.pipeline.measurement import Measuring, counted
from grader.sandbox import Wish, WorkerPool
from grader.storage.fingerprints import worker_digest
from grader.submissions import copy_submission


@dataclass(frozen=True)
class Enclosure:
    """How submissions are to be held in: see :class:`grader.sandbox.WorkerPool`.

    ``hidden`` are the places, besides those of the run itself, that no submission may see.
    """

    wish: Wish = Wish.AUTO
    hidden: tuple[Path, ...] = ()
    prefix: tuple[str, ...] = ()


AS_GOOD_AS_IT_GETS = Enclosure()
NO_DECISIONS = Decisions()
_OWN_SCRIPT = "task1_cnn.py"


@dataclass
class Totals:
    """Running totals of one run; the lock serves the threads that add to it."""

    counts: Counter[str] = field(default_factory=Counter)
    timing: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str, seconds: dict[str, float] | None = None) -> None:
        """Count one submission, with its seconds by stage."""
        with self.lock:
            self.counts[what] += 1
            for stage, spent in (seconds or {}).items():
                self.timing[stage] += spent  # type: ignore[assignment]  # a Counter adds floats as well as integers

    def spend(self, stage: str, seconds: float) -> None:
        """Add to the seconds of a stage that counts no submission."""
        with self.lock:
            self.timing[stage] += seconds  # type: ignore[assignment]

    def join(self, counts: Mapping[str, int], timing: Mapping[str, float]) -> None:
        """Add what other totals came to."""
        with self.lock:
            self.counts.update(counts)
            self.timing.update(timing)


class Session:
    """What all submissions of one run share: data, rubric, workers and running totals. Closed with ``stack``."""

    def __init__(
        self,
        stack: ExitStack,
        scratch: Path,
        rubric: Rubric,
        data: DataSet,
        *,
        jobs: int,
        device: str,
        source: Path,
        enclosure: Enclosure,
        answer_key: AnswerKey | None = None,
        decisions: Decisions = NO_DECISIONS,
        shows_full_answers: bool = False,
    ) -> None:
        self.rubric = rubric
        self.answer_key = answer_key
        self.marker = marker_digest(answer_key) if answer_key is not None else ""
        self.decisions = decisions
        self._shows_full_answers = shows_full_answers
        self.data = data
        self.plan: TrainingPlan = rubric.training[data.name]
        self.reruns = Reruns(self.train_script, brief_plan(self.plan), is_possible=data.name == "mnist")
        self.jobs = jobs
        self.totals = Totals()
        self._stack = stack
        self._scratch = scratch
        self._asked_device = device
        self.device = ""
        """Where nets are trained; empty when no worker was needed."""
        self.versions: dict[str, str] = {}
        self.isolation = "no student code was run"
        self.enclosure = enclosure
        self._source = source
        self._started = _now()
        self._clock = time.perf_counter()
        self._recorded_seed = secrets.randbelow(2**31)
        """Of what submissions are given to record their networks with; that of the measurements is another."""
        self._pool: WorkerPool | None = None
        self._measuring: Measuring | None = None
        self._labels: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._images: NDArray[np.uint8] = np.zeros((0, SIDE, SIDE), np.uint8)
        """The held-out images in the order in which they were handed out, as are the labels."""

    def open(self) -> None:
        """Hand the data to workers and start them. The order of the held-out images is new for each run."""
        files, labels = write_worker_files(self.data, self._scratch / "data", order_seed=secrets.randbelow(2**31))
        self._labels = labels
        self._images = np.fromfile(files.heldout_images, np.uint8).reshape(-1, SIDE, SIDE)
        self._pool = self._stack.enter_context(
            WorkerPool(
                workers=self.jobs,
                settings={"data": asdict(files), "device": self._asked_device},
                isolation=self.enclosure.wish,
                hidden=[str(place.resolve()) for place in self.enclosure.hidden],
                prefix=self.enclosure.prefix,
            )
        )
        self.versions, available = self._pool.versions, self._pool.devices
        self.isolation = str(self._pool.isolation)
        self.device = available[0] if self._asked_device == "auto" else self._asked_device
        if self.device not in available:
            raise UsageFault(f"--device {self.device} is not there; this machine has {', '.join(available)}.")
        self._measuring = Measuring(
            self._pool, self.plan, self._finished, self._recorded_seed, seed=secrets.randbelow(2**31)
        )

    def close(self) -> None:
        """End all workers at once; submissions under way are given up."""
        if self._pool is not None:
            self._pool.__exit__(None, None, None)

    def key(self, submission: Submission) -> str:
        """Digest of all that evidence depends on: the submission, the data, how it is trained, and the grader."""
        parts = {
            "code": submission.digest,
            "script": submission.script,
            "data": self.data.fingerprint,
            "plan": asdict(self.plan),
            "grader": __version__,
            "worker": worker_digest(),
            "format": FORMAT,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()

    def marker_of(self, read_known: Callable[[], KnownFindings]) -> CachedMarker | None:
        """What marks one student's answers, with the findings that still hold; None without a key, nothing read."""
        if self.answer_key is None:
            return None
        known = read_known()
        return CachedMarker(self.answer_key, known.findings if known.marker == self.marker else {}, self.marker)

    def sheet_key(self, submission: Submission) -> str:
        """Digest of all that the answers as read depend on; empty where nothing asks for them."""
        if not (self.rubric.part1 or self.rubric.experiment or candidates(submission)):
            return ""
        return hashlib.sha256(f"{submission.digest}\n{submission.script}\n{reader_digest()}".encode()).hexdigest()

    def experiment_key(self, submission: Submission) -> str:
        """Digest of all that the experiment as stored depends on; empty where no file could hold one."""
        return experiment_key(submission, self.data.fingerprint, recipe_digest(), worker_digest())

    def observe(self, submission: Submission, on_stage: Callable[[str], None]) -> Evidence:
        """Record the network of a scratch copy of the submission, and measure it once that process is gone."""
        assert submission.script is not None
        assert self._measuring is not None
        folder = Path(tempfile.mkdtemp(prefix="submission-", dir=self._scratch))
        try:
            copy_submission(submission, folder)
            recorded = self._record(folder, submission.script, on_stage)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return self._measuring.complete(recorded, on_stage)

    def train_script(self, text: str, plan: TrainingPlan) -> Evidence:
        """Record and train a script of the grader's own, by a ``plan`` of its own."""
        assert self._pool is not None
        folder = Path(tempfile.mkdtemp(prefix="reference-", dir=self._scratch))
        start = time.perf_counter()
        try:
            (folder / _OWN_SCRIPT).write_text(text, encoding="utf-8")
            recorded = self._record(folder, _OWN_SCRIPT, lambda stage: None)
            measuring = Measuring(self._pool, plan, counted(self._labels), self._recorded_seed, self._recorded_seed)
            return measuring.complete(recorded, lambda stage: None)
        finally:
            self.totals.spend("experiment", time.perf_counter() - start)
            shutil.rmtree(folder, ignore_errors=True)

    def _record(self, folder: Path, script: str, on_stage: Callable[[str], None]) -> Evidence:
        assert self._pool is not None
        recorded = self._pool.record(Job(str(folder), script, self._recorded_seed), on_stage=on_stage)
        return replace(recorded, isolation=self.isolation)

    def _finished(self, record: Training, predictions: Predictions) -> Training:
        counted = with_accuracy(record, predictions, self._labels)
        return with_pictures(counted, predictions, self._labels, self._images)

    def facts(self, *, is_finished: bool = False) -> Run:
        """The facts about this run, so far."""
        with self.totals.lock:
            counts, timing = dict(self.totals.counts), dict(self.totals.timing)
        return Run(
            grader_version=__version__,
            started=self._started,
            finished=_now() if is_finished else "",
            seconds=round(time.perf_counter() - self._clock, 3),
            rubric_title=self.rubric.title,
            rubric_revision=self.rubric.revision,
            data=self.data.name,
            data_note=self.data.note,
            device=self.device,
            isolation=self.isolation,
            seeds=self.plan.seeds,
            jobs=self.jobs,
            versions=self.versions,
            source=str(self._source),
            counts=counts,
            timing={stage: round(spent, 3) for stage, spent in timing.items()},
            key_revision=self.answer_key.revision if self.answer_key is not None and self.rubric.part1 else "",
            bands=self.plan.bands,
            shows_full_answers=self._shows_full_answers,
        )


def with_pictures(
    judged: Training, predictions: Predictions, labels: NDArray[np.uint8], images: NDArray[np.uint8]
) -> Training:
    """The record, once its accuracy was counted, with the surest mistakes and the first filters.

    ``images`` (n, 28, 28) are the parent's own, in the order of the ``labels``.
    """
    if not judged.total:
        return judged
    return replace(
        judged,
        mistakes=surest_mistakes(predictions.log_probabilities, labels, images),
        filters=None if predictions.filters is None else quantised(predictions.filters),
    )


def surest_mistakes(
    outputs: NDArray[np.float32], labels: NDArray[np.uint8], images: NDArray[np.uint8]
) -> tuple[Mistake, ...]:
    """The wrongly classified images whose predicted digit has the highest probability, at most MOST_MISTAKES of them.

    Probabilities are the softmax of the outputs, as in training: for log-probabilities that changes nothing.
    """
    predicted = outputs.argmax(axis=1)
    scores = np.nan_to_num(outputs.astype(np.float64), nan=-1e30, posinf=1e30, neginf=-1e30)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = (shares / shares.sum(axis=1, keepdims=True))[np.arange(len(labels)), predicted]
    wrong = np.flatnonzero(predicted != labels)
    surest = wrong[np.argsort(-probabilities[wrong], kind="stable")][:MOST_MISTAKES]
    return tuple(
        Mistake(
            b64encode(images[index].tobytes()).decode(),
            int(labels[index]),
            int(predicted[index]),
            round(float(probabilities[index]), 6),
        )
        for index in surest
    )


def quantised(filters: NDArray[np.float32]) -> Filters:
    """The finite weights (n, height, width) in 8 bits each, on one scale for all."""
    count, height, width = filters.shape
    scale = float(np.abs(filters).max()) / (255 - ZERO)
    levels = np.rint(filters.astype(np.float64) / (scale or 1.0)) + ZERO
    return Filters(count, height, width, scale, b64encode(levels.astype(np.uint8).tobytes()).decode())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
