"""Digests of the grader's own code, so that results of different code are not reused."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

REPAIRING = ("checks.activations", "checks.gradients", "checks.log_softmax", "checks.repairs")
"""The checks that decide which faults of a graph are repaired before more is measured."""
OBSERVING = (*REPAIRING, "measure", "model", "pipeline.measurement", "source", "worker")
"""The code that evidence depends on: everything that reads, records and measures a submission."""


@lru_cache
def code_digest(*names: str, files: str = "*.py") -> str:
    """SHA-256 of these modules and packages (``answers.marker``; empty for the grader), with all ``files`` in them."""
    package = Path(__file__).resolve().parent.parent
    places = [package.joinpath(*name.split(".")) for name in names]
    sources = [file for place in places for file in (*place.rglob(files), place.with_suffix(".py")) if file.is_file()]
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def reuse_key(work: str, *circumstances: object) -> str:
    """The key of what was read or measured of a student's ``work``: digests of the ``circumstances`` and of the work.

    What has another key is not reused. A value is its ``str``.
    """
    return f"{_digest(chr(10).join(map(str, circumstances)))}-{_digest(work)}"


def circumstances_of(key: str) -> str:
    """The digest of the circumstances in a key, which is the same for all students; empty if it has none."""
    return key.partition("-")[0] if "-" in key else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def worker_digest() -> str:
    """SHA-256 of all code that takes part in observing a submission."""
    return code_digest(*OBSERVING)
