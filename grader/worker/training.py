"""The brief training run: a measurement of whether a net can learn, the same for everybody.

MNIST lies in memory as uint8 and is normalised a batch at a time; there is no DataLoader. The run is fixed by its seed
and counted in steps. The worker sees training labels only: held-out images are passed through the trained net, and what
comes out crosses to the parent, which has their labels.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from grader.evidence import CurvePoint, Problem, Remark, Training
from grader.model import DataFiles, Job
from grader.pictures import MOST_CHANNELS, are_filters
from grader.worker.building import build, refresh_weights
from grader.worker.channel import UNTRAINED_IMAGES
from grader.worker.probing import Explain, HeldDropout, follow

VALIDATION_IMAGES = 500
"""Taken from the end of the training set, to decide when to stop."""
EVALUATION_BATCH = 250
Path = tuple[str, ...] | None
MOST_SECONDS = 120.0
"""A run that takes longer stops where it is and says so. The reference net takes about a second."""


@dataclass(frozen=True)
class Images:
    """The data set as tensors on the CPU: uint8 images (n, 28, 28) and int64 labels (n,)."""

    train: Tensor
    labels: Tensor
    heldout: Tensor
    mean: float
    std: float


def load_images(files: DataFiles) -> Images:
    """Map the arrays; nothing is copied, so that all forked workers share one set of pages."""
    pixels = 28 * 28
    train = np.memmap(files.train_images, dtype=np.uint8, mode="c", shape=(files.train_count, pixels))
    heldout = np.memmap(files.heldout_images, dtype=np.uint8, mode="c", shape=(files.heldout_count, pixels))
    labels = np.fromfile(files.train_labels, dtype=np.uint8, count=files.train_count)
    return Images(
        torch.from_numpy(train).view(-1, 28, 28),
        torch.from_numpy(labels.astype(np.int64)),
        torch.from_numpy(heldout).view(-1, 28, 28),
        files.mean,
        files.std,
    )


@dataclass(frozen=True)
class Attempt:
    """One training run of a job: ``batch`` replaces the plan's batch size for a net that takes one size only (else
    0).
    """

    job: Job
    seed: int
    learning_rate: float
    steps: int
    batch: int


def attempts(job: Job, number: int, *, seed: int, batch: int) -> Attempt:
    """The attempt ``number`` (from 0) of a job: every second one at the other rate and length."""
    if number % 2:
        return Attempt(job, seed, job.retry_learning_rate, job.retry_steps, batch)
    return Attempt(job, seed, job.learning_rate, job.steps, batch)


@dataclass(frozen=True)
class Outputs:
    """Log-probabilities of the held-out images after training, and of the first of them before it, (n, 10) each, and
    the net's first filters (n, height, width), if it has any to show.
    """

    heldout: Tensor
    untrained: Tensor
    filters: Tensor | None = None

    @property
    def arrays(self) -> dict[str, Tensor]:
        """What there is of them, by the names that they have on the channel."""
        if not len(self.heldout):
            return {}
        filters = {} if self.filters is None else {"filters": self.filters}
        return {"heldout": self.heldout, "untrained": self.untrained, **filters}


NOTHING = Outputs(torch.empty(0, 10), torch.empty(0, 10))


def train(
    factory: Callable[[], object], images: Images, attempt: Attempt, *, explain: Explain
) -> tuple[Training, Outputs]:
    """Train a fresh net as ``attempt`` says and pass the held-out images through it.

    The loss is the negative log likelihood of a log-softmax of the outputs: for log-probabilities that changes nothing,
    and a net that returns plain scores is measured on what it learnt instead of failing twice. Gives the record and the
    held-out outputs (n, 10), which are empty when training could not be finished. A net that cannot be trained on a
    GPU, because it keeps something on the CPU, is trained on the CPU.
    """
    start = time.perf_counter()
    device = attempt.job.device
    try:
        return _run(factory, images, attempt, device=device, start=start)
    except Exception as error:  # the submission's own failure is the observation
        problem = explain("training", error)
    if device != "cpu":
        try:
            record, outputs = _run(factory, images, attempt, device="cpu", start=start)
        except Exception as error:
            problem = explain("training", error)
        else:
            remark = Remark("trained-on-cpu", f"training on {device} failed, so it ran on the CPU")
            return replace(record, remarks=(*record.remarks, remark)), outputs
    return Training(problem, attempt.seed, device, seconds=time.perf_counter() - start), NOTHING


def _run(
    factory: Callable[[], object], images: Images, attempt: Attempt, *, device: str, start: float
) -> tuple[Training, Outputs]:
    job, seed, batch = attempt.job, attempt.seed, attempt.batch
    net = build(factory, seed=seed)
    torch.set_num_threads(job.threads)  # whatever Net() set: more of them than cores only get in each other's way
    refresh_weights(net, seed=seed)
    net.to(device)
    parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
    if not parameters:
        return Training(Problem("nothing-to-train", "the net has no trainable parameters"), seed, device), NOTHING
    size = batch or job.batch_size
    optimizer = torch.optim.SGD(parameters, lr=attempt.learning_rate, momentum=job.momentum)
    count = len(images.train) - VALIDATION_IMAGES
    validation, validation_labels = images.train[count:], images.labels[count:]
    initial = _accuracy(net, validation, validation_labels, images, batch, device)
    untrained = _outputs(net, images.heldout[:UNTRAINED_IMAGES], images, batch, device)[0]
    # Steps that are followed, one in each stretch between two evaluations, are nobody's to foresee.
    chance = random.Random(job.probe_seed)
    followed = chance.randrange(job.evaluate_every)
    train_path: Path = None
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    order = torch.randperm(count, generator=generator)
    curve: list[CurvePoint] = []
    remarks: list[Remark] = []
    recent = torch.zeros((), device=device)
    since, step = 0, 0
    position = 0
    while step < attempt.steps:
        if position + size > count:
            order, position = torch.randperm(count, generator=generator), 0
        picks = order[position : position + size]
        position += size
        net.train()
        data = normalised(images.train[picks], images, device)
        optimizer.zero_grad(set_to_none=True)
        if step == followed:
            result, path = follow(net, data)
            train_path = odd_one(train_path, path)
            followed = (step // job.evaluate_every + 1) * job.evaluate_every + chance.randrange(job.evaluate_every)
        else:
            result = net(data)
        loss = functional.nll_loss(functional.log_softmax(result, dim=1), images.labels[picks].to(device))
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        step, since = step + 1, since + 1
        recent += loss.detach()
        if step % job.evaluate_every and step != attempt.steps:
            continue
        accuracy = _accuracy(net, validation, validation_labels, images, batch, device)
        mean_loss = float(recent) / since
        curve.append(CurvePoint(step, accuracy, mean_loss if abs(mean_loss) < 1e30 else 1e30))
        recent, since = torch.zeros((), device=device), 0
        if accuracy >= job.stop_accuracy:
            break
        if time.perf_counter() - start > MOST_SECONDS:
            remarks.append(
                Remark(
                    "stopped-by-time", f"training was stopped after {step} of {attempt.steps} steps for taking too long"
                )
            )
            break
    outputs, eval_path = _outputs(net, images.heldout, images, batch, device, chance)
    record = Training(
        None,
        seed,
        device,
        step,
        time.perf_counter() - start,
        initial,
        tuple(curve),
        remarks=tuple(remarks),
        train_path=train_path,
        eval_path=eval_path,
    )
    return record, Outputs(outputs, untrained, first_filters(net, eval_path))


def first_filters(net: nn.Module, path: Path) -> Tensor | None:
    """The weights (n, height, width) of the convolution that comes first in ``path``, input channels averaged.

    None when there is none, when it is too large to be shown, and for weights that no layer keeps.
    """
    word = next((word for word in path or () if word.startswith("conv ")), None)
    if word is None:
        return None
    try:
        weight: Any = net.get_submodule(word.removeprefix("conv ").rpartition(" ")[0]).weight
        if type(weight) is not Tensor and type(weight) is not nn.Parameter:
            return None  # a subclass could lie about its values
        plain = Tensor.detach(weight)
        if plain.dim() != 4 or plain.shape[1] > MOST_CHANNELS or not are_filters((len(plain), *plain.shape[2:])):
            return None
        filters = torch.empty(len(plain), *plain.shape[2:], dtype=torch.float32, device="cpu")
        filters.copy_(plain.mean(1))
    except Exception:  # a picture is not worth a training run, whatever its weights are made of
        return None
    return filters


def odd_one(first: Path, other: Path) -> Path:
    """The path that has been seen, or the other one when it differs from it."""
    return first if other is None or first == other else other


def normalised(batch: Tensor, images: Images, device: str) -> Tensor:
    """uint8 (n, 28, 28) to normalised float32 (n, 1, 28, 28)."""
    return batch.to(device).float().div_(255).sub_(images.mean).div_(images.std).unsqueeze(1)


def _outputs(
    net: nn.Module, data: Tensor, images: Images, batch: int, device: str, chance: random.Random | None = None
) -> tuple[Tensor, Path]:
    """Eval-mode outputs (n, 10) on the CPU, dropout held so that dropout left on is not measured a second time.

    A net that takes only one batch size gets the last batch filled up with blank images. With ``chance`` one batch is
    picked and followed. Raises TypeError for outputs that are not plain tensors, which could lie about their values.
    """
    net.eval()
    size = batch or EVALUATION_BATCH
    starts = range(0, len(data), size)
    followed = chance.choice(starts) if chance is not None else None
    path: Path = None
    parts = []
    with torch.no_grad(), HeldDropout():
        for start in starts:
            part = data[start : start + size]
            missing = size - len(part) if batch else 0
            if missing:
                part = torch.cat([part, part.new_zeros(missing, 28, 28)])
            given = normalised(part, images, device)
            if start == followed:
                result, path = follow(net, given)
            else:
                result = net(given)
            if type(result) is not Tensor:
                raise TypeError(f"forward gives a {type(result).__name__[:60]}, not a plain tensor")
            parts.append(result[: size - missing].detach())
    outputs = torch.cat(parts).float().cpu()
    return torch.nan_to_num(outputs, nan=-1e30, posinf=1e30, neginf=-1e30), path


def _accuracy(net: nn.Module, data: Tensor, labels: Tensor, images: Images, batch: int, device: str) -> float:
    outputs, _ = _outputs(net, data, images, batch, device)
    return float((outputs.argmax(1) == labels).float().mean())
