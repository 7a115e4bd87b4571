"""Unpack an archive from a stranger within limits, and refuse what is unsafe or damaged.

Clutter is not unpacked. A bad member is refused by itself, so that one student cannot make a whole cohort's archive
unusable. This includes names that lead outside the folder, because a tutor's archive may contain a student's file with
such a name. An archive that exceeds the limits is refused as a whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from grader.submissions.archive_members import BROKEN, members_of
from grader.submissions.files import LONGEST_PATH, MIB
from grader.submissions.ignored import is_clutter, is_clutter_file, is_clutter_folder
from grader.submissions.member import GROWS, RATIO, RATIO_FROM, Limits, Member, Refused, too_large
from grader.submissions.naming import clean_component, folded, printable

_CHUNK = 1 << 16
_DEPTH = 40
_NAME_ERRORS = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ, errno.EISDIR}
"""Errors for a name that the file system does not accept, or not beside the other names."""

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
class Unpacked:
    """The result of unpacking: members and bytes written, and the refused members."""

    members: int
    size: int
    refused: tuple[RefusedMember, ...]


def unpack(archive: Path, target: Path, limits: Limits) -> Unpacked:
    """Unpack ``archive`` into the empty folder ``target``. Nothing is written elsewhere.

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
        with members_of(archive, limits) as members:
            places, refused = _sift(members)
            size, damaged = _extract(places, target, limits)
            return Unpacked(len(members), size, (*refused, *damaged))
    except OSError as error:
        raise Refused(f"could not be unpacked ({error.strerror or type(error).__name__})") from error


def _sift(members: list[Member]) -> tuple[dict[str, Member], list[RefusedMember]]:
    """The members to unpack by their paths below the target, and the refused ones."""
    places: dict[str, Member] = {}
    refused: list[RefusedMember] = []
    taken: dict[str, str] = {}
    folders: set[str] = set()
    for member in members:
        path, leads_out = _member_path(member.name)
        if leads_out:
            refused.append(RefusedMember(_start(path), leads_out))
            continue
        if not path or _is_left_packed(member, path):
            continue
        key = folded(path)
        parents = {key[: m.start()] for m in re.finditer("/", key)}
        reason = _path_fault(path) or member.fault
        if member.is_folder:
            folders |= parents | {key}
            if not reason and key not in taken:
                places[path] = member
                continue
        if not reason and (key in taken or key in folders or parents & taken.keys()):
            twin = _show(taken.get(key, path))
            reason = f"contains two files whose names are the same on some computers: {twin} and {_show(path)}"
        if reason:
            refused.append(RefusedMember(_start(path), reason))
            continue
        taken[key] = path
        folders |= parents
        places[path] = member
    return places, refused


def _start(path: str) -> str:
    """The start of a path, long enough to show whose it is and short enough for a file system."""
    return "/".join(path.split("/")[:5])


def _member_path(name: str) -> tuple[str, str]:
    """The member's cleaned path below the target (empty without a name), and why it must not be written, or empty."""
    name = name.replace("\\", "/")
    parts = [p for p in name.split("/") if p not in {"", "."}]
    path = "/".join(clean_component(p) for p in parts[: _DEPTH + 1])
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return path, f"contains a file with an absolute path ({_show(name)}), which could overwrite other files"
    if ".." in parts:
        return path, f"contains a file that would be written outside its folder ({_show(name)})"
    return path, ""


def _is_left_packed(member: Member, path: str) -> bool:
    if member.is_folder:
        return any(is_clutter_folder(p) for p in path.split("/"))
    return is_clutter(path) or is_clutter_file(member.name.rpartition("/")[2])


def _path_fault(path: str) -> str:
    if path.count("/") >= _DEPTH:
        return f"contains folders nested more than {_DEPTH} deep"
    return f"contains a path that is too long ({_show(path)})" if len(path.encode()) > LONGEST_PATH else ""


def contains_lms_export(archive: Path) -> bool:
    """True if the archive has Moodle's names, so that it contains several students' work; False if it is broken."""
    try:
        with members_of(archive, COHORT) as members:
            return any("_assignsubmission_" in member.name for member in members)
    except (OSError, Refused):
        return False


def _extract(places: dict[str, Member], target: Path, limits: Limits) -> tuple[int, list[RefusedMember]]:
    refused: list[RefusedMember] = []
    total = 0
    for path, member in places.items():
        place = target / path
        try:
            (place if member.is_folder else place.parent).mkdir(parents=True, exist_ok=True)
            if member.is_folder:
                continue
            written, reason = _stream(member, place, min(limits.file_size, limits.size - total))
        except OSError as error:
            if error.errno not in _NAME_ERRORS:
                raise
            refused.append(RefusedMember(path, f"contains a name that cannot be written ({_show(path)})"))
            continue
        total += written
        if total > limits.size:
            place.unlink(missing_ok=True)
            refusal = Refused(too_large(limits))
            refusal.unpacked = total
            raise refusal
        if reason:
            place.unlink(missing_ok=True)
            refused.append(RefusedMember(path, f"{reason[0]} {_show(path)}{reason[1]}"))
            continue
        with contextlib.suppress(OSError, OverflowError):  # a time that the file system does not have
            os.utime(place, (member.modified, member.modified))
    return total, refused


def _stream(member: Member, place: Path, most: int) -> tuple[int, tuple[str, str] | None]:
    """Write one member, counting its real size whatever its header says.

    The bytes written, and why it was stopped: the words before and after its name; None if it was not.
    """
    written = 0
    try:
        with member.open() as source, place.open("xb") as sink:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                if written > most:
                    return written, ("is too large when unpacked:", " alone exceeds the limit")
                if written > RATIO_FROM and written > RATIO * max(1, member.packed):
                    return written, ("contains", f", which {GROWS}")
                sink.write(chunk)
    except (*BROKEN, NotImplementedError, RuntimeError):
        return written, ("is damaged:", " could not be unpacked")
    return written, None


def _show(name: str) -> str:
    return printable(name)
