"""Repair a network whose forward pass fails or returns no scores, so that its passes can be recorded to the end.

Forward runs again and again, each time with one more repair: of the network (an attribute that does not exist, a layer
in a tuple), of an operation (:mod:`grader.worker.record.repairs`), or of the result (a tuple, another dtype). What runs
is the student's own code; the repairs are named in the recording, and the checks take the points for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from grader.model.evidence import Problem, Repair
from grader.model.graph import Node
from grader.model.images import CLASSES
from grader.worker.record.building import has_lazy_layers, initialise_lazy_layers
from grader.worker.record.call_repairs import CallRepairs
from grader.worker.record.definition_repairs import repaired_definition
from grader.worker.record.places import creation_of, moved_to
from grader.worker.record.recording import Recorder
from grader.worker.record.registry import Registry
from grader.worker.record.repairs import KeptInFloat32, KeptOnCpu
from grader.worker.record.seeded_values import chosen_images

MOST_ROUNDS = 12
_MIXING = frozenset({"flatten-batch", "flatten-missing", "reshape-size"})
"""Faults that fail for some numbers of images and mix the images for others."""
_SIZES_OF_LAYERS = frozenset({"linear-size", "conv-channels"})
Explain = Callable[[str, BaseException], Problem]


@dataclass
class NetRepairs:
    """The repairs of one network, and the passes that run with them."""

    net: nn.Module
    seed: int
    explain: Explain
    is_below: bool = False
    calls: CallRepairs = field(default_factory=CallRepairs)
    keeps_float32: bool = False

    def __post_init__(self) -> None:
        self.calls.locate = self._located

    def _located(self, repair: Repair, error: Exception) -> Problem | None:
        """The line that creates a layer with the wrong sizes, otherwise the line at which ``error`` was raised."""
        with suppress(Exception):  # the submission's own classes are looked at
            found = replace(self.explain("forward", error), message=repair.message, exception="")
            if repair.kind not in _SIZES_OF_LAYERS:
                return found if found.line else None
            created = creation_of(self.net, repair.layer)
            return moved_to(found, error, created) if created is not None else None
        return None

    @property
    def made(self) -> tuple[Repair, ...]:
        """The repairs so far, in the order in which they were found."""
        return tuple(self.calls.made)

    def remember(self, repair: Repair) -> bool:
        """Add a repair of the net or of its result; whether it may be made."""
        return self.calls.remember(repair, is_of_call=False)

    def find(self, batch: int) -> bool:
        """Look for repairs until a pass over ``batch`` images gives float32 scores (batch, 10); whether one does."""
        for _ in range(MOST_ROUNDS):
            before = self.made, self.calls.is_preventive
            if self._try(batch):
                # What joins the images of several into one row may not fail for a single image.
                self.calls.is_preventive |= any(repair.kind in _MIXING for repair in self.made)
                self.calls.is_complete = True
                return True
            if before == (self.made, self.calls.is_preventive):
                return False
        return False

    def _try(self, batch: int) -> bool:
        """Run one pass; whether it gave scores. If not, add one repair, if there is one."""
        initialise_lazy_layers(self.net)
        if has_lazy_layers(self.net):
            return False
        self.net.train()
        images = chosen_images(batch, seed=self.seed)
        recorder = Recorder(Registry(self.net), images, repairs=self.calls, is_below=self.is_below)
        try:
            with self.guarded(), recorder.recording():
                result = self.net(images)
                scores = self.scores_of(result, recorder, batch)
        except Exception as error:  # the submission's own failure is what is repaired
            self._repair_after(error)
            return False
        if is_scores(scores, batch):
            return True
        if not self._repair_classes(scores, recorder, batch) and not self.calls.is_preventive:
            self.calls.start_preventing()
        return False

    @contextmanager
    def guarded(self) -> Iterator[KeptOnCpu]:
        """The modes in which repaired passes run."""
        with ExitStack() as stack:
            guard = stack.enter_context(KeptOnCpu())
            if self.keeps_float32:
                stack.enter_context(KeptInFloat32())
            yield guard

    def _repair_after(self, error: Exception) -> None:
        problem = self.explain("forward", error)
        if not self.keeps_float32 and _is_about_dtype(error):
            self._keep_float32()
            return
        repair: Repair | None = None
        with suppress(Exception):  # the submission's own code may run, such as a misspelt __init__
            repair = repaired_definition(self.net, error, problem)
        if repair is not None:
            self.remember(replace(repair, problem=repair.problem or problem))
        elif not self.calls.is_preventive:
            self.calls.start_preventing()

    def _keep_float32(self) -> None:
        self.keeps_float32 = True
        self.net.float()
        message = "does not keep its values in float32"
        self.remember(Repair("dtype", "", message, assumed="Net kept its values in float32"))

    def _repair_classes(self, scores: object, recorder: Recorder, batch: int) -> bool:
        """Give the last layer ten outputs, if the scores have another number of them; whether that was done."""
        if not isinstance(scores, Tensor) or scores.dim() != 2 or scores.shape[0] != batch:
            return False
        found = int(scores.shape[1])
        made = tensors_of_last_layer(recorder.nodes, recorder.registry, found)
        if found == CLASSES or made is None:
            return False
        layer, weights = made
        for weight, at in weights:
            self.calls.resize(weight, at, CLASSES)
        assumed = f"{layer or 'the last layer'} had {CLASSES} outputs"
        self.calls.remember(
            Repair("class-count", layer, f"gives {found} scores for each image", CLASSES, found, assumed)
        )
        return True

    def scores_of(self, result: object, recorder: Recorder, batch: int) -> object:
        """The scores in what forward returned, as one float32 tensor where that is possible."""
        value = result
        if not isinstance(value, Tensor):
            value = self._tensor_in(result, recorder, batch)
        if isinstance(value, Tensor) and not value.is_floating_point():
            last = recorder.sources.last_scores((batch, CLASSES))
            assumed = "forward returned the scores instead of whole numbers"
            if last is not None and self.remember(
                Repair("class-numbers", "", "returns whole numbers", assumed=assumed)
            ):
                value = last
        if not isinstance(value, Tensor):
            return value
        if tuple(value.shape) == (CLASSES, batch) != (batch, CLASSES):
            assumed = "forward returned the scores by image"
            if self.remember(Repair("transposed", "", "returns a row for each class", assumed=assumed)):
                value = value.t()
        elif value.dim() != 2 and value.numel() == batch * CLASSES and _has_scores(value, batch):
            assumed = f"forward returned shape (N, {CLASSES})"
            message = f"returns shape {tuple(value.shape)}"
            if self.remember(Repair("extra-dimensions", "", message, assumed=assumed)):
                value = value.reshape(batch, CLASSES)
        if value.is_floating_point() and value.dtype != torch.float32:
            if not self.keeps_float32 and not self.calls.is_complete:
                self._keep_float32()
            if self.keeps_float32:
                value = value.float()
        return value

    def _tensor_in(self, result: object, recorder: Recorder, batch: int) -> object:
        """The scores if forward returned something else than a tensor."""
        tensors = [value for value in tensors_in(result) if value.is_floating_point()]
        chosen = best_scores(tensors, batch)
        assumed = "forward returned only the scores"
        if chosen is None:
            chosen = recorder.sources.last_scores((batch, CLASSES))
            assumed = "forward returned the scores as a tensor"
        if chosen is None:
            return result
        repair = Repair("returned-container", "", f"returns a {type(result).__name__[:40]}", assumed=assumed)
        if result is None:
            assumed = "forward ended with a return statement"
            repair = Repair("return-missing", "", "returns nothing", assumed=assumed)
        return chosen if self.remember(repair) else result


def best_scores(tensors: Sequence[Tensor], batch: int) -> Tensor | None:
    """The tensor that is most likely the scores among several that forward returned; None if none can be.

    Scores have ten values for each image. Log-probabilities come before others, and the last one before those before.
    """
    for shape in ((batch, CLASSES), (CLASSES, batch)):
        fitting = [value for value in tensors if tuple(value.shape) == shape]
        normalised = [value for value in fitting if bool(((value.detach().exp().sum(1) - 1).abs() < 1e-3).all())]
        if fitting:
            return (normalised or fitting)[-1]
    rows = [value for value in tensors if value.shape[:1] == (batch,) and value.dim() in {2, 3}]
    return rows[0] if len(tensors) == 1 and rows else None


def is_scores(value: object, batch: int) -> bool:
    """Whether a result is one float32 tensor (batch, 10)."""
    return type(value) is Tensor and tuple(value.shape) == (batch, CLASSES) and value.dtype == torch.float32


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in what forward returned, in order: in tuples, lists, dictionaries and simple objects."""
    waiting = [value]
    for _ in range(100):
        if not waiting:
            return
        first = waiting.pop(0)
        if isinstance(first, Tensor):
            yield first
        elif isinstance(first, dict):
            waiting[:0] = list(first.values())
        elif isinstance(first, (tuple, list)):
            waiting[:0] = list(first)
        elif not isinstance(first, (str, bytes, type, nn.Module)):
            waiting[:0] = list(getattr(first, "__dict__", {}).values())


