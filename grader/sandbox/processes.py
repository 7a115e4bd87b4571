"""What the parent can see of a submission's processes: how much memory they hold, and those that got away."""

from __future__ import annotations

import os
import signal
import time

from grader.worker.isolate.processes import descendants

TOKEN_VARIABLE = "GRADER_WORKER"
"""Set in a server's environment to a token of its own, which all that it forks inherit."""
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_SWEEP_SECONDS = 2.0


def usage(pid: int, cap: int) -> tuple[int, int]:
    """Return (bytes of memory, number of processes) of ``pid`` and all below it; zeros when they can't be seen.

    Resident sizes count the pages shared with the server again for each process. They are read first, being cheap;
    only when they exceed ``cap`` is each shared page divided among its holders (which the kernel takes longer for).
    """
    tree = descendants(pid)
    memory = sum(map(_resident, tree))
    if memory > cap:
        memory = sum(_proportional(process) for process in tree)
    return memory, len(tree)


def sweep(token: str) -> None:
    """Kill every process that was started with ``token`` in its environment, until none is left (Linux)."""
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
            continue  # gone, or another user's
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
