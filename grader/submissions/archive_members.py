"""Read the members of an archive, whatever its format: a zip, a tar (also compressed), a .7z, or one compressed file.

The format is recognised by content, because names are often wrong. :mod:`grader.submissions.archives` decides what is
unpacked, and :mod:`grader.submissions.seven_zip` reads .7z. docs/dependencies.md says why .rar is not opened.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import stat
import struct
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from grader.submissions import seven_zip
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

BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
    *(struct.error, EOFError, ValueError, OverflowError, IndexError),
)
"""What the standard library raises for damaged archives."""
_SIGNATURE = b"PK\x01\x02"
_CHUNK = 1 << 16
_LONGEST_EXTRA = 1 << 16
"""Bytes of a name, or of other extra data, that a tar stores beside a member; tarfile reads them into memory."""
_EXTRA_TYPES = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
)
_RAR = b"Rar!"
_SEVEN = b"7z\xbc\xaf"
_COMPRESSED = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ": ".xz"}
_OPENERS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Any]]]
_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_OTHERS = {b"%PDF": "a PDF", b"<!DO": "a web page"}


def is_zip(archive: Path) -> bool:
    """Whether an archive begins as a zip does, whatever its name says. Raises OSError if it cannot be read."""
    return _start(archive).startswith(b"PK\x03\x04")


def unopenable(archive: Path) -> str:
    """The format of an archive that is not opened: ``.rar``, and ``.7z`` without py7zr; empty for all other files."""
    start = _start(archive)
    if start.startswith(_RAR):
        return ".rar"
    return ".7z" if start.startswith(_SEVEN) and not seven_zip.is_installed() else ""


@contextmanager
def members_of(archive: Path, limits: Limits) -> Iterator[list[Member]]:
    """The members, which can be opened until the block ends. Raises Refused; OSError if the disk does not work."""
    if archive.stat().st_size > limits.size:
        raise Refused(too_large(limits) if limits.is_rest else f"is larger than {limits.size // MIB} MiB")
    if kind := unopenable(archive):
        raise Refused(unopened(kind))
    start = _start(archive)
    packing = next((kind for magic, kind in _COMPRESSED.items() if start.startswith(magic)), "")
    with contextlib.ExitStack() as stack:
        try:
            if start.startswith(_SEVEN):
                members = seven_zip.read(stack, archive, limits)
            elif packing:
                plain = stack.enter_context(tempfile.TemporaryFile())
                _decompress(archive, plain, packing, limits)
                members = _tar(stack, plain, limits) if _is_tar(plain) else [_single(archive, plain)]
            elif _is_tar(stream := stack.enter_context(archive.open("rb"))):
                members = _tar(stack, stream, limits)
            else:
                members = _zip(stack, archive, limits)
        except BROKEN as error:
            raise Refused(_explain_broken(start)) from error
        except OSError as error:
            if error.errno is not None:  # the disk; gzip and bz2 raise it without a number for damaged content
                raise
            raise Refused(DAMAGED) from error
        except NotImplementedError as error:
            raise Refused(UNREADABLE_COMPRESSION) from error
        if len(members) > limits.members:
            raise Refused(too_many(limits, len(members)))
        yield members


def _start(archive: Path) -> bytes:
    with archive.open("rb") as stream:
        return stream.read(8)


def _explain_broken(start: bytes) -> str:
    if not start:
        return "is empty (0 bytes)"
    for magic, kind in _OTHERS.items():
        if start.startswith(magic):
            return f"is not an archive but {kind} under another name; please send a .zip"
    return DAMAGED


def _zip(stack: contextlib.ExitStack, archive: Path, limits: Limits) -> list[Member]:
    _count_entries(archive, limits)
    opened = stack.enter_context(zipfile.ZipFile(archive))

    def member(info: zipfile.ZipInfo) -> Member:
        mode = info.external_attr >> 16
        return Member(
            name=_decoded(info),
            is_folder=info.is_dir() or stat.S_ISDIR(mode),
            packed=info.compress_size,
            modified=_zip_time(info),
            fault=_zip_fault(info, mode),
            open=lambda: opened.open(info),
        )

    return [member(info) for info in opened.infolist()]


def _count_entries(archive: Path, limits: Limits) -> None:
    """Refuse a zip with very many entries before zipfile reads them all into memory.

    Every entry of the directory, which ends the file, begins with the same four bytes.
    """
    seen, tail = 0, b""
    with archive.open("rb") as stream:
        stream.seek(_directory_start(stream))
        while chunk := stream.read(MIB):
            seen += (tail + chunk).count(_SIGNATURE)
            tail = chunk[-3:]
    if seen > limits.members:
        raise Refused(too_many(limits))


def _directory_start(stream: IO[bytes]) -> int:
    """The place in a zip from which its directory begins at the latest; 0 if it cannot be found.

    The records at the end are those that zipfile reads: the last one with this signature, and one of 56 bytes and a
    locator of 20 right before it if the zip is large.
    """
    size = stream.seek(0, 2)
    from_here = max(0, size - (1 << 16) - 100)
    stream.seek(from_here)
    end = stream.read()
    at = end.rfind(b"PK\x05\x06")
    if at < 0:
        return 0
    length = int.from_bytes(end[at + 12 : at + 16], "little")
    if at >= 76 and end[at - 20 : at - 16] == b"PK\x06\x07":
        length = max(length, int.from_bytes(end[at - 36 : at - 28], "little") + 76)
    return max(0, from_here + at - length)


def _decoded(info: zipfile.ZipInfo) -> str:
    """The member's name. zipfile reads names without the UTF-8 flag as cp437, and macOS does not set this flag."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _zip_time(info: zipfile.ZipInfo) -> float:
    """The member's time; 0 for the first day that a zip can give, which stands for none."""
    if info.date_time[:3] == (1980, 1, 1):
        return 0.0
    with contextlib.suppress(ValueError, OverflowError):
        return time.mktime((*info.date_time, 0, 0, -1))
    return 0.0


