"""List, copy and hash the files of one submission."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from grader.lab4.self_check_page import is_self_check_page
from grader.model import Submission
from grader.storage.run_mark import has_runs
from grader.submissions.ignored import (
    DOCUMENT_SUFFIXES,
    SCRIPT_SUFFIXES,
    is_archive,
    is_clutter_file,
    is_clutter_folder,
    is_loose,
)
from grader.submissions.naming import clean_component, folded, natural_key

MIB = 1 << 20
MOST_FILES = 2000
MOST_BYTES = 200 * MIB
_PAGES = frozenset({".html", ".htm"})
LONGEST_PATH = 1000
"""Bytes of a path within a submission. Systems allow 1024 (macOS) or 4096 (Linux) for the whole path."""
MOST_ENTRIES = 20_000
"""Directory entries of one submission after which the walk stops."""


@dataclass(frozen=True)
class Found:
    """A file of a submission: its POSIX path within it, its path on disk, and its size in bytes.

    ``modified`` is the time (in seconds) that an archive gives it; 0 outside an archive, where copying changes it.
    """

    name: str
    path: Path
    size: int
    modified: float = 0.0


@dataclass(frozen=True)
class Gathered:
    """The files below a folder in a fixed order; ``links`` were not followed, ``left_out`` exceed the limits.

    ``clutter`` counts ignored files and folders, ``special`` pipes, sockets and devices, which are never opened.
    ``closed`` are the folders that could not be listed, each with the reason; ``left_out`` counts them too.
    """

    files: tuple[Found, ...]
    links: tuple[str, ...] = ()
    left_out: int = 0
    clutter: int = 0
    special: int = 0
    closed: tuple[tuple[str, str], ...] = ()


def is_foreign_folder(folder: Path) -> bool:
    """True for a Python environment and for the grader's own reports, whatever they are called."""
    try:
        return (folder / "pyvenv.cfg").is_file() or has_runs(folder)
    except OSError:  # it cannot be read; whoever lists it says so
        return False


def gather(folder: Path, *, most_files: int = MOST_FILES) -> Gathered:  # noqa: C901  # one walk with several limits
    """Every ordinary file below ``folder`` except clutter, nearest first. Links to other places are not followed."""
    root = folder.resolve()
    files: list[Found] = []
    links: list[str] = []
    closed: list[tuple[str, str]] = []
    seen = clutter = left_out = special = 0
    queue = deque([(folder, "")])
    while queue:
        place, prefix = queue.popleft()
        try:
            with os.scandir(place) as entries:
                children = sorted(entries, key=lambda entry: (not is_work(entry.name), natural_key(entry.name)))
        except OSError as error:
            if place == folder:
                raise
            left_out += 1
            closed.append((prefix.rstrip("/"), error.strerror or type(error).__name__))
            continue
        for child in children:
            seen += 1
            name = prefix + child.name
            if seen > MOST_ENTRIES or len(os.fsencode(name)) > LONGEST_PATH:
                left_out += 1
            elif child.is_dir(follow_symlinks=False):
                if is_clutter_folder(child.name) or is_foreign_folder(Path(child.path)):
                    clutter += 1
                else:
                    queue.append((Path(child.path), f"{name}/"))
            elif is_clutter_file(child.name):
                clutter += 1
            elif child.is_symlink() and not _leads_inside(Path(child.path), root):
                links.append(name)
            elif (found := _ordinary(name, Path(child.path))) is not None:
                files.append(found)
            elif not child.is_symlink():
                special += 1
        if seen > MOST_ENTRIES:
            break
    kept, over = within_limits(files, most_files)
    links.sort(key=natural_key)
    return Gathered(tuple(kept), tuple(links), left_out + over, clutter, special, tuple(closed))


def is_work(name: str) -> bool:
    """True for names of the kinds that are graded; they come before all other files of a folder."""
    return PurePosixPath(name).suffix.casefold() in SCRIPT_SUFFIXES | DOCUMENT_SUFFIXES or is_archive(name)


def _leads_inside(link: Path, root: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def _ordinary(name: str, path: Path) -> Found | None:
    try:
        status = path.stat()
    except OSError:  # gone since the folder was listed
        return None
    return Found(name, path, status.st_size) if stat.S_ISREG(status.st_mode) else None


def within_limits(files: list[Found], most_files: int = MOST_FILES) -> tuple[list[Found], int]:
    """The files within the limits, in the order given, and the number of the others; scripts and answers go first."""
    ranked = sorted(files, key=lambda f: not (is_work(f.name) or is_loose(f.name)))
    kept: set[Path] = set()
    total = 0
    for found in ranked:
        if len(kept) < most_files and total + found.size <= MOST_BYTES:
            kept.add(found.path)
            total += found.size
    return [f for f in files if f.path in kept], len(files) - len(kept)


def is_written_by_self_check(found: Found) -> bool:
    """Whether it is the page of a self-check. Its head says so, because students rename files."""
    if PurePosixPath(found.name).suffix.casefold() not in _PAGES:
        return False
    try:
        return is_self_check_page(found.path)
    except OSError:  # whoever reads it says so
        return False


def tidied(files: Iterable[Found]) -> list[Found]:
    """The same files under unique names that every system can store and show."""
    result: list[Found] = []
    used: set[str] = set()
    for found in files:
        name = "/".join(clean_component(part) for part in PurePosixPath(found.name).parts)
        path, number = PurePosixPath(name), 2
        while folded(name) in used:
            name, number = str(path.with_name(f"{path.stem} ({number}){path.suffix}")), number + 1
        used.add(folded(name))
        result.append(replace(found, name=name))
    return result


def copy_files(files: Iterable[tuple[str, Path]], target: Path) -> None:
    """Copy files to their names below ``target``: only contents, not owner, time, mode or links."""
    for name, path in files:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def copy_submission(submission: Submission, target: Path) -> None:
    """Copy the submission's ``files`` into the folder ``target`` with their relative paths; create it if needed."""
    target.mkdir(parents=True, exist_ok=True)
    copy_files(((name, submission.root / name) for name in submission.files), target)


def digest(files: Iterable[tuple[str, Path]]) -> str:
    """SHA-256 over the files in order of name: each name with its length, then the SHA-256 of the content."""
    total = hashlib.sha256()
    for name, path in sorted(files):
        raw = name.encode("utf-8", "surrogateescape")
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").digest()
        total.update(len(raw).to_bytes(8, "big") + raw + content)
    return total.hexdigest()
