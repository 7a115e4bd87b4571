"""Mending an operation that a wrong size would stop, so that what lies behind the fault can be recorded as well.

A mended pass is used for looking only: the fault is written down as a ``Repair`` and judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from grader.model.evidence import Repair

LARGEST_REPLACED = 100_000_000
"""Values of a weight that is made in place of one that does not fit."""


@dataclass(frozen=True)
class Mended:
    """What to run instead of a failed operation: ``args``, with ``weights`` (old, new) of another size in them.

    ``first``, an operation with its arguments, runs before it, and its result takes the place of its own first
    argument. ``func`` replaces the operation itself.
    """

    repair: Repair
    args: tuple[Any, ...]
    weights: tuple[tuple[Tensor, Tensor], ...] = ()
    first: tuple[Any, tuple[Any, ...]] | None = None
    func: Any = None


def mended(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], layer: str) -> Mended | None:
    """What the failed operation should have been, and what was wrong with it; None when that is not known."""
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


def _linear(args: tuple[Any, ...], layer: str) -> Mended | None:
    data, weight = args[:2]
    if data.dim() < 1 or weight.dim() != 2 or data.shape[-1] == weight.shape[1]:
        return None
    expected = int(weight.shape[1])
    if data.dim() > 2 and data[0].numel() == expected:
        message = "is given feature maps that were not flattened"
        repair = Repair("flatten-missing", layer, message, expected, int(data.shape[-1]))
        return Mended(repair, args, first=(torch.ops.aten.flatten.using_ints, (data, 1)))
    if data.dim() == 1 and data.numel() % expected == 0:
        message = "is given the values of all images in one row"
        repair = Repair("flatten-batch", layer, message, expected, data.numel())
        return Mended(repair, args, first=(torch.ops.aten.reshape.default, (data, [-1, expected])))
    return _resized(args, 1, (int(weight.shape[0]), int(data.shape[-1])), expected, layer)


def _product(args: tuple[Any, ...], left: int, right: int, layer: str) -> Mended | None:
    data, weight = args[left], args[right]
    if data.dim() < 1 or weight.dim() != 2 or data.shape[-1] == weight.shape[0]:
        return None
    return _resized(args, right, (int(data.shape[-1]), int(weight.shape[1])), int(weight.shape[0]), layer)


def _resized(args: tuple[Any, ...], at: int, shape: tuple[int, int], expected: int, layer: str) -> Mended | None:
    seen = int(args[0 if at == 1 else 1].shape[-1])
    if shape[0] * shape[1] > LARGEST_REPLACED:
        return None
    repair = Repair("linear-size", layer, f"expects {expected} inputs but is given {seen}", expected, seen)
    return _with_weight(repair, args, at, torch.randn(shape) / max(seen, 1) ** 0.5)


def _conv2d(args: tuple[Any, ...], layer: str) -> Mended | None:
    data, weight = args[:2]
    groups = args[6] if len(args) > 6 else 1
    if data.dim() != 4 or weight.dim() != 4 or groups != 1 or data.shape[1] == weight.shape[1]:
        return None
    seen, expected = int(data.shape[1]), int(weight.shape[1])
    repair = Repair("conv-channels", layer, f"expects {expected} channels but is given {seen}", expected, seen)
    shape = (weight.shape[0], seen, *weight.shape[2:])
    return _with_weight(repair, args, 1, torch.randn(shape) / (seen * weight.shape[2] * weight.shape[3]) ** 0.5)


def _with_weight(repair: Repair, args: tuple[Any, ...], at: int, weight: Tensor) -> Mended:
    weight.requires_grad_()
    return Mended(repair, (*args[:at], weight, *args[at + 1 :]), weights=((args[at], weight),))


def _reshape(args: tuple[Any, ...], layer: str) -> Mended | None:
    data, sizes = args[0], tuple(args[1])
    if data.dim() < 2 or not sizes:
        return None
    asked = 1
    for size in sizes:
        asked *= size
    reshape = torch.ops.aten.reshape.default
    if -1 not in sizes and asked == data.numel():
        # The sizes are right and the memory layout is not: view after permute or transpose.
        repair = Repair("reshape-layout", layer, "view cannot be used on this layout; reshape can")
        return Mended(repair, args, func=reshape)
    if len(sizes) != 2:
        return None
    features, wanted = data[0].numel(), sizes[-1]
    if wanted == features:
        repair = Repair("reshape-layout", layer, "view cannot be used on this layout")
        return Mended(repair, (data, [-1, features]), func=reshape)
    message = f"asks for {wanted} features but there are {features}"
    repair = Repair("reshape-size", layer, message, max(wanted, 0), features)
    return Mended(repair, (data, [data.shape[0], features]), func=reshape)


def is_cuda(value: object) -> bool:
    """Whether a value names a CUDA device (``"cuda:0"``, ``torch.device("cuda")``, a bare index is not asked here)."""
    if isinstance(value, torch.device):
        return value.type == "cuda"
    return isinstance(value, str) and value.split(":")[0] == "cuda"


class KeptOnCpu(TorchFunctionMode):
    """While active, nothing moves to a GPU; ``moved`` tells whether something asked to."""

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
