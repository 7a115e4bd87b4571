"""The stages of a submission's process: load the script, build Net, record its network.

Each stage ends by sending one record to the parent. This module does not know the data, the rubric or the answer key.
It makes no findings, and it does not train.
"""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from grader.model import Job
from grader.model.evidence import ECHO_IMAGES, Building, Echo, Loading, Problem, RecordedPass, Recording, Remark, Repair
from grader.worker.load import net_loading
from grader.worker.load.net_loading import Loaded, load_net
from grader.worker.load.stand_ins import cpu_only
from grader.worker.record.building import NotAModule, build, layers, parameter_count
from grader.worker.record.recording import Recorder, TooManyOperations
from grader.worker.record.registry import Registry
from grader.worker.record.repairs import KeptOnCpu
from grader.worker.record.seeded_values import chosen_images, chosen_labels, chosen_weight
from grader.worker.wire.channel import Unobserved

RECORDED_BATCHES = (64, 3, 100, 1)
"""Batch sizes of the recorded passes."""
OTHER_BATCHES = (32, 10, 128, 16, 50, 4, 2, 256, 1000)
"""Batch sizes that a script may have hard-coded; tried if none of RECORDED_BATCHES works."""
LAB_SEED = 1
"""Seed for torch when Net is built and run: the default of the lab script."""
LARGEST_RECORDED = 250_000_000
"""A net with more parameters than this is not recorded; the lab's network has about 20,000."""

Explain = Callable[[str, BaseException], Problem]


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
        net, record = build_net(loaded.factory, explain=loaded.explain)
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


def build_net(factory: Callable[[], object], *, explain: Explain) -> tuple[nn.Module | None, Building]:
    """Call ``Net()``; return the net (None if it could not be built) and the record of the stage."""
    guard = KeptOnCpu()
    try:
        with guard:
            net = build(factory, seed=LAB_SEED)
    except NotAModule as error:
        return None, Building(Problem("not-a-module", f"Net() returns an object of type {error}, not an nn.Module"))
    except (Exception, SystemExit) as error:  # the submission's own failure is the observation
        return None, Building(explain("build", error))
    remarks = (Remark("moved-to-gpu", "Net moves its layers to a GPU when it is created"),) if guard.moved else ()
    return net, Building(None, parameter_count(net), layers(net), remarks)


@dataclass
class _NetRecording:
    """Records the passes of one net and collects what was seen."""

    net: nn.Module
    registry: Registry
    seed: int
    explain: Explain
    passes: list[RecordedPass] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    has_moved: bool = False
    is_below: bool = False
    """Whether operations are recorded after torch has decomposed them (see :class:`Recorder`)."""
    is_wrapped: bool = False
    """Whether torch.vmap or autocast hid operations of a pass; then all passes are recorded again with ``is_below``."""
    is_overfull: bool = False
    is_changed_unseen: bool = False

    def record(self, mode: str, batch: int, *, repair: bool = False) -> bool:
        """Record one pass; return whether it gave one row per image. After too many operations, do nothing."""
        if self.is_overfull:
            return False
        self.registry.put_back_buffers()
        self.net.train(mode == "train")
        images = chosen_images(batch, seed=self.seed)
        recorder = Recorder(self.registry, images, repair=repair, is_below=self.is_below)
        guard = KeptOnCpu()
        result: object = None
        problem: Problem | None = None
        torch.manual_seed(LAB_SEED)
        try:
            with guard, recorder.recording():
                result = self.net(images)
        except TooManyOperations:
            pass
        except Exception as error:  # the submission's own failure is the observation
            problem = self.explain("forward", error)
        if recorder.is_overfull:  # even if the submission caught the exception
            problem = Problem("too-many-operations", "forward runs more than 3,000 operations")
        self.is_overfull |= recorder.is_overfull
        self.has_moved |= guard.moved
        self.is_wrapped |= recorder.is_wrapped
        self.is_changed_unseen |= recorder.is_changed_unseen
        self.repairs += [repair for repair in recorder.repairs if repair not in self.repairs]
        is_tensor = isinstance(result, Tensor)
        shape = tuple(result.shape) if isinstance(result, Tensor) else ()
        self.passes.append(
            RecordedPass(
                mode=mode,
                batch=batch,
                problem=problem,
                returned=_type_name(result) if problem is None else "",
                shape=shape[:8],
                dtype=str(result.dtype).removeprefix("torch.") if isinstance(result, Tensor) else "",
                is_repaired=bool(recorder.repairs),
                program=recorder.program(_first_tensor(result)),
            )
        )
        return problem is None and (not is_tensor or shape[:1] == (batch,))

    def warm_up(self) -> None:
        """Run a few images through the net in both modes, so that everything that it caches in its first pass exists.

        An endless loop reaches its deadline here, before anything is recorded.
        """
        for mode in (True, False):
            self.net.train(mode)
            with suppress(Exception), KeptOnCpu():  # the recorded passes show the error
                self.net(chosen_images(RECORDED_BATCHES[1], seed=self.seed))


