"""Certificates for clusters in tests, made by the commands in docs/scale.md."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.support.places import ROOT

_BLOCK = re.compile(r"```\n(umask 077\nopenssl .*?)```", re.DOTALL)


def make_certificates(folder: Path) -> tuple[Path, Path, Path]:
    """In a new folder: the certificate of a new authority, a certificate for a machine, and its key."""
    folder.mkdir(parents=True)
    (commands,) = _BLOCK.findall((ROOT / "docs" / "scale.md").read_text(encoding="utf-8"))
    commands, found = re.subn(r"for name in lab1 .*?;", "for name in machine;", commands)
    assert found == 1
    subprocess.run(["sh", "-e", "-c", commands], cwd=folder, check=True, capture_output=True, timeout=30)
    return folder / "ca.pem", folder / "machine.pem", folder / "machine.key"


def tls_settings(authority: Path, certificate: Path, key: Path) -> dict[str, str]:
    """Dask's settings by which every role has this certificate."""
    roles = {
        f"distributed.comm.tls.{role}.{kind}": str(path)
        for role in ("client", "scheduler", "worker")
        for kind, path in (("cert", certificate), ("key", key))
    }
    return {"distributed.comm.tls.ca-file": str(authority), "distributed.comm.require-encryption": "true", **roles}
