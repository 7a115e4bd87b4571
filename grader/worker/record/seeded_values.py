"""Weights, images and labels that the grader chooses by seed; recording and measuring processes get the same values."""

from __future__ import annotations

import torch
from torch import Tensor


def chosen_images(count: int, *, seed: int) -> Tensor:
    """Coarse and fine noise, (count, 1, 28, 28) float32, in the range of normalised digits."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 1, 7, 7, generator=generator).repeat_interleave(4, 2).repeat_interleave(4, 3)
    fine = torch.rand(count, 1, 28, 28, generator=generator)
    return coarse.mul_(2.4).add_(fine.mul_(0.8)).sub_(0.42)


def chosen_weight(shape: tuple[int, ...], index: int, *, seed: int) -> Tensor:
    """Values for the weight number ``index``, float32: scaled as an initial weight; a vector has values around 1."""
    generator = torch.Generator().manual_seed(seed * 1009 + index)
    values = torch.randn(shape, generator=generator)
    if len(shape) < 2:
        return values.mul_(0.1).add_(1.0)
    inputs = values[0].numel()
    return values.mul_(max(inputs, 1) ** -0.5)


def chosen_labels(count: int) -> Tensor:
    """The labels 0 to 9 in turn, int64, (count,)."""
    return torch.arange(count) % 10
