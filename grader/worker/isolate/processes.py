"""Read the process table, and kill processes."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

_HAS_CHILDREN_FILE = os.path.exists(f"/proc/self/task/{os.getpid()}/children")


def children(pid: int) -> set[int]:
    """Return the ids of the direct children of ``pid``, with zombies; empty without /proc or if ``pid`` is gone."""
    if not _HAS_CHILDREN_FILE:
        return _children_by_parent(pid)
    found: set[int] = set()
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children", "rb") as listing:
                found.update(int(child) for child in listing.read().split())
        except OSError:
            continue  # the thread has ended in the meantime
    return found


def descendants(pid: int) -> set[int]:
    """Return ``pid`` and all its descendants that are visible now."""
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        process = waiting.pop()
        if process not in found:
            found.add(process)
            waiting.extend(children(process))
    return found


def inner_pids(pid: int) -> list[int]:
    """The ids of a process in the process-id namespaces nested in this one, outermost first."""
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            line = next((line for line in status if line.startswith(b"NSpid:")), b"")
    except OSError:
        return []
    return [int(number) for number in line.split()[2:]]


def _children_by_parent(pid: int) -> set[int]:
    """Like :func:`children`, for a kernel without the children file: read the parent of every process."""
    found: set[int] = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            # "pid (name) state ppid ...": the name may contain any character, so count from the last bracket.
            fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.add(int(entry.name))
    return found


def kill(pid: int) -> None:
    """Kill a process and its process group, if they still exist."""
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
    kill_group(pid)


def kill_group(pid: int) -> None:
    """Kill the process group of ``pid``, if it still exists."""
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
