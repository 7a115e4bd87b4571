"""How much of the large tables of samples the tests use: a share, or all of it with ``LAB4_ALL=1`` (some minutes)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

_Sample = TypeVar("_Sample")


def share(samples: Sequence[_Sample], divisor: int) -> Sequence[_Sample]:
    """Every ``divisor``-th sample, in their order, so that all kinds are included; each one with ``LAB4_ALL``."""
    return samples if os.environ.get("LAB4_ALL") else samples[::divisor]
