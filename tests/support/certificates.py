"""Authorities and certificates for clusters in tests, made as docs/scale.md says."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make_authority(folder: Path) -> Path:
    """A new authority in ``folder``; returns its certificate, beside which ``ca.key`` is."""
    folder.mkdir(parents=True)
    _openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
        *("-subj", "/CN=authority", "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem")),
    )
    return folder / "ca.pem"


def make_certificate(authority: Path, name: str) -> tuple[Path, Path]:
    """A certificate of the authority, and its key, in the same folder."""
    folder = authority.parent
    key, request, certificate = (folder / f"{name}.{ending}" for ending in ("key", "csr", "pem"))
    _openssl(
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}"),
        *("-keyout", str(key), "-out", str(request)),
    )
    _openssl(
        *("x509", "-req", "-in", str(request), "-CA", str(authority), "-CAkey", str(folder / "ca.key")),
        *("-CAcreateserial", "-days", "2", "-out", str(certificate)),
    )
    return certificate, key


def tls_settings(authority: Path, certificate: Path, key: Path) -> dict[str, str]:
    """Dask's settings by which every role has this certificate."""
    roles = {
        f"distributed.comm.tls.{role}.{kind}": str(path)
        for role in ("client", "scheduler", "worker")
        for kind, path in (("cert", certificate), ("key", key))
    }
    return {"distributed.comm.tls.ca-file": str(authority), "distributed.comm.require-encryption": "true", **roles}


def _openssl(*words: str) -> None:
    subprocess.run(("openssl", *words), check=True, capture_output=True, timeout=20)
