"""The stages of a submission's process: load the script, build Net, record its network.

Each stage ends by sending one record to the parent. This module does not know the data, the rubric or the answer key.
It makes no findings, and it does not train.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from grader.model import Job
from grader.model.evidence import Building, Loading, Recording
from grader.worker.load import net_loading
from grader.worker.load.net_loading import Loaded, load_net
from grader.worker.load.stand_ins import cpu_only
from grader.worker.net_building import build_net
from grader.worker.record.net_recording import record_net
from grader.worker.record.recording import Recorder
from grader.worker.record.registry import Registry
from grader.worker.record.seeded_values import chosen_images
from grader.worker.wire.channel import Unobserved

LARGEST_RECORDED = 250_000_000
"""A net with more parameters than this is not recorded; the lab's network has about 20,000."""


class Reporter(Protocol):
    """Receives the records; in a worker process, the channel to the parent."""

    def begin(self, stage: str) -> None: ...
    def send(self, record: Loading | Building | Recording, stage: str) -> None: ...


def preload() -> None:
    """Do slow imports and first calls once in the fork server, so that no child repeats them. Starts no threads."""
    net_loading.warm_up()
    net = nn.Sequential(
        nn.Conv2d(1, 4, 5), nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.ReLU(), nn.Dropout(), nn.Flatten(),
        nn.Linear(576, 10), nn.LogSoftmax(1),
    )  # fmt: skip
    registry = Registry(net)
    for _ in range(2):
        images = chosen_images(3, seed=0)
        with Recorder(registry, images).recording():
            net(images)


def observe(job: Job, reporter: Reporter) -> None:
    """Run the stages for one submission, until a stage gives nothing that the next one could use.

    Raises Unobserved for an exception without a line of the submission in its traceback.
    """
    warnings.simplefilter("ignore")
    reporter.begin("load")
    loaded = load_net(Path(job.root), job.script)
    try:
        _observe(loaded, job, reporter)
    except Exception as error:
        if loaded.explain("escaped", error).line:
            raise
        raise Unobserved(f"{type(error).__name__}: {error}") from error


def _observe(loaded: Loaded, job: Job, reporter: Reporter) -> None:
    reporter.send(loaded.record, "load")
    if loaded.factory is None:
        return
    reset_settings()
    with cpu_only():
        reporter.begin("build")
        net, record = build_net(loaded, loaded.factory)
        reporter.send(record, "build")
        if net is None or record.parameters > LARGEST_RECORDED:
            return
        reset_settings()  # Net() may have changed them, too
        reporter.begin("record")
        reporter.send(record_net(net, record, seed=job.seed, explain=loaded.explain), "record")


def reset_settings() -> None:
    """Reset global torch settings that a script may change; a default device, for example, would affect our tensors."""
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    torch.autograd.set_detect_anomaly(False)
    torch.set_num_threads(1)
