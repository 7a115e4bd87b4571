"""The data files of runs on a worker's machine, by checksum, so that each is sent there once."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

from grader.data import user_cache
from grader.storage.json_files import write_file

_KEPT_SECONDS = 30 * 24 * 3600.0
"""Files that no run has needed for so long are deleted: each run has its own order of the held-out images."""


def folder() -> Path:
    """The folder of the files; all workers of a user on a machine share it."""
    return user_cache(os.environ) / "cluster"


def find(checksum: str) -> Path | None:
    """The file with this SHA-256, which is computed anew; None if there is none."""
    path = folder() / checksum
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != checksum:
                return None
        os.utime(path)
    except OSError:
        return None
    return path


def keep(content: bytes) -> None:
    """Store a file, and delete those that were not needed for a month."""
    place = folder()
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for other in place.iterdir():
        with suppress(OSError):  # another worker was faster
            if time.time() - other.stat().st_mtime > _KEPT_SECONDS:
                other.unlink()
    write_file(place / hashlib.sha256(content).hexdigest(), content)
