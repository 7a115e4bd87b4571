"""What a submission's process does: load the script, build Net, record its network, and end.

Each stage ends with one record sent to the parent. Nothing here knows the data, the rubric or the answer key, and
nothing here judges or trains.
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
from grader.worker.load import loading
from grader.worker.load.loading import Loaded, load_net
from grader.worker.load.stand_ins import cpu_only
from grader.worker.record.building import NotAModule, build, layers, parameter_count
from grader.worker.record.chosen import chosen_images, chosen_labels, chosen_weight
from grader.worker.record.recording import Recorder, TooManyOperations
from grader.worker.record.registry import Registry
from grader.worker.record.repairs import KeptOnCpu
from grader.worker.wire.channel import Unobserved

BATCHES = (64, 3, 100, 1)
"""Numbers of images in the recorded passes."""
OTHER_BATCHES = (32, 10, 128, 16, 50, 4, 2, 256, 1000)
"""Sizes that a script may have hard-coded, tried when none of BATCHES works."""
LAB_SEED = 1
"""Of torch's generator when Net is built and run: the default of the lab's own script."""
LARGEST_RECORDED = 250_000_000
"""Parameters above which a net is only counted: the lab's own has some 20,000."""

Explain = Callable[[str, BaseException], Problem]


class Reporter(Protocol):
    """Where records go: down a pipe to the parent."""

    def begin(self, stage: str) -> None: ...
    def send(self, record: Loading | Building | Recording, stage: str) -> None: ...


def preload() -> None:
    """Do once, before any submission is forked off, what each would otherwise pay for. Starts no thread."""
    loading.warm_up()
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
    """Look at one submission, stage by stage, until a stage leaves nothing for the next to look at.

    Raises Unobserved for an exception that no line of the submission had a part in.
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
        reset_settings()  # what Net() changed as well
        reporter.begin("record")
        reporter.send(record_net(net, record, seed=job.seed, explain=loaded.explain), "record")


def reset_settings() -> None:
    """Undo what a script sets for all of torch: a default device would take our own tensors along, too."""
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    torch.autograd.set_detect_anomaly(False)
    torch.set_num_threads(1)


def build_net(factory: Callable[[], object], *, explain: Explain) -> tuple[nn.Module | None, Building]:
    """Call ``Net()``; the net (None when it could not be built) and what was seen."""
    guard = KeptOnCpu()
    try:
        with guard:
            net = build(factory, seed=LAB_SEED)
    except NotAModule as error:
        return None, Building(Problem("not-a-module", f"Net() gives a {error}, not an nn.Module"))
    except (Exception, SystemExit) as error:  # the submission's own failure is the observation
        return None, Building(explain("build", error))
    remarks = (Remark("moved-to-gpu", "Net moves its layers to a GPU when it is built"),) if guard.moved else ()
    return net, Building(None, parameter_count(net), layers(net), remarks)


@dataclass
class _Session:
    """The passes over one net, as they are recorded."""

    net: nn.Module
    registry: Registry
    seed: int
    explain: Explain
    passes: list[RecordedPass] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    has_moved: bool = False
    is_below: bool = False
    is_wrapped: bool = False
    is_overfull: bool = False
    is_changed_unseen: bool = False

    def record(self, mode: str, batch: int, *, repair: bool = False) -> bool:
        """Record one pass; whether it gave one row for each image. None follows a pass of too many operations."""
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
        if recorder.is_overfull:  # whatever the submission made of the exception
            problem = Problem("too-many-operations", "forward runs thousands of operations")
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
        """Run a few images through the net in both modes: what it keeps from its first pass is there from now on.

        A loop without end meets its deadline here, and is known for what it is.
        """
        for mode in (True, False):
            self.net.train(mode)
            with suppress(Exception), KeptOnCpu():  # the recorded passes say what is wrong
                self.net(chosen_images(BATCHES[1], seed=self.seed))


def record_net(net: nn.Module, built: Building, *, seed: int, explain: Explain) -> Recording:
    """Record the passes of a net in both modes, and its answer to weights that were chosen for it.

    Where no pass in training mode works for any size, one more is recorded with its sizes repaired.
    """
    session = _Session(net, Registry(net), seed, explain)
    session.warm_up()
    works = [batch for batch in BATCHES if session.record("train", batch)]
    if session.is_wrapped:
        session = _Session(net, Registry(net), seed, explain, is_below=True)
        works = [batch for batch in BATCHES if session.record("train", batch)]
    if not works:
        works = [batch for batch in OTHER_BATCHES if session.record("train", batch)][:1]
    if not works:
        session.record("train", BATCHES[1], repair=True)
    for batch in dict.fromkeys((*BATCHES, *works)):
        session.record("eval", batch)
    echo = None
    usable = [
        recorded for recorded in session.passes if recorded.mode == "eval" and recorded.shape == (ECHO_IMAGES, 10)
    ]
    if usable:
        echo = _echo(net, session.registry, seed=seed)
    if session.has_moved or any(remark.id == "moved-to-gpu" for remark in built.remarks):
        session.repairs.append(Repair("device", "", "is moved to a GPU whether there is one or not"))
    registry = session.registry
    return Recording(
        tuple(session.passes),
        tuple(registry.weights),
        tuple(registry.buffers),
        tuple(registry.constants),
        tuple(session.repairs[:20]),
        (Remark("changed-unseen", "values change between operations"),) if session.is_changed_unseen else (),
        echo=echo,
    )


def _echo(net: nn.Module, registry: Registry, *, seed: int) -> Echo | None:
    """What the net makes of chosen weights and images, and the gradients that its own backward pass gives."""
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
    """The norm of each weight's gradient; none at all where the net's own backward pass fails."""
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
    return norm if norm < 1e30 else 1e30  # also for what is no number


def _type_name(value: object) -> str:
    return "Tensor" if type(value) is Tensor else type(value).__name__[:60]


def _first_tensor(value: object) -> object:
    if isinstance(value, (tuple, list)) and value:
        return _first_tensor(value[0])
    if isinstance(value, dict) and value:
        return _first_tensor(next(iter(value.values())))
    return value
