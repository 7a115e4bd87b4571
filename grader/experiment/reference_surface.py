"""The reference surface: accuracies of the lab's network on MNIST for many numbers of channels and kernel sizes.

The figures are in ``grader/lab4/surface.csv``; docs/calibration.md says how they were measured.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from grader.model.experiment import Trial


@dataclass(frozen=True)
class Surface:
    """The measured networks. ``trials`` are means over several seeds on all 10,000 test images.

    ``runs`` counts the seeds of each.
    """

    trials: tuple[Trial, ...]
    runs: tuple[int, ...]


@cache
def reference_surface() -> Surface:
    """The surface in the package, read once."""
    text = files("grader").joinpath("lab4", "surface.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    return Surface(
        tuple(
            Trial(
                int(row["channels1"]),
                int(row["channels2"]),
                int(row["kernel1"]),
                int(row["kernel2"]),
                int(row["epochs"]),
                float(row["accuracy"]),
                float(row["seconds"]),
            )
            for row in rows
        ),
        tuple(int(row["runs"]) for row in rows),
    )
