"""Reads and writes ``overrides.toml``, a run's decisions, with a lock so that several sessions can change it.

For the entries and their effect on marks see :mod:`grader.moderation.decisions`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from filelock import FileLock, Timeout

from grader.model import Decision, UsageFault
from grader.moderation.decisions import Decisions, decisions_text, entries_text, parse_decisions
from grader.safe_text import visible
from grader.storage.json_files import encodable, write_file

DECISIONS_FILE = "overrides.toml"
_PATIENCE = 5.0
"""Seconds to wait for another session, which locks the file for some milliseconds."""
_PAUSE = 0.02
# TOML allows no [[override]] table after an array `override = [...]`, which somebody may have written by hand.
_INLINE = re.compile(rb"^[^\S\n]*override\s*=", re.MULTILINE)


def read_decisions(folder: Path) -> Decisions:
    """The decisions on the run at ``folder``; none when there is no file. Raises UsageFault for an invalid file."""
    return DecisionsFile(folder).read()


def carry_over(folder: Path, earlier: Path | None, former: Mapping[str, str] = MappingProxyType({})) -> Decisions:
    """The decisions on the run at ``folder``; if it has no file yet, copy those on the ``earlier`` run.

    ``former`` are the earlier ids of students, by those that they have now and that their decisions get.
    """
    has_file = (folder / DECISIONS_FILE).exists()
    decisions = read_decisions(folder if earlier is None or has_file else earlier)
    present = {old: student for student, old in former.items()}
    is_renamed = any(entry.student in present for entry in decisions.entries)
    if not decisions.entries or (not is_renamed and (earlier is None or has_file)):
        return decisions
    file = DecisionsFile(folder)
    with file.locked() as own:
        entries = own.entries if has_file else decisions.entries
        return file.replace(*(replace(entry, student=present.get(entry.student, entry.student)) for entry in entries))


class DecisionsFile:
    """The decisions on the run at ``folder``, which other sessions may change at any time.

    The file is parsed again only when another session changed it, and a new entry is appended, so that the thousandth
    decision is as fast as the first.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / DECISIONS_FILE
        self._text = b""
        self._known = Decisions()

    def read(self) -> Decisions:
        """The decisions in the file now; none when there is no file. Raises UsageFault for an invalid file."""
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            if self._text:
                self._refuse_without_run()
                self._text, self._known = b"", Decisions()
            return self._known
        except OSError as error:
            raise UsageFault(f"{self._path}: cannot be read ({error.strerror or error}).") from error
        if text != self._text or not text:
            self._known = parse_decisions(self._path, text)
            self._text = text
        return self._known

    @contextmanager
    def locked(self) -> Iterator[Decisions]:
        """Lock the file against other sessions, and yield its decisions. Raises UsageFault when that fails."""
        self._refuse_without_run()  # the lock would make the folder again
        lock = FileLock(self._path.with_name(f".{DECISIONS_FILE}.lock"))
        try:
            acquired = lock.acquire(_PATIENCE, _PAUSE)
        except Timeout as error:
            message = f"{self._path} is being changed by another session; try again when it has finished."
            raise UsageFault(message) from error
        except OSError as error:
            raise UsageFault(f"{self._path} cannot be written: {error.strerror or error}.") from error
        with acquired:
            yield self.read()

    def add(self, *made: Decision) -> Decisions:
        """Add decisions, all of them or none; they are on disk when this returns. Only while locked."""
        known = Decisions((*self.read().entries, *map(_stored, made)))
        if not self._text or _INLINE.search(self._text):
            return self._write(decisions_text(known), known)
        gap = b"" if self._text.endswith(b"\n") else b"\n"
        return self._write(self._text + gap + entries_text(made).encode(), known)

    def replace(self, *entries: Decision) -> Decisions:
        """Make ``entries`` the only ones. Only while locked."""
        known = Decisions(tuple(map(_stored, entries)))
        return self._write(decisions_text(known), known)

    def remove(self, *made: Decision) -> Decisions:
        """Remove decisions, the latest of equal ones. Only while locked."""
        entries = list(self.read().entries)
        for entry in reversed([_stored(decision) for decision in made]):
            with suppress(ValueError):  # another session removed it
                del entries[len(entries) - 1 - entries[::-1].index(entry)]
        known, last = Decisions(tuple(entries)), entries_text(made).encode()
        is_at_the_end = self._text.endswith(last) and len(self._known.entries) == len(entries) + len(made)
        return self._write(self._text.removesuffix(last) if is_at_the_end else decisions_text(known), known)

    def _refuse_without_run(self) -> None:
        if not self._path.parent.is_dir():
            folder = visible(str(self._path.parent))
            raise UsageFault(f"The folder {folder} is not there any more, so nothing was saved. Bring it back.")

    def _write(self, text: bytes, known: Decisions) -> Decisions:
        try:
            write_file(self._path, text, is_durable=True)
        except OSError as error:
            raise UsageFault(f"{self._path} cannot be written: {error.strerror or error}.") from error
        self._text, self._known = text, known
        return known


def _stored(entry: Decision) -> Decision:
    """The entry as it will be read from the file."""
    return replace(
        entry,
        student=encodable(entry.student),
        item=encodable(entry.item),
        author=encodable(entry.author),
        reason=encodable(entry.reason),
        like=encodable(entry.like),
    )
