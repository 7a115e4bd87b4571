"""Whether an editor holds a newer version of a script than the one on the disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

_SLACK = 1.0
"""Seconds: an editor may write its own file just after it has saved the script."""
_VIM, _VIM_CHANGED = b"b0VIM ", (1007, 0x55)
"""How a swap file of Vim begins, and the place and value of its mark for changes that are not saved."""


def unsaved(root: Path, script: str) -> str:
    """A sentence if an editor's file beside ``root / script`` is newer than the script; otherwise empty."""
    path = root / script
    own = next((own for own in _newer_files(path)), None)
    return f"{path.name} looks unsaved: the editor's file {own.name} is newer. Save it." if own is not None else ""


def _newer_files(path: Path) -> Iterator[Path]:
    name, folder = path.name, path.parent
    with contextlib.suppress(OSError):
        lock = folder / f".#{name}"
        if lock.is_symlink():  # Emacs has it only while there are changes that are not saved
            yield lock
        for own in (f".{name}.swp", f"#{name}#", f".{name}.kate-swp"):
            if _is_newer(folder / own, path) and not _is_saved_by_vim(folder / own):
                yield folder / own
        checkpoint = folder / ".ipynb_checkpoints" / f"{path.stem}-checkpoint{path.suffix}"
        for copy in (folder / f"{name}~", checkpoint):
            if _is_newer(copy, path) and copy.read_bytes() != path.read_bytes():
                yield copy


def _is_newer(own: Path, path: Path) -> bool:
    return own.is_file() and own.stat().st_mtime > path.stat().st_mtime + _SLACK


def _is_saved_by_vim(own: Path) -> bool:
    start = own.read_bytes()[: _VIM_CHANGED[0] + 1]
    return start.startswith(_VIM) and start[_VIM_CHANGED[0] :] != bytes([_VIM_CHANGED[1]])
