"""The order in which a worker looks at one submission; each stage ends with one record sent to the parent.

Nothing here knows the rubric, the answer key or a held-out label, and nothing here decides a mark.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from grader import evidence
from grader.evidence import Building, Gradients, Problem, Remark, Repair
from grader.model import DataFiles, Job
from grader.worker import loading, probing, training
from grader.worker.building import (
    NotAModule,
    build,
    is_lively,
    layers,
    parameter_count,
    probe_images,
    refresh_weights,
    working_batch,
)
from grader.worker.channel import Unobserved
from grader.worker.devices import devices
from grader.worker.loading import Loaded, load_net
from grader.worker.mending import KeptOnCpu
from grader.worker.stubs import cpu_only
from grader.worker.tracing import Tracer

Record = (
    evidence.Loading
    | evidence.Building
    | evidence.Tracing
    | evidence.Probing
    | evidence.Modes
    | evidence.Gradients
    | evidence.Resources
    | evidence.Training
)
SEEDS_TRIED = 8
"""Weights tried before a net counts as dead; one with a single channel is born dead nine times in a hundred."""
LARGEST_PROBED = 250_000_000
LARGEST_TRAINED = 50_000_000
"""Parameters above which a net is only counted, or looked at without training it: the lab's own has some 20,000, and
such a net would keep a worker busy for minutes.
"""


@dataclass(frozen=True)
class Outlook:
    """How to train a net: its one batch size (0: any), and whether a poor first result could be chance.

    Where the images of a batch are mixed up, a poor result is explained, and more seeds would only take time.
    """

    batch: int
    is_worth_retrying: bool


class Reporter(Protocol):
    """Where records go: down a pipe to the parent, or into a list in a self-check."""

    def begin(self, stage: str) -> None: ...
    def send(self, record: Record, stage: str, arrays: Mapping[str, Tensor] | None = None) -> None: ...
    def ask(self) -> int | None: ...


@lru_cache(maxsize=1)
def preload(files: DataFiles) -> training.Images:
    """Map the data set and warm torch up, once before any submission is forked off."""
    images = mapped(files)
    loading.warm_up()
    warm_up()
    return images


@lru_cache(maxsize=1)
def mapped(files: DataFiles) -> training.Images:
    """The data set, mapped once. A process that looks at one submission has no use for more."""
    return training.load_images(files)


def warm_up() -> None:
    """Run each kind of operation once, so that a fresh child does not pay for their first use. Starts no thread."""
    if devices() != ("cpu",):
        return  # the first backward pass would start a thread for each device, which a fork does not survive
    net = nn.Sequential(
        nn.Conv2d(1, 4, 5),
        nn.BatchNorm2d(4),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Dropout(),
        nn.Flatten(),
        nn.Linear(576, 10),
    )
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    for _ in range(2):
        optimizer.zero_grad()
        loss = nn.functional.nll_loss(nn.functional.log_softmax(net(torch.randn(4, 1, 28, 28)), 1), torch.arange(4))
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
    probing.trace(
        net, lambda count: torch.randn(count, 1, 28, 28), 2, (), lambda kind, error: Problem(kind, str(error))
    )


def observe(job: Job, reporter: Reporter) -> Loaded:
    """Look at one submission, stage by stage, until a stage leaves nothing for the next to look at.

    Gives what was loaded, for who wants to do more with it. Raises Unobserved for an exception that no line of the
    submission had a part in.
    """
    warnings.simplefilter("ignore")
    images = mapped(job.data)
    reporter.begin("load")
    loaded = load_net(Path(job.root), job.script)
    try:
        _observe(loaded, job, images, reporter)
    except Exception as error:
        if loaded.explain("escaped", error).line:
            raise
        raise Unobserved(f"{type(error).__name__}: {error}") from error
    return loaded


def _observe(loaded: Loaded, job: Job, images: training.Images, reporter: Reporter) -> None:
    reporter.send(loaded.record, "load")
    if loaded.factory is None:
        return
    reset_settings()
    torch.set_num_threads(1)
    with cpu_only():
        outlook = _look(loaded, job, images, reporter)
    if outlook is None:
        return
    torch.set_num_threads(job.threads)
    seed: int | None = job.first_seed
    number = 0
    while seed is not None:
        reporter.begin("train")
        attempt = training.attempts(job, number, seed=seed, batch=outlook.batch)
        record, outputs = training.train(loaded.factory, images, attempt, explain=loaded.explain)
        reporter.send(record, "train", outputs.arrays)
        seed, number = reporter.ask(), number + 1
        if not outlook.is_worth_retrying:
            return


def reset_settings() -> None:
    """Undo what a script sets for all of torch: a default device would take our own tensors along, too."""
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    torch.autograd.set_detect_anomaly(False)


def _look(loaded: Loaded, job: Job, images: training.Images, reporter: Reporter) -> Outlook | None:
    """Everything short of training; None when training is no use."""
    assert loaded.factory is not None
    sample = images.train[:2000]

    def probes(count: int) -> Tensor:
        return probe_images(count, seed=job.probe_seed + count, images=sample, mean=images.mean, std=images.std)

    reporter.begin("build")
    net, record = build_net(loaded.factory, seed=job.probe_seed, explain=loaded.explain)
    reporter.send(record, "build")
    if net is None or record.parameters > LARGEST_PROBED:
        return None
    refresh_weights(net, seed=job.probe_seed)

    reporter.begin("trace")
    net = lively_net(net, loaded, seed=job.probe_seed, images=probes)
    net.train()
    working, tracer = working_batch(net, probes)
    known = tracer.unregistered if tracer is not None else []
    trace, tracer = probing.trace(net, probes, working or 4, known, loaded.explain)
    if any(remark.id == "moved-to-gpu" for remark in record.remarks):
        trace = with_device_repair(trace)
    reporter.send(trace, "trace")
    if any(repair.kind == "device" for repair in trace.repairs):
        # With a GPU the rest would run there, and without one it would fail; the verdict must not depend on that.
        return None

    reporter.begin("probe")
    probe = probing.probe(net, probes, working, loaded.explain)
    reporter.send(probe, "probe")
    usable = [one.batch for one in probe.passes if one.problem is None and one.shape == (one.batch, 10)]
    if not usable:
        return None
    fixed = 0 if set(probing.BATCHES) <= set(usable) else (64 if 64 in usable else max(usable))
    size = fixed or 32

    reporter.begin("modes")
    sizes = [fixed] * 3 if fixed else [16, 64, 100]
    reporter.send(probing.compare_modes(net, probes, sizes, loaded.explain), "modes")
    reporter.begin("gradients")
    gradients = look_at_gradients(loaded, tracer, seed=job.probe_seed, images=probes, size=size)
    reporter.send(gradients, "gradients")
    reporter.begin("resources")
    reporter.send(probing.resources(net, probes, fixed or 64, record.parameters, loaded.explain), "resources")
    is_hopeless = (
        record.parameters > LARGEST_TRAINED
        or gradients.problem is not None
        or (probe.scores is not None and not probe.scores.is_finite)
        or any(_makes_weights(operation) or operation.drops_everything for operation in trace.operations)
    )
    is_mixing = probe.row_error is not None and probe.row_error > evidence.ROW_TOLERANCE
    return None if is_hopeless else Outlook(fixed, not is_mixing)


def lively_net(net: nn.Module, loaded: Loaded, *, seed: int, images: probing.Images) -> nn.Module:
    """The net, or one with other weights when its own happen to make all images look alike.

    A net with one channel may be born with every ReLU dead; that is chance, and the next weights tell what it can do.
    When none of :data:`SEEDS_TRIED` are better the first one stays: then it is no chance.
    """
    candidate: nn.Module | None = net
    for number in range(1, SEEDS_TRIED + 1):
        if candidate is None:
            break
        if is_lively(candidate, images):
            return candidate
        candidate, _ = build_net(factory_of(loaded), seed=seed + number, explain=loaded.explain)
        if candidate is not None:
            refresh_weights(candidate, seed=seed + number)
    return net


def look_at_gradients(loaded: Loaded, tracer: Tracer, *, seed: int, images: probing.Images, size: int) -> Gradients:
    """The gradients of a net as the submission initialises it: weights that always start dead are a fault, and new ones
    would hide it. Those that start dead by chance get another chance; see :func:`lively_net`.
    """
    first: Gradients | None = None
    for number in range(SEEDS_TRIED):
        fresh, again = build_net(factory_of(loaded), seed=seed + number, explain=loaded.explain)
        if fresh is None:  # it was built a moment ago
            return first or Gradients(again.problem)
        found = probing.gradients(fresh, images, size, tracer.used_parameters, tracer.unregistered, loaded.explain)
        first = first or found
        if found.problem is not None or all(one.state != "zero" for one in found.parameters if one.is_used):
            return found
    return first or Gradients(None)


def factory_of(loaded: Loaded) -> Callable[[], object]:
    """What was bound to Net, once loading has found it."""
    assert loaded.factory is not None
    return loaded.factory


def _makes_weights(operation: evidence.Operation) -> bool:
    """Whether this layer's weights are made anew in each pass; a fresh dropout has none."""
    return operation.is_fresh and operation.kind != "dropout"


def build_net(
    factory: Callable[[], object], *, seed: int, explain: probing.Explain
) -> tuple[nn.Module | None, Building]:
    """Call ``Net()``; the net (None when it could not be built) and what was seen."""
    guard = KeptOnCpu()
    try:
        with guard:
            net = build(factory, seed=seed)
    except NotAModule as error:
        return None, Building(Problem("not-a-module", f"Net() gives a {error}, not an nn.Module"))
    except (Exception, SystemExit) as error:  # the submission's own failure is the observation
        return None, Building(explain("build", error))
    remarks = (Remark("moved-to-gpu", "Net moves its layers to a GPU when it is built"),) if guard.moved else ()
    return net, Building(None, parameter_count(net), layers(net), remarks)


def with_device_repair(trace: evidence.Tracing) -> evidence.Tracing:
    """The trace with the move to a GPU that was kept from happening while the net was built."""
    repair = Repair("device", "", "is moved to a GPU whether there is one or not")
    return replace(trace, repairs=(*trace.repairs, repair))
