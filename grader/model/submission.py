"""What is graded, and what the worker is given for it: a student's work as found on disk, the data, a job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Flag:
    """Something a tutor should look at. ``id`` is stable, ``message`` one sentence. A flag changes no mark."""

    id: str
    message: str


@dataclass(frozen=True)
class Submission:
    """One student's work as found on disk, before anything is run.

    ``id`` is the name of the submission's folder or file (without ``.zip`` or ``.py``); it is unique in a cohort.
    ``root`` is a folder holding the files, ``script`` the chosen script relative to it (None: nothing usable, and
    ``problem`` says why in one sentence). ``digest`` is the SHA-256 of the names and contents of ``files``.
    """

    id: str
    root: Path
    script: str | None
    files: tuple[str, ...]
    digest: str
    candidates: tuple[str, ...] = ()
    """Every file that could have been the script, best first; ``script`` is the first of them."""
    documents: tuple[str, ...] = ()
    """Files that may hold the Part 1 answers."""
    problem: str = ""
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True)
class DataFiles:
    """Raw arrays on disk that a worker may map: uint8 images of 28 x 28, uint8 labels. No held-out label is among them.

    ``train_images`` is (train_count, 28, 28), ``train_labels`` (train_count,), ``heldout_images`` (heldout_count, 28,
    28).
    """

    name: str
    train_images: str
    train_labels: str
    train_count: int
    heldout_images: str
    heldout_count: int
    mean: float
    std: float


@dataclass(frozen=True)
class Job:
    """What the process that records a submission is told: never the rubric's bands, the key, data or a mark."""

    root: str
    """A scratch copy of the submission's files."""
    script: str
    """The script, relative to ``root``."""
    seed: int
