"""Choosing a data set: the bundled images, a folder that the tutor names, or all of MNIST from the cache."""

from __future__ import annotations

import difflib
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from grader.data import mnist
from grader.data.bundled import bundled_data
from grader.data.dataset import DataSet
from grader.data.fetching import DownloadFailed
from grader.data.mnist import MNIST, Catalogue
from grader.model import UsageFault

WHOLE = "mnist"
"""Names all of MNIST."""
DATA_VARIABLE = "LAB4_DATA"


def resolve_data(
    choice: str | None,
    *,
    environment: Mapping[str, str],
    cache: Path,
    download: Callable[[Path], None] | None,
    catalogue: Catalogue = MNIST,
) -> DataSet:
    """The data set to measure with.

    ``choice`` (from ``--data``), or otherwise ``LAB4_DATA``, names a folder with MNIST or is the word ``mnist``. If
    neither is given, these are the bundled images. ``mnist`` is read from ``cache``; if it is incomplete there,
    ``download`` (None: offline) is called to put it there and may raise :class:`DownloadFailed`. If what is named
    cannot be used, :class:`UsageFault` is raised and no other data set is tried. ``catalogue`` has the expected sizes
    and checksums of the files.
    """
    if choice is not None:
        name, origin = choice, f"--data {choice}"
    elif name := environment.get(DATA_VARIABLE, "").strip():
        origin = f"{DATA_VARIABLE}={name}"
    else:
        return bundled_data()
    return _cached(origin, cache, download, catalogue) if name == WHOLE else _in_folder(name, origin, catalogue)


def user_cache(environment: Mapping[str, str], *, platform: str = sys.platform) -> Path:
    """The usual folder for cached data of this user on ``platform``. It is not created."""
    try:
        home = Path.home()
    except RuntimeError:
        # No home folder, as for some service accounts. Checksums protect the cache, so a shared folder is fine.
        return Path(tempfile.gettempdir(), "lab4-grader")
    if platform == "win32":
        base = environment.get("LOCALAPPDATA", "") or str(home / "AppData" / "Local")
    elif platform == "darwin":
        base = str(home / "Library" / "Caches")
    else:
        # The XDG specification says that a relative path has to be ignored.
        stated = environment.get("XDG_CACHE_HOME", "")
        base = stated if Path(stated).is_absolute() else str(home / ".cache")
    return Path(base, "lab4-grader")


def _in_folder(name: str, origin: str, catalogue: Catalogue) -> DataSet:
    remedy = f"Give another folder, or {WHOLE} to download MNIST, or nothing to take the grader's own images."
    if not name.strip():
        raise UsageFault(f"{origin}: no folder is given. {remedy}")
    folder = Path(name).expanduser()
    if not folder.exists():
        meant = difflib.get_close_matches(name.lower(), [WHOLE], cutoff=0.75)
        raise UsageFault(f"{origin}: this folder does not exist.{f' Did you mean {WHOLE}?' if meant else ''} {remedy}")
    if not folder.is_dir():
        raise UsageFault(f"{origin}: this is a file; give the folder that contains the four MNIST files.")
    raw = mnist.raw_folder(folder, catalogue)
    if raw is None:
        files = ", ".join(file.name for file in catalogue)
        raise UsageFault(
            f"{origin}: no MNIST file is in it, or in its raw or MNIST/raw: {files} (with or without .gz). {remedy}"
        )
    reading = mnist.read_raw(raw, catalogue)
    if not reading.is_complete:
        faults = "; ".join(damage.message for damage in reading.damages)
        raise UsageFault(f"{origin}: {faults}. Copy or download these files again. {remedy}")
    return mnist.data_set(reading.contents, catalogue)


def _cached(origin: str, cache: Path, download: Callable[[Path], None] | None, catalogue: Catalogue) -> DataSet:
    raw = cache / "MNIST" / "raw"
    reading = mnist.read_raw(raw, catalogue)
    cause = "it is not on this machine yet"
    if not reading.is_complete and download is not None:
        try:
            download(cache)
            cause = "the download was incomplete"
        except DownloadFailed as failure:
            cause = f"the download failed: {failure}"
        # Read again also after a failed download: another run may have put the files there in the meantime.
        reading = mnist.read_raw(raw, catalogue)
    if reading.is_complete:
        return mnist.data_set(reading.contents, catalogue)
    damaged = "".join(f"; {damage.message}" for damage in reading.damages if damage.path is not None)
    raise UsageFault(
        f"{origin}: MNIST is not available ({cause}{damaged}). Give a folder that contains it, or nothing to take the "
        "grader's own images."
    )
