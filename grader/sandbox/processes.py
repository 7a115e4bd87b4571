"""Inspect a submission's processes from the parent: memory, time, priority; kill those that escaped."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

from grader.worker.isolate.processes import descendants

TOKEN_VARIABLE = "GRADER_WORKER"
"""Environment variable with a token that is unique to a server; all its descendants inherit it."""
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_SWEEP_SECONDS = 2.0
_NICE_STEP = 1.25
"""The kernel gives a process 1.25 times the CPU time of one whose nice value is higher by one (sched(7))."""


def _waits_are_counted() -> bool:
    """Whether the kernel counts the time in its queue for a CPU; a kernel that does not writes zeros, or no file."""
    try:
        with open("/proc/self/schedstat", "rb") as times:
            return int(times.read().split()[0]) > 0
    except (OSError, IndexError, ValueError):
        return False


_COUNTS_WAITS = _waits_are_counted()


@dataclass(frozen=True)
class Work:
    """What a child and its descendants have done, in seconds over all their threads, and what they do now."""

    used: float = 0.0
    """CPU time."""
    waited: float | None = 0.0
    """Time in the kernel's queue for a CPU; None if this kernel does not count it."""
    running: int = 0
    """Threads that run, or wait for a CPU."""
    is_asleep: bool = False
    """Whether no thread runs, or waits for a CPU or a disk."""


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


def work_of(pid: int) -> Work | None:
    """What ``pid`` and its descendants have done until now; None if this is not visible, as on macOS."""
    used, waited, states = 0.0, 0.0, b""
    for process in descendants(pid):
        fields = _status(f"/proc/{process}/stat")
        if not fields and process == pid:
            return None
        used += sum(map(int, fields[11:15])) / _TICKS  # of all threads, also ended ones, and of children waited for
        for task in _tasks(process):
            states += b"".join(_status(f"{task}/stat")[:1])
            with contextlib.suppress(OSError, IndexError), open(f"{task}/schedstat", "rb") as times:
                waited += int(times.read().split()[1]) / 1e9
    running = states.count(b"R")
    return Work(used, waited if _COUNTS_WAITS else None, running, not running and b"D" not in states)


def share_one_place(pid: int, threads: int) -> None:
    """Let ``threads`` busy threads of ``pid`` and its descendants together get the CPU time of one thread.

    Their nice values are raised, never lowered: an ordinary user cannot lower them.
    """
    nice = min(19, os.nice(0) + round(math.log(threads, _NICE_STEP)))
    for process in descendants(pid):
        for task in _tasks(process):
            number = int(task.rpartition("/")[2])
            with contextlib.suppress(OSError):  # it has ended
                if os.getpriority(os.PRIO_PROCESS, number) < nice:
                    os.setpriority(os.PRIO_PROCESS, number, nice)


def _tasks(pid: int) -> Iterator[str]:
    """The folders of a process's threads."""
    with contextlib.suppress(OSError):
        yield from (f"/proc/{pid}/task/{task}" for task in os.listdir(f"/proc/{pid}/task"))


def _status(path: str) -> list[bytes]:
    """The fields of a stat file from the state on; empty if the process has ended."""
    try:
        with open(path, "rb") as status:
            # The name before it may contain any character, so look for the last bracket.
            return status.read().rpartition(b")")[2].split()
    except OSError:
        return []


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
