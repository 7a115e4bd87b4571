"""Where a tensor keeps its values in memory, and their sum: the recorder notices by them what bypasses torch."""

from __future__ import annotations

import torch
from torch import Tensor


def address_of(value: Tensor) -> int:
    """The address of a tensor's first value; 0 for a tensor without its own memory (sparse, wrapper)."""
    try:
        return value.data_ptr()
    except (RuntimeError, NotImplementedError):
        return 0


def storage_address_of(value: Tensor) -> int:
    """The address of the storage that a tensor shares with its views; 0 for a tensor without its own memory."""
    try:
        return int(value.untyped_storage().data_ptr())
    except (RuntimeError, NotImplementedError):
        return 0


def sum_of(value: Tensor) -> str | None:
    """The sum of a tensor's values as text, so that NaN equals NaN; None for sparse, complex and GPU tensors."""
    if value.layout is not torch.strided or value.device.type != "cpu" or value.is_complex():
        return None
    return repr(float(value.detach().double().sum()))


def is_same_memory(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors read the same values in the same order from the same address; the shape may differ."""
    if first.layout is not torch.strided or first.numel() != second.numel() or first.dtype != second.dtype:
        return False
    try:
        is_same = first.data_ptr() == second.data_ptr()
    except (RuntimeError, NotImplementedError):
        return False
    if not is_same:
        return False
    return (first.shape == second.shape and first.stride() == second.stride()) or (
        first.is_contiguous() and second.is_contiguous()
    )
