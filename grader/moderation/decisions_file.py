"""The file of a run's decisions as a reviewing session works with it: alone while it writes, and quickly.

What an entry says and what it does to a mark is in :mod:`grader.moderation.decisions`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from grader.model import Decision, UsageFault
from grader.moderation.decisions import DECISIONS_FILE, Decisions, decisions_text, entries_text, parse_decisions
from grader.storage.json_files import encodable, write_file

_PATIENCE = 5.0
"""Seconds to wait for another session, which holds the file for some milliseconds, before it is taken for dead."""
_PAUSE = 0.02
# An array written by hand on one line takes no tables appended to it.
_INLINE = re.compile(rb"^\s*override\s*=", re.MULTILINE)


class DecisionsFile:
    """The decisions on the run at ``folder``, which other sessions may add to at any time.

    The file is parsed again only when somebody else changed it, and an entry is added at its end, so that the
    thousandth decision is as quick as the first.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / DECISIONS_FILE
        self._text = b""
        self._known = Decisions()

    def read(self) -> Decisions:
        """What the file says now. Raises UsageFault naming what is wrong with it."""
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            text = b""
        except OSError as error:
            raise UsageFault(f"{self._path}: cannot be read ({error.strerror or error}).") from error
        if text != self._text:
            self._known = parse_decisions(self._path, text) if text else Decisions()
            self._text = text
        return self._known

    @contextmanager
    def held(self) -> Iterator[Decisions]:
        """No other session writes meanwhile; gives what the file says."""
        lock = self._path.with_name(f".{DECISIONS_FILE}.lock")
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                break
            except FileExistsError:
                if time.monotonic() > deadline:  # whoever made it was killed
                    lock.unlink(missing_ok=True)
                    deadline = time.monotonic() + _PATIENCE
                time.sleep(_PAUSE)
            except OSError as error:
                raise UsageFault(f"{self._path} cannot be written: {error.strerror or error}.") from error
        try:
            yield self.read()
        finally:
            lock.unlink(missing_ok=True)

    def add(self, *made: Decision) -> Decisions:
        """Add decisions, all of them or none, durably; they are on disk when this returns. Only while held."""
        known = Decisions((*self.read().entries, *map(_stored, made)))
        if not self._text or _INLINE.search(self._text):
            return self._write(decisions_text(known), known)
        gap = b"" if self._text.endswith(b"\n") else b"\n"
        return self._write(self._text + gap + entries_text(made).encode(), known)

    def remove(self, *made: Decision) -> Decisions:
        """Take decisions back, the latest where several are the same. Only while held."""
        entries = list(self.read().entries)
        for entry in reversed([_stored(one) for one in made]):
            with suppress(ValueError):  # somebody else took it out of the file
                del entries[len(entries) - 1 - entries[::-1].index(entry)]
        known, last = Decisions(tuple(entries)), entries_text(made).encode()
        is_at_the_end = self._text.endswith(last) and len(self._known.entries) == len(entries) + len(made)
        return self._write(self._text.removesuffix(last) if is_at_the_end else decisions_text(known), known)

    def _write(self, text: bytes, known: Decisions) -> Decisions:
        try:
            write_file(self._path, text, is_durable=True)
        except OSError as error:
            raise UsageFault(f"{self._path} cannot be written: {error.strerror or error}.") from error
        self._text, self._known = text, known
        return known


def _stored(entry: Decision) -> Decision:
    """The entry as it is read back."""
    return replace(
        entry,
        student=encodable(entry.student),
        item=encodable(entry.item),
        author=encodable(entry.author),
        reason=encodable(entry.reason),
    )
