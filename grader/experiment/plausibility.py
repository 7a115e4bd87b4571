"""The range in which a claimed accuracy is plausible, given what a brief run of the same network reached.

The bounds are distances in log-odds, in which 0.98 is as far from 0.96 as 0.8 from 0.66. docs/calibration.md has the
measurements on which they are based.
"""

from __future__ import annotations

import math

BRIEF_STEPS = 200
"""Steps of 64 images at rate 0.01 and momentum 0.9: a fifth of an epoch of MNIST."""
BEST_POSSIBLE = 0.998
"""Networks with two convolutions reach about 0.99 on MNIST's test images, and with much care 0.995."""
_AHEAD = 2.5
"""One epoch of the recipes that learn fastest reached at most 1.7 above a brief run."""
_AHEAD_PER_DOUBLING = 0.4
"""Three times as many epochs added up to 0.5, that is 0.33 for each doubling."""
_LEAST_SEEN = 0.8
"""A network below this was limited by the reference's dropout, which a student's network need not have."""
_BEHIND = 1.0
"""For chance, and for students' networks that are weaker than the reference."""
_SLOW_EPOCHS = 10
"""Epochs in which a slow recipe should reach the brief run; with half as many it may be another 1.0 below, and so on.
Rate 0.001 with momentum 0.5 needed five; after one epoch it was 2.9 below, where this allows 4.3.
"""


def plausible(brief_accuracy: float, *, epochs: int) -> tuple[float, float]:
    """The lowest and the highest plausible accuracy (0..1) of a network after ``epochs``.

    ``brief_accuracy`` is what the reference network with the same channels and kernels reached on 2,000 held-out images
    after BRIEF_STEPS. A student's network may differ in everything that the experiment does not vary.
    """
    seen = _log_odds(brief_accuracy)
    doublings = math.log2(max(epochs, 1))
    slowness = max(0.0, math.log2(_SLOW_EPOCHS) - doublings)
    high = max(seen, _log_odds(_LEAST_SEEN)) + _AHEAD + _AHEAD_PER_DOUBLING * doublings
    return _share(seen - _BEHIND - slowness), min(_share(high), BEST_POSSIBLE)


def _log_odds(share: float) -> float:
    """The log-odds of an accuracy, clamped to what is possible; none of 2,000 images counts as half an image."""
    share = min(max(share, 1 / 4000), BEST_POSSIBLE)
    return math.log(share / (1 - share))


def _share(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
