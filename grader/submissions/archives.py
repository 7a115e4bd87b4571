"""Unpack a zip from a stranger within limits, and refuse what is unsafe or damaged.

Clutter is not unpacked. A bad member is refused by itself, so that one student cannot make a whole cohort's zip
unusable. This includes names that lead outside the folder, because a tutor's zip may contain a student's file with such
a name. An archive that exceeds the limits is refused as a whole.
"""

from __future__ import annotations

import contextlib
import errno
import re
import shutil
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from grader.submissions.files import LONGEST_PATH, MIB
from grader.submissions.ignored import is_clutter, is_clutter_file, is_clutter_folder
from grader.submissions.naming import clean_component, folded, printable

_CHUNK = 1 << 16
_RATIO = 200
_RATIO_FROM = 16 * MIB
"""Text compresses some 5 to 50 times; deflate's limit is 1032. Small files may compress better by chance."""
_DEPTH = 40
_SIGNATURE = b"PK\x01\x02"
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, OverflowError, IndexError)
"""What zipfile raises for damaged input."""
_NAME_ERRORS = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ, errno.EISDIR}
"""Errors for a name that the file system does not accept, or not beside the other names."""
_MAGIC = {b"Rar!": "a .rar", b"7z\xbc\xaf": "a .7z", b"\x1f\x8b": "a .gz", b"%PDF": "a PDF", b"<!DO": "a web page"}


class Refused(Exception):
    """An archive that is not unpacked; the message is the end of a sentence that begins with its name."""


@dataclass(frozen=True)
class Limits:
    """Limits for an unpacked archive: members, bytes together, and bytes of one file."""

    members: int
    size: int
    file_size: int


STUDENT = Limits(members=5000, size=200 * MIB, file_size=200 * MIB)
COHORT = Limits(members=100_000, size=4096 * MIB, file_size=200 * MIB)


@dataclass(frozen=True)
class RefusedMember:
    """A member that was not unpacked: its path in the target folder (the start of a long one), and the reason.

    ``reason`` is the end of a sentence that begins with the archive's name.
    """

    path: str
    reason: str


@dataclass(frozen=True)
class _Member:
    info: zipfile.ZipInfo
    path: str


@dataclass(frozen=True)
class Unpacked:
    """The result of unpacking: members and bytes written, and the refused members."""

    members: int
    size: int
    refused: tuple[RefusedMember, ...]


def unpack(archive: Path, target: Path, limits: Limits) -> Unpacked:
    """Unpack the zip ``archive`` into the empty folder ``target``. Nothing is written elsewhere.

    Raises Refused, and then empties ``target``: the unpacked part of a bomb would fill the disk.
    """
    try:
        return _unpacked(archive, target, limits)
    except Refused:
        empty(target)
        raise


def empty(folder: Path) -> None:
    """Remove everything in ``folder`` that can be removed."""
    with contextlib.suppress(OSError):
        for entry in list(folder.iterdir()):
            with contextlib.suppress(OSError):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _unpacked(archive: Path, target: Path, limits: Limits) -> Unpacked:
    try:
        _count_entries(archive, limits)
        with zipfile.ZipFile(archive) as opened:
            members, refused = _sift(opened, limits)
            size, damaged = _extract(opened, members, target, limits)
            return Unpacked(len(opened.infolist()), size, (*refused, *damaged))
    except _BROKEN as error:
        raise Refused(_explain_broken(archive)) from error
    except NotImplementedError as error:
        raise Refused("uses a compression that cannot be read; please make an ordinary .zip") from error
    except OSError as error:
        raise Refused(f"could not be unpacked ({error.strerror or type(error).__name__})") from error


def _explain_broken(archive: Path) -> str:
    with archive.open("rb") as stream:
        start = stream.read(4)
    if not start:
        return "is empty (0 bytes)"
    for magic, kind in _MAGIC.items():
        if start.startswith(magic):
            return f"is not a zip but {kind} file under another name; please send a .zip"
    return "is broken or is not a zip; please send it again"


def _count_entries(archive: Path, limits: Limits) -> None:
    """Refuse a zip with millions of entries before zipfile reads them all into memory.

    Every entry begins with the same four bytes, so there are no more entries than such bytes; inner zips add some.
    """
    if archive.stat().st_size > limits.size:
        raise Refused(f"is larger than {limits.size // MIB} MiB")
    seen, tail = 0, b""
    with archive.open("rb") as stream:
        while chunk := stream.read(MIB):
            seen += (tail + chunk).count(_SIGNATURE)
            tail = chunk[-3:]
    if seen > 4 * limits.members:
        raise Refused(f"contains more than {limits.members} files")


