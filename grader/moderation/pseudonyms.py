"""The secret of a run, and the pseudonyms for students on the anonymous page and in anonymous review.

Pseudonyms are numbers in an order that depends on the secret, so that a class list does not reveal them.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from grader.model import Run, UsageFault
from grader.safe_text import visible
from grader.storage.json_files import encodable, write_file

SECRET_FILE = "anonymous.key"
_BYTES = 16


def pseudonyms(students: Iterable[str], secret: str) -> dict[str, str]:
    """A pseudonym for each student, the same each time for the same students and secret."""
    shuffled = sorted(students, key=lambda name: hashlib.sha256(encodable(f"{secret}\n{name}").encode()).digest())
    return {student: f"Student {number:03d}" for number, student in enumerate(shuffled, start=1)}


def names_in(folder: Path, run: Run, students: Iterable[str]) -> dict[str, str]:
    """The pseudonyms in the run at ``folder`` of its ``students``; a shard's are those of the merged run."""
    cohort = run.shard.cohort if run.shard is not None else ()
    return pseudonyms(dict.fromkeys((*cohort, *students)), secret_of(folder))


def secret_of(folder: Path) -> str:
    """The secret of the run at ``folder``, created if it has none yet. No page or table may contain it."""
    if secret := known_secret(folder):
        return secret
    keep_secret(folder, secrets.token_hex(_BYTES))
    return known_secret(folder)  # another command may have created one in the meantime


def known_secret(folder: Path) -> str:
    """The secret of the run at ``folder``; empty if it has none yet."""
    with suppress(FileNotFoundError):
        return (folder / SECRET_FILE).read_text(encoding="utf-8", errors="replace").strip()
    return ""


def keep_secret(folder: Path, secret: str) -> None:
    """Make ``secret`` that of the run at ``folder``, for this user's eyes only; an empty one changes nothing."""
    if secret:
        write_file(folder / SECRET_FILE, f"{secret}\n".encode(), mode=0o600)


def secret_digest(secret: str) -> str:
    """A digest by which shards say that they have the same secret, without revealing it."""
    return hashlib.sha256(f"shard {secret}".encode()).hexdigest()


def read_secret(path: Path) -> str:
    """The secret in a file that a tutor made, or that of another run. Raises UsageFault if there is none in it."""
    try:
        secret = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        raise UsageFault(f"The secret {visible(str(path))} cannot be read: {error.strerror or error}.") from error
    if not re.fullmatch(rf"[0-9a-f]{{{2 * _BYTES},128}}", secret):
        raise UsageFault(
            f"{visible(str(path))} has no secret, which is one line of {2 * _BYTES} or more digits 0 to 9 and a to f, "
            f"as `openssl rand -hex {_BYTES}` prints it."
        )
    return secret
