"""Lists or unpacks a .7z with py7zr: the process that ``seven_zip.py`` starts. It imports nothing of ours.

The archive is its standard input, and its working folder is an empty one. No name from the archive is used for a file:
member 12 is written to ``12``.
"""

from __future__ import annotations

import errno
import json
import stat
import sys
from pathlib import Path
from typing import Any

DAMAGED, NOT_INSTALLED, LOCKED, UNKNOWN_COMPRESSION, OUT_OF_MEMORY, DISK_FULL = 1, 3, 4, 5, 6, 7
FILE, FOLDER, LINK, OTHER = "file", "folder", "link", "other"
_MEMORY = 1_000_000_000
_LONGEST_NAME = 2000
"""Characters. Longer names are refused anyway."""
_FULL = {errno.ENOSPC, errno.EDQUOT}


def _limit(seconds: int, file_size: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the parent's deadline alone
        return
    wanted = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: _MEMORY,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: file_size,
    }
    for kind, most in wanted.items():
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def main(mode: str, most_members: int, seconds: int, file_size: int) -> int:
    """Print the members (``list``) or write their contents (``unpack``).

    At most ``most_members`` + 1 members are listed; files larger than ``file_size`` bytes are not unpacked.
    """
    _limit(seconds, file_size)
    try:
        import py7zr
    except ImportError:
        return NOT_INSTALLED
    try:
        # Not by its path: py7zr then decompresses in one thread, which needs less memory.
        with py7zr.SevenZipFile(sys.stdin.buffer) as archive:
            if archive.needs_password():
                return LOCKED
            if mode == "list":
                members = [
                    _described(member) for _, member in zip(range(most_members + 1), archive.files, strict=False)
                ]
                sys.stdout.write(json.dumps(members))
                sys.stdout.flush()
            else:
                _unpack(archive, file_size)
    except py7zr.PasswordRequired:
        return LOCKED
    except py7zr.UnsupportedCompressionMethodError:
        return UNKNOWN_COMPRESSION
    except MemoryError:
        return OUT_OF_MEMORY
    except OSError as error:
        return DISK_FULL if error.errno in _FULL else DAMAGED
    except Exception:  # py7zr can raise anything on a damaged file; the parent then reports one sentence
        return DAMAGED
    return 0


def _described(member: Any) -> dict[str, Any]:
    """A member's name, kind, bytes and time in seconds."""
    form = member.st_fmt or 0
    kind = FILE if form in {0, stat.S_IFREG} else OTHER
    if member.is_symlink or member.is_junction:
        kind = LINK
    elif member.is_directory:
        kind = FOLDER
    return {
        "name": member.filename[:_LONGEST_NAME].encode("utf-8", "replace").decode("utf-8"),
        "kind": kind,
        "size": member.uncompressed or 0,
        "modified": member.lastwritetime.totimestamp() if member.lastwritetime else 0.0,
    }


def _unpack(archive: Any, file_size: int) -> None:
    from py7zr import Py7zIO, WriterFactory

    class Sink(Py7zIO):
        def __init__(self, name: str) -> None:
            self._stream = Path(name).open("xb")  # noqa: SIM115  # py7zr calls ``close``

        def write(self, s: bytes | bytearray) -> int:
            return self._stream.write(s)

        def close(self) -> None:
            self._stream.close()

        # py7zr calls only ``seek``, before it closes; nothing is read back.
        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def flush(self) -> None:
            self._stream.flush()

        def size(self) -> int:
            return self._stream.tell()

    class Sinks(WriterFactory):
        def create(self, filename: str) -> Py7zIO:
            return Sink(filename)

    wanted = []
    for number, member in enumerate(archive.files):
        # py7zr refuses a whole archive because of one unsafe name, and joins equal names.
        member.file_properties()["filename"] = str(number)
        if not member.is_directory and (member.uncompressed or 0) <= file_size:
            wanted.append(str(number))
    archive.extract(targets=wanted, factory=Sinks())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
