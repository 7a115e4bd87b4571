"""Landlock: file access by a list of what is allowed, no TCP, no signals to and no abstract sockets of others.

It needs neither rights nor namespaces, so it is what holds where a kernel or a container refuses these. Source of the
bits: include/uapi/linux/landlock.h; an older kernel knows fewer, and each version of the interface adds the last ones.
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
"""What may be allowed for a place that is no folder."""


def restrict(version: int, *, readable: Iterable[str], writable: Iterable[str], devices: Iterable[str]) -> None:
    """From here on nothing else on disk can be opened, by this process and all that come from it.

    ``version`` is the kernel's, from :func:`kernel.landlock_version`. Places that do not exist are passed over.
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
