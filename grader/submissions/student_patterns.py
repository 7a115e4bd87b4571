"""Students as a tutor names them on the command line. Where their work lies is not known here."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable


def is_named(student: str, patterns: Iterable[str]) -> bool:
    """Whether one of the shell patterns names this student; a name that looks like a pattern names itself."""
    return any(student == pattern or fnmatch.fnmatchcase(student, pattern) for pattern in patterns)
