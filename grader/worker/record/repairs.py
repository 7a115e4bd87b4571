"""Repair an operation that fails or mixes up images, so that the operations after it can be recorded too.

The fault itself is recorded as a :class:`Repair`, for the checks. docs/marking-policy.md lists the kinds of repair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from grader.model.evidence import Repair

LARGEST_REPLACED = 100_000_000
"""Largest number of values in a new weight that replaces one of the wrong size."""
_RESHAPE = torch.ops.aten.reshape.default
_SAME = torch.ops.aten.alias.default


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


def repaired_call(name: str, args: tuple[Any, ...], layer: str, batch: int) -> RepairedCall | None:
    """A call that works, with the fault that it repairs; None if no repair is known for the failed operation.

    ``batch`` is the number of images of the pass.
    """
    known = _REPAIRS.get(name)
    return known(args, layer, batch) if known is not None and args and isinstance(args[0], Tensor) else None


def preventive_call(name: str, args: tuple[Any, ...], layer: str, batch: int) -> RepairedCall | None:
    """A call in place of an operation that works but does not keep one row for each image; None if there is none.

    Used only after a pass that gave no scores although no operation failed.
    """
    if not args or not isinstance(args[0], Tensor) or args[0].shape[:1] != (batch,):
        return None
    data = args[0]
    if name == "linear" and data.dim() == 4:
        return _flattened(args, 0, layer, batch)
    if name in {"view", "reshape"} and data.dim() == 4 and len(args[1]) == 2:
        rows, features = args[1]
        kept = data.numel() // batch
        if features > 0 and rows != batch and (rows > 0 or features != kept):
            repair = Repair("reshape-rows", layer, "mixes the images of a batch", kept, features, _flat(kept))
            return RepairedCall(repair, (data, [batch, kept]), func=_RESHAPE)
    is_one_row = name == "flatten" and (args[1] if len(args) > 1 else 0) == 0
    is_one_row |= name in {"view", "reshape"} and len(args[1]) == 1
    if is_one_row and data.dim() == 4:
        kept = data.numel() // batch
        repair = Repair("flatten-batch", layer, "puts all images into one row", kept, data.numel(), _flat(kept))
        return RepairedCall(repair, (data, [batch, kept]), func=_RESHAPE)
    return None


def _flat(kept: int) -> str:
    return f"the flatten step kept {kept} values for each image"


def _linear(args: tuple[Any, ...], layer: str, batch: int) -> RepairedCall | None:
    data, weight = args[:2]
    if weight.dim() != 2 or data.shape[-1:] == weight.shape[1:]:
        return None
    if data.dim() != 2 and data.numel() % batch == 0:
        return _flattened(args, int(weight.shape[1]), layer, batch)
    return _resized(args, 1, (int(weight.shape[0]), int(data.shape[-1])), int(weight.shape[1]), layer)


def _flattened(args: tuple[Any, ...], expected: int, layer: str, batch: int) -> RepairedCall:
    data = args[0]
    kept = data.numel() // batch
    if data.dim() < 2:
        message = "is given the values of all images in a single row"
        repair = Repair("flatten-batch", layer, message, expected or kept, data.numel(), _flat(kept))
    else:
        message = "is given feature maps that were not flattened"
        seen = int(data.shape[-1])
        repair = Repair("flatten-missing", layer, message, expected or kept, seen, "the feature maps were flattened")
    return RepairedCall(repair, args, first=(_RESHAPE, (data, [batch, kept])))


def _product(left: int, right: int) -> Callable[[tuple[Any, ...], str, int], RepairedCall | None]:
    def repaired(args: tuple[Any, ...], layer: str, _: int) -> RepairedCall | None:
        data, weight = args[left], args[right]
        if data.dim() < 1 or weight.dim() != 2 or data.shape[-1] == weight.shape[0]:
            return None
        return _resized(
            args, right, (int(data.shape[-1]), int(weight.shape[1])), int(weight.shape[0]), layer, left=left
        )

    return repaired


def _resized(
    args: tuple[Any, ...], at: int, shape: tuple[int, int], expected: int, layer: str, *, left: int = 0
) -> RepairedCall | None:
    seen = int(args[left].shape[-1])
    if shape[0] * shape[1] > LARGEST_REPLACED:
        return None
    assumed = f"{layer or 'the fully connected layer'} had {seen} inputs"
    repair = Repair("linear-size", layer, f"expects {expected} inputs but is given {seen}", expected, seen, assumed)
    return _with_weight(repair, args, at, torch.randn(shape) / max(seen, 1) ** 0.5)


def _conv2d(args: tuple[Any, ...], layer: str, batch: int) -> RepairedCall | None:
    data, weight = args[:2]
    groups = args[6] if len(args) > 6 else 1
    channels = int(weight.shape[1]) * groups
    if weight.dim() != 4:
        return None
    if data.dim() != 4 or data.shape[0] != batch:
        return _as_images(args, channels, layer, batch)
    if data.shape[1] == data.shape[2] != channels == data.shape[3]:  # (N, size, size, channels)
        repair = Repair("input-shape", layer, "has its channels last", assumed=_AS_IMAGES)
        return RepairedCall(repair, args, first=(torch.ops.aten.permute.default, (data, [0, 3, 1, 2])))
    if groups == 1 and data.shape[1] != channels:
        seen = int(data.shape[1])
        assumed = f"{layer or 'the convolution'} had {seen} input channels"
        message = f"expects {channels} channels but is given {seen}"
        repair = Repair("conv-channels", layer, message, channels, seen, assumed)
        shape = (weight.shape[0], seen, *weight.shape[2:])
        return _with_weight(repair, args, 1, torch.randn(shape) / (seen * weight.shape[2] * weight.shape[3]) ** 0.5)
    padding = [int(side) // 2 for side in weight.shape[2:]]
    if any(size < kernel for size, kernel in zip(data.shape[2:], weight.shape[2:], strict=True)):
        assumed = f"{layer or 'the convolution'} had enough padding for its kernel"
        repair = Repair("map-too-small", layer, "is given a feature map smaller than its kernel", assumed=assumed)
        bias, stride = (args[2] if len(args) > 2 else None), (args[3] if len(args) > 3 else [1, 1])
        return RepairedCall(repair, (data, weight, bias, stride, padding, *args[5:]))
    return None


_AS_IMAGES = "the images kept their shape (N, channels, height, width)"


def _as_images(args: tuple[Any, ...], channels: int, layer: str, batch: int) -> RepairedCall | None:
    """The call on the data as a batch of images, if it has the values for that."""
    data = args[0]
    pixels, rest = divmod(data.numel(), batch * channels)
    height, width = data.shape[-2:] if data.dim() > 2 else (0, 0)
    if height * width != pixels:
        height = width = isqrt(pixels)
    if rest or not pixels or height * width != pixels:
        return None
    shape = " x ".join(map(str, data.shape[1:]))
    repair = Repair("input-shape", layer, f"is given {shape} values for each image", assumed=_AS_IMAGES)
    return RepairedCall(repair, args, first=(_RESHAPE, (data, [batch, channels, height, width])))


def _with_weight(repair: Repair, args: tuple[Any, ...], at: int, weight: Tensor) -> RepairedCall:
    weight.requires_grad_()
    return RepairedCall(repair, (*args[:at], weight, *args[at + 1 :]), weights=((args[at], weight),))


def _reshape(args: tuple[Any, ...], layer: str, _: int) -> RepairedCall | None:
    data, sizes = args[0], tuple(args[1])
    if data.dim() < 2 or not sizes:
        return None
    asked = 1
    for size in sizes:
        asked *= size
    message, assumed = "view does not work with this memory layout; use reshape", "reshape were used instead of view"
    if -1 not in sizes and asked == data.numel():
        # The sizes are right, but the memory layout is not: view after permute or transpose.
        return RepairedCall(Repair("reshape-layout", layer, message, assumed=assumed), args, func=_RESHAPE)
    if len(sizes) != 2:
        return None
    features, wanted = data[0].numel(), sizes[-1]
    if wanted == features and sizes[0] not in {-1, data.shape[0]}:
        return None  # a fixed number of images, which is the fault of another check
    if wanted == features:
        repair = Repair("reshape-layout", layer, message, assumed=assumed)
        return RepairedCall(repair, (data, [-1, features]), func=_RESHAPE)
    message = f"asks for {wanted} features but there are {features}"
    repair = Repair("reshape-size", layer, message, max(wanted, 0), features, _flat(features))
    return RepairedCall(repair, (data, [data.shape[0], features]), func=_RESHAPE)


def _left_out(what: str) -> Callable[[tuple[Any, ...], str, int], RepairedCall | None]:
    def repaired(args: tuple[Any, ...], layer: str, _: int) -> RepairedCall | None:
        assumed = f"{layer or f'the {what}'} were not there"
        return RepairedCall(Repair("left-out", layer, f"{what} does not fit", assumed=assumed), args[:1], func=_SAME)

    return repaired


def _softmax(args: tuple[Any, ...], layer: str, _: int) -> RepairedCall | None:
    data, dim = args[:2]
    if -data.dim() <= dim < data.dim():
        return None
    repair = Repair("softmax-dim", layer, f"has no dimension {dim}", assumed="the dimension of the softmax were 1")
    return RepairedCall(repair, (data, -1, *args[2:]))


_REPAIRS: dict[str, Callable[[tuple[Any, ...], str, int], RepairedCall | None]] = {
    "linear": _linear,
    "matmul": _product(0, 1),
    "mm": _product(0, 1),
    "addmm": _product(1, 2),
    "conv2d": _conv2d,
    "view": _reshape,
    "reshape": _reshape,
    "max_pool2d": _left_out("pooling"),
    "avg_pool2d": _left_out("pooling"),
    "batch_norm": _left_out("batch norm"),
    "log_softmax": _softmax,
    "softmax": _softmax,
}


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


_OTHER_FLOATS = {"double": torch.float64, "half": torch.float16, "bfloat16": torch.bfloat16}


class KeptInFloat32(TorchFunctionMode):
    """While this mode is active, no tensor becomes float64, float16 or bfloat16: such a dtype is read as float32."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        others = set(_OTHER_FLOATS.values())
        if getattr(func, "__name__", "") in _OTHER_FLOATS and args:
            return args[0].float()
        args = tuple(torch.float32 if type(value) is torch.dtype and value in others else value for value in args)
        kwargs = {
            key: torch.float32 if type(value) is torch.dtype and value in others else value
            for key, value in (kwargs or {}).items()
        }
        return func(*args, **kwargs)
