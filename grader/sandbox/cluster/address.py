"""Which cluster ``--cluster`` means, and where certificates are; Dask is imported only to look for those."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from grader.model import UsageFault
from grader.safe_text import visible

INSTALL = 'python -m pip install "distributed==2026.8.*" cryptography'
_MOST_WORKERS = 1_000


@dataclass(frozen=True)
class ClusterAddress:
    """A scheduler at ``text``, which begins with ``tls://``, or a cluster of ``local`` workers on this machine."""

    text: str
    local: int = 0

    def __str__(self) -> str:
        """As after ``--cluster``."""
        return self.text


def cluster_address(text: str) -> ClusterAddress:
    """The cluster that ``tls://HOST:PORT`` or ``local:N`` means.

    Raises UsageFault for anything else, above all for an address without TLS, and if Dask is not installed.
    """
    given = f"--cluster {visible(text)}"
    if found := re.fullmatch(r"local:(\d{1,4})", text, re.ASCII):
        address = ClusterAddress(text, int(found[1]))
        if not 1 <= address.local <= _MOST_WORKERS:
            raise UsageFault(f"{given}: the number of workers must be from 1 to {_MOST_WORKERS}.")
    elif re.fullmatch(r"tls://[^/\s]+:\d{1,5}", text, re.ASCII):
        address = ClusterAddress(text)
    elif re.match(r"tls:|local", text):
        raise UsageFault(f"{given} cannot be read: write tls://HOST:8786, or local:4 for four workers here.")
    else:
        raise UsageFault(
            f"{given} would not be encrypted: start the scheduler and its workers with TLS and write tls://HOST:8786."
        )
    if find_spec("distributed") is None or (address.local and find_spec("cryptography") is None):
        raise UsageFault(f"--cluster needs Dask, which is not installed here: {INSTALL}")
    return address


def networks_at_once(text: str) -> int:
    """How many networks each worker measures at once, as ``GPU=4`` says. Raises UsageFault."""
    found = re.fullmatch(r"GPU=(\d{1,3})", text, re.ASCII)
    if found is None or not int(found[1]):
        raise UsageFault(f"--resources {visible(text)} cannot be read: write GPU=4 for four networks at once.")
    return int(found[1])


def certificate_files() -> Iterator[Path]:
    """The files of certificates and keys that Dask's configuration on this machine names."""
    from dask import config

    named = config.get("distributed.comm.tls", {}) or {}
    roles = [named.get(role) or {} for role in ("client", "scheduler", "worker")]
    for place in (named.get("ca-file"), *(role.get(kind) for role in roles for kind in ("cert", "key"))):
        if isinstance(place, str) and place and "\n" not in place:  # else it is the certificate itself
            yield Path(place)
