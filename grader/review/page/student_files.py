"""The files of a submission, as far as they still lie where the grader read them, and how a browser may show them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.model.submission import Submission

_SHOWN = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
"""What browsers show without running anything of it in the page's origin."""
_TEXTS = frozenset({".py", ".txt", ".md", ".csv", ".tsv", ".json", ".ipynb", ".html", ".htm", ".rst", ".tex", ".log"})
_SAVED = "application/octet-stream"


@dataclass(frozen=True)
class StudentFile:
    """A file of a submission; it ``is_there`` if it can still be opened, and ``is_shown`` if a page can show it."""

    number: int
    name: str
    is_there: bool
    is_shown: bool


def files_of(submission: Submission) -> list[StudentFile]:
    """All files in the order in which they are stored."""
    paths = [path_of(submission, at) for at in range(len(submission.files))]
    return [
        StudentFile(at, name, path is not None, path is not None and media_type(path) in _SHOWN.values())
        for at, (name, path) in enumerate(zip(submission.files, paths, strict=True))
    ]


def path_of(submission: Submission, number: int) -> Path | None:
    """The file with this number; None if it is gone, or is not a plain file inside the submission."""
    if not 0 <= number < len(submission.files):
        return None
    root = submission.root.resolve()
    path = (root / submission.files[number]).resolve()
    return path if path.is_relative_to(root) and path.is_file() else None


def media_type(path: Path) -> str:
    """How a file is sent: as a picture, as plain text whatever it contains, or to be saved."""
    suffix = path.suffix.lower()
    return "text/plain; charset=utf-8" if suffix in _TEXTS else _SHOWN.get(suffix, _SAVED)
