"""The steps of torch's optimisers, to the last bit, without their classes.

The classes import torch's compiler, which takes a second in each process; the functions that they call do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd


class _Optimiser:
    """The weights that an optimiser moves."""

    def __init__(self, weights: Sequence[Tensor]) -> None:
        self._weights = weights

    def forget_gradients(self) -> None:
        """Leave no weight with a gradient."""
        for weight in self._weights:
            weight.grad = None

    def _moved(self) -> tuple[list[int], list[Tensor], list[Tensor]]:
        """The numbers of the weights that have a gradient, these weights, and their gradients."""
        moved = [number for number, weight in enumerate(self._weights) if weight.grad is not None]
        gradients = [gradient for number in moved if (gradient := self._weights[number].grad) is not None]
        return moved, [self._weights[number] for number in moved], gradients


class Descent(_Optimiser):
    """torch.optim.SGD on ``weights``."""

    def __init__(self, weights: Sequence[Tensor], *, rate: float, momentum: float) -> None:
        super().__init__(weights)
        self._velocities: list[Tensor | None] = [None] * len(weights)
        self._rate, self._momentum = rate, momentum

    @torch.no_grad()
    def step(self) -> None:
        """Move the weights that have a gradient."""
        moved, weights, gradients = self._moved()
        velocities = [self._velocities[number] for number in moved]
        sgd(
            weights,
            gradients,
            velocities,
            weight_decay=0,
            momentum=self._momentum,
            lr=self._rate,
            dampening=0,
            nesterov=False,
            maximize=False,
        )
        for number, velocity in zip(moved, velocities, strict=True):
            self._velocities[number] = velocity


class Adam(_Optimiser):
    """torch.optim.Adam on ``weights``, with its usual settings."""

    def __init__(self, weights: Sequence[Tensor], *, rate: float) -> None:
        super().__init__(weights)
        self._rate = rate
        self._means = [torch.zeros_like(weight) for weight in weights]
        self._squares = [torch.zeros_like(weight) for weight in weights]
        self._steps = [torch.zeros(()) for _ in weights]

    @torch.no_grad()
    def step(self) -> None:
        """Move the weights that have a gradient."""
        moved, weights, gradients = self._moved()
        adam(
            weights,
            gradients,
            [self._means[number] for number in moved],
            [self._squares[number] for number in moved],
            [],
            [self._steps[number] for number in moved],
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self._rate,
            weight_decay=0,
            eps=1e-8,
            maximize=False,
        )
