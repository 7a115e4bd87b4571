"""Unpack an archive from a stranger within limits, and refuse what is unsafe or damaged.

Clutter is not unpacked. A bad member is refused by itself, so that one student cannot make a whole cohort's archive
unusable. This includes names that lead outside the folder, because a tutor's archive may contain a student's file with
such a name. An archive that exceeds the limits is refused as a whole; in a cohort's, so is each student's share of it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from grader.submissions.archive_members import BROKEN, is_zip, members_of
from grader.submissions.files import LONGEST_PATH, MIB
from grader.submissions.ignored import is_clutter, is_clutter_file, is_clutter_folder
from grader.submissions.member import GROWS, RATIO, RATIO_FROM, Limits, Member, Refused, too_large
from grader.submissions.naming import clean_component, folded, printable
from grader.submissions.owners import below_root, owners_among

_CHUNK = 1 << 16
_DEPTH = 40
_MOST_REFUSED = 3
_MOST_OF_A_GROUP = 20_000
"""Members of an LMS's zip of one tutorial group."""
_NAME_ERRORS = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ, errno.EISDIR}
"""Errors for a name that the file system does not accept, or not beside the other names."""

STUDENT = Limits(members=5000, size=200 * MIB, file_size=200 * MIB)
COHORT = Limits(members=250_000, size=4096 * MIB, file_size=200 * MIB)


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

    Of a cohort's archive (``limits`` are ``COHORT``), each student's members may take what a student's archive may;
    more is refused. Raises Refused, and then empties ``target``: the unpacked part of a bomb would fill the disk.
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
            owner_of = owners_among([path for path, member in places.items() if not member.is_folder])
            budgets = _Budgets(STUDENT if limits is COHORT else limits, owner_of)
            size, damaged = _extract(places, target, limits, budgets)
            return Unpacked(len(members), size, tuple(_few((*refused, *damaged), owner_of)))
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


def top_names(archive: Path) -> list[str]:
    """The names at the top of a zip, below folders that contain all the rest; nothing is unpacked.

    Empty for an archive in another format, in which no LMS exports, and for one that is broken or too large.
    """
    try:
        if not is_zip(archive):
            return []
        with members_of(archive, replace(COHORT, members=_MOST_OF_A_GROUP)) as members:
            names = [_member_path(member.name)[0] for member in members if not member.is_folder]
    except (OSError, Refused):
        return []
    return list(dict.fromkeys(path.partition("/")[0] for path in below_root([n for n in names if not is_clutter(n)])))


@dataclass
class _Budgets:
    """What each owner's members took so far; ``over`` are those whose further members are not unpacked."""

    limits: Limits
    owner_of: Callable[[str], str]
    members: Counter[str] = field(default_factory=Counter)
    size: Counter[str] = field(default_factory=Counter)
    over: set[str] = field(default_factory=set)

    def left(self, path: str) -> int:
        """The bytes that the owner of ``path`` may still write."""
        return self.limits.size - self.size[self.owner_of(path)]

    def count(self, path: str, *, members: int = 0, size: int = 0) -> str:
        """Count members or bytes at ``path``; why no more of its owner's are unpacked, or empty."""
        owner = self.owner_of(path)
        self.members[owner] += members
        self.size[owner] += size
        if self.members[owner] > self.limits.members:
            self.over.add(owner)
            return f"contains more than {self.limits.members} files of one submission"
        if self.size[owner] > self.limits.size:
            self.over.add(owner)
            return f"unpacks to more than {self.limits.size // MIB} MiB for one submission"
        return ""


def _few(refused: Iterable[RefusedMember], owner_of: Callable[[str], str]) -> Iterator[RefusedMember]:
    """The first refused members of each owner; nobody reads hundreds of them."""
    seen: Counter[str] = Counter()
    for member in refused:
        owner = owner_of(member.path)
        seen[owner] += 1
        if seen[owner] <= _MOST_REFUSED:
            yield member


def _extract(
    places: dict[str, Member], target: Path, limits: Limits, budgets: _Budgets
) -> tuple[int, list[RefusedMember]]:
    refused: list[RefusedMember] = []
    total = 0
    for path, member in places.items():
        place = target / path
        if budgets.owner_of(path) in budgets.over:
            continue
        if reason := budgets.count(path, members=1):
            refused.append(RefusedMember(_start(path), reason))
            continue
        try:
            (place if member.is_folder else place.parent).mkdir(parents=True, exist_ok=True)
            if member.is_folder:
                continue
            most = min(limits.file_size, limits.size - total, budgets.left(path))
            written, stopped = _stream(member, place, most)
        except OSError as error:
            if error.errno not in _NAME_ERRORS:
                raise
            refused.append(RefusedMember(path, f"contains a name that cannot be written ({_show(path)})"))
            continue
        total += written
        reason = budgets.count(path, size=written)
        if reason or stopped or total > limits.size:
            place.unlink(missing_ok=True)
        if total > limits.size:
            refusal = Refused(too_large(limits))
            refusal.unpacked = total
            raise refusal
        if reason or stopped:
            refused.append(RefusedMember(path, reason or stopped))
            continue
        with contextlib.suppress(OSError, OverflowError):  # a time that the file system does not have
            os.utime(place, (member.modified, member.modified))
    return total, refused


def _stream(member: Member, place: Path, most: int) -> tuple[int, str]:
    """Write one member, counting its real size whatever its header says.

    The bytes written, and why it was stopped; empty if it was not.
    """
    name = _show(member.name)
    written = 0
    try:
        with member.open() as source, place.open("xb") as sink:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                if written > most:
                    return written, f"is too large when unpacked: {name} alone exceeds the limit"
                if written > RATIO_FROM and written > RATIO * max(1, member.packed):
                    return written, f"contains {name}, which {GROWS}"
                sink.write(chunk)
    except (*BROKEN, NotImplementedError, RuntimeError):
        return written, f"is damaged: {name} could not be unpacked"
    return written, ""


def _show(name: str) -> str:
    return printable(name)
