"""Copying the student's files for a self-check, so that it sees the same files as a tutor."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MOST_FILES = 500
LARGEST_FILE = 5 << 20
SKIPPED_FOLDERS = frozenset({"selfcheck", "data", "__pycache__", "node_modules", "site-packages"})
"""Folders without the student's own work: the checks, MNIST, and what tools create."""


def copy_work(source: Path, target: Path) -> None:
    """Copy scripts, notebooks and small files from ``source`` to ``target``.

    It leaves out hidden files and folders, virtual environments, SKIPPED_FOLDERS, large files, links, and files after
    the first MOST_FILES. The script runs on a copy so that it cannot use files that are not handed in, or damage the
    student's files.
    """
    count = 0
    for place, folders, names in os.walk(source):
        here = Path(place)
        folders[:] = sorted(name for name in folders if _is_own_folder(here / name))
        copy = target / here.relative_to(source)
        copy.mkdir(parents=True, exist_ok=True)
        for name in sorted(names):
            path = here / name
            if name.startswith(".") or path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_FILE:
                continue
            count += 1
            if count > MOST_FILES:
                return
            shutil.copyfile(path, copy / name)


def _is_own_folder(folder: Path) -> bool:
    name = folder.name
    is_environment = (folder / "pyvenv.cfg").exists() or (folder / "conda-meta").exists()
    return not (name.startswith(".") or name in SKIPPED_FOLDERS or is_environment or folder.is_symlink())
