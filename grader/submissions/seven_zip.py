"""Reads .7z archives with py7zr in a separate process, because py7zr's decoders are written in C.

The process cannot be trusted after it has read a stranger's archive, so its list is decoded strictly, and what it wrote
is compared with the list. docs/dependencies.md says more.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import importlib.util
import os
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Literal

import msgspec

from grader.submissions import seven_zip_process as process
from grader.submissions.files import MIB
from grader.submissions.member import (
    DAMAGED,
    GROWS,
    RATIO,
    RATIO_FROM,
    UNREADABLE_COMPRESSION,
    Limits,
    Member,
    Refused,
    kind_fault,
    too_large,
    too_many,
    unopened,
)
from grader.submissions.naming import printable

_PROGRAM = Path(process.__file__)
_LIST_SECONDS = 20
"""To start Python and list the members, which takes 0.2 s."""
_UNPACK_RATE = 2 * MIB
"""Bytes a second. PPMd, the slowest method, unpacked 6 MB a second on a busy machine; LZMA2 50."""
_MOST_SECONDS = 600
_LONGEST_LIST = 64 * MIB
"""Bytes: a cohort's most members, with names of some 500 bytes."""
_REASONS = {
    process.NOT_INSTALLED: unopened(".7z"),
    process.LOCKED: "is protected by a password; please send it without one",
    process.UNKNOWN_COMPRESSION: UNREADABLE_COMPRESSION,
    process.OUT_OF_MEMORY: "needs too much memory to unpack; please send a .zip",
}


@dataclass(frozen=True)
class _Entry:
    """What the process says about a member: its name, kind, bytes, and time in seconds."""

    name: str
    kind: Literal["file", "folder", "link", "other"]
    size: Annotated[int, msgspec.Meta(ge=0)]
    modified: float


def is_installed() -> bool:
    """Whether py7zr can be found. It is not imported, because its decoders must not come into this process."""
    return importlib.util.find_spec("py7zr") is not None


def read(stack: contextlib.ExitStack, archive: Path, limits: Limits) -> list[Member]:
    """The members. Nothing is unpacked until one is opened, and then all are, into a folder that ``stack`` removes.

    Raises Refused, also when a member is opened.
    """
    entries = _list(archive, limits)
    size = sum(entry.size for entry in entries)
    packed = archive.stat().st_size
    if len(entries) > limits.members:
        raise Refused(too_many(limits))
    if size > limits.size:
        raise Refused(too_large(limits))
    if size > RATIO_FROM and size > RATIO * packed:
        raise Refused(GROWS)

    @functools.cache
    def unpacked() -> Path:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seven-")))
        seconds = min(_MOST_SECONDS, _LIST_SECONDS + size // _UNPACK_RATE)
        with tempfile.TemporaryFile() as output:
            _run("unpack", archive, limits, seconds, limits.file_size, folder, output)
        for number, entry in enumerate(entries):
            if entry.kind == "file" and entry.size <= limits.file_size:
                _check(folder / str(number), entry)
        return folder

    def member(number: int, entry: _Entry) -> Member:
        return Member(
            name=entry.name,
            is_folder=entry.kind == "folder",
            packed=packed,  # members are compressed together, so there is no number for each
            modified=max(0.0, entry.modified),
            fault=_fault(entry, limits),
            open=lambda: (unpacked() / str(number)).open("rb"),
        )

    return [member(number, entry) for number, entry in enumerate(entries)]


def _fault(entry: _Entry, limits: Limits) -> str:
    if entry.size > limits.file_size:
        return f"is too large when unpacked: {printable(entry.name)} alone exceeds the limit"
    return kind_fault(entry.name, is_link=entry.kind == "link", is_special=entry.kind == "other")


def _list(archive: Path, limits: Limits) -> list[_Entry]:
    with tempfile.TemporaryDirectory(prefix="seven-") as folder, tempfile.TemporaryFile() as output:
        _run("list", archive, limits, _LIST_SECONDS, _LONGEST_LIST, Path(folder), output)
        output.seek(0)
        try:
            return msgspec.json.decode(output.read(_LONGEST_LIST), type=list[_Entry])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Refused(DAMAGED) from error


def _run(
    mode: str, archive: Path, limits: Limits, seconds: int, file_size: int, folder: Path, output: IO[bytes]
) -> None:
    """Run the process with ``folder`` as its working folder; its output is a file, so that its size is limited."""
    numbers = (limits.members, seconds, file_size)
    command = [sys.executable, "-I", "-s", str(_PROGRAM), mode, *map(str, numbers)]
    environment = {key: value for key, value in os.environ.items() if key in {"PATH", "SYSTEMROOT"}}
    try:
        with archive.open("rb") as source:
            status = subprocess.run(
                command,
                stdin=source,
                stdout=output,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env=environment,
                timeout=seconds,
                check=False,
            ).returncode
    except subprocess.TimeoutExpired as late:
        raise Refused("takes too long to unpack; please send a .zip") from late
    if status == process.DISK_FULL:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if status != 0:
        raise Refused(_REASONS.get(status, DAMAGED))


def _check(place: Path, entry: _Entry) -> None:
    """Refuse anything but an ordinary file of the listed size: not a link to a file of ours."""
    try:
        status = place.lstat()
    except FileNotFoundError as error:
        raise Refused(DAMAGED) from error
    if not stat.S_ISREG(status.st_mode) or status.st_size != entry.size:
        raise Refused(DAMAGED)
