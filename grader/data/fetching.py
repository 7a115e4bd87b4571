"""Fetching MNIST into the cache: torchvision downloads it in a child process; this module checks and stores it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from grader.data import mnist
from grader.data.mnist import MNIST, Catalogue

SILENCE_SECONDS = 40.0
"""A download is stopped if no data arrives for this long. This includes the time to import torchvision."""
LIMIT_SECONDS = 600.0
"""The longest download."""
LEFTOVER_SECONDS = 86_400.0
"""Partial downloads are removed after a day; a younger one may belong to another run that is still downloading."""
PREFIX = ".download-"


class DownloadFailed(Exception):
    """MNIST could not be downloaded. The message is part of a sentence, without a full stop."""


def download_with_torchvision(
    cache: Path,
    *,
    catalogue: Catalogue = MNIST,
    silence: float = SILENCE_SECONDS,
    limit: float = LIMIT_SECONDS,
) -> None:
    """Store a complete, checked MNIST in ``cache/MNIST/raw``, or raise :class:`DownloadFailed` and change nothing.

    ``silence`` is the longest time without new data and ``limit`` the longest download, both in seconds. Several runs
    may do this at the same time. The environment variable ``LAB4_MNIST_MIRROR`` (a URL to which the file names are
    appended) replaces torchvision's mirrors.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(cache)
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=cache, ignore_cleanup_errors=True) as name:
            _run_child(Path(name), silence, limit)
            put_in_place(Path(name, "MNIST", "raw"), cache / "MNIST" / "raw", catalogue)
    except OSError as error:
        raise DownloadFailed(f"the cache {cache} cannot be used ({error.strerror or error})") from error


def put_in_place(source: Path, target: Path, catalogue: Catalogue) -> None:
    """Move a set from ``source`` to ``target`` on the same file system. No other process ever sees a partial file.

    Raises :class:`DownloadFailed`, and changes nothing, if a file of ``source`` is missing or damaged.
    """
    reading = mnist.read_raw(source, catalogue)
    if not reading.is_complete:
        raise DownloadFailed("; ".join(damage.message for damage in reading.damages))
    wanted = {file.name for file in catalogue}
    for path in source.iterdir():
        if path.name not in wanted:
            path.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(source, target)  # moves all four at once if target does not exist yet
    except OSError:
        # Another run was first, or there is a damaged or partial set: replace every file by a checked one.
        target.mkdir(exist_ok=True)
        for file in catalogue:
            os.replace(source / file.name, target / file.name)


def _run_child(folder: Path, silence: float, limit: float) -> None:
    """Run ``grader.worker.download`` and watch ``folder`` grow. This process does not import torch."""
    package_root = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH", ""))))
    command = [sys.executable, "-m", "grader.worker.download", "--root", str(folder)]
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": paths},
        )
        try:
            _watch(child, folder, silence, limit)
        finally:
            # Also after Ctrl-C: no download continues in the background.
            child.kill()
            child.wait()
        if child.returncode:
            output.seek(0)
            lines = output.read().decode(errors="replace").strip().splitlines()
            raise DownloadFailed(lines[-1] if lines else f"torchvision's download ended with code {child.returncode}")


def _watch(child: subprocess.Popen[bytes], folder: Path, silence: float, limit: float) -> None:
    started = grown = time.monotonic()
    size = 0
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=0.2)
            return
        now = time.monotonic()
        if (found := _bytes_in(folder)) != size:
            size, grown = found, now
        if now - grown > silence:
            raise DownloadFailed(f"nothing arrived for {silence:.0f} seconds")
        if now - started > limit:
            raise DownloadFailed(f"it did not finish within {limit:.0f} seconds")


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # torchvision may rename or remove it after the listing
            total += path.stat().st_size
    return total


def _remove_leftovers(cache: Path) -> None:
    oldest = time.time() - LEFTOVER_SECONDS
    for folder in cache.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another run may be removing it too
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder)
