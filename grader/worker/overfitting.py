"""Whether a net can learn one batch by heart: the quickest sign that its layers and its loss are wired as they should.

Only a student's self-check asks; it earns nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from grader.evidence import Remark, Training
from grader.worker.building import build, refresh_weights
from grader.worker.probing import Explain, HeldDropout
from grader.worker.training import Images, normalised

IMAGES = 64
"""One batch of the lab's usual size, so that a net that takes only that size can be asked as well."""
RATES = (0.01, 0.003)
"""Of Adam, one attempt each: a net with very few units is slow at a low rate, and may be born dead."""
STEPS = 150
EVERY = 10
MOST_SECONDS = 8.0
"""A student waits for it. Most nets need 20 or 30 steps, which take less than a second."""


def overfit(factory: Callable[[], object], images: Images, *, seed: int, explain: Explain) -> Training:
    """Train a fresh net on the same few images again and again; ``correct`` of ``total`` are right in the end.

    Dropout rests meanwhile, for it is there to prevent just this. Stops as soon as all are right. The record is a
    training record without held-out images.
    """
    start = time.perf_counter()
    data = normalised(images.train[:IMAGES], images, "cpu")
    labels = images.labels[:IMAGES]
    best = Training(None, seed, total=len(labels))
    try:
        for number, rate in enumerate(RATES):
            net = build(factory, seed=seed + number)
            refresh_weights(net, seed=seed + number)
            found = _learn(net, data, labels, rate=rate, seed=seed + number, until=start + MOST_SECONDS)
            if found.correct >= best.correct:
                best = found
            if best.correct == best.total or best.remarks:
                break
    except Exception as error:  # the submission's own failure is the observation
        return Training(explain("training", error), seed, seconds=time.perf_counter() - start)
    return best


def _learn(
    net: nn.Module, data: torch.Tensor, labels: torch.Tensor, *, rate: float, seed: int, until: float
) -> Training:
    start = time.perf_counter()
    optimizer = torch.optim.Adam([one for one in net.parameters() if one.requires_grad], lr=rate)
    best = 0
    remarks: tuple[Remark, ...] = ()
    for step in range(1, STEPS + 1):
        net.train()
        optimizer.zero_grad(set_to_none=True)
        with HeldDropout():
            loss = functional.nll_loss(functional.log_softmax(net(data), dim=1), labels)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        if step % EVERY == 0:
            net.eval()
            with torch.no_grad(), HeldDropout():
                best = max(best, int((net(data).argmax(1) == labels).sum()))
            if best == len(labels):
                break
        if time.perf_counter() > until:
            remarks = (Remark("stopped-by-time", f"stopped after {step} of {STEPS} steps for taking too long"),)
            break
    seconds = time.perf_counter() - start
    return Training(None, seed, steps=step, seconds=seconds, correct=best, total=len(labels), remarks=remarks)
