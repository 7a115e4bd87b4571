"""Test whether a network can overfit one batch: a quick sign that its layers and its loss are connected correctly.

Only a student's self-check uses this; it does not count for marks.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.adam import adam

from grader.measure.images import Images
from grader.measure.network import Probes, RunnableNetwork, bypassing, open_network
from grader.measure.replay import TORCH_ERRORS
from grader.measure.weights import fresh_state
from grader.model.evidence import Problem, Remark, Training
from grader.model.graph import Graph

IMAGES = 64
"""One batch of the lab's usual size, so that a network with this fixed batch size can be tested, too."""
RATES = (0.01, 0.003)
"""Learning rates for Adam, one attempt each. A very small net learns slowly, or may start with dead ReLUs."""
STEPS = 150
EVERY = 10


def overfit(graph: Graph, images: Images, *, probes: Probes, seed: int, most_seconds: float) -> Training:
    """Train on one batch again and again; at the end, ``correct`` of its ``total`` images are classified correctly.

    Dropout is off, because it is meant to prevent overfitting. The training stops as soon as all images are correct, or
    after ``most_seconds`` of CPU time; most nets need 20 to 30 steps, which take less than a second. The record is a
    training record without held-out images.
    """
    until = time.process_time() + most_seconds
    count = graph.batch or IMAGES
    data, labels = images.normalised(images.train[:count]), images.labels[:count]
    best = Training(None, seed, total=len(labels))
    try:
        network = open_network(graph, probes, seed=seed)
        for number, rate in enumerate(RATES):
            network.state = fresh_state(graph, seed=seed + number)
            found = _learn(network, data, labels, rate=rate, seed=seed + number, until=until)
            if found.correct >= best.correct:
                best = found
            if best.correct == best.total or best.remarks:
                break
    except TORCH_ERRORS as error:  # the real training run reports this error
        return Training(Problem("training", str(error)[:300], type(error).__name__), seed)
    return best


def _learn(network: RunnableNetwork, data: Tensor, labels: Tensor, *, rate: float, seed: int, until: float) -> Training:
    optimizer = _Adam([weight for weight in network.state.weights if weight.requires_grad], rate)
    still = bypassing(network.training, {"dropout"})
    still_in_evaluation = bypassing(network.evaluation, {"dropout"})
    best = step = 0
    remarks: tuple[Remark, ...] = ()
    graph, replay, state = network.graph, network.replay, network.state
    for step in range(1, STEPS + 1):
        optimizer.forget_gradients()
        outputs = replay.run(graph.training, data, state, replaced=still)
        assert outputs is not None
        loss = functional.nll_loss(functional.log_softmax(outputs, dim=1), labels)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        if step % EVERY == 0:
            with torch.no_grad():
                best = max(best, int((network.evaluate(data, replaced=still_in_evaluation).argmax(1) == labels).sum()))
            if best == len(labels):
                break
        if time.process_time() > until:
            remarks = (Remark("stopped-by-time", f"stopped after {step} of {STEPS} steps because it took too long"),)
            break
    return Training(None, seed, steps=step, correct=best, total=len(labels), remarks=remarks)


class _Adam:
    """The steps of torch.optim.Adam, which imports torch's compiler; the function that it calls does not."""

    def __init__(self, weights: list[Tensor], rate: float) -> None:
        self._weights, self._rate = weights, rate
        self._means = [torch.zeros_like(weight) for weight in weights]
        self._squares = [torch.zeros_like(weight) for weight in weights]
        self._steps = [torch.zeros(()) for _ in weights]

    def forget_gradients(self) -> None:
        """Leave no weight with a gradient."""
        for weight in self._weights:
            weight.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move the weights that have a gradient."""
        moved = [number for number, weight in enumerate(self._weights) if weight.grad is not None]
        adam(
            [self._weights[number] for number in moved],
            [gradient for number in moved if (gradient := self._weights[number].grad) is not None],
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