def _sift(opened: zipfile.ZipFile, limits: Limits) -> tuple[list[_Member], list[RefusedMember]]:
    infos = opened.infolist()
    if len(infos) > limits.members:
        raise Refused(f"contains {len(infos)} files; at most {limits.members} are unpacked")
    members: list[_Member] = []
    refused: list[RefusedMember] = []
    taken: dict[str, str] = {}
    folders: set[str] = set()
    for info in infos:
        path, leads_out = _member_path(info)
        if leads_out:
            refused.append(RefusedMember(_start(path), leads_out))
            continue
        if not path or _is_left_packed(info, path):
            continue
        key = folded(path)
        parents = {key[: m.start()] for m in re.finditer("/", key)}
        reason = _fault(info, path)
        if info.is_dir() or stat.S_ISDIR(info.external_attr >> 16):
            folders |= parents | {key}
            if reason is None and key not in taken:
                members.append(_Member(info, path))
                continue
        if reason is None and (key in taken or key in folders or parents & taken.keys()):
            twin = _show(taken.get(key, path))
            reason = f"contains two files whose names are the same on some computers: {twin} and {_show(path)}"
        if reason is not None:
            refused.append(RefusedMember(_start(path), reason))
            continue
        taken[key] = path
        folders |= parents
        members.append(_Member(info, path))
    return members, refused


def _start(path: str) -> str:
    """The start of a path, long enough to show whose it is and short enough for a file system."""
    return "/".join(path.split("/")[:5])


def _member_path(info: zipfile.ZipInfo) -> tuple[str, str]:
    """The member's cleaned path below the target (empty without a name), and why it must not be written, or empty."""
    name = _decoded(info).replace("\\", "/")
    parts = [p for p in name.split("/") if p not in {"", "."}]
    path = "/".join(clean_component(p) for p in parts[: _DEPTH + 1])
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return path, f"contains a file with an absolute path ({_show(name)}), which could overwrite other files"
    if ".." in parts:
        return path, f"contains a file that would be written outside its folder ({_show(name)})"
    return path, ""


def _decoded(info: zipfile.ZipInfo) -> str:
    """The member's name. zipfile reads names without the UTF-8 flag as cp437, and macOS does not set this flag."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _is_left_packed(info: zipfile.ZipInfo, path: str) -> bool:
    if info.is_dir():
        return any(is_clutter_folder(p) for p in path.split("/"))
    return is_clutter(path) or is_clutter_file(info.filename.rpartition("/")[2])


def _fault(info: zipfile.ZipInfo, path: str) -> str | None:
    if path.count("/") >= _DEPTH:
        return f"contains folders nested more than {_DEPTH} deep"
    if len(path.encode()) > LONGEST_PATH:
        return f"contains a path that is too long ({_show(path)})"
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        return f"contains a link ({_show(info.filename)}); links are not followed"
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return f"contains something that is not an ordinary file ({_show(info.filename)})"
    if info.flag_bits & 0x1:
        return f"is protected by a password ({_show(info.filename)}); please send it without one"
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return "uses a compression that cannot be read; please make an ordinary .zip"
    return None


def contains_lms_export(archive: Path) -> bool:
    """True if the zip has Moodle's names, so that it contains several students' work; False if it is broken."""
    try:
        _count_entries(archive, COHORT)
        with zipfile.ZipFile(archive) as opened:
            return any("_assignsubmission_" in name for name in opened.namelist())
    except (*_BROKEN, NotImplementedError, OSError, Refused):
        return False


def _extract(
    opened: zipfile.ZipFile, members: list[_Member], target: Path, limits: Limits
) -> tuple[int, list[RefusedMember]]:
    refused: list[RefusedMember] = []
    total = 0
    for member in members:
        place = target / member.path
        is_folder = member.info.is_dir() or stat.S_ISDIR(member.info.external_attr >> 16)
        try:
            (place if is_folder else place.parent).mkdir(parents=True, exist_ok=True)
            if is_folder:
                continue
            written, reason = _stream(opened, member, place, min(limits.file_size, limits.size - total))
        except OSError as error:
            if error.errno not in _NAME_ERRORS:
                raise
            refused.append(RefusedMember(member.path, f"contains a name that cannot be written ({_show(member.path)})"))
            continue
        total += written
        if total > limits.size:
            place.unlink(missing_ok=True)
            raise Refused(f"unpacks to more than {limits.size // MIB} MiB")
        if reason:
            place.unlink(missing_ok=True)
            refused.append(RefusedMember(member.path, reason))
    return total, refused


def _stream(opened: zipfile.ZipFile, member: _Member, place: Path, most: int) -> tuple[int, str]:
    """Write one member, counting its real size whatever its header says; bytes written, and why it was stopped."""
    written = 0
    packed = max(1, member.info.compress_size)
    try:
        with opened.open(member.info) as source, place.open("xb") as sink:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                if written > most:
                    return written, f"is too large when unpacked: {_show(member.path)} alone exceeds the limit"
                if written > _RATIO_FROM and written > _RATIO * packed:
                    return written, f"contains {_show(member.path)}, which grows more than {_RATIO}-fold when unpacked"
                sink.write(chunk)
    except (*_BROKEN, NotImplementedError, RuntimeError):
        return written, f"is damaged: {_show(member.path)} could not be unpacked"
    return written, ""


def _show(name: str) -> str:
    return printable(name)