def _has_scores(value: Tensor, batch: int) -> bool:
    """Whether a tensor of any number of dimensions has the scores in the order (batch, 10)."""
    sides = [side for side in value.shape if side != 1]
    return sides in ([batch, CLASSES], [CLASSES]) or value.dim() == 1


def _is_about_dtype(error: Exception) -> bool:
    words = ("dtype", "scalar type", "type (", "same type", "Double", "Half", "BFloat16")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


_SIZED_BY_OUTPUTS: dict[str, dict[int, int]] = {
    "linear": {1: 0, 2: 0},
    "conv2d": {1: 0, 2: 0},
    "addmm": {0: -1, 2: 1},
    "matmul": {1: 1},
    "mm": {1: 1},
}
"""For each kind of layer: the dimension of its weight and bias that is the number of outputs, by their place."""


def tensors_of_last_layer(
    nodes: Sequence[Node], registry: Registry, outputs: int
) -> tuple[str, list[tuple[Tensor, int]]] | None:
    """The last layer with weights, if it gives ``outputs`` values for each image; None if it does not.

    The layer's name, and each of its tensors with the dimension that has this size.
    """
    after: list[tuple[Tensor, int]] = []
    for node in reversed(nodes):
        owned = [
            (place, tensor)
            for place, tensor in enumerate(_owned(argument, registry) for argument in node.args)
            if tensor is not None
        ]
        sized = _SIZED_BY_OUTPUTS.get(node.name)
        if sized is None:
            after += [(tensor, 0) for _, tensor in owned if tuple(tensor.shape) == (outputs,)]
            continue
        found = [(tensor, sized[place] % max(tensor.dim(), 1)) for place, tensor in owned if place in sized]
        fits = found and all(tensor.dim() and tensor.shape[at] == outputs for tensor, at in found)
        return (node.layer, [*found, *after]) if fits else None
    return None


def _owned(argument: Any, registry: Registry) -> Tensor | None:
    """The net's own weight that an argument names; None for anything else."""
    if not isinstance(argument, dict) or argument.get("tensor", [""])[0] != "parameter":
        return None
    index: int = argument["tensor"][1]
    return registry.tensors[index]
