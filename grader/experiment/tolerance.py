"""How far a claimed accuracy may lie from what a brief run of the same network shows. Pure; no training here.

The figures are measurements: docs/calibration.md says of what, and how often an honest run would be doubted.
"""

from __future__ import annotations

BRIEF_STEPS = 300
"""Steps of 64 images at rate 0.01 and momentum 0.9: a third of an epoch of MNIST."""
BEST_POSSIBLE = 0.998
"""Above this no network of two convolutions has been seen on MNIST's test images."""


def plausible(brief_accuracy: float, *, epochs: int) -> tuple[float, float]:
    """The lowest and the highest accuracy (0..1) that a claim about a network may have after ``epochs``.

    ``brief_accuracy`` is what the reference net with the same channels and kernels reached on 2,000 held-out images
    after BRIEF_STEPS.
    """
    return max(0.0, brief_accuracy - 0.6), BEST_POSSIBLE
