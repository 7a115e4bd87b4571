"""Inspect a submission's processes from the parent: measure their memory, and kill those that escaped."""

from __future__ import annotations

import os
import signal
import time

from grader.worker.isolate.processes import descendants

TOKEN_VARIABLE = "GRADER_WORKER"
"""Environment variable with a token that is unique to a server; all its descendants inherit it."""
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_SWEEP_SECONDS = 2.0


def usage(pid: int, cap: int) -> tuple[int, int]:
    """Return (bytes of memory, number of processes) of ``pid`` and its descendants; zeros if they are not visible.

    Resident sizes count pages shared with the server once per process. They are read first, because this is fast. If
    they exceed ``cap``, proportional sizes are read, which divide each shared page by its number of users.
    """
    tree = descendants(pid)
    memory = sum(map(_resident, tree))
    if memory > cap:
        memory = sum(_proportional(process) for process in tree)
    return memory, len(tree)


def sweep(token: str) -> None:
    """Kill all processes that have ``token`` in their environment, until none is left (Linux)."""
    give_up = time.monotonic() + _SWEEP_SECONDS
    marker = f"{TOKEN_VARIABLE}={token}".encode()
    while (found := _marked(marker)) and time.monotonic() < give_up:
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        time.sleep(0.005)


def _marked(marker: bytes) -> list[int]:
    found: list[int] = []
    try:
        entries = os.listdir("/proc")
    except OSError:
        return found
    for entry in entries:
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as environment:
                if marker in environment.read(65536).split(b"\0"):
                    found.append(int(entry))
        except OSError:
            continue  # it has ended, or belongs to another user
    return found


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as sizes:
            return int(sizes.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as sizes:
            for line in sizes:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) << 10
    except OSError:
        pass
    return _resident(pid)
