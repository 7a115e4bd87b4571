"""Match students against the shell patterns that a tutor gives with ``--student``."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable


def is_named(student: str, patterns: Iterable[str]) -> bool:
    """Whether one of the shell patterns matches this student; a student's exact name always matches."""
    return any(student == pattern or fnmatch.fnmatchcase(student, pattern) for pattern in patterns)