def record_net(net: nn.Module, built: Building, *, seed: int, explain: Explain) -> Recording:
    """Record the passes of a net in both modes, and its outputs for weights and images that the grader chooses.

    If no pass in training mode works for any batch size, one more pass is recorded with repaired sizes.
    """
    net_recording = _NetRecording(net, Registry(net), seed, explain)
    net_recording.warm_up()
    works = [batch for batch in RECORDED_BATCHES if net_recording.record("train", batch)]
    if net_recording.is_wrapped:
        net_recording = _NetRecording(net, Registry(net), seed, explain, is_below=True)
        works = [batch for batch in RECORDED_BATCHES if net_recording.record("train", batch)]
    if not works:
        works = [batch for batch in OTHER_BATCHES if net_recording.record("train", batch)][:1]
    if not works:
        net_recording.record("train", RECORDED_BATCHES[1], repair=True)
    for batch in dict.fromkeys((*RECORDED_BATCHES, *works)):
        net_recording.record("eval", batch)
    echo = None
    usable = [
        recorded for recorded in net_recording.passes if recorded.mode == "eval" and recorded.shape == (ECHO_IMAGES, 10)
    ]
    if usable:
        echo = _echo(net, net_recording.registry, seed=seed)
    if net_recording.has_moved or any(remark.id == "moved-to-gpu" for remark in built.remarks):
        net_recording.repairs.append(Repair("device", "", "is moved to a GPU even if there is none"))
    registry = net_recording.registry
    return Recording(
        tuple(net_recording.passes),
        tuple(registry.weights),
        tuple(registry.buffers),
        tuple(registry.constants),
        tuple(net_recording.repairs[:20]),
        (Remark("changed-unseen", "values change between two operations"),) if net_recording.is_changed_unseen else (),
        echo=echo,
    )


def _echo(net: nn.Module, registry: Registry, *, seed: int) -> Echo | None:
    """The net's outputs for chosen weights and images, and the gradients of its own backward pass."""
    net.eval()
    weights = registry.tensors
    try:
        registry.put_back_buffers()
        with torch.no_grad():
            for index, weight in enumerate(weights):
                weight.copy_(chosen_weight(tuple(weight.shape), index, seed=seed))
                weight.grad = None
        outputs = net(chosen_images(ECHO_IMAGES, seed=seed + 1))
        values = outputs.detach().float().contiguous().numpy().tobytes()
    except Exception:  # the submission's own failure is the observation
        return None
    return Echo(base64.b64encode(values).decode(), _gradient_norms(outputs, weights))


def _gradient_norms(outputs: Tensor, weights: Sequence[Tensor]) -> tuple[float, ...]:
    """The norm of each weight's gradient; empty if the net's own backward pass fails."""
    try:
        if outputs.requires_grad:
            loss = functional.nll_loss(functional.log_softmax(outputs, dim=1), chosen_labels(ECHO_IMAGES))
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    except Exception:  # the submission's own failure is the observation
        return ()
    return tuple(_norm(weight.grad) for weight in weights)


def _norm(gradient: Tensor | None) -> float:
    if gradient is None:
        return -1.0
    norm = float(gradient.double().norm())
    return norm if norm < 1e30 else 1e30  # also for NaN


def _type_name(value: object) -> str:
    return "Tensor" if type(value) is Tensor else type(value).__name__[:60]


def _first_tensor(value: object) -> object:
    if isinstance(value, (tuple, list)) and value:
        return _first_tensor(value[0])
    if isinstance(value, dict) and value:
        return _first_tensor(next(iter(value.values())))
    return value
