"""Landlock rules: only listed files, no TCP, no signals to other processes and no abstract sockets of theirs.

Landlock needs no capabilities and no namespaces, so it also works where a kernel or a container refuses those. The bits
come from include/uapi/linux/landlock.h. Each version of the interface adds bits; an older kernel knows fewer.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

from grader.worker.isolate import syscalls

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_FOLDER = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHARACTER_DEVICE, _MAKE_BLOCK_DEVICE = 1 << 6, 1 << 11
_TRUNCATE, _DEVICE_CONTROL = 1 << 14, 1 << 15
_ALL_OF_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_TCP, _TCP_SINCE = 0b11, 4
_SCOPED, _SCOPED_SINCE = 0b11, 6
"""Abstract unix sockets and signals."""

_READ = _EXECUTE | _READ_FILE | _READ_FOLDER
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE_CONTROL
"""Access rights that apply to a file (the others apply to folders only)."""


def restrict(version: int, *, readable: Iterable[str], writable: Iterable[str], devices: Iterable[str]) -> None:
    """Deny this process and its descendants, from now on, access to all files except the listed paths.

    ``version`` is the kernel's, from :func:`grader.worker.isolate.syscalls.landlock_version`. Paths that do not exist
    are skipped.
    """
    governed = max((known, bits) for known, bits in _ALL_OF_VERSION.items() if known <= version)[1]
    ruleset = syscalls.landlock_ruleset(
        governed, _TCP if version >= _TCP_SINCE else 0, _SCOPED if version >= _SCOPED_SINCE else 0
    )
    try:
        for access, places in (
            (_READ, readable),
            (governed & ~_MAKE_CHARACTER_DEVICE & ~_MAKE_BLOCK_DEVICE, writable),
            (_READ | _WRITE_FILE | _TRUNCATE | _DEVICE_CONTROL, devices),
        ):
            for place in places:
                allowed = access & governed & (-1 if os.path.isdir(place) else _ON_FILES)
                with contextlib.suppress(FileNotFoundError):
                    syscalls.landlock_allow(ruleset, place, allowed)
        syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
        syscalls.landlock_restrict(ruleset)
    finally:
        os.close(ruleset)
