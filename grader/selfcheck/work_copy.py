"""The files that a self-check looks at: a copy of the student's own, as a tutor would get them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MOST_FILES = 500
LARGEST_FILE = 5 << 20
NOT_OURS = frozenset({"selfcheck", "data", "__pycache__", "node_modules", "site-packages"})
"""Folders that hold nothing of the student's: the checks, MNIST, and what tools leave behind."""


def copy_work(source: Path, target: Path) -> None:
    """Copy scripts, notebooks and small files from ``source`` to ``target``.

    Left out are hidden names, virtual environments, NOT_OURS, large files, links, and all beyond the first MOST_FILES.
    A copy, because code that is looked at may not see what is not handed in, and must not spoil the student's files.
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
    return not (name.startswith(".") or name in NOT_OURS or is_environment or folder.is_symlink())
