"""The repairs of operations in all recorded passes of one network: the same new weights in each pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from grader.model.evidence import Problem, Repair
from grader.worker.record.places import running
from grader.worker.record.repairs import RepairedCall, preventive_call, repaired_call

MOST_REPAIRS = 20


@dataclass
class CallRepairs:
    """Repairs operations, and remembers what it repaired."""

    made: list[Repair] = field(default_factory=list)
    is_preventive: bool = False
    """Whether operations that mix up the images of a batch are replaced although they do not fail."""
    is_complete: bool = False
    """Whether the search for repairs has ended."""
    resized: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """Tensors that are read with another number of classes: by ``id``, the old and the new one."""
    _weights: dict[tuple[int, tuple[int, ...]], Tensor] = field(default_factory=dict)
    _of_calls: list[Repair] = field(default_factory=list)
    locate: Callable[[Repair, Exception], Problem | None] = lambda repair, error: None
    """Where the student can correct a fault; the exception has the place of the operation that was repaired."""
    _count: int = 0
    _mixing: Exception | None = None

    def begin_pass(self) -> None:
        """Start a pass; the n-th replaced weight of each pass is the same tensor."""
        self._count = 0
        self._mixing = None

    def has_run(self, args: tuple[Any, ...], result: object, batch: int) -> None:
        """Remember where an operation joined or divided the images of a batch."""
        data = args[0] if args else None
        if isinstance(data, Tensor) and isinstance(result, Tensor) and data.shape[:1] == (batch,) != result.shape[:1]:
            self._mixing = running()

    def after_error(self, name: str, args: tuple[Any, ...], layer: str, batch: int) -> RepairedCall | None:
        """The call in place of one that failed; None if there is no repair for it."""
        return self._remembered(repaired_call(name, args, layer, batch))

    def prevented(self, name: str, args: tuple[Any, ...], layer: str, batch: int) -> RepairedCall | None:
        """The call in place of one that would mix up the images; None for all others."""
        return self._remembered(preventive_call(name, args, layer, batch)) if self.is_preventive else None

    def with_new_sizes(self, name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of a layer, with its weight and bias for ten classes if they had another number."""
        if not self.resized or name not in {"linear", "addmm", "matmul", "mm", "conv2d", "add"}:
            return args
        return tuple(self.resized[id(value)][1] if id(value) in self.resized else value for value in args)

    def resize(self, weight: Tensor, at: int, size: int) -> None:
        """From now on, read a new tensor in place of ``weight``, with ``size`` values in dimension ``at``."""
        shape = [size if place == at else side for place, side in enumerate(weight.shape)]
        fan_in = max(weight.numel() // max(weight.shape[at], 1), 1)
        new = (torch.randn(shape) / fan_in**0.5).to(weight.dtype).requires_grad_()
        self.resized[id(weight)] = (weight, new)

    def remember(self, repair: Repair, *, is_of_call: bool = True) -> bool:
        """Add a repair, unless the same one was made before; whether it may be made.

        Once the repairs are found, all passes are recorded with those and no others.
        """
        if any(known.assumed == repair.assumed for known in self.made):
            return True
        if self.is_complete or len(self.made) == MOST_REPAIRS:
            return False
        if is_of_call:
            is_earlier = repair.kind == "flatten-batch" and not self.is_preventive
            repair = replace(repair, problem=self.locate(repair, (self._mixing if is_earlier else None) or running()))
            self._of_calls.append(repair)
        self.made.append(repair)
        return True

    def start_preventing(self) -> None:
        """Forget all repairs of calls; from now on, also replace operations that mix up the images of a batch."""
        self.is_preventive = True
        self.made = [repair for repair in self.made if repair not in self._of_calls]
        self._of_calls.clear()
        self.resized.clear()

    def _remembered(self, call: RepairedCall | None) -> RepairedCall | None:
        if call is None or not self.remember(call.repair):
            return None
        if not call.weights:
            return call
        ((old, new),) = call.weights
        self._count += 1
        kept = self._weights.setdefault((self._count, tuple(new.shape)), new)
        return replace(call, args=tuple(kept if value is new else value for value in call.args), weights=((old, kept),))
