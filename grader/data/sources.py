"""Choosing a data set: the one that the tutor names, or the cache, or a download, or scikit-learn's digits."""

from __future__ import annotations

import contextlib
import difflib
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from grader.data import mnist
from grader.data.dataset import DataSet
from grader.data.digits import load_digits
from grader.data.fetching import DownloadFailed
from grader.data.mnist import MNIST, Catalogue
from grader.model import UsageFault

DIGITS = "digits"
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

    ``choice`` (from ``--data``), or otherwise ``LAB4_DATA``, names a folder with MNIST or is the word ``digits``. If it
    cannot be used, :class:`UsageFault` is raised and no other data set is tried. If neither is given, MNIST is read
    from ``cache``; if it is incomplete there, ``download`` (None: offline) is called to put it there and may raise
    :class:`DownloadFailed`. Without MNIST, the result is the bundled digits, and its ``note`` says why. ``catalogue``
    has the expected sizes and checksums of the files.
    """
    if choice is not None:
        return _named(choice, f"--data {choice}", catalogue)
    if named := environment.get(DATA_VARIABLE, "").strip():
        return _named(named, f"{DATA_VARIABLE}={named}", catalogue)
    return _cached(cache, download, catalogue)


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


def _named(name: str, origin: str, catalogue: Catalogue) -> DataSet:
    if name == DIGITS:
        return load_digits(_banner(""))
    remedy = f"Give another folder, or {DIGITS} for scikit-learn's digits, or nothing to download MNIST."
    if not name.strip():
        raise UsageFault(f"{origin}: no folder is given. {remedy}")
    folder = Path(name).expanduser()
    if not folder.exists():
        meant = difflib.get_close_matches(name.lower(), [DIGITS], cutoff=0.75)
        raise UsageFault(f"{origin}: this folder does not exist.{f' Did you mean {DIGITS}?' if meant else ''} {remedy}")
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


def _cached(cache: Path, download: Callable[[Path], None] | None, catalogue: Catalogue) -> DataSet:
    raw = cache / "MNIST" / "raw"
    reading = mnist.read_raw(raw, catalogue)
    if reading.is_complete:
        return mnist.data_set(reading.contents, catalogue)
    damaged = "; ".join(damage.message for damage in reading.damages if damage.path is not None)
    cause = "no download was allowed"
    if download is not None:
        try:
            download(cache)
            cause = "the download was incomplete"
        except DownloadFailed as failure:
            cause = f"the download failed: {failure}"
        # Read again also after a failed download: another run may have put the files there in the meantime.
        reading = mnist.read_raw(raw, catalogue)
        if reading.is_complete:
            note = f"The cached copy of MNIST was damaged and has been downloaded again: {damaged}." if damaged else ""
            return mnist.data_set(reading.contents, catalogue, note=note)
    for damage in reading.damages:
        if damage.path is not None:
            with contextlib.suppress(OSError):  # if the cache cannot be changed, the next run shows the same note
                damage.path.unlink()
    return load_digits(_banner(f"{cause}; the cached copy was damaged and removed: {damaged}" if damaged else cause))


def _banner(cause: str) -> str:
    """The note of the bundled digits; an empty ``cause`` means that they were requested."""
    start = f"MNIST was not available ({cause}), so networks" if cause else "As requested, networks"
    return (
        f"{start} were measured on scikit-learn's handwritten digits (1,797 images, scaled to 28 x 28), "
        "which have their own accuracy thresholds."
    )
