"""Faults of the disk, which concern the whole run: nothing more can be stored until a person has removed the cause."""

from __future__ import annotations

import errno
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.model import UsageFault
from grader.safe_text import visible

_FULL = {errno.ENOSPC, errno.EDQUOT}
_LOST = {errno.EIO, errno.ENODEV, errno.ENOTCONN, errno.ENXIO, errno.EROFS, errno.ESTALE}
_AGAIN = "then give the same command again; what is stored is kept."


class DiskFault(UsageFault):
    """The disk is full, or the folder is gone."""


@contextmanager
def disk_faults(folder: Path) -> Iterator[None]:
    """Raise DiskFault instead of an OSError that means that nothing more can be stored in ``folder``."""
    try:
        yield
    except OSError as error:
        raise_disk_fault(error, folder)
        raise


def raise_disk_fault(error: Exception, folder: Path) -> None:
    """Raise DiskFault if ``error`` means that nothing more can be stored in ``folder``; otherwise do nothing."""
    if not isinstance(error, OSError):
        return
    if error.errno in _FULL:
        place = error.filename or min(folder, Path(tempfile.gettempdir()), key=_free)  # a failed write names no file
        raise DiskFault(f"The disk is full at {visible(str(place))}: free some space, {_AGAIN}") from error
    if not folder.is_dir() or _is_missing_inside(error, folder):
        raise lost(folder) from error
    if error.errno in _LOST:
        raise lost(Path(error.filename or folder), error.strerror or "") from error


def _free(folder: Path) -> int:
    """Free bytes of the file system of ``folder``; as many as can be if it is gone, so that another one is blamed."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return sys.maxsize


def _is_missing_inside(error: OSError, folder: Path) -> bool:
    """Whether a path inside ``folder`` is gone, as in the middle of the folder's removal by somebody else."""
    return error.errno == errno.ENOENT and bool(error.filename) and Path(error.filename).is_relative_to(folder)


def lost(folder: Path, reason: str = "it is gone") -> DiskFault:
    """The fault for a folder or file that can no longer be read or written."""
    return DiskFault(f"{visible(str(folder))} cannot be used any more ({reason}): bring it back, {_AGAIN}")
