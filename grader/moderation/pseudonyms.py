"""Pseudonyms for students on the anonymous page and in anonymous review.

They are numbers in an order that depends on a secret of the run, so that a class list does not reveal them.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from grader.storage.json_files import encodable, write_file

SECRET_FILE = "anonymous.key"
_BYTES = 16


def pseudonyms(students: Iterable[str], secret: str) -> dict[str, str]:
    """A pseudonym for each student, the same each time for the same students and secret."""
    shuffled = sorted(students, key=lambda name: hashlib.sha256(encodable(f"{secret}\n{name}").encode()).digest())
    return {student: f"Student {number:03d}" for number, student in enumerate(shuffled, start=1)}


def secret_of(folder: Path) -> str:
    """The secret of the run at ``folder``, created if it has none yet. No page or table may contain it."""
    path = folder / SECRET_FILE
    with suppress(FileNotFoundError):
        if secret := path.read_text(encoding="utf-8", errors="replace").strip():
            return secret
    write_file(path, f"{secrets.token_hex(_BYTES)}\n".encode())
    return path.read_text(encoding="utf-8").strip()  # another command may have created one in the meantime
