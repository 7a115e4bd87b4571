"""What identifies the code that a stored result came from, so that what other code made is not reused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path


def code_digest(sources: Iterable[Path]) -> str:
    """SHA-256 of the names and contents of these modules, whatever their order."""
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def worker_digest() -> str:
    """SHA-256 of the modules that take part in observing: those that record, that measure, and READING."""
    package = Path(__file__).parent
    folders = (path for folder in OBSERVING for path in package.glob(f"{folder}/*.py"))
    return code_digest([*folders, *(package / name for name in READING)])


OBSERVING = ("measure", "model", "service", "worker")
"""The packages that evidence depends on as a whole."""
READING = (
    *("measurement.py", "names.py", "pictures.py", "script.py", "slicing.py", "source.py", "syntax.py", "trials.py"),
)
"""The other modules that it depends on."""
