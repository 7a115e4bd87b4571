"""Writes zips that are the same whenever the same files are in them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

_MEMBER_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can have."""


def write_zip(path: Path, files: Mapping[str, Path]) -> None:
    """Write a zip with a copy of each file under its name."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, source in files.items():
            member = zipfile.ZipInfo(name, _MEMBER_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, source.read_bytes())
