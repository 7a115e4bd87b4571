"""The workers of one run, which turn a submission into evidence. They are started only if code has to run."""

from __future__ import annotations

import hashlib
import platform
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from grader.data import heldout_images, write_worker_files
from grader.data.heldout_accuracy import Predictions, with_accuracy
from grader.data.sample_images import with_pictures
from grader.experiment.rerun import Reruns, brief_plan
from grader.lab4.files import SCRIPT
from grader.model import Job, Submission, TrainingPlan, UsageFault
from grader.model.evidence import Evidence, Training
from grader.moderation.pseudonyms import secret_of
from grader.pipeline.measurement import Measuring, counted
from grader.pipeline.settings import AUTO, RunSettings
from grader.sandbox import ForkServer, OnStage, Stopped, WorkerPool
from grader.submissions.files import copy_submission


class WorkersOnDemand:
    """A context manager for the workers of a run, which start when they are first asked for."""

    def __init__(self, settings: RunSettings, scratch: Path, server: ForkServer | None = None) -> None:
        self._settings, self._scratch, self._server = settings, scratch, server
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._is_stopped = False
        self.opened: Workers | None = None
        """The workers, if they were asked for."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def get(self) -> Workers:
        """The workers. Raises as :func:`open_workers` does, and Stopped after :meth:`stop`."""
        with self._lock:
            if self.opened is None and not self._is_stopped:
                self.opened = self._stack.enter_context(open_workers(self._settings, self._scratch, self._server))
            if self.opened is None or self._is_stopped:  # perhaps stopped while they started
                raise Stopped
            return self.opened

    def stop(self) -> None:
        """End all workers at once, without finishing their submissions."""
        self._is_stopped = True
        if self.opened is not None:
            self.opened.stop()


@contextmanager
def open_workers(settings: RunSettings, scratch: Path, server: ForkServer | None = None) -> Iterator[Workers]:
    """Start the workers with the data. Each run has its own order of the held-out images, which its secret decides.

    ``server`` was started for these settings before, and is stopped at the end.
    Raises UsageFault for a device that this machine does not have, and for less isolation than required.
    """
    files, labels = write_worker_files(settings.data, scratch / "data", order_seed=seed_of(settings.out, "order"))
    images = heldout_images(files)
    with WorkerPool(
        workers=settings.jobs,
        settings={"data": asdict(files), "device": settings.device},
        isolation=settings.isolation,
        hidden=[str(place.resolve()) for place in (*settings.hidden, settings.path, *settings.run_folders, scratch)],
        prefix=settings.worker_prefix,
        server=server,
    ) as pool:
        yield Workers(pool, settings, scratch, labels, images)


class Workers:
    """Observes submissions, and trains lines of their experiments. Methods may be called from many threads.

    ``labels`` (n,) and ``images`` (n, 28, 28) are the held-out ones, in the order that the workers have.
    """

    def __init__(
        self,
        pool: WorkerPool,
        settings: RunSettings,
        scratch: Path,
        labels: NDArray[np.uint8],
        images: NDArray[np.uint8],
    ) -> None:
        self.versions = pool.versions
        self.isolation = str(pool.isolation)
        self.device = pool.devices[0] if settings.device == AUTO else settings.device
        """The device that trains networks."""
        if self.device not in pool.devices:
            raise UsageFault(
                f"The networks of this run are trained on {self.device}, which this machine does not have; "
                f"with --device {pool.devices[0]}, and without --student, all of them are trained there; "
                "with --remark, none is trained."
            )
        rerun_seed = seed_of(settings.out, "reruns")
        self.reruns = Reruns(lambda text, plan: self.train(text, plan, seed=rerun_seed), brief_plan(settings.training))
        self._pool = pool
        self._scratch = scratch
        self._labels = labels
        self._images = images
        self._machine = f"{platform.node()} ({platform.system()} {platform.machine()})"
        self._recorded_seed = seed_of(settings.out, "recording") % 2**31
        """Seed of the weights and images that submissions are given; the measurements have a different seed."""
        self._seed = seed_of(settings.out, "measuring")
        self._measuring = Measuring(pool, settings.training, self._finished, self._recorded_seed, self._seed)

    def stop(self) -> None:
        """End all workers at once, without finishing their submissions."""
        self._pool.__exit__(None, None, None)

    def observe(self, submission: Submission, on_stage: OnStage) -> Evidence:
        """Record the network of a temporary copy of the submission, then measure it after that process has ended."""
        assert submission.script is not None
        with self._folder("submission-") as folder:
            copy_submission(submission, folder)
            recorded = self._record(folder, submission.script, on_stage)
        return self._measuring.complete(recorded, on_stage)

    def train(self, text: str, plan: TrainingPlan, *, seed: int | None = None) -> Evidence:
        """Record and train a script of the grader itself with its own ``plan``; without ``seed``, with a new one."""
        with self._folder("reference-") as folder:
            (folder / SCRIPT).write_text(text, encoding="utf-8")
            recorded = self._record(folder, SCRIPT, lambda stage: None)
        seed = secrets.randbelow(2**31) if seed is None else seed
        measuring = Measuring(self._pool, plan, counted(self._labels), self._recorded_seed, seed)
        return measuring.complete(recorded, lambda stage: None)

    @contextmanager
    def _folder(self, prefix: str) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self._scratch))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _record(self, folder: Path, script: str, on_stage: OnStage) -> Evidence:
        recorded = self._pool.record(Job(str(folder), script, self._recorded_seed), on_stage=on_stage)
        return replace(recorded, isolation=self.isolation, machine=self._machine, versions=self.versions)

    def _finished(self, training: Training, predictions: Predictions) -> Training:
        counted = with_accuracy(training, predictions, self._labels)
        return with_pictures(counted, predictions, self._labels, self._images)


def seed_of(folder: Path, purpose: str) -> int:
    """The seed for one purpose in the run at ``folder``: the same when the run is continued, and in all its shards.

    One seed tells nothing about another, or about the run's secret that they come from.
    """
    return int.from_bytes(hashlib.sha256(f"{purpose} {secret_of(folder)}".encode()).digest()[:7])
