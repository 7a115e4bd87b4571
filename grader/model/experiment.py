"""A student's experiment: the networks that were tried, and the one that the grader trained again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """One line of ``experiments.csv``: a network and its result.

    ``accuracy`` (0..1) is on the test images. ``epochs`` is 0 and ``seconds`` None if the student did not give them.
    ``row`` is the line in the student's file, 0 for a trial that is not from a file.
    """

    channels1: int
    channels2: int
    kernel1: int
    kernel2: int
    epochs: int
    accuracy: float
    seconds: float | None
    row: int = 0

    @property
    def network(self) -> tuple[int, int, int, int]:
        """What students vary: both numbers of channels, then both kernel sizes."""
        return self.channels1, self.channels2, self.kernel1, self.kernel2


@dataclass(frozen=True)
class Rerun:
    """A network that a student tried, trained briefly by the grader: ``correct`` of ``total`` held-out images.

    ``problem`` is one sentence about why it was not trained; then ``total`` is 0.
    """

    trial: Trial
    correct: int = 0
    total: int = 0
    steps: int = 0
    problem: str = ""

    @property
    def accuracy(self) -> float | None:
        """Held-out accuracy, 0..1; None when it was not trained."""
        return self.correct / self.total if self.total else None


@dataclass(frozen=True)
class Experiment:
    """The content of a submission's table of experiments.

    ``source`` is the file, empty when there is none. ``problems`` are sentences about what could not be read, and
    ``unread`` counts the lines that are not empty and could not be read as a trial.
    """

    source: str = ""
    trials: tuple[Trial, ...] = ()
    problems: tuple[str, ...] = ()
    unread: int = 0
    rerun: Rerun | None = None
