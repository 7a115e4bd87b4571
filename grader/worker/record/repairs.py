"""Repair an operation that fails because of a wrong size, so that the operations after it can be recorded too.

A repaired pass only shows what comes after the fault. The fault itself is recorded as a ``Repair`` for the checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from grader.model.evidence import Repair

LARGEST_REPLACED = 100_000_000
"""Largest number of values in a new weight that replaces one of the wrong size."""


@dataclass(frozen=True)
class RepairedCall:
    """The call to run instead of a failed operation: ``args`` with new ``weights``, given as pairs (old, new).

    ``first`` is an operation with its arguments that runs before; its result replaces its own first argument in
    ``args``. ``func`` replaces the operation itself.
    """

    repair: Repair
    args: tuple[Any, ...]
    weights: tuple[tuple[Tensor, Tensor], ...] = ()
    first: tuple[Any, tuple[Any, ...]] | None = None
    func: Any = None


def repaired_call(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], layer: str) -> RepairedCall | None:
    """A call that works, with the fault that it repairs; None if no repair is known for the failed operation."""
    if name == "linear":
        return _linear(args, layer)
    if name in {"matmul", "mm"}:
        return _product(args, 0, 1, layer)
    if name == "addmm":
        return _product(args, 1, 2, layer)
    if name == "conv2d":
        return _conv2d(args, layer)
    if name in {"view", "reshape"}:
        return _reshape(args, layer)
    return None


def _linear(args: tuple[Any, ...], layer: str) -> RepairedCall | None:
    data, weight = args[:2]
    if data.dim() < 1 or weight.dim() != 2 or data.shape[-1] == weight.shape[1]:
        return None
    expected = int(weight.shape[1])
    if data.dim() > 2 and data[0].numel() == expected:
        message = "is given feature maps that were not flattened"
        repair = Repair("flatten-missing", layer, message, expected, int(data.shape[-1]))
        return RepairedCall(repair, args, first=(torch.ops.aten.flatten.using_ints, (data, 1)))
    if data.dim() == 1 and data.numel() % expected == 0:
        message = "is given the values of all images in a single row"
        repair = Repair("flatten-batch", layer, message, expected, data.numel())
        return RepairedCall(repair, args, first=(torch.ops.aten.reshape.default, (data, [-1, expected])))
    return _resized(args, 1, (int(weight.shape[0]), int(data.shape[-1])), expected, layer)


def _product(args: tuple[Any, ...], left: int, right: int, layer: str) -> RepairedCall | None:
    data, weight = args[left], args[right]
    if data.dim() < 1 or weight.dim() != 2 or data.shape[-1] == weight.shape[0]:
        return None
    return _resized(args, right, (int(data.shape[-1]), int(weight.shape[1])), int(weight.shape[0]), layer)


def _resized(args: tuple[Any, ...], at: int, shape: tuple[int, int], expected: int, layer: str) -> RepairedCall | None:
    seen = int(args[0 if at == 1 else 1].shape[-1])
    if shape[0] * shape[1] > LARGEST_REPLACED:
        return None
    repair = Repair("linear-size", layer, f"expects {expected} inputs but is given {seen}", expected, seen)
    return _with_weight(repair, args, at, torch.randn(shape) / max(seen, 1) ** 0.5)


def _conv2d(args: tuple[Any, ...], layer: str) -> RepairedCall | None:
    data, weight = args[:2]
    groups = args[6] if len(args) > 6 else 1
    if data.dim() != 4 or weight.dim() != 4 or groups != 1 or data.shape[1] == weight.shape[1]:
        return None
    seen, expected = int(data.shape[1]), int(weight.shape[1])
    repair = Repair("conv-channels", layer, f"expects {expected} channels but is given {seen}", expected, seen)
    shape = (weight.shape[0], seen, *weight.shape[2:])
    return _with_weight(repair, args, 1, torch.randn(shape) / (seen * weight.shape[2] * weight.shape[3]) ** 0.5)


def _with_weight(repair: Repair, args: tuple[Any, ...], at: int, weight: Tensor) -> RepairedCall:
    weight.requires_grad_()
    return RepairedCall(repair, (*args[:at], weight, *args[at + 1 :]), weights=((args[at], weight),))


def _reshape(args: tuple[Any, ...], layer: str) -> RepairedCall | None:
    data, sizes = args[0], tuple(args[1])
    if data.dim() < 2 or not sizes:
        return None
    asked = 1
    for size in sizes:
        asked *= size
    reshape = torch.ops.aten.reshape.default
    if -1 not in sizes and asked == data.numel():
        # The sizes are right, but the memory layout is not: view after permute or transpose.
        repair = Repair("reshape-layout", layer, "view does not work with this memory layout; use reshape")
        return RepairedCall(repair, args, func=reshape)
    if len(sizes) != 2:
        return None
    features, wanted = data[0].numel(), sizes[-1]
    if wanted == features:
        repair = Repair("reshape-layout", layer, "view does not work with this memory layout; use reshape")
        return RepairedCall(repair, (data, [-1, features]), func=reshape)
    message = f"asks for {wanted} features but there are {features}"
    repair = Repair("reshape-size", layer, message, max(wanted, 0), features)
    return RepairedCall(repair, (data, [data.shape[0], features]), func=reshape)


def is_cuda(value: object) -> bool:
    """Whether a value names a CUDA device: ``"cuda:0"`` or ``torch.device("cuda")``, but not a plain index."""
    if isinstance(value, torch.device):
        return value.type == "cuda"
    return isinstance(value, str) and value.split(":")[0] == "cuda"


class KeptOnCpu(TorchFunctionMode):
    """While this mode is active, nothing moves to a GPU. ``moved`` says whether the code tried to."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if getattr(func, "__name__", "") == "cuda":
            self.moved = True
            return args[0]
        if any(is_cuda(value) for value in (*args, kwargs.get("device"))):
            self.moved = True
            args = tuple(torch.device("cpu") if is_cuda(value) else value for value in args)
            kwargs = {key: torch.device("cpu") if is_cuda(value) else value for key, value in kwargs.items()}
        return func(*args, **kwargs)
