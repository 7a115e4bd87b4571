"""The input of grading: a student's submission as found on disk, data files, and the job for the recording process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.model.origin import UNSTATED, Origin


@dataclass(frozen=True)
class Flag:
    """Something that a tutor should look at. ``id`` is stable, ``message`` is one sentence. A flag changes no mark."""

    id: str
    message: str


@dataclass(frozen=True)
class CodePiece:
    """Consecutive lines of a script. ``cell`` is the number of the code cell in a notebook; 0 in a plain script."""

    text: str
    cell: int = 0


@dataclass(frozen=True)
class Submission:
    """One student's work as found on disk, before anything is run.

    ``id`` is the name of the submission's folder or file (without ``.zip`` or ``.py``); it is unique in a cohort.
    ``root`` is the folder with the files, ``script`` the chosen script relative to it (None: nothing usable; then
    ``problem`` is a sentence about why). ``digest`` is the SHA-256 of the names and contents of ``files``.
    """

    id: str
    root: Path
    script: str | None
    files: tuple[str, ...]
    digest: str
    candidates: tuple[str, ...] = ()
    """Every file that could have been the script, best first; ``script`` is the first of them."""
    documents: tuple[str, ...] = ()
    """Files that may contain the answers to Part 1."""
    problem: str = ""
    flags: tuple[Flag, ...] = ()
    has_network: bool = True
    """Whether a script contains a network that somebody has begun to write: more than the blank template."""
    code_document: str = ""
    """The document from which ``script`` was extracted; empty if the script itself was handed in."""
    has_unread_work: bool = False
    """Whether there is no script, but something that may contain it and could not be read; ``problem`` names it."""
    claim: str = ""
    """Why it is open whose work this is, so that everything waits for a tutor: one sentence, or empty."""
    answers_claim: str = ""
    """Why it is open whose the answers and the experiment are, so that they wait: one sentence, or empty."""
    origin: Origin = UNSTATED
    code: tuple[CodePiece, ...] = ()
    """The beginning of the script, so that a page can show it when the files are gone."""


@dataclass(frozen=True)
class DataFiles:
    """Raw arrays on disk for the workers: uint8 images of 28 x 28 and uint8 labels, but no held-out labels.

    ``train_images`` is (train_count, 28, 28), ``train_labels`` (train_count,), ``heldout_images`` (heldout_count, 28,
    28).
    """

    train_images: str
    train_labels: str
    train_count: int
    heldout_images: str
    heldout_count: int
    mean: float
    std: float


@dataclass(frozen=True)
class Job:
    """What the process that records a submission gets: neither rubric, key, data nor marks."""

    root: str
    """A temporary copy of the submission's files."""
    script: str
    """The script, relative to ``root``."""
    seed: int
