"""Whether the runs of an experiment differ in what the lab asks to vary: the channels and the kernel sizes.

It knows nothing of which figures are plausible, so that students may have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from grader.checks.case import listed, passed
from grader.model import Finding, Status
from grader.model.experiment import Trial
from grader.model.quantities import quantity

LEAST_TRIALS = 3
"""Networks needed to vary each of two factors on its own."""
HALF = Decimal("0.5")
MOST_LISTED = 6
"""Lines or choices that a message lists."""


def varied(trials: Sequence[Trial]) -> Finding:
    """Passed if there are several numbers of channels and several kernel sizes, in at least ``LEAST_TRIALS`` runs."""
    expected = f"at least {LEAST_TRIALS} runs, with several numbers of channels and several kernel sizes"
    channels = {(trial.channels1, trial.channels2) for trial in trials}
    kernels = {(trial.kernel1, trial.kernel2) for trial in trials}
    seen = f"{quantity(len(trials), 'run')}: channels {_pairs(channels)}; kernel sizes {_pairs(kernels)}"
    missing = [name for name, tried in (("numbers of channels", channels), ("kernel sizes", kernels)) if len(tried) < 2]
    if not missing and len(trials) >= LEAST_TRIALS:
        return passed("You varied both the numbers of channels and the kernel sizes.", seen=seen, expected=expected)
    if missing:
        message = f"You tried only one choice of {' and of '.join(missing)}."
        hint = f"Try other {' and other '.join(missing)}, and leave the rest as it is."
    else:
        message = f"You varied both factors, but in only {quantity(len(trials), 'run')}."
        hint = f"With {LEAST_TRIALS} runs or more, you can change each factor on its own."
    fraction = HALF if len(missing) < 2 and len(trials) > 1 else Decimal(0)
    return Finding(Status.PARTIAL if fraction else Status.FAILED, message, hint, fraction, expected, seen)


def _pairs(values: set[tuple[int, int]]) -> str:
    shown = [f"{first}/{second}" for first, second in sorted(values)]
    if len(shown) <= MOST_LISTED:
        return listed(shown)
    return f"{', '.join(shown[:MOST_LISTED])} and {len(shown) - MOST_LISTED} more"
