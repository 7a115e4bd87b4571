"""The archives that the fuzzer hands in: of every format, nested, damaged, with names and members of every kind."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

import py7zr
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.fuzz.changes import changed
from tests.fuzz.corpus import SEEDS, TABLE
from tests.fuzz.handed_in import Files, Link
from tests.support.submission_files import NET

_OUTSIDE = ("../", "../../", "../../../../../../", "/", "/tmp/", "C:\\", "..\\", "a/../../", "//", "./", "")
_NAMES = (
    *(
        "task1_cnn.py",
        "TASK1_CNN.py",
        "part1.md",
        "experiments.csv",
        "a",
        "A",
        "a/b.py",
        "con",
        "nul.py",
        ".git/config",
    ),
    *("__pycache__/a.pyc", "caf\udce9.py", "a\nb.py", "a\0b.py", "-rf", "~", " ", "x" * 300, "é.py", "e\u0301.py"),
)
_MODES = (0, 0, 0, 0o100644, 0o120777, 0o020666, 0o060666, 0o010644, 0o140644, 0o040755, 0o104755)
"""Of a member: none, a file, a link, two kinds of devices, a pipe, a socket, a folder, a setuid file."""
Member = tuple[str, bytes, int]


def zipped_members(members: Sequence[Member]) -> bytes:
    """A zip of names, contents and modes, each as it is."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in members:
            info = zipfile.ZipInfo("x")
            info.filename = name.encode(errors="replace").decode()
            info.create_system, info.external_attr = 3, mode << 16
            with warnings.catch_warnings(action="ignore"):  # two members with the same name
                archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


_TAR_KINDS = {0o12: tarfile.SYMTYPE, 0o2: tarfile.CHRTYPE, 0o6: tarfile.BLKTYPE, 0o1: tarfile.FIFOTYPE}
_TAR_KINDS |= {0o4: tarfile.DIRTYPE, 0o14: tarfile.LNKTYPE}
"""By the first four bits of a mode."""


def _tar(members: Sequence[Member]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content, mode in members:
            info = tarfile.TarInfo(name)
            info.type = _TAR_KINDS.get(mode >> 12, tarfile.REGTYPE)
            info.mode, info.linkname = mode & 0o7777, content[:50].decode(errors="replace").replace("\0", "")
            info.size = len(content) if info.type == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _tame(name: str) -> str:
    return PurePosixPath(name).name.encode(errors="replace").decode().replace("\0", "")


def _seven(members: Sequence[Member]) -> bytes:
    """A .7z with tame names: py7zr writes no others."""
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w") as archive:
        for number, (name, content, _) in enumerate(members):
            archive.writestr(content, f"{number}/{_tame(name)}")
    return buffer.getvalue()


_PACKERS = {"zip": zipped_members, "tar": _tar, "7z": _seven}
_SHRINKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}


@st.composite
def archive(draw: DrawFn, depth: int = 2) -> tuple[str, bytes]:
    """An archive and its ending; its members may be archives. It may be damaged."""
    kind = draw(st.sampled_from(("zip", "zip", "zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "7z")))
    members: list[Member] = []
    for _ in range(draw(st.integers(0, 5))):
        name = draw(st.sampled_from(_OUTSIDE)) + draw(st.sampled_from(_NAMES))
        name = name if draw(st.integers(0, 3)) == 0 else name.replace("..", "a").strip("/")
        if depth and draw(st.integers(0, 3)) == 0:
            ending, content = draw(archive(depth - 1))
            name = f"{name[:20]}.{ending}"
        else:
            content = draw(changed([*SEEDS["py"][:20], *SEEDS["md"], TABLE]))
        members.append((name, content, draw(st.sampled_from(_MODES))))
    packer = _PACKERS[kind.partition(".")[0]]
    packed = _SHRINKERS.get(kind, bytes)(packer(members))
    return kind, draw(changed([packed])) if draw(st.integers(0, 2)) == 0 else packed


@st.composite
def archives(draw: DrawFn) -> Files:
    """One or two archives, some of them with the ending of another format."""
    files: dict[str, bytes | Link] = {"task1_cnn.py": NET.encode()} if draw(st.booleans()) else {}
    for number in range(draw(st.integers(1, 2))):
        ending, content = draw(archive())
        files[f"work{number}.{draw(st.sampled_from((ending, ending, ending, 'zip', 'gz', 'rar', '7z')))}"] = content
    return files
