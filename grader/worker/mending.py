"""Mending a forward pass that a wrong size or device would stop, so that the trace can see what lies behind the fault.

A mended pass is used for looking only: the fault is written down as a :class:`~grader.evidence.Repair` and judged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from grader.evidence import Repair
from grader.worker.vocabulary import function_name

Call = tuple[tuple[Any, ...], dict[str, Any]]


def is_cuda(value: object) -> bool:
    """Whether a value names a CUDA device (``"cuda:0"``, ``torch.device("cuda")``, a bare index is not asked here)."""
    if isinstance(value, torch.device):
        return value.type == "cuda"
    return isinstance(value, str) and value.split(":")[0] == "cuda"


def without_cuda(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
    """The call kept on the CPU when it would go to a GPU; None when it would not."""
    if name == "cuda":
        return args[:1], {}
    if any(is_cuda(value) for value in args) or is_cuda(kwargs.get("device")):
        cleaned = tuple(torch.device("cpu") if is_cuda(value) else value for value in args)
        return cleaned, {key: "cpu" if is_cuda(value) else value for key, value in kwargs.items()}
    return None


class KeptOnCpu(TorchFunctionMode):
    """While active, nothing moves to a GPU; ``moved`` tells whether something asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = False

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]  # torch's own signature
        name = function_name(func)
        kept = without_cuda(name, args, dict(kwargs or {}))
        if kept is None:
            return func(*args, **(kwargs or {}))
        self.moved = True
        return kept[0][0] if name == "cuda" else func(*kept[0], **kept[1])


def mended(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], layer: str
) -> tuple[Callable[[], Tensor], Repair] | None:
    """A call that does what the failed one should have done, and what was wrong with it; None when that is not
    known.
    """
    tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
    if name == "linear" and len(tensors) >= 2:
        return _linear(tensors[0], tensors[1], layer)
    if name in {"matmul", "__matmul__", "mm"} and len(tensors) == 2:
        return _product(tensors[0], tensors[1], layer)
    if name == "addmm" and len(tensors) == 3:
        return _product(tensors[1], tensors[2], layer)
    if name == "conv2d" and len(tensors) >= 2:
        return _conv2d(tensors, args, kwargs, layer)
    if name in {"view", "reshape"} and tensors:
        return _reshape(tensors[0], args, kwargs, layer)
    return None


def _linear(data: Tensor, weight: Tensor, layer: str) -> tuple[Callable[[], Tensor], Repair] | None:
    if data.dim() < 1 or weight.dim() != 2 or data.shape[-1] == weight.shape[1]:
        return None
    if data.dim() > 2 and data[0].numel() == weight.shape[1]:
        repair = Repair(
            "flatten-missing", layer, "is given feature maps that were not flattened", weight.shape[1], data.shape[-1]
        )
        return (lambda: torch.nn.functional.linear(data.flatten(1), weight)), repair
    if data.dim() == 1 and data.numel() % weight.shape[1] == 0:
        message = "is given the values of all images in one row"
        repair = Repair("flatten-batch", layer, message, weight.shape[1], data.numel())
        return (lambda: torch.nn.functional.linear(data.view(-1, weight.shape[1]), weight)), repair
    return _resized_product(data, weight.shape[0], expected=weight.shape[1], layer=layer)


def _product(data: Tensor, weight: Tensor, layer: str) -> tuple[Callable[[], Tensor], Repair] | None:
    if data.dim() < 1 or weight.dim() != 2 or data.shape[-1] == weight.shape[0]:
        return None
    return _resized_product(data, weight.shape[1], expected=weight.shape[0], layer=layer)


def _resized_product(
    data: Tensor, outputs: int, *, expected: int, layer: str
) -> tuple[Callable[[], Tensor], Repair] | None:
    if data.shape[-1] * outputs > 100_000_000:
        return None
    seen = int(data.shape[-1])
    repair = Repair("linear-size", layer, f"expects {expected} inputs but is given {seen}", expected, seen)
    weight = torch.randn(outputs, seen) / seen**0.5
    return (lambda: torch.nn.functional.linear(data, weight)), repair


def _conv2d(
    tensors: list[Tensor], args: tuple[Any, ...], kwargs: dict[str, Any], layer: str
) -> tuple[Callable[[], Tensor], Repair] | None:
    data, weight = tensors[0], tensors[1]
    groups = kwargs.get("groups", args[6] if len(args) > 6 else 1)
    if data.dim() != 4 or weight.dim() != 4 or groups != 1 or data.shape[1] == weight.shape[1]:
        return None
    seen, expected = int(data.shape[1]), int(weight.shape[1])
    repair = Repair("conv-channels", layer, f"expects {expected} channels but is given {seen}", expected, seen)
    replacement = (
        torch.randn(weight.shape[0], seen, *weight.shape[2:]) / (seen * weight.shape[2] * weight.shape[3]) ** 0.5
    )

    def call() -> Tensor:
        if len(args) > 1:
            return torch.conv2d(args[0], replacement, *args[2:], **kwargs)
        return torch.conv2d(**{**kwargs, "input": data, "weight": replacement})

    return call, repair


def _reshape(
    data: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any], layer: str
) -> tuple[Callable[[], Tensor], Repair] | None:
    sizes = args[1] if len(args) == 2 and isinstance(args[1], tuple | list | torch.Size) else args[1:]
    sizes = tuple(kwargs.get("shape", kwargs.get("size", sizes)))
    if data.dim() < 2 or not sizes or not all(isinstance(size, int) for size in sizes):
        return None
    asked = 1
    for size in sizes:
        asked *= size
    if -1 not in sizes and asked == data.numel():
        # The sizes are right and the memory layout is not: view after permute or transpose.
        repair = Repair("reshape-layout", layer, "view cannot be used on this layout; reshape can")
        return (lambda: data.reshape(sizes)), repair
    features = data[0].numel()
    wanted = sizes[-1] if len(sizes) == 2 else -1
    if len(sizes) != 2:
        return None
    if wanted == features:
        return (lambda: data.reshape(-1, features)), Repair(
            "reshape-layout", layer, "view cannot be used on this layout"
        )
    repair = Repair(
        "reshape-size", layer, f"asks for {wanted} features but there are {features}", max(wanted, 0), features
    )
    return (lambda: data.reshape(data.shape[0], features)), repair
