"""Facts about one run of the grader over a cohort."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from grader.model.criteria import Band


@dataclass(frozen=True)
class Run:
    """Facts about one run of the grader, for results.json and the head of every report."""

    grader_version: str
    started: str
    finished: str
    seconds: float
    rubric_title: str
    rubric_revision: str
    data: str
    """``mnist`` or ``digits``."""
    data_note: str
    """A banner to print when the data is not MNIST; empty otherwise."""
    device: str
    isolation: str
    seeds: tuple[int, ...]
    jobs: int
    versions: dict[str, str] = field(default_factory=dict)
    source: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    """How many submissions were graded now, reused, re-marked."""
    timing: dict[str, float] = field(default_factory=dict)
    """Total wall seconds by stage over all submissions graded now."""
    key_revision: str = ""
    """Digest of the answer key; empty when Part 1 was not marked."""
    bands: tuple[Band, ...] = ()
    """The rubric's accuracy bands for the data set that was used."""
    shows_full_answers: bool = False
    """Whether students' pages say what a full answer mentions."""


JSON = dict[str, Any]
