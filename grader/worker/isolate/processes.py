"""Reading the process table: who is whose child. Nothing here starts or ends a process."""

from __future__ import annotations

import os
from pathlib import Path

_HAS_CHILDREN_FILE = os.path.exists(f"/proc/self/task/{os.getpid()}/children")


def children(pid: int) -> set[int]:
    """Return the ids of the direct children of ``pid``, zombies included; empty without /proc or when it is gone."""
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
            continue  # a thread that ended meanwhile
    return found


def descendants(pid: int) -> set[int]:
    """Return ``pid`` and everything below it in the tree of processes, as far as it can be seen now."""
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        process = waiting.pop()
        if process not in found:
            found.add(process)
            waiting.extend(children(process))
    return found


def inner_pids(pid: int) -> list[int]:
    """The numbers that a process has in the process-id namespaces below this one's, outermost first."""
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            line = next((line for line in status if line.startswith(b"NSpid:")), b"")
    except OSError:
        return []
    return [int(number) for number in line.split()[2:]]


def _children_by_parent(pid: int) -> set[int]:
    """Do the same where the kernel was built without the children file, by reading every process's parent."""
    found: set[int] = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            # "pid (name) state ppid ...": the name may hold anything, so count from its closing bracket.
            fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.add(int(entry.name))
    return found
