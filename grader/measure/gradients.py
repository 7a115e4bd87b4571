"""Compute the gradients of a recorded network: which of its weights can learn from a loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, isfinite
from torch.nn import functional

from grader.measure.network import RunnableNetwork, torch_problem
from grader.measure.replay import TORCH_ERRORS, State
from grader.measure.weights import fresh_state
from grader.model.evidence import Gradients, ParameterGradient
from grader.model.graph import Graph
from grader.worker.record.seeded_values import chosen_labels

SEEDS_TRIED = 8
LEAST_GRADIENT = 1e-7
"""Smallest root-mean-square gradient that counts, relative to the largest in the network; docs/calibration.md."""


def gradients_of(network: RunnableNetwork, *, seed: int) -> Gradients:
    """The gradients of a network as the submission initialises it.

    If the submission's initialisation always gives zero gradients, that is a fault, and other weights would hide it. To
    exclude chance, up to SEEDS_TRIED draws of such weights are tried.
    """
    first: Gradients | None = None
    for number in range(SEEDS_TRIED):
        state = fresh_state(network.graph, seed=seed + number, like_own=True)
        found = _gradients_from(network, state)
        first = first or found
        if found.problem is not None or all(parameter.state != "zero" for parameter in found.parameters):
            return found
    return first or Gradients(None)


def _gradients_from(network: RunnableNetwork, state: State) -> Gradients:
    """Backward passes from the loss in training mode.

    A gradient counts as zero only if it stays zero over three batches with an SGD step between them: a last layer that
    starts at zero, or one batch that leaves a ReLU dead, is not a fault. The steps change ``state``.
    """
    graph, size = network.graph, network.size(32)
    states = ["none"] * len(state.weights)
    labels = chosen_labels(size)
    torch.manual_seed(network.seed)
    for attempt in range(3):
        for weight in state.weights:
            weight.grad = None
        data = network.probes(size + attempt)[:size]
        try:
            outputs = network.replay.run(graph.training, data, state)
            assert outputs is not None
            loss = functional.nll_loss(functional.log_softmax(outputs, dim=1), labels)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        except TORCH_ERRORS as error:
            return Gradients(torch_problem("replay", error), _listed(graph, states), _unregistered(graph))
        largest = max((_size(weight.grad) for weight in state.weights), default=0.0)
        for index, weight in enumerate(state.weights):
            if states[index] != "ok":
                # A bias before a batch norm has no effect; its gradient is only rounding error.
                least = LEAST_GRADIENT * largest if weight.dim() > 1 else 0.0
                states[index] = _gradient_state(weight.grad, least)
        if all(outcome == "ok" for outcome in states):
            break
        with torch.no_grad():
            for weight in state.weights:
                if weight.grad is not None and bool(isfinite(weight.grad).all()):
                    weight.sub_(weight.grad, alpha=0.1)
    return Gradients(None, _listed(graph, states), _unregistered(graph))


def _size(gradient: Tensor | None) -> float:
    """The root mean square of a gradient's values; 0 if there is none or it is not finite."""
    if gradient is None or not gradient.numel():
        return 0.0
    size = float(gradient.double().square().mean().sqrt())
    return size if size < float("inf") else 0.0


def _gradient_state(gradient: Tensor | None, least: float) -> str:
    if gradient is None:
        return "none"
    if not bool(isfinite(gradient).all()):
        return "nonfinite"
    return "ok" if _size(gradient) > least else "zero"


def _listed(graph: Graph, states: Sequence[str]) -> tuple[ParameterGradient, ...]:
    return tuple(
        ParameterGradient(weight.name[:120], weight.shape, state, weight.is_trainable)
        for weight, state in zip(graph.weights[:500], states, strict=False)
        if weight.is_registered
    )


def _unregistered(graph: Graph) -> tuple[str, ...]:
    """Descriptions of weights that the network uses but net.parameters() does not contain."""
    words = [
        f"a weight of shape {' x '.join(map(str, weight.shape))}"
        for weight in graph.weights
        if not weight.is_registered
    ]
    return tuple(dict.fromkeys(words))[:20]
