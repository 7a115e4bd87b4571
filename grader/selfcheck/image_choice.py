"""Choosing the images for a self-check: MNIST where the lab's script puts it, otherwise the bundled sample."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from grader.data import DataSet, mnist
from grader.data.digits import load_digits
from grader.data.mnist import MNIST, Catalogue
from grader.data.sources import DATA_VARIABLE

SAMPLE = "the self-check uses a small sample of real handwritten digits (1,797 images)"


def choose_images(folder: Path, environment: Mapping[str, str], *, catalogue: Catalogue = MNIST) -> DataSet:
    """MNIST from the folder that ``LAB4_DATA`` names, or from ``data`` in ``folder``; otherwise the bundled sample.

    Nothing is downloaded or changed. The ``note`` says in one sentence why the sample is used; it is empty for MNIST.
    """
    named = environment.get(DATA_VARIABLE, "").strip()
    if named == "digits":
        return load_digits(f"{DATA_VARIABLE} is set to digits, so {SAMPLE}.")
    place = Path(named).expanduser() if named else folder / "data"
    shown = f"{DATA_VARIABLE} ({named})" if named else "./data"
    raw = mnist.raw_folder(place, catalogue)
    if raw is None:
        return load_digits(f"MNIST is not in {shown}, so {SAMPLE}.")
    reading = mnist.read_raw(raw, catalogue)
    if reading.is_complete:
        return mnist.data_set(reading.contents, catalogue)
    return load_digits(f"{shown}: {reading.damages[0].message}, so {SAMPLE}.")
