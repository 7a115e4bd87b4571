"""The files of a submission that may contain answers, by name: how many are read, and which are pictures."""

from __future__ import annotations

from pathlib import PurePosixPath

from grader.model import Submission

MOST_DOCUMENTS = 12
"""Files of one submission that are read, the likeliest first."""
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".heic", ".gif", ".webp", ".tif", ".tiff", ".bmp"})


def pictures_of(submission: Submission) -> list[str]:
    """The names of the pictures in a submission."""
    return [name for name in submission.files if PurePosixPath(name).suffix.casefold() in PICTURES]
