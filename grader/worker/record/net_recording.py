"""Stage ``record``: record the forward passes of a network in both modes, for several batch sizes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from grader.model.evidence import (
    ECHO_IMAGES,
    NO_PROGRAM,
    Building,
    Echo,
    Problem,
    RecordedPass,
    Recording,
    Remark,
    Repair,
)
from grader.model.images import CLASSES
from grader.worker.record.net_repairs import Explain, NetRepairs, tensors_in
from grader.worker.record.recording import Recorder, TooManyOperations
from grader.worker.record.registry import Registry
from grader.worker.record.repairs import KeptOnCpu
from grader.worker.record.seeded_values import chosen_images, chosen_labels, chosen_weight

RECORDED_BATCHES = (64, 3, 100, 1)
"""Batch sizes of the recorded passes."""
OTHER_BATCHES = (32, 10, 128, 16, 50, 4, 2, 256, 1000)
"""Batch sizes that a script may have hard-coded; tried if none of RECORDED_BATCHES works."""
LAB_SEED = 1
"""Seed for torch when Net is built and run: the default of the lab script."""


@dataclass
class _NetRecording:
    """Records the passes of one net and collects what was seen. With ``repairs``, they are made in each pass."""

    net: nn.Module
    registry: Registry
    seed: int
    explain: Explain
    repairs: NetRepairs | None = None
    passes: list[RecordedPass] = field(default_factory=list)
    has_moved: bool = False
    is_below: bool = False
    """Whether operations are recorded after torch has decomposed them (see :class:`Recorder`)."""
    is_wrapped: bool = False
    """Whether torch.vmap or autocast hid operations of a pass; then all passes are recorded again with ``is_below``."""
    is_overfull: bool = False
    is_changed_unseen: bool = False

    def record(self, mode: str, batch: int, *, is_repaired: bool = False) -> bool:
        """Record one pass; return whether it gave one row per image. After too many operations, do nothing."""
        if self.is_overfull:
            return False
        self.registry.put_back_buffers()
        self.net.train(mode == "train")
        images = chosen_images(batch, seed=self.seed)
        recorder = self._recorder(images)
        result: object = None
        problem: Problem | None = None
        torch.manual_seed(LAB_SEED)
        try:
            with self._guarded() as guard, recorder.recording():
                result = self._run(images, recorder)
        except TooManyOperations:
            pass
        except Exception as error:  # the submission's own failure is the observation
            problem = self.explain("forward", error)
        if recorder.is_overfull:  # even if the submission caught the exception
            problem = Problem("too-many-operations", "forward runs more than 3,000 operations")
        self.is_overfull |= recorder.is_overfull
        self.has_moved |= guard.moved
        self.is_wrapped |= recorder.sources.is_wrapped
        self.is_changed_unseen |= recorder.sources.is_changed_unseen
        output: Tensor | None = None
        with suppress(Exception):  # the submission's own objects may be in the result
            output = next(tensors_in(result), None)
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
                is_repaired=is_repaired,
                program=recorder.program(output),
            )
        )
        return problem is None and (not is_tensor or shape[:1] == (batch,))

    def record_all(self) -> None:
        """Record passes in both modes for all batch sizes that matter."""
        works = [batch for batch in RECORDED_BATCHES if self.record("train", batch)]
        if self.is_wrapped:
            return
        if not works:
            works = [batch for batch in OTHER_BATCHES if self.record("train", batch)][:1]
        for batch in dict.fromkeys((*RECORDED_BATCHES, *works)):
            self.record("eval", batch)

    def gives_scores(self) -> bool:
        """Whether for some batch size both modes give float32 scores (N, 10)."""
        if any(run.shape == (CLASSES, run.batch) != (run.batch, CLASSES) for run in self.passes):
            return False  # a row for each class; with ten images, it only looks right
        good = {
            (run.mode, run.batch)
            for run in self.passes
            if run.problem is None and run.returned == "Tensor" and run.shape == (run.batch, CLASSES)
            if run.dtype == "float32"
        }
        return any(("eval", batch) in good for mode, batch in good if mode == "train")

    def outputs(self, images: Tensor) -> Tensor:
        """The outputs of the net's own code for ``images``, with the same repairs as in the recorded passes."""
        recorder = self._recorder(images)
        with self._guarded(), nullcontext() if self.repairs is None else recorder.recording():
            found = self._run(images, recorder)
        assert isinstance(found, Tensor)
        return found

    def _recorder(self, images: Tensor) -> Recorder:
        calls = self.repairs.calls if self.repairs is not None else None
        return Recorder(self.registry, images, repairs=calls, is_below=self.is_below)

    def _guarded(self) -> AbstractContextManager[KeptOnCpu]:
        return KeptOnCpu() if self.repairs is None else self.repairs.guarded()

    def _run(self, images: Tensor, recorder: Recorder) -> object:
        result = self.net(images)
        return result if self.repairs is None else self.repairs.scores_of(result, recorder, len(images))

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

    If no batch size gives scores in both modes, the net is repaired and recorded again, as far as that is possible.
    """
    plain = _NetRecording(net, Registry(net), seed, explain)
    plain.warm_up()
    plain.record_all()
    if plain.is_wrapped:
        plain = _NetRecording(net, Registry(net), seed, explain, is_below=True)
        plain.record_all()
    found = plain
    unrepaired: tuple[RecordedPass, ...] = ()
    if not plain.gives_scores() and not plain.is_overfull:
        repairs = NetRepairs(net, seed, explain, is_below=plain.is_below)
        works = [run.batch for run in plain.passes if run.problem is None]
        if repairs.find(works[0] if works and RECORDED_BATCHES[1] not in works else RECORDED_BATCHES[1]):
            found = _NetRecording(net, Registry(net), seed, explain, repairs, is_below=plain.is_below)
            found.record_all()
            if found.gives_scores():
                unrepaired = tuple(replace(run, program=NO_PROGRAM) for run in plain.passes)
            else:
                found = plain
        if found is plain:  # as far as it gets, for the structure
            plain.repairs = repairs
            plain.record("train", RECORDED_BATCHES[1], is_repaired=True)
    return _recording(found, built, seed=seed, unrepaired=unrepaired)


def _recording(found: _NetRecording, built: Building, *, seed: int, unrepaired: tuple[RecordedPass, ...]) -> Recording:
    usable = any(run.mode == "eval" and run.shape == (ECHO_IMAGES, CLASSES) for run in found.passes)
    echo = _echo(found, seed=seed) if usable else None
    repairs = list(found.repairs.made) if found.repairs is not None else []
    if found.has_moved or any(remark.id == "moved-to-gpu" for remark in built.remarks):
        assumed = "Net stayed on the device of its input"
        repairs.append(Repair("device", "", "is moved to a GPU even if there is none", assumed=assumed))
    registry = found.registry
    return Recording(
        tuple(found.passes),
        tuple(registry.weights),
        tuple(registry.buffers),
        tuple(registry.constants),
        tuple(repairs[:20]),
        (Remark("changed-unseen", "values change between two operations"),) if found.is_changed_unseen else (),
        echo=echo,
        unrepaired=unrepaired,
    )


def _echo(found: _NetRecording, *, seed: int) -> Echo | None:
    """The net's outputs for chosen weights and images, and the gradients of its own backward pass."""
    found.net.eval()
    weights = found.registry.tensors
    try:
        found.registry.put_back_buffers()
        with torch.no_grad():
            for index, weight in enumerate(weights):
                weight.copy_(chosen_weight(tuple(weight.shape), index, seed=seed))
                weight.grad = None
        outputs = found.outputs(chosen_images(ECHO_IMAGES, seed=seed + 1))
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