def _zip_fault(info: zipfile.ZipInfo, mode: int) -> str:
    if fault := kind_fault(info.filename, is_link=stat.S_ISLNK(mode), is_special=not _is_plain(mode)):
        return fault
    if info.flag_bits & 0x1:
        return f"is protected by a password ({printable(info.filename)}); please send it without one"
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return UNREADABLE_COMPRESSION
    return ""


def _is_plain(mode: int) -> bool:
    return stat.S_IFMT(mode) in {0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}


class _TarInfo(tarfile.TarInfo):
    """Refuses a name or other extra data that is too large before tarfile reads it.

    ``_proc_member`` is the method that tarfile's own source tells subclasses to override.
    """

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type in _EXTRA_TYPES and self.size > _LONGEST_EXTRA:
            raise Refused("contains a name that is too long")
        return super()._proc_member(archive)  # type: ignore[misc]  # not in the type stubs


class _TarFile(tarfile.TarFile):
    tarinfo = _TarInfo


def _is_tar(stream: IO[bytes]) -> bool:
    """Whether the stream starts with a tar's header, which has a checksum. Afterwards the stream is at its start."""
    stream.seek(0)
    start = stream.read(tarfile.BLOCKSIZE)
    stream.seek(0)
    try:
        tarfile.TarInfo.frombuf(start, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


def _tar(stack: contextlib.ExitStack, stream: IO[bytes], limits: Limits) -> list[Member]:
    opened = stack.enter_context(_TarFile(fileobj=stream))
    members: list[Member] = []
    for info in opened:
        members.append(_tar_member(opened, info))
        if len(members) > limits.members:
            raise Refused(too_many(limits))
    return members


def _tar_member(opened: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    def content() -> IO[bytes]:
        stream = opened.extractfile(info)
        if stream is None:
            raise tarfile.ReadError("a member without content")
        return stream

    name = info.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    is_special = info.issparse() or not (info.isreg() or info.isdir())
    fault = kind_fault(name, is_link=info.issym() or info.islnk(), is_special=is_special)
    return Member(name, info.isdir(), info.size, max(0.0, float(info.mtime)), fault, content)


def _decompress(archive: Path, plain: IO[bytes], packing: str, limits: Limits) -> None:
    """Write the content of a compressed file to ``plain``, within the limits for all its members."""
    most = limits.size + limits.members * 2 * tarfile.BLOCKSIZE
    packed = archive.stat().st_size
    written = 0
    with _OPENERS[packing](archive) as stream:
        while chunk := stream.read(_CHUNK):
            written += len(chunk)
            if written > most:
                raise Refused(too_large(limits))
            if written > RATIO_FROM and written > RATIO * packed:
                raise Refused(GROWS)
            plain.write(chunk)


def _single(archive: Path, plain: IO[bytes]) -> Member:
    """The content of a file that is compressed by itself: ``task1_cnn.py`` of ``task1_cnn.py.gz``."""
    size = plain.seek(0, 2)
    plain.seek(0)
    return Member(archive.stem, False, size, 0.0, "", lambda: plain)
