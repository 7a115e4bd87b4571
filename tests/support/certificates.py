"""Certificates for clusters in tests, made and configured as docs/scale.md says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.support.places import ROOT


def make_certificates(folder: Path) -> tuple[Path, Path, Path]:
    """In a new folder: the certificate of a new authority, a certificate for a machine, and its key."""
    folder.mkdir(parents=True)
    commands = _block("\n(umask 077\nopenssl .*?)")
    commands, found = re.subn(r"for name in lab1 .*?;", "for name in machine;", commands)
    assert found == 1
    subprocess.run(["sh", "-e", "-c", commands], cwd=folder, check=True, capture_output=True, timeout=30)
    return folder / "ca.pem", folder / "machine.pem", folder / "machine.key"


def tls_settings(authority: Path, certificate: Path, key: Path) -> dict[str, Any]:
    """Dask's settings by which every role has this certificate, by dotted name."""
    text = _block("yaml\n(distributed:.*?)")
    for name, path in (("ca.pem", authority), ("lab1.pem", certificate), ("lab1.key", key)):
        text = text.replace(f"/home/lab4/{name}", str(path))
    assert "/home/" not in text
    return dict(_flat("", yaml.safe_load(text)))


def _block(pattern: str) -> str:
    """The only block of docs/scale.md with this content."""
    (found,) = re.findall(f"```{pattern}```", (ROOT / "docs" / "scale.md").read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield prefix.removeprefix("."), value
    else:
        for name, inner in value.items():
            yield from _flat(f"{prefix}.{name}", inner)
