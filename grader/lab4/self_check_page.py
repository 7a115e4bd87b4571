"""The page that the students' self-check writes, and how it is recognised in what they hand in."""

from __future__ import annotations

from pathlib import Path

NAME = "report.html"
"""Its name beside the work."""
MARK = '<meta name="generator" content="Lab 4 self-check">'
"""A line of its head. It contains no work of the student, whatever its name is by then."""
_HEAD = 1024
"""The line is within so many bytes from the start, also when a browser has saved the page."""


def is_self_check_page(path: Path) -> bool:
    """Whether the file at ``path`` was written by a self-check. Raises OSError if it cannot be read."""
    with path.open("rb") as stream:
        return MARK.encode() in stream.read(_HEAD)
