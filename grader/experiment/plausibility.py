"""How far a claimed accuracy may lie from what a brief run of the same network shows. Pure; no training here.

The bounds are distances in log-odds, in which 0.98 is as far from 0.96 as 0.8 from 0.66. docs/calibration.md has the
measurements that they stand on.
"""

from __future__ import annotations

import math

BRIEF_STEPS = 200
"""Steps of 64 images at rate 0.01 and momentum 0.9: a fifth of an epoch of MNIST."""
BEST_POSSIBLE = 0.998
"""Networks of two convolutions come to some 0.99 of MNIST's test images, and with much care to 0.995."""
_AHEAD = 2.5
"""One epoch of the recipes that learn most came to at most 1.7 above a brief run."""
_AHEAD_PER_DOUBLING = 0.4
"""Three times as many epochs added up to 0.5, that is 0.33 for each doubling."""
_LEAST_SEEN = 0.8
"""A network that came to less was held back by the reference's dropout, which a student's need not have."""
_BEHIND = 1.0
"""For chance, and for what a student's network has less of."""
_SLOW_EPOCHS = 10
"""A recipe that learns slowly is given so many to come as far as the brief run, and another 1 for each halving of them.
Rate 0.001 with momentum 0.5 needed five; after one it was 2.9 behind, where this makes 4.3.
"""


def plausible(brief_accuracy: float, *, epochs: int) -> tuple[float, float]:
    """The lowest and the highest accuracy (0..1) that a claim about a network may have after ``epochs``.

    ``brief_accuracy`` is what the reference net with the same channels and kernels reached on 2,000 held-out images
    after BRIEF_STEPS. A student's network may differ in all that the experiment does not vary.
    """
    seen = _log_odds(brief_accuracy)
    doublings = math.log2(max(epochs, 1))
    slowness = max(0.0, math.log2(_SLOW_EPOCHS) - doublings)
    high = max(seen, _log_odds(_LEAST_SEEN)) + _AHEAD + _AHEAD_PER_DOUBLING * doublings
    return _share(seen - _BEHIND - slowness), min(_share(high), BEST_POSSIBLE)


def _log_odds(share: float) -> float:
    """Of an accuracy, which is kept inside of what is possible; none of 2,000 images count as half an image."""
    share = min(max(share, 1 / 4000), BEST_POSSIBLE)
    return math.log(share / (1 - share))


def _share(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
