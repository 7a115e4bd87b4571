"""The workers of one run, which turn a submission into evidence. They are started only if code has to run."""

from __future__ import annotations

import hashlib
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
from grader.model import Job, Submission, TrainingPlan
from grader.model.evidence import Evidence, Training
from grader.moderation.pseudonyms import secret_of
from grader.pipeline.backends import Backend, Say, open_backend
from grader.pipeline.measurement import Measuring, counted
from grader.pipeline.settings import RunSettings
from grader.sandbox import ForkServer, OnStage, Stopped, WorkerPool
from grader.sandbox.level import weakest
from grader.sandbox.machine import machine_name
from grader.submissions.files import copy_submission


class WorkersOnDemand:
    """A context manager for the workers of a run, which start when they are first asked for."""

    def __init__(
        self,
        settings: RunSettings,
        scratch: Path,
        server: ForkServer | None = None,
        *,
        say: Say = lambda sentence: None,
    ) -> None:
        self._settings, self._scratch, self._server, self._say = settings, scratch, server, say
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
                opening = open_workers(self._settings, self._scratch, self._server, say=self._say)
                self.opened = self._stack.enter_context(opening)
            if self.opened is None or self._is_stopped:  # perhaps stopped while they started
                raise Stopped
            return self.opened

    @property
    def places(self) -> int:
        """How many networks a cluster measures at a time; 0 before it is needed."""
        return self.opened.places if self.opened is not None else 0

    def stop(self) -> None:
        """End all workers at once, without finishing their submissions."""
        self._is_stopped = True
        if self.opened is not None:
            self.opened.stop()


@contextmanager
def open_workers(
    settings: RunSettings,
    scratch: Path,
    server: ForkServer | None = None,
    *,
    say: Say = lambda sentence: None,
) -> Iterator[Workers]:
    """Start the workers with the data. Each run has its own order of the held-out images, which its secret decides.

    ``server`` was started for these settings before, and is stopped at the end. ``say`` gets sentences for the tutor.
    Raises UsageFault for less isolation than required, and for a device or a cluster that cannot be used.
    """
    files, labels = write_worker_files(settings.data, scratch / "data", order_seed=seed_of(settings.out, "order"))
    images = heldout_images(files)
    with (
        WorkerPool(
            workers=settings.jobs,
            settings={"data": asdict(files), "device": settings.device, "machine": machine_name()},
            isolation=settings.isolation,
            hidden=[
                str(place.resolve()) for place in (*settings.hidden, settings.path, *settings.run_folders, scratch)
            ],
            prefix=settings.worker_prefix,
            server=server,
        ) as pool,
        open_backend(settings, pool, files, scratch, say) as backend,
    ):
        yield Workers(pool, backend, settings, scratch, labels, images)


class Workers:
    """Observes submissions, and trains lines of their experiments. Methods may be called from many threads.

    ``pool`` records submissions, and ``backend`` measures their networks. ``labels`` (n,) and ``images`` (n, 28, 28)
    are the held-out ones, in the order that the workers have.
    """

    def __init__(
        self,
        pool: WorkerPool,
        backend: Backend,
        settings: RunSettings,
        scratch: Path,
        labels: NDArray[np.uint8],
        images: NDArray[np.uint8],
    ) -> None:
        self.versions = pool.versions
        self.isolation = str(pool.isolation)
        rerun_seed = seed_of(settings.out, "reruns")
        self.reruns = Reruns(lambda text, plan: self.train(text, plan, seed=rerun_seed), brief_plan(settings.training))
        self._pool, self._backend = pool, backend
        self._scratch = scratch
        self._labels = labels
        self._images = images
        self._recorded_seed = seed_of(settings.out, "recording") % 2**31
        """Seed of the weights and images that submissions are given; the measurements have a different seed."""
        self._seed = seed_of(settings.out, "measuring")
        self._measuring = Measuring(backend, settings.training, self._finished, self._recorded_seed, self._seed)

    def stop(self) -> None:
        """End all workers at once, without finishing their submissions."""
        self._backend.stop()
        self._pool.__exit__(None, None, None)

    @property
    def devices(self) -> frozenset[str]:
        """The kinds of device that train networks."""
        return self._backend.devices

    @property
    def places(self) -> int:
        """How many networks a cluster measures at a time."""
        return self._backend.places

    @property
    def machines(self) -> dict[str, int]:
        """The number of requests that each machine of a cluster has answered, most first."""
        return dict(self._backend.measured)

    def observe(self, submission: Submission, on_stage: OnStage) -> Evidence:
        """Record the network of a temporary copy of the submission, then measure it after that process has ended."""
        assert submission.script is not None
        with self._folder("submission-") as folder:
            copy_submission(submission, folder)
            recorded = self._record(folder, submission.script, on_stage)
        evidence = self._measuring.complete(recorded, on_stage)
        machines = {evidence.measured_on, *(training.machine for training in evidence.trainings)}
        isolations = [self._backend.isolations.get(machine, "") for machine in machines]
        return replace(evidence, measuring_isolation=weakest(*isolations))

    def train(self, text: str, plan: TrainingPlan, *, seed: int | None = None) -> Evidence:
        """Record and train a script of the grader itself with its own ``plan``; without ``seed``, with a new one."""
        with self._folder("reference-") as folder:
            (folder / SCRIPT).write_text(text, encoding="utf-8")
            recorded = self._record(folder, SCRIPT, lambda stage: None)
        seed = secrets.randbelow(2**31) if seed is None else seed
        measuring = Measuring(self._backend, plan, counted(self._labels), self._recorded_seed, seed)
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
        return replace(recorded, isolation=self.isolation, machine=machine_name(), versions=self.versions)

    def _finished(self, training: Training, predictions: Predictions) -> Training:
        counted = with_accuracy(training, predictions, self._labels)
        return with_pictures(counted, predictions, self._labels, self._images)


def seed_of(folder: Path, purpose: str) -> int:
    """The seed for one purpose in the run at ``folder``: the same when the run is continued, and in all its shards.

    One seed tells nothing about another, or about the run's secret that they come from.
    """
    return int.from_bytes(hashlib.sha256(f"{purpose} {secret_of(folder)}".encode()).digest()[:7])
