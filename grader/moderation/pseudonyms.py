"""Names under which students go where nobody may be told: on the anonymous page, and in an anonymous review.

They are numbers in an order that hangs on a secret of the run, so that a list of the class does not give them away.
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


def code_names(students: Iterable[str], secret: str) -> dict[str, str]:
    """A name for each student that does not tell who it is, the same each time."""
    shuffled = sorted(students, key=lambda one: hashlib.sha256(encodable(f"{secret}\n{one}").encode()).digest())
    return {student: f"Student {number:03d}" for number, student in enumerate(shuffled, start=1)}


def secret_of(folder: Path) -> str:
    """The secret of the run at ``folder``, made where there is none yet. It belongs into no page and no table."""
    path = folder / SECRET_FILE
    with suppress(FileNotFoundError):
        if secret := path.read_text(encoding="utf-8", errors="replace").strip():
            return secret
    write_file(path, f"{secrets.token_hex(_BYTES)}\n".encode())
    return path.read_text(encoding="utf-8").strip()  # another command may have made one meanwhile
