"""What is handed in: the contents of files by path, written to a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Link:
    """A symbolic link in a delivery."""

    target: str


Files = Mapping[str, bytes | Link]
"""Contents by path; a path that ends in a slash is an empty folder."""


def write(folder: Path, files: Files) -> None:
    """Write ``files`` below ``folder``, except those that the file system refuses."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        try:
            (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
            if isinstance(content, Link):
                path.symlink_to(content.target)
            elif not name.endswith("/"):
                path.write_bytes(content)
        except (OSError, ValueError):
            continue
