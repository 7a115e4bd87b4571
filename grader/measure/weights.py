"""Initial weights for replays and training: by the kind of layer, or drawn from the submission's initial values.

The grader uses only small samples of the submission's values, so that a submission cannot bring trained weights.
"""

from __future__ import annotations

import torch
from torch import Tensor

from grader.measure.replay import State, dtype_of, sample_of, values_of
from grader.model.graph import Graph, size_of
from grader.model.weights import layer_bounds, own_weights
from grader.worker.record.seeded_values import chosen_weight


def fresh_state(graph: Graph, *, seed: int, like_own: bool = False, device: str = "cpu") -> State:
    """The state of the network before the first training step.

    Weights and biases that a convolution or a linear layer reads directly are initialised like torch's layers
    (:func:`grader.model.weights.layer_bounds`). Other weights (with ``like_own``: all weights) are drawn from the
    initial values of the submission's own weight. A few small weights keep exactly those values
    (:func:`grader.model.weights.own_weights`).
    """
    generator = torch.Generator().manual_seed(seed)
    bounds = {} if like_own else layer_bounds(graph)
    kept, _ = own_weights(graph)
    weights = []
    for index, weight in enumerate(graph.weights):
        if index in bounds:
            values = torch.empty(weight.shape).uniform_(-bounds[index], bounds[index], generator=generator)
        elif weight.sample:
            sample = sample_of(weight.sample)
            is_whole = index in kept and len(sample) == size_of(weight.shape)
            picks = torch.randint(max(len(sample), 1), (size_of(weight.shape),), generator=generator)
            values = sample if is_whole else sample[picks] if len(sample) else torch.zeros(size_of(weight.shape))
            values = values.reshape(weight.shape).clone()
        else:
            bound = max(size_of(weight.shape[1:]), 1) ** -0.5
            values = torch.empty(weight.shape).uniform_(-bound, bound, generator=generator)
        weights.append(values.to(device=device, dtype=dtype_of(weight.dtype)).requires_grad_(weight.is_trainable))
    return State(weights, *_others(graph, device))


def chosen_state(graph: Graph, *, seed: int) -> State:
    """The state with the weights that the grader chose for the submission's own run."""
    weights = [
        chosen_weight(weight.shape, weight.number, seed=seed)
        .to(dtype_of(weight.dtype))
        .requires_grad_(weight.is_trainable)
        for weight in graph.weights
    ]
    return State(weights, *_others(graph, "cpu"))


def _others(graph: Graph, device: str) -> tuple[list[Tensor], list[Tensor]]:
    buffers, constants = (
        [values_of(tensor.values, tensor.shape, tensor.dtype).to(device) for tensor in held]
        for held in (graph.buffers, graph.constants)
    )
    return buffers, constants
