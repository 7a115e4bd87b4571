"""Test whether a network can overfit one batch: a quick sign that its layers and its loss are connected correctly.

Only a student's self-check uses this; it does not count for marks.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor
from torch.nn import functional

from grader.measure.images import Images
from grader.measure.network import Probes, RunnableNetwork, bypassing, open_network
from grader.measure.optimisers import Adam
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
    optimizer = Adam([weight for weight in network.state.weights if weight.requires_grad], rate=rate)
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
